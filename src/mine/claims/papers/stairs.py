"""What the claims that are judged on the staircase share: runs of one estimator, and their values by seed.

Five stairs of 2 to 10 nats, Gaussian and cubed, d = 20, batches of 64. A run that ended before a stair was over has no
value there: it counts as worse than any, and as of any variance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from mine.claims.claim import EQUIVALENT, Finding, Missing, decide, finding, undecided
from mine.claims.pairs import by_seed_less
from mine.claims.tables import Tables, runs_of
from mine.estimators.names import label
from mine.statistics import LEVEL, Interval, bonferroni, median

TASKS = ("gaussian", "cubic")
DIM = 20
TOP = 10.0
"""The highest stair, nats."""

BETTER = EQUIVALENT[1]
"""A ratio from which on one is better than the other; nearer to 1 they are as good."""

TEST = (
    "Staircase of 2 to 10 nats, Gaussian and cubed pairs, d = 20, batches of 64, in-batch values over the last 500 "
    "steps of each stair. Medians over seeds by order statistics; a run that overflowed counts as worse than any."
)

SEEN = (
    "Committed before the staircase had ten seeds; three seeds of it had been published, and decide nothing here (at "
    "least 5 are needed)."
)
"""What a rule says of the data that stood before it."""

ALL_PAIRS_ONLY = ("infonce",)
"""Estimators that need all pairs of a batch: none of their runs has the concatenated critic of shifted ones."""

_COLUMNS = ("variant", "critic", "task", "dim", "seed", "mi_true", "outcome", "mi_batch_mean", "mi_batch_variance")


def stairs(tables: Tables) -> pd.DataFrame:
    """A row a run and stair. Raises Missing where the table is not there."""
    return tables.get("staircase/stairs", (*_COLUMNS, "mi_batch_mse", "mi_heldout"))


def runs(table: pd.DataFrame, variant: str, critic: str, task: str) -> pd.DataFrame:
    """Every stair of one estimator's runs. Raises Missing where there are none."""
    return runs_of(table, variant=variant, critic=critic, task=task, dim=DIM)


def at(of: pd.DataFrame, mi: float, column: str) -> pd.Series:
    """One column by seed at one stair; inf of a run that ended. Raises Missing where no run has the stair."""
    there = of[of["mi_true"] == mi].set_index("seed").sort_index()
    if there.empty:
        raise Missing(f"no stair of {mi:g} nats")
    return _or_inf(there, column)


def bias(of: pd.DataFrame, mi: float, column: str = "mi_batch_mean") -> pd.Series:
    """Value less truth at one stair by seed, nats; inf of a run that ended."""
    return at(of, mi, column) - mi


def over_stairs(of: pd.DataFrame, column: str) -> pd.Series:
    """Mean over the stairs by seed; inf of a run that ended."""
    return _or_inf(of.set_index("seed"), column).groupby(level=0).mean().sort_index()


def _or_inf(rows: pd.DataFrame, column: str) -> pd.Series:
    values = pd.to_numeric(rows[column]).astype(float)
    return values.where((rows["outcome"] == "completed") & np.isfinite(values), np.inf)


def log_ratio(one: pd.Series, other: pd.Series, level: float = LEVEL) -> tuple[Interval, int]:
    """ln(one / other) paired by seed: median with its interval, and how many pairs. 0 where both are infinite."""
    with np.errstate(divide="ignore"):
        first, _, less = by_seed_less(np.log(one), np.log(other))
    return median(less, level), len(first)


def compared(
    cell: str, what: str, one: pd.Series, other: pd.Series, *, primary: bool = False, level: float = LEVEL
) -> Finding:
    """Whether a ratio lies above BETTER with its whole interval; it does not hold where it lies below."""
    logs, n = log_ratio(one, other, level)
    ratio = Interval(*(float(np.exp(bound)) for bound in (logs.value, logs.low, logs.high)))
    verdict = decide(ratio.above(BETTER), ratio.below(BETTER))
    return finding(cell, f"{what}, median over pairs", ratio, n, verdict, primary=primary, level=level)


def against(tables: Tables, own: str, rivals: Sequence[str]) -> list[Finding]:
    """Squared errors of each rival against this one's: all pairs, primary; and concatenated, but for ALL_PAIRS_ONLY."""
    table, some = stairs(tables), [name for name in rivals if name not in ALL_PAIRS_ONLY]
    level, found = bonferroni(len(TASKS) * len(some)), []
    for task in TASKS:
        found += squared_errors(table, own, rivals, task, "separable", True, LEVEL)
        found += squared_errors(table, own, some, task, "concat", False, level)
    return found


def squared_errors(
    table: pd.DataFrame, own: str, rivals: Iterable[str], task: str, critic: str, primary: bool, level: float
) -> list[Finding]:
    """A rival's mean squared error over the staircase against this one's, for each rival."""
    found = []
    for rival in rivals:
        cell = f"{label(own)} against {label(rival)}, {critic}, {task}"
        what = "mean squared error over the five stairs, the rival's / this one's"
        try:
            one, other = (over_stairs(runs(table, name, critic, task), "mi_batch_mse") for name in (rival, own))
            found.append(compared(cell, what, one, other, primary=primary, level=level))
        except Missing as missing:
            found.append(undecided(cell, what, str(missing), primary=primary))
    return found
