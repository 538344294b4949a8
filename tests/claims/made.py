"""Made tables for tests of claims: every column the pipeline writes, so that a test says only what it is about.

A cell is a dict of columns; what it leaves out has an uneventful default (a run that ends near the truth and never
diverges). ``grid`` makes cells, and each ``made_...`` function makes one table of them:

    cells = grid(setting=("permutation", "derangement"), variant=("biased", "ema"), dim=(5,), rho=(0.9, 0.99))
    tables = Tables.of(writeup_summary=made_summary(*cells, seeds=10))
    tables = Tables.of(ablation_summary=made_summary({"variant": "biased", "rho": 0.9, "overflow_step": 700}, seeds=10))

A value is a number, or one value a seed (a list); NaN is "never" of a step. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from mine.gaussian import mutual_information
from mine.settings import TrainingSettings
from mine.summary import SUMMARY_COLUMNS

RHOS = (0.85, 0.9, 0.95, 0.99)
DIMS = (1, 2, 5, 20)
SCHEMES = ("derangement", "permutation")
STEPS = (1, 501, 1001, 1501, 2001, 2501, 3001)
"""Steps of the evaluations of a published run."""

NAN = float("nan")

CELL = {
    "experiment": "made", "setting": "base", "critic": "concat", "variant": "ema", "task": "gaussian", "dim": 5,
    "rho": 0.9,
}  # fmt: skip

RUN = {
    "code": "abc123",
    "device": "cpu",
    "last_step": 3001,
    "mi_batch_sd": 0.5,
    "heldout_ess": 5000.0,
    "population_ess": 5000.0,
    "overflow_step": NAN,
    "runaway_step": NAN,
    "runaway_step_1nat": NAN,
    "runaway_step_4nats": NAN,
    "grad_norm_median": 5.0,
    "grad_norm_max": 50.0,
    "grad_norm_early": 4.0,
    "norm_100_step": NAN,
    "norm_100_product_share": NAN,
    "multiplier_median": 0.8,
    "multiplier_max": 20.0,
    "spike_norm": 40.0,
    "spike_multiplier": 8.0,
}
"""Results of a run that a cell does not give. Final values are the truth less 0.1 nats, see ``made_summary``."""

EVALUATION = {
    "heldout_ess": 5000.0,
    "population_ess": 5000.0,
    "log_mean_exp": 0.0,
    "log_ema": NAN,
    "grad_norm": 5.0,
    "grad_norm_joint": 3.0,
    "grad_norm_product": 4.0,
}


def grid(**axes: Sequence[Any]) -> list[dict[str, Any]]:
    """A cell for every combination of the values of the axes."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def made_summary(*cells: dict[str, Any], seeds: int = 10) -> pd.DataFrame:
    """``{experiment}/summary``: one row a run, every column, ``seeds`` runs a cell.

    A value is a number or one a seed. Where a cell does not give them, final values are the truth less 0.1 nats,
    errors, diverged_step and outcome follow from the rest, and settings are the published ones.
    """
    return pd.concat([_runs(cell, seeds) for cell in cells], ignore_index=True)


def made_evaluations(*cells: dict[str, Any], seeds: int = 10, steps: Sequence[int] = STEPS) -> pd.DataFrame:
    """``{experiment}/evaluations``: one row a run and evaluation, every column.

    A value is a number, one an evaluation (``len(steps)``) or an array that broadcasts to (seeds, evaluations), such as
    (seeds, 1). mi_batch_recent, mi_heldout and mi_population are the truth less 0.1 nats where a cell does not say.
    """
    return pd.concat([_evaluated(cell, seeds, steps) for cell in cells], ignore_index=True)


def made_optimal(*cells: dict[str, Any], seeds: int = 10) -> pd.DataFrame:
    """``{experiment}/optimal``: the optimal critic; population values within 0.01 nats of the truth by default.

    A value is a number or one a seed.
    """
    tables = []
    for cell in cells:
        values = {**CELL, "mi_true": _truth(cell), "heldout_ess": 5000.0, "population_ess": 5000.0, **cell}
        error = np.linspace(-0.01, 0.01, seeds)
        for name in ("mi_batch_mean", "mi_heldout", "mi_population"):
            values.setdefault(name, values["mi_true"] + error)
        values = {name: value for name, value in values.items() if name not in ("experiment", "variant")}
        tables.append(_table({**values, "seed": np.arange(seeds)}, seeds))
    return pd.concat(tables, ignore_index=True)


def made_plausible(holding: int = 20, failing: int = 0, seeds: int = 3) -> pd.DataFrame:
    """``search/plausible``: so many settings in which every claim holds, then so many in which none does."""
    truth = np.array([mutual_information(2, rho) for rho in RHOS])
    inf = float("inf")
    holds = {
        "biased_last_epoch": (inf, inf, 150.0, 30.0),
        "ema_last_epoch": (inf,) * 4,
        "biased_final": (*(truth[:2] + 0.5), NAN, inf),
        "ema_final": truth - 0.1,
        "biased_norm_max": (28.0, 52.0, 67.0, 103.0),
        "ema_norm_max": (3.4, 3.0, 5.9, 5.5),
        "biased_norm_mean": (3.2, 5.3, 10.0, 25.0),
        "ema_norm_mean": (1.3, 1.6, 1.9, 2.7),
        "mi_true": truth,
    }
    fails = holds | {
        "biased_last_epoch": (inf,) * 4,
        "ema_last_epoch": (inf, inf, inf, 100.0),
        "biased_final": truth - 0.05,
        "biased_norm_max": (28.0, 28.0, 28.0, 28.0),
        "biased_norm_mean": (5.0, 4.0, 3.0, 2.0),
    }
    rows = []
    for index in range(holding + failing):
        values = holds if index < holding else fails
        named = {f"{name}_{rho:g}": value for name, of in values.items() for rho, value in zip(RHOS, of, strict=True)}
        rows += [{"setting_id": f"s{index:03}", "seed": seed, "epochs": 500, **named} for seed in range(seeds)]
    return pd.DataFrame(rows)


def plausible(holds: bool = True) -> pd.DataFrame:
    """The same, of settings in all of which every claim holds, or none does."""
    return made_plausible(20, 0) if holds else made_plausible(0, 20)


def _runs(cell: dict[str, Any], seeds: int) -> pd.DataFrame:
    values = {**CELL, **_settings(), **RUN, "mi_true": _truth(cell), **cell}
    for name in ("mi_batch_mean", "mi_batch_last", "mi_heldout", "mi_population"):
        values.setdefault(name, values["mi_true"] - 0.1)
    table = _table({**values, "seed": np.arange(seeds)}, seeds)
    for value, error in (
        ("mi_batch_mean", "mi_batch_error"),
        ("mi_heldout", "mi_heldout_error"),
        ("mi_population", "mi_population_error"),
    ):
        if error not in table:
            table[error] = table[value] - table["mi_true"]
    if "diverged_step" not in table:
        table["diverged_step"] = table[["overflow_step", "runaway_step"]].min(axis=1)
    if "outcome" not in table:
        table["outcome"] = np.where(table["overflow_step"].notna(), "overflow", "completed")
    return table


def _evaluated(cell: dict[str, Any], seeds: int, steps: Sequence[int]) -> pd.DataFrame:
    values = {**CELL, **EVALUATION, "mi_true": _truth(cell), **cell}
    for name in ("mi_batch_recent", "mi_heldout", "mi_population"):
        values.setdefault(name, values["mi_true"] - 0.1)
    values |= {"seed": np.arange(seeds)[:, None], "step": np.array(steps)}
    shape = (seeds, len(steps))
    return pd.DataFrame({name: np.broadcast_to(np.asarray(value), shape).ravel() for name, value in values.items()})


def _table(values: dict[str, Any], seeds: int) -> pd.DataFrame:
    return pd.DataFrame({name: np.broadcast_to(np.asarray(value), (seeds,)) for name, value in values.items()})


def _truth(cell: dict[str, Any]) -> float:
    return mutual_information(cell.get("dim", CELL["dim"]), cell.get("rho", CELL["rho"]))


def _settings() -> dict[str, Any]:
    """The published training settings, typed as the summary has them."""
    values = TrainingSettings().to_dict()
    return {name: NAN if value is None else value for name, value in values.items() if name in SUMMARY_COLUMNS}
