"""What the claims that are judged on the fixed tasks share: absolute errors by task, and differences of two methods.

A task is one unit, whatever the number of its draws, which are averaged first. An error counts as CAP at most, so that
no task decides alone, and a draw without a value as CAP.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from mine.claims.claim import OF_TASKS, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables
from mine.estimators.scores import t_interval
from mine.reach.aims import MARGIN, RIGHT
from mine.reach.methods import TASKS, set_of
from mine.statistics import LEVEL, Interval

CAP = 1.0
"""Nats."""

ROWS = 10_000
"""Pairs of a draw at which the methods are compared."""

PUBLIC = tuple(name for name in TASKS if set_of(name) != "further")
"""The 40 public tasks of Czyż et al. 2023."""

TEST = (
    f"Absolute error on fixed tasks of known mutual information, {ROWS:,} pairs a draw, the mean over the draws of a "
    f"task, an error counting as {CAP:g} nat at most and a draw without a value as {CAP:g} nat. Mean over tasks with "
    "Student's t interval."
)

_COLUMNS = ("method", "task", "rows", "draw", "mi_true", "value", "cpu_s")


def estimates(tables: Tables, name: str = "benchmark", rows: int | None = ROWS) -> pd.DataFrame:
    """A row a method, task and draw. rows: of that size only. Raises Missing where the table is not there."""
    table = tables.get(f"own/{name}", _COLUMNS)
    return table if rows is None else table[table["rows"] == rows]


def of_method(table: pd.DataFrame, method: str, tasks: Collection[str] = PUBLIC) -> pd.DataFrame:
    """Its rows on these tasks. Raises Missing where there are none."""
    found = table[(table["method"] == method) & table["task"].isin(tasks)]
    if found.empty:
        raise Missing(f"no estimates of {method}")
    return found


def errors(of: pd.DataFrame) -> pd.Series:
    """Absolute error by task and draw, nats, CAP at most."""
    error = (pd.to_numeric(of["value"]).astype(float) - of["mi_true"]).abs().fillna(CAP).clip(upper=CAP)
    return error.set_axis(pd.MultiIndex.from_frame(of[["task", "draw"]]))


def by_task(of: pd.DataFrame) -> pd.Series:
    """Mean over draws of the absolute error, by task."""
    return errors(of).groupby(level="task").mean()


def gains(rival: pd.DataFrame, own: pd.DataFrame) -> pd.Series:
    """The rival's error less this one's by task, mean over the draws that both have. Raises Missing for none."""
    less = (errors(rival) - errors(own)).dropna()
    if less.empty:
        raise Missing("no draw that both methods have")
    return less.groupby(level="task").mean()


def over_tasks(values: pd.Series | np.ndarray, level: float = LEVEL) -> Interval:
    """Mean over tasks with its interval."""
    return t_interval(np.asarray(values, dtype=float), level)


def nearer(cell: str, rival: pd.DataFrame, own: pd.DataFrame, *, primary: bool = True, level: float = LEVEL) -> Finding:
    """Whether this one is nearer the truth than the rival by over MARGIN nats; it is not where it lies below."""
    less = gains(rival, own)
    interval = over_tasks(less, level)
    verdict = decide(interval.above(MARGIN), interval.below(MARGIN))
    words = f"{OF_TASKS}: |error| of the rival less this one's, nats"
    return finding(cell, words, interval, len(less), verdict, primary=primary, level=level)


def near_enough(cell: str, of: pd.DataFrame) -> Finding:
    """Whether the mean error lies below RIGHT nats; primary."""
    error = by_task(of)
    interval = over_tasks(error)
    words = f"{OF_TASKS}: |error|, nats"
    return finding(
        cell, words, interval, len(error), decide(interval.below(RIGHT), interval.above(RIGHT)), primary=True
    )


def missing(cell: str, reason: Missing) -> Finding:
    """A primary finding that could not be made."""
    return undecided(cell, OF_TASKS, str(reason), primary=True)
