"""Claim: MINE's cost is linear in the number of pairs and in the dimension."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import OF_TASKS, PAPER, Claim, Finding, Missing, decide, finding
from mine.claims.papers import errors
from mine.claims.tables import Tables
from mine.reach.methods import TASKS
from mine.statistics import Interval, bootstrap

LINEAR = 1.1
"""Exponent from which on a cost grows faster than linearly. Ours: a tenth for what the clock adds."""


def findings(tables: Tables) -> list[Finding]:
    """Exponent of CPU seconds in the number of pairs, over tasks; and in the dimension, across the public tasks."""
    found = []
    for cell, exponent in (("pairs", _in_rows), ("dimension", _in_dimension)):
        try:
            interval, n = exponent(tables)
        except Missing as reason:
            found.append(errors.missing(cell, reason))
            continue
        words = f"{OF_TASKS}: exponent of CPU seconds in the {'number of pairs' if cell == 'pairs' else 'dimension'}"
        verdict = decide(interval.below(LINEAR), interval.above(LINEAR))
        found.append(finding(cell, words, interval, n, verdict, primary=True))
    return found


def _in_rows(tables: Tables) -> tuple[Interval, int]:
    of = errors.of_method(errors.estimates(tables, "benchmark_n", rows=None), "mine", tuple(TASKS))
    seconds = of.groupby(["task", "rows"])["cpu_s"].mean().unstack("rows").dropna()
    if seconds.shape[1] < 3 or seconds.empty:
        raise Missing("fewer than three numbers of pairs have no slope")
    return errors.over_tasks(_slopes(seconds)), len(seconds)


def _slopes(seconds: pd.DataFrame) -> np.ndarray:
    """Least squares slope of ln(seconds) in ln(pairs) of each task."""
    return np.polyfit(np.log(seconds.columns.to_numpy(dtype=float)), np.log(seconds.to_numpy()).T, 1)[0]


def _in_dimension(tables: Tables) -> tuple[Interval, int]:
    seconds = errors.of_method(errors.estimates(tables), "mine").groupby("task")["cpu_s"].mean().dropna()
    dims = np.log([TASKS[name].dim_x + TASKS[name].dim_z for name in seconds.index])
    logs = np.log(seconds.to_numpy())

    def exponent(places: np.ndarray) -> float:
        # Not np.polyfit, which takes a second for the resamples.
        apart = dims[places] - dims[places].mean()
        squares = float(apart @ apart)
        return float(apart @ logs[places]) / squares if squares > 0.0 else np.nan

    return bootstrap(exponent, len(seconds)), len(seconds)


CLAIM = Claim(
    name="mine_linear",
    sentence="MINE's cost grows no faster than linearly in the number of pairs and in the dimension.",
    place=(
        "Belghazi et al. 2018, abstract (arXiv 1801.04062): “linearly scalable in dimensionality as well as in sample "
        "size”"
    ),
    test=(
        "CPU seconds of an estimate with early stopping, the mean over draws. In the number of pairs: least squares "
        "slope of the logarithms of each of six tasks, 300 to 100,000 pairs, Student's t over tasks. In the dimension: "
        "the slope across the 40 public tasks (2 to 100 columns), bootstrap over tasks."
    ),
    rule=(
        f"Holds where the exponent lies below {LINEAR:g} with its whole interval, does not where it lies above. "
        "Primary: both."
    ),
    figure="own/benchmark_n",
    findings=findings,
    asked_by=PAPER,
)
