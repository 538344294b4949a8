"""The tables of encoders that are published: those of the results, or those published before."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mine.errors import UserError
from mine.experiments import expand
from mine.statistics import quantile
from mine.trace import read_table

TABLES = ("encoders", "optima")
"""Not encoder_steps, a row a run and recorded step, which is large."""

_RUN = ["setting", "critic", "variant", "task", "dim", "seed"]
_HEADER = (
    *("setting", "estimator", "overflowed", "share of the optimum", "I(t; y)", "estimated"),
    *("I(x; t)", "estimated", "I(t; s)", "estimated", "fresh critic"),
)
_VALUES = ("share", "mi_y", "estimate_y", "mi_x", "estimate_x", "mi_s", "estimate_s", "fresh_s")


def check_encoders(path: Path, experiment: dict[str, Any]) -> dict[str, Any]:
    """What published.json says of an experiment by its table of encoders, which is held against the configuration.

    Raises UserError where it cannot be read, or holds other runs than the configuration makes.
    """
    table = read_table(path).to_pandas(ignore_metadata=True)
    held = set(table[_RUN].itertuples(index=False, name=None))
    planned = {(run.setting, run.critic, run.variant, run.task, run.dim, run.seed) for run in expand(experiment)}
    if held != planned:
        raise UserError(
            f"{path}: holds {len(held)} encoders, {len(held & planned)} of them among the {len(planned)} of the "
            f"configuration; run `snakemake {experiment.get('target', 'all')}` again"
        )
    return {
        "runs": len(table),
        "seeds": int(table["seed"].nunique()),
        "overflow": int((table["outcome"] == "overflow").sum()),
        "training_code": sorted(table["code"].dropna().unique()),
        "device": sorted(table["device"].dropna().unique()),
    }


def encoder_table(encoders: pd.DataFrame) -> str:
    """One line a setting and estimator, medians over seeds, as a Markdown table; a run that ended is worst."""
    lines = ["| " + " | ".join(_HEADER) + " |", "|" + "---|" * len(_HEADER)]
    for (setting, variant), runs in encoders.groupby(["setting", "variant"], sort=False):
        ended = int((runs["outcome"] == "overflow").sum())
        values = [_median(runs[name], runs["outcome"] == "completed") for name in _VALUES]
        lines.append("| " + " | ".join((str(setting), str(variant), f"{ended} of {len(runs)}", *values)) + " |")
    return "\n".join(lines)


def _median(values: pd.Series, completed: Iterable[bool]) -> str:
    """Median with its quartiles; a dash where the median run ended, nothing where the goal has no such term."""
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    if np.isnan(numbers).all():
        return ""
    numbers = np.where(np.asarray(completed), numbers, np.nan)
    low, middle, high = (quantile(numbers, level) for level in (0.25, 0.5, 0.75))
    ends = [f"{value:.3f}" if np.isfinite(value) else "—" for value in (low, high)]
    return f"{middle:.3f} [{', '.join(ends)}]" if np.isfinite(middle) else "—"
