"""From the stairs of single runs to one verdict a cell: bias, variance, error, and who is within 10 % of the truth.

The seed is the unit. An interval is Student's t over seeds, which for three seeds is wide, and says so. A cell of which
a run ended before the stair was over has no numbers: it is reported as diverged, with how many of how many runs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.columns import CELL_COLUMNS, FLOAT, INT, STRING, Columns
from mine.statistics import LEVEL, Interval

TOLERANCE = 0.1
"""Within 10 % of the truth."""

_KEY = [*(name for name in CELL_COLUMNS if name != "seed"), "mi_true"]

_INTERVALS = {
    "bias": "in-batch: mean over the stair's last 500 steps less the truth, nats, mean over seeds",
    "variance": "in-batch: variance over the same steps within a run, nats squared, mean over seeds",
    "mse": "in-batch: mean squared error over the same steps, nats squared, mean over seeds",
    "heldout_bias": "held out: value on 10,000 fresh pairs less the truth, nats, mean over seeds",
}

SCORE_COLUMNS: Columns = {
    **{name: kind for name, kind in CELL_COLUMNS.items() if name != "seed"},
    "mi_true": (FLOAT, "exact mutual information of the stair, nats"),
    "seeds": (INT, "runs of the cell"),
    "diverged": (INT, "of these, runs that overflowed on this stair or before; numbers are null where there is one"),
    **{
        f"{name}{end}": (FLOAT, f"{meaning}{words}")
        for name, meaning in _INTERVALS.items()
        for end, words in (("", ""), ("_low", ": lower end of its 95 % interval"), ("_high", ": upper end"))
    },
    "heldout_rmse": (FLOAT, "held out: root mean squared error over seeds, nats"),
    "heldout_ess_median": (FLOAT, "median over seeds of the effective sample size; null without a critic T"),
    "within": (STRING, "in-batch mean within 10 % of the truth: yes, no, undecided or diverged; null of a baseline"),
    "heldout_within": (STRING, "the same of the held-out value"),
}
"""Name to (type, meaning) of every column of scores.parquet, in file order. One row a cell and stair."""


def t_interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Mean over seeds (n,) with Student's t interval; bounds are NaN for a single seed."""
    from scipy.stats import t

    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, np.nan, np.nan)
    half = float(t.ppf(0.5 + level / 2.0, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def within(bias: Interval, truth: float) -> str | None:
    """Whether the truth is met to TOLERANCE: ``yes`` or ``no`` where the whole interval says so, else ``undecided``.

    None where there is no bias to judge.
    """
    if np.isnan(bias.value):
        return None
    reach = TOLERANCE * truth
    if bias.within(-reach, reach):
        return "yes"
    return "no" if bias.above(reach) or bias.below(-reach) else "undecided"


def scores(stairs: pd.DataFrame) -> pd.DataFrame:
    """One row a cell and stair, every name of SCORE_COLUMNS, in the order of the stairs.

    stairs: see ``mine.estimators.stairs.STAIRS_COLUMNS``.
    """
    rows = []
    for key, runs in stairs.groupby(_KEY, sort=False, dropna=False):
        cell = dict(zip(_KEY, key, strict=True))
        truth, diverged = float(cell["mi_true"]), int((runs["outcome"] != "completed").sum())
        row = dict.fromkeys(SCORE_COLUMNS) | cell | {"seeds": len(runs), "diverged": diverged}
        if diverged:
            rows.append(row | {"within": "diverged", "heldout_within": "diverged"})
            continue
        heldout = runs["mi_heldout"].to_numpy(dtype=float) - truth
        found = {
            "bias": t_interval(runs["mi_batch_mean"].to_numpy(dtype=float) - truth),
            "variance": t_interval(runs["mi_batch_variance"].to_numpy(dtype=float)),
            "mse": t_interval(runs["mi_batch_mse"].to_numpy(dtype=float)),
            "heldout_bias": t_interval(heldout),
        }
        for name, interval in found.items():
            # Variance and squared error have no negative values to lie at.
            low = max(interval.low, 0.0) if name in ("variance", "mse") else interval.low
            row |= {name: interval.value, f"{name}_low": low, f"{name}_high": interval.high}
        ess = runs["heldout_ess"].to_numpy(dtype=float)
        rows.append(
            row
            | {
                "heldout_rmse": float(np.sqrt(np.mean(heldout**2))),
                "heldout_ess_median": None if np.isnan(ess).all() else float(np.median(ess)),
                "within": within(found["bias"], truth),
                "heldout_within": within(found["heldout_bias"], truth),
            }
        )
    return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
