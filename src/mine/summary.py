"""One run's trace to one row of the summary, and the summary's columns.

All information in nats. Every row of a trace describes the critic *before* that row's update; the last row
describes the critic that training ended with (of a run that overflowed: its last finite parameters). A row is one
update or a window of updates (setting ``record_every``); a column's meaning says where that matters.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mine import divergence
from mine.columns import BOOL, CELL_COLUMNS, FLOAT, INT, STRING, Columns, cell_row, schema, table
from mine.rows import is_window, of_rows, updates_of
from mine.runs import RunFile
from mine.settings import CONCAT, GAUSSIAN, TrainingSettings
from mine.trace import Trace

_SETTING_TYPES = {
    "int": INT,
    "int | None": INT,
    "float": FLOAT,
    "float | None": FLOAT,
    "str": STRING,
    "str | int": STRING,
    "bool": BOOL,
}

SETTING_COLUMNS: Columns = {
    field.name: (_SETTING_TYPES.get(str(field.type), STRING), "training setting, see mine.settings")
    for field in fields(TrainingSettings)
}

RESULT_COLUMNS: Columns = {
    "code": (STRING, "hash of the code that trained the run"),
    "device": (STRING, "cpu or cuda"),
    "outcome": (STRING, "completed, or overflow: ended at the first non-finite value"),
    "last_step": (INT, "step of the last row: steps + 1 of a completed run"),
    "mi_true": (FLOAT, "exact mutual information of the data on the last row, nats"),
    "mi_batch_mean": (
        FLOAT,
        "in-batch: mean of mi_batch (each before its update) over the run's last tenth, of windows those that hold any "
        "of it, nats",
    ),
    "mi_batch_sd": (
        FLOAT,
        "standard deviation (n - 1) over the same rows, nats; where rows are windows, of the windows' means, which is "
        "smaller than that of batches; null of a single one",
    ),
    "mi_batch_last": (FLOAT, "last finite mi_batch of the run, nats; null where there is none"),
    "mi_batch_error": (FLOAT, "mi_batch_mean - mi_true, nats"),
    "mi_heldout": (FLOAT, "held out: the final critic on fresh pairs, nats; an estimate, no bound"),
    "heldout_ess": (
        FLOAT,
        "effective sample size of its product term; under 50 it judges nothing",
    ),
    "mi_heldout_error": (FLOAT, "mi_heldout - mi_true, nats"),
    "mi_population": (FLOAT, "the final critic at the population, by the exact density ratio, nats"),
    "population_ess": (
        FLOAT,
        "effective sample size of its product term; under 50 it judges nothing",
    ),
    "mi_population_error": (FLOAT, "mi_population - mi_true, nats"),
    "overflow_step": (INT, "step of the first non-finite mi_batch or gradient; null where none"),
    "runaway_step": (
        INT,
        "first of two evaluations in a row 2 nats out of reach; null where none",
    ),
    "runaway_step_1nat": (INT, "the same with a margin of 1 nat"),
    "runaway_step_4nats": (INT, "the same with a margin of 4 nats"),
    "diverged_step": (INT, "the earlier of overflow_step and runaway_step; null where neither"),
    "grad_norm_median": (
        FLOAT,
        "median over updates of the L2 norm of the applied gradient; of windows, the median of their medians",
    ),
    "grad_norm_max": (FLOAT, "largest over all updates; non-finite where the gradient overflowed"),
    "grad_norm_early": (
        FLOAT,
        "grad_norm_median of the first 200 updates, which every published run has; of the windows that end among "
        "them, or the first",
    ),
    "norm_100_step": (
        INT,
        "first update whose gradient has a norm of at least 100, or the last of its window; null where none has",
    ),
    "norm_100_product_share": (
        FLOAT,
        "norm of the gradient's second term over the sum of both terms' norms, at their first record from "
        "norm_100_step on; null where there is none",
    ),
    "spike_norm": (
        FLOAT,
        "median grad_norm of the 1 % of updates (at least ten) where it is largest; of windows, of their largest",
    ),
    "multiplier_median": (
        FLOAT,
        "median over updates, of windows over their last ones, of B_exp / v; null without a moving average",
    ),
    "multiplier_max": (FLOAT, "largest of them; at most 1 / ema_rate"),
    "spike_multiplier": (
        FLOAT,
        "median of B_exp / v over the updates of spike_norm, of windows over their last ones; null without a moving "
        "average",
    ),
}

SUMMARY_COLUMNS = CELL_COLUMNS | SETTING_COLUMNS | RESULT_COLUMNS
"""Name to (type, meaning) of every column of summary.parquet, in file order. One row a run."""

SUMMARY_SCHEMA = schema(SUMMARY_COLUMNS)

LATER = ("epochs", "last_batch", "record_every", "embedding", "smile_tau", "alpha", "average", "second_look")
"""Settings that came after the first published summaries; their defaults leave training as it was."""

NORM_LEVEL = 100.0
"""The gradient norm that the write-up names."""

EARLY = 200
"""Updates of grad_norm_early: fewer than the earliest published overflow took, so all cells are compared alike."""

SPIKES = 10
"""Rows that spike_norm is taken over, at least."""

CAUSES = (
    "grad_norm_early",
    "norm_100_step",
    "norm_100_product_share",
    "spike_norm",
    "multiplier_median",
    "multiplier_max",
    "spike_multiplier",
)
"""The columns that ``causes`` fills."""

_OF_THE_LAST_ROW = ("step", "mi_true", "mi_heldout", "heldout_ess", "mi_population", "population_ess")


def summary_row(experiment: str, run: RunFile, trace: Trace) -> dict[str, Any]:
    """One run as a row of the summary: every name of SUMMARY_COLUMNS to a value, None for null.

    Args:
        experiment: its name.
        run: what the file holds.
        trace: its rows and metadata, checked by ``mine.runs.read_run``.
    """
    frame, steps = trace.frame, run.updates
    last = {name: frame[name].to_numpy()[-1] for name in _OF_THE_LAST_ROW}
    truth = float(last["mi_true"])
    batch_mean, batch_sd = final_batch(frame, steps)
    heldout, population = float(last["mi_heldout"]), float(last["mi_population"])
    median, largest = gradient_norms(frame, steps)
    overflow = divergence.overflow_step(frame, steps)
    runaway, runaway_1nat, runaway_4nats = divergence.runaway_steps(frame, (divergence.MARGIN, 1.0, 4.0))
    return {
        **cell_row(experiment, run),
        **{name: _setting_value(name, value) for name, value in run.training.to_dict().items()},
        "code": trace.metadata.get("code"),
        "device": trace.metadata.get("device"),
        "outcome": trace.metadata["outcome"],
        "last_step": int(last["step"]),
        "mi_true": truth,
        "mi_batch_mean": batch_mean,
        "mi_batch_sd": batch_sd,
        "mi_batch_last": last_finite(frame["mi_batch"]),
        "mi_batch_error": batch_mean - truth,
        "mi_heldout": heldout,
        "heldout_ess": float(last["heldout_ess"]),
        "mi_heldout_error": heldout - truth,
        "mi_population": population,
        "population_ess": float(last["population_ess"]),
        "mi_population_error": population - truth,
        "overflow_step": overflow,
        "runaway_step": runaway,
        "runaway_step_1nat": runaway_1nat,
        "runaway_step_4nats": runaway_4nats,
        "diverged_step": divergence.diverged_step(overflow, runaway),
        "grad_norm_median": median,
        "grad_norm_max": largest,
        **causes(frame, steps),
    }


def final_window(last: int, steps: int) -> int:
    """How many last steps the final in-batch value is taken over: a tenth, at least one.

    A tenth of the configured steps of a run that has all its rows, else a tenth of the steps it has.

    Args:
        last: step of the trace's last row.
        steps: configured updates.
    """
    return max(1, min(last, steps) // 10)


def final_batch(frame: pd.DataFrame, steps: int) -> tuple[float, float]:
    """Mean and standard deviation (n - 1) of ``mi_batch`` over the run's last steps, nats.

    Where rows are windows: over those that hold one of these steps. The mean is that of all their updates and of the
    last look; the standard deviation that of the windows' means, without the look, which is a single batch.

    Non-finite values stay as they come: the mean of a run that overflowed is inf, -inf or nan. The standard
    deviation is nan then, and for a single row or window.
    """
    step = frame["step"].to_numpy()
    last = int(step[-1])
    chosen = step > last - final_window(last, steps)
    values, updates = of_rows(frame, "mi_batch")[chosen], updates_of(frame)[chosen]
    alike = values[is_window(frame)[chosen]] if is_window(frame).any() else values
    with np.errstate(invalid="ignore", over="ignore"):
        deviation = float(alike.std(ddof=1)) if len(alike) > 1 and np.isfinite(values).all() else math.nan
        return float(np.average(values, weights=updates)), deviation


def last_finite(values: pd.Series) -> float | None:
    """The last finite value, None where there is none."""
    numbers = values.to_numpy()
    finite = numbers[np.isfinite(numbers)]
    return float(finite[-1]) if len(finite) else None


def gradient_norms(frame: pd.DataFrame, steps: int) -> tuple[float, float]:
    """Median and maximum of ``grad_norm`` over the updates of a run; of windows, the median of their medians.

    Left out are the last row, which has no update, and the row at which ``mi_batch`` itself overflowed (with its
    window), whose gradient is one of nothing. A gradient that overflowed under a finite ``mi_batch`` stays: it ranks
    above every other, and the maximum is non-finite.
    """
    update = frame["step"].to_numpy() <= steps
    counted = update & np.isfinite(frame["mi_batch"].to_numpy(dtype=np.float64))
    typical, largest = (of_rows(frame, "grad_norm", whole)[counted] for whole in ("grad_norm_median", "grad_norm_max"))
    if typical.size == 0:
        return math.nan, math.nan
    ranked = np.sort(np.where(np.isfinite(typical), typical, np.inf))
    low, high = ranked[(len(ranked) - 1) // 2], ranked[len(ranked) // 2]
    return float((low + high) / 2), float(largest.max())


def causes(frame: pd.DataFrame, steps: int) -> dict[str, float | int | None]:
    """What the gradient's norm did and what drove it: the columns from ``grad_norm_early`` on, None for null.

    A row is as large as its largest gradient; B_exp / v and the two terms' norms are those of its last update.

    Args:
        frame: rows of one trace.
        steps: configured updates.
    """
    updates = frame[(frame["step"] <= steps) & np.isfinite(frame["grad_norm"]) & np.isfinite(frame["mi_batch"])]
    if updates.empty:
        return dict.fromkeys(CAUSES)
    norms = of_rows(updates, "grad_norm")
    early = updates["step"].to_numpy() <= max(EARLY, int(updates["step"].iloc[0]))
    found: dict[str, float | int | None] = {
        "grad_norm_early": float(np.median(of_rows(updates, "grad_norm", "grad_norm_median")[early])),
        "norm_100_step": None,
        "norm_100_product_share": None,
    }
    if (norms >= NORM_LEVEL).any():
        step = int(updates["step"].to_numpy()[(norms >= NORM_LEVEL).argmax()])
        found["norm_100_step"] = step
        joint, product = (updates[name].to_numpy(dtype=np.float64) for name in ("grad_norm_joint", "grad_norm_product"))
        recorded = np.isfinite(joint) & np.isfinite(product) & (updates["step"].to_numpy() >= step)
        if recorded.any():
            at = recorded.argmax()
            found["norm_100_product_share"] = float(product[at] / (joint[at] + product[at]))
    largest = np.argsort(norms, kind="stable")[-max(SPIKES, len(norms) // 100) :]
    found["spike_norm"] = float(np.median(norms[largest]))
    multiplier = np.exp((updates["log_mean_exp"] - updates["log_ema"]).to_numpy(dtype=np.float64))
    if np.isnan(multiplier).all():
        return found | dict.fromkeys(("multiplier_median", "multiplier_max", "spike_multiplier"))
    return found | {
        "multiplier_median": float(np.median(multiplier)),
        "multiplier_max": float(multiplier.max()),
        "spike_multiplier": float(np.median(multiplier[largest])),
    }


def summary_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """The summary of an experiment as it is written, from rows in their final order."""
    return table(SUMMARY_COLUMNS, rows)


def with_later_columns(table: pa.Table) -> pa.Table:
    """A summary with the columns that summaries have not always had: what every run was made with before."""
    before = {
        name: _setting_value(name, value) for name, value in TrainingSettings().to_dict().items() if name in LATER
    }
    for name, value in (before | {"critic": CONCAT, "task": GAUSSIAN}).items():
        if name not in table.column_names and "steps" in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), type=SUMMARY_COLUMNS[name][0]))
    return table


def _setting_value(name: str, value: Any) -> Any:
    if value is None or SETTING_COLUMNS[name][0] != STRING:
        return value
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, sort_keys=True)
