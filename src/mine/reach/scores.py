"""How good each method is over many tasks: aggregate scores with intervals, and what it costs to be right.

Source: Agarwal et al. 2021 (arXiv:2108.13264): interquartile mean, probability of improvement, and a bootstrap that is
stratified, draws being resampled within each task. Their package is not used: rliable 1.2.0, of August 2024, the last,
takes arch below 8 only, which cannot be imported beside pandas 3; and it interpolates between infinite errors, which
is NaN. An estimate without a value is wrong by any amount here: its error is infinite.

An interval says how far other draws of the same tasks may move a score, not what other tasks would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from mine.columns import FLOAT, INT, STRING, Columns
from mine.divergence import MARGIN
from mine.reach.aims import RIGHT, with_errors
from mine.reach.methods import METHODS
from mine.statistics import LEVEL, Interval
from mine.tasks.fixed import GROUPS

ALL = "all tasks"
"""The group of all of them."""

RELATIVE = 0.1
"""Share of the truth within which a value is near it."""

RESAMPLES = 2000

SCORES: Columns = {
    "group": (STRING, "of mine.tasks.fixed.GROUPS, or ALL"),
    "method": (STRING, "name of the method"),
    "tasks": (INT, "tasks of the group"),
    "draws": (INT, "draws of each"),
    "error": (FLOAT, "interquartile mean of the absolute error, nats; infinite where too many estimates have no value"),
    "error_low": (FLOAT, "its interval's lower end; null of one draw"),
    "error_high": (FLOAT, "its interval's upper end"),
    "within": (FLOAT, "share of estimates within 0.1 nats of the truth, a mean over tasks"),
    "within_low": (FLOAT, "its interval's lower end; null of one draw"),
    "within_high": (FLOAT, "its interval's upper end"),
    "near": (FLOAT, "share of estimates within 10 % of the truth, a mean over tasks"),
    "failed": (FLOAT, "share of estimates that have no value, or one more than 2 nats above the truth"),
    "cpu_s": (FLOAT, "CPU seconds of an estimate, median"),
}
"""Name to (type, meaning) of every column of ``scores``. One row a group and method."""

Statistic = Callable[[np.ndarray], np.ndarray]


def label_of(method: str) -> str:
    """A method for people; its name where it is none of METHODS."""
    return METHODS[method].label if method in METHODS else method


def in_order(methods: Iterable[str]) -> list[str]:
    """Methods in the order of METHODS, then those that are none of them, each once."""
    found = list(dict.fromkeys(methods))
    return [name for name in METHODS if name in found] + [name for name in found if name not in METHODS]


def together(benchmark: pd.DataFrame, *others: pd.DataFrame | None) -> pd.DataFrame:
    """Rows of ``mine.reach.tables.ESTIMATES`` of several tables, those of the first one's largest number of pairs.

    With ``error``, nats, infinite where there is no value; ``near``, whether it is within RELATIVE of the truth; and
    ``failed``, whether there is no value or it is MARGIN above the truth.
    """
    whole = with_errors(pd.concat([benchmark, *(each for each in others if each is not None)], ignore_index=True))
    return judged(whole[whole["rows"] == benchmark["rows"].max()])


def judged(with_error: pd.DataFrame) -> pd.DataFrame:
    """The columns ``near`` and ``failed`` added, see ``together``."""
    error = with_error["error"]
    high = with_error["value"].astype(float) - with_error["mi_true"] > MARGIN
    return with_error.assign(near=error <= RELATIVE * with_error["mi_true"], failed=high | np.isinf(error))


@dataclass(frozen=True)
class Group:
    """A group of tasks, and the estimates that make up its scores.

    A method is in it where it has a draw of every task of the group; more draws of some tasks only are left out.
    wide: a row a method and draw; columns error, near, failed and cpu_s, each of every task.
    """

    name: str
    tasks: tuple[str, ...]
    wide: pd.DataFrame

    @classmethod
    def of(cls, name: str, estimates: pd.DataFrame) -> Group:
        """From the rows of ``together`` on these tasks."""
        tasks, key = tuple(dict.fromkeys(estimates["task"])), ["method", "draw", "task"]
        columns = ["error", "near", "failed", "cpu_s"]
        wide = estimates.drop_duplicates(key).set_index(key)[columns].astype(float).unstack("task")
        return cls(name, tasks, wide[wide["error"].notna().all(axis=1)])

    @property
    def methods(self) -> list[str]:
        """Those that are in it, in the order of METHODS."""
        return in_order(self.wide.index.get_level_values("method"))

    def cells(self, method: str, column: str = "error") -> np.ndarray:
        """A column as (draws, tasks)."""
        return self.wide[column].loc[method].to_numpy()

    def draws(self, method: str) -> tuple[int, ...]:
        """Numbers of the method's draws, rising."""
        return tuple(int(draw) for draw in self.wide.loc[method].index)

    @property
    def alike(self) -> list[str]:
        """The methods with the most draws, if these are at least two: those that can be told apart."""
        draws = {method: self.draws(method) for method in self.methods}
        most = max(draws.values(), key=len, default=())
        return [method for method, each in draws.items() if len(most) > 1 and each == most]


def groups_of(estimates: pd.DataFrame) -> list[Group]:
    """All tasks as one group, then each group that there is. estimates: of ``together``."""
    return [
        Group.of(ALL, estimates),
        *(
            Group.of(name, estimates[estimates["group"] == name])
            for name in GROUPS
            if (estimates["group"] == name).any()
        ),
    ]


def scores(group: Group) -> pd.DataFrame:
    """SCORES of a group's methods, the smallest error first, the cheaper one of equals."""
    made = []
    for method in group.methods:
        cells, seconds = group.cells(method), group.cells(method, "cpu_s")
        error, within = bootstrapped(interquartile_mean, cells), bootstrapped(share_within, cells)
        made.append(
            {
                "group": group.name,
                "method": method,
                "tasks": len(group.tasks),
                "draws": len(cells),
                "error": error.value,
                "error_low": error.low,
                "error_high": error.high,
                "within": within.value,
                "within_low": within.low,
                "within_high": within.high,
                "near": group.cells(method, "near").mean(),
                "failed": group.cells(method, "failed").mean(),
                "cpu_s": np.nan if np.isnan(seconds).all() else np.nanmedian(seconds),
            }
        )
    return pd.DataFrame(made, columns=list(SCORES)).sort_values(["error", "cpu_s"], ignore_index=True, kind="stable")


def scored(estimates: pd.DataFrame) -> list[tuple[Group, pd.DataFrame]]:
    """Every group of ``groups_of`` with its ``scores``."""
    return [(group, scores(group)) for group in groups_of(estimates)]


def interquartile_mean(errors: np.ndarray) -> np.ndarray:
    """Mean of the middle half of (..., n), a quarter of n rounded down left out at both ends: (...)."""
    n = errors.shape[-1]
    return np.sort(errors, axis=-1)[..., n // 4 : n - n // 4].mean(axis=-1)


def share_within(errors: np.ndarray) -> np.ndarray:
    """Share of (..., n) that is at most RIGHT nats: (...)."""
    return (errors <= RIGHT).mean(axis=-1)


def bootstrapped(statistic: Statistic, cells: np.ndarray) -> Interval:
    """A statistic of (draws, tasks) with its stratified bootstrap interval (percentiles); NaN bounds of one draw."""
    return _interval(float(statistic(cells.ravel())), statistic(resampled(cells)), len(cells))


def difference(one: np.ndarray, other: np.ndarray) -> Interval:
    """Interquartile mean of one's errors less the other's, (draws, tasks) each of the same draws, resampled together.

    Two that are both infinite do not differ.
    """
    with np.errstate(invalid="ignore"):
        ends = [interquartile_mean(cells) for cells in (one.ravel(), other.ravel())]
        drawn = [interquartile_mean(resampled(cells)) for cells in (one, other)]
        value, differences = (np.where(np.isinf(a) & np.isinf(b), 0.0, a - b) for a, b in (ends, drawn))
    return _interval(float(value), differences, len(one))


def improvement(one: np.ndarray, other: np.ndarray) -> Interval:
    """Probability that a draw of a task has a smaller error by one method than a draw of it by the other.

    Of (draws, tasks) each of the same draws; a mean over tasks, equal errors count half; resampled together.
    """
    drawn = [np.take_along_axis(cells[None], _picks(RESAMPLES, *cells.shape), axis=1) for cells in (one, other)]
    return _interval(float(_wins(one[None], other[None])[0]), _wins(*drawn), len(one))


def resampled(cells: np.ndarray) -> np.ndarray:
    """Of (draws, tasks) as many draws, with repeats, of each task: (RESAMPLES, draws · tasks)."""
    return np.take_along_axis(cells[None], _picks(RESAMPLES, *cells.shape), axis=1).reshape(-1, cells.size)


def tied(group: Group, best: str) -> list[str]:
    """The other methods of ``group.alike`` whose error, less that of ``best``, has an interval that covers 0."""
    found = []
    for method in group.alike:
        apart = difference(group.cells(method), group.cells(best))
        if method != best and apart.low <= 0.0 <= apart.high:
            found.append(method)
    return found


def cost_to_reach(estimates: pd.DataFrame) -> pd.DataFrame:
    """By task and method the smallest number of pairs at which all draws are within RELATIVE of the truth.

    estimates: rows of ``judged`` at several numbers of pairs. Returns columns task, method, rows and cpu_s, the median
    CPU seconds there; both NaN where no number of pairs will do. Tasks and methods in the order of the table.
    """
    at = estimates.groupby(["task", "method", "rows"], sort=False).agg(near=("near", "all"), cpu_s=("cpu_s", "median"))
    at = at.reset_index()
    first = at[at["near"]].sort_values("rows", kind="stable").drop_duplicates(["task", "method"])
    return at[["task", "method"]].drop_duplicates().merge(first[["task", "method", "rows", "cpu_s"]], how="left")


def _wins(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(n, draws, tasks) each: over all pairs of draws how often one is less, equal half: (n,)."""
    one, other = one[:, :, None], other[:, None]
    return ((one < other) + 0.5 * (one == other)).mean(axis=(1, 2, 3))


def _interval(value: float, drawn: np.ndarray, draws: int) -> Interval:
    if draws < 2:
        return Interval(value, np.nan, np.nan)
    # No interpolation: between two infinite errors there is no number.
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    return Interval(value, float(low), float(high))


@lru_cache(maxsize=32)
def _picks(resamples: int, draws: int, tasks: int) -> np.ndarray:
    """Which draws, (resamples, draws, tasks): the same for every method, whose draws are the same data."""
    return np.random.default_rng(0).integers(0, draws, (resamples, draws, tasks))
