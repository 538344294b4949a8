"""The aims of `snakemake own`, each judged from the tables alone.

Every aim about accuracy has its counterweight: values that warn of everything would never be wrong without a warning,
and wide intervals would always cover. A task on which a method gives no value counts as wrong by any amount.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from mine.columns import FLOAT, STRING, Columns
from mine.reach.methods import CROSS_FIT, IS_FURTHER, JUDGES, METHODS, OURS
from mine.reach.plan import NULLS
from mine.statistics import share
from mine.tasks.fixed import GROUPS, OTHER

AIMS_COLUMNS: Columns = {
    "aim": (STRING, "what is judged"),
    "target": (STRING, "what it should be"),
    "measured": (STRING, "what it is, in words"),
    "value": (FLOAT, "the number that is compared with the target; null where nothing was measured"),
    "reached": (STRING, "yes, no, or not measured"),
}
"""Name to (type, meaning) of every column of aims.parquet. One row an aim."""

RIGHT, WRONG, MARGIN = 0.1, 0.15, 0.02
"""Nats: within which a value is right, beyond which it is wrong, and by which it may be worse than another's."""

NOTES = frozenset({"few_values", "big_atom", "duplicate_rows", "duplicate_columns", "maybe_names"})
"""Warnings that describe columns and do not speak of the value: they excuse no wrong value, but are warnings."""

AT_LEAST = frozenset({"overfitting", "not_ended", "neighbours_above", "gaussian_above", "near_log_n"})
"""Warnings with which the verdict says that there is more than the value."""

_SIZE = 0.05
_FEW_DRAWS = 3
"""Draws from which on an interval is one over draws; of fewer it is one over tasks."""

Row = dict[str, Any]


def judged(estimates: pd.DataFrame, nulls: pd.DataFrame, rows: int) -> list[Row]:
    """Rows of aims.parquet. rows: the number of pairs at which the aims are judged."""
    public = with_errors(estimates[(estimates["rows"] == rows) & (estimates["set"] != IS_FURTHER)])
    ours = public[public["method"] == OURS]
    crossed = public[public["method"] == CROSS_FIT]
    made: list[Row] = []
    for name, of_method, most, seconds in (("one split", ours, 0.045, 15.0), ("--cross-fit 5", crossed, 0.03, 60.0)):
        error, cost = of_method["error"].mean(), of_method["cpu_s"].median()
        made += [
            _at_most(f"mean absolute error, {name}, nats", error, most),
            _at_most(f"CPU seconds of an estimate, {name}, median", cost, seconds, "{:.1f}"),
        ]
    right = ours["error"] <= RIGHT
    made += [
        _of_tasks("within 0.1 nats", ours, right, 37 / 40, least=True),
        _of_tasks("within 0.1 nats, tasks that nothing was chosen on", ours, right, 18 / 20, least=True, only=JUDGES),
        *_against_others(public),
        _at_least("smallest value, nats, as it is", _smallest(ours), -0.05),
        _unwarned(ours),
        _of_tasks("right within 0.1 nats, but warned about", ours, right & (ours["warnings"] != ""), 4 / 40),
        _of_tasks('verdicts "at least"', ours, _any_code(ours, AT_LEAST), 8 / 40),
        _of_tasks("interval covers the truth", ours, covers(ours), 34 / 40, least=True),
        _at_most("width of the interval, median, nats", (ours["high"] - ours["low"]).median(), 0.12),
    ]
    return made + [_null(nulls, kind) for kind in NULLS]


def with_errors(estimates: pd.DataFrame) -> pd.DataFrame:
    """With ``error``, nats: the absolute one, infinite where there is no value; warnings "" where there are none."""
    error = (estimates["value"].astype(float) - estimates["mi_true"]).abs().fillna(math.inf)
    return estimates.assign(error=error, warnings=estimates["warnings"].fillna(""))


def covers(estimates: pd.DataFrame) -> pd.Series:
    """Whether each interval holds the truth."""
    return (estimates["low"] <= estimates["mi_true"]) & (estimates["mi_true"] <= estimates["high"])


def best_other(public: pd.DataFrame, group: str) -> tuple[str, np.ndarray, str] | None:
    """The best other method on a group, and how much worse ours is; None where none was measured on all of its tasks.

    Returns its name, differences of absolute errors on the same draws (a mean over tasks for each draw, or of few draws
    one a task), nats, and what they are over.
    """
    of_group = public[public["group"] == group]
    tasks = of_group["task"].nunique()
    wide = of_group.pivot_table("error", ["draw", "task"], "method", sort=False)
    if OURS not in wide:
        return None
    found = None
    for name in (each for each in METHODS if each in wide and each not in (OURS, CROSS_FIT)):
        both = wide[[OURS, name]].replace(math.inf, np.nan).dropna(subset=[name])
        whole = both.groupby("draw").size() == tasks
        both = both[both.index.get_level_values("draw").isin(whole.index[whole])]
        if len(both) and (found is None or both[name].mean() < found[0]):
            found = float(both[name].mean()), name, both[OURS] - both[name]
    if found is None:
        return None
    by_draw = found[2].groupby("draw").mean()
    if len(by_draw) >= _FEW_DRAWS:
        return found[1], by_draw.to_numpy(), f"{len(by_draw)} draws"
    return found[1], found[2].groupby("task").mean().to_numpy(), f"{tasks} tasks of {len(by_draw)} draw"


def mean_and_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean, and its 95 % interval by Student's t; the interval is infinite of one value."""
    mean = float(values.mean())
    if len(values) < 2 or not math.isfinite(mean):
        return mean, -math.inf, math.inf
    half = float(student_t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return mean, mean - half, mean + half


def _against_others(public: pd.DataFrame) -> Iterator[Row]:
    better, compared = 0, 0
    for group in (each for each in GROUPS if each != OTHER):
        aim, target = f"absolute error less the best other's, {group}", f"upper end ≤ {MARGIN} nats"
        found = best_other(public, group)
        if found is None:
            yield _row(aim, target, None, "", None)
            continue
        name, worse, over = found
        mean, low, high = mean_and_interval(worse)
        compared, better = compared + 1, better + (high < 0.0)
        words = f"{mean:+.3f} [{low:+.3f}, {high:+.3f}] over {over}; best other: {METHODS[name].label}"
        yield _row(aim, target, high, words, high <= MARGIN)
    words = f"{better} of {compared}"
    yield _row(
        "groups on which it is better than the best other", "≥ 3", better, words, better >= 3 if compared else None
    )


def _of_tasks(
    aim: str, ours: pd.DataFrame, true: pd.Series, limit: float, *, least: bool = False, only: str | None = None
) -> Row:
    """How many tasks something holds of, as a mean over draws, against a share of them."""
    if only is not None:
        ours, true = ours[ours["set"] == only], true[ours["set"] == only]
    tasks = ours["task"].nunique()
    bound = limit * tasks
    target = f"{'≥' if least else '≤'} {bound:g} of {tasks}"
    if not tasks:
        return _row(aim, f"{'≥' if least else '≤'} {limit:.0%}", None, "", None)
    by_draw = true.groupby(ours["draw"]).sum()
    count = float(by_draw.mean())
    words = f"{count:g} of {tasks}, mean over {len(by_draw)} draws ({by_draw.min()} to {by_draw.max()})"
    return _row(aim, target, count, words, count >= bound if least else count <= bound)


def _unwarned(ours: pd.DataFrame) -> Row:
    aim, target = "wrong by more than 0.15 nats without a warning of it", "0"
    if ours.empty:
        return _row(aim, target, None, "", None)
    warned = ours["warnings"].map(lambda codes: bool(set(filter(None, codes.split(","))) - NOTES))
    silent = ours[(ours["error"] > WRONG) & ~warned]
    words = f"{len(silent)} of {len(ours)} estimates"
    if len(silent):
        words += f": {', '.join(silent['task'].unique())}"
    return _row(aim, target, len(silent), words, silent.empty)


def _any_code(ours: pd.DataFrame, wanted: frozenset[str]) -> pd.Series:
    return ours["warnings"].map(lambda codes: bool(set(codes.split(",")) & wanted)).astype(bool)


def _null(nulls: pd.DataFrame, kind: str) -> Row:
    aim, target = f"null data, {kind}: share of p < {_SIZE}", "exact upper limit (95 %) ≤ 0.09"
    p_values = nulls[nulls["kind"] == kind]["p_value"].dropna() if len(nulls) else pd.Series(dtype=float)
    if p_values.empty:
        return _row(aim, target, None, "", None)
    count, total = int((p_values < _SIZE).sum()), len(p_values)
    limit = share(count, total, level=0.90).high  # one-sided, 95 %
    none = len(nulls[nulls["kind"] == kind]) - total
    words = f"{count} of {total}, at most {limit:.3f}" + (f"; {none} draws without a p-value" if none else "")
    return _row(aim, target, limit, words, limit <= 0.09)


def _smallest(ours: pd.DataFrame) -> float:
    """NaN of none; a value that is missing is below all others."""
    return float(ours["value"].astype(float).fillna(-math.inf).min()) if len(ours) else math.nan


def _at_most(aim: str, value: float, most: float, shown: str = "{:.3f}") -> Row:
    none = math.isnan(value)
    return _row(aim, f"≤ {most:g}", None if none else value, shown.format(value), None if none else value <= most)


def _at_least(aim: str, value: float, least: float) -> Row:
    none = math.isnan(value)
    return _row(aim, f"≥ {least:g}", None if none else value, f"{value:.3f}", None if none else value >= least)


def _row(aim: str, target: str, value: float | None, measured: str, reached: bool | None) -> Row:
    words = {True: "yes", False: "no", None: "not measured"}
    none = reached is None
    return {
        "aim": aim,
        "target": target,
        "measured": "not measured" if none else measured,
        "value": None if none else float(value or 0.0),
        "reached": words[None if none else bool(reached)],
    }
