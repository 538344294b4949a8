"""When and how a trace diverged. Pure functions of a trace's rows; the words are defined here once.

*Overflow*: the first row with a non-finite ``mi_batch`` or gradient. The naive ``biased`` objective gives
-inf or nan as well as inf.

*Runaway*: the first of two evaluations in a row at which the mean of the last 100 ``mi_batch`` exceeds
``mi_population`` by more than 2 nats, or exceeds the truth by more than 2 nats. Results are also given for
margins of 1 and 4 nats.

*Diverged*: either, whichever came first.

A value whose effective sample size is under 50 enters no verdict as a number, but it does as a bound. The mean of
the product term's summands is unbiased and they are positive, so by Markov's inequality it is below 1/20 of its
expectation with a probability of at most 5 %: whatever the effective sample size, the population value lies below
``mi_population`` + ln 20 with 95 % confidence. So where ``population_ess`` is under 50, the in-batch mean has to
exceed ``mi_population`` by the margin and ln 20 = 3.0 nats more.

The functions take the rows of one trace as ``mine.trace.read_trace`` gives them, steps rising, nulls as NaN. Where a
row stands for a window of updates (setting ``record_every``), an overflow still has its exact step, since it ends its
window; and "the last 100 ``mi_batch``" are all updates of the windows that hold one of the last 100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mine.rows import of_rows, updates_of

MARGIN = 2.0
"""How far above the population or the truth is too far, nats."""

WINDOW = 100
"""In-batch values that are averaged before they are compared."""

MIN_ESS = 50.0
"""Effective sample size under which a Donsker-Varadhan value enters no verdict as a number."""

LOW_ESS_ALLOWANCE = math.log(20.0)
"""How far a population value may lie above ``mi_population`` of a low effective sample size, 95 %, nats."""

_EVALUATED = ("mi_population", "population_ess", "mi_heldout", "heldout_ess")


def overflow_step(frame: pd.DataFrame, steps: int) -> int | None:
    """Step of the first row with a non-finite ``mi_batch``, or, among updates, a non-finite ``grad_norm``.

    Args:
        frame: rows of one trace with columns step, mi_batch and grad_norm.
        steps: configured updates; a row beyond them has no update, so its null gradient says nothing.

    Returns:
        The 1-based step, or None where every value is finite.
    """
    step = frame["step"].to_numpy()
    bad = ~np.isfinite(frame["mi_batch"].to_numpy(dtype=np.float64))
    bad |= ~np.isfinite(frame["grad_norm"].to_numpy(dtype=np.float64)) & (step <= steps)
    return int(step[bad.argmax()]) if bad.any() else None


def evaluation_rows(frame: pd.DataFrame) -> np.ndarray:
    """Positions of the rows at which the critic was evaluated, rising.

    An overflow run's last row (the critic at its last finite parameters) is one of them.

    Args:
        frame: rows of one trace; of mi_population, population_ess, mi_heldout and heldout_ess those that are
            there are asked. A row counts once one of them is not null, so that an evaluation that came out as
            nan in one instrument is still an evaluation.
    """
    asked = [frame[name].to_numpy(dtype=np.float64) for name in _EVALUATED if name in frame.columns]
    return np.flatnonzero(~np.isnan(asked).all(axis=0))


def recent_mean(frame: pd.DataFrame, rows: np.ndarray, window: int = WINDOW) -> np.ndarray:
    """Mean of the last ``window`` values of ``mi_batch`` up to and including each of ``rows``, nats.

    Fewer where the trace has fewer. Where rows are windows of updates: the mean over all updates of the windows that
    hold one of the last ``window``, which is at least one whole window. Non-finite values (of a window: its mean) are
    left out: they are the overflow, which is counted on its own; NaN where nothing finite is left.

    Args:
        frame: rows of one trace.
        rows: positions, not steps.
        window: how many values at most, where a row is one.
    """
    values, updates, step = of_rows(frame, "mi_batch"), updates_of(frame), frame["step"].to_numpy()
    # Of a window the first update is the step after the one before it ended.
    first = np.searchsorted(step, step[rows] - window, side="right")
    means = np.full(len(rows), np.nan)
    for index, (start, row) in enumerate(zip(first, rows, strict=True)):
        recent = slice(start, row + 1)
        finite = np.isfinite(values[recent])
        if finite.any():
            means[index] = np.average(values[recent][finite], weights=updates[recent][finite])
    return means


def runaway_step(
    frame: pd.DataFrame, margin: float = MARGIN, window: int = WINDOW, min_ess: float = MIN_ESS
) -> int | None:
    """Step of the first of two evaluations in a row at which the in-batch value is out of reach.

    Out of reach: the mean of the last ``window`` values of ``mi_batch`` exceeds ``mi_population`` by more
    than ``margin`` nats (and LOW_ESS_ALLOWANCE more where ``population_ess`` is under ``min_ess``), or exceeds
    ``mi_true`` by more than ``margin`` nats. A single such evaluation is an excursion.

    Args:
        frame: rows of one trace.
        margin: nats.
        window: in-batch values averaged.
        min_ess: effective sample size that mi_population needs to count as a number; 0 takes every value as one.

    Returns:
        The 1-based step of the first of the two evaluations, or None.
    """
    return runaway_steps(frame, (margin,), window, min_ess)[0]


def runaway_steps(
    frame: pd.DataFrame, margins: Sequence[float], window: int = WINDOW, min_ess: float = MIN_ESS
) -> list[int | None]:
    """``runaway_step`` for each of several margins, all from one look at the evaluations."""
    rows = evaluation_rows(frame)
    mean = recent_mean(frame, rows, window)
    step = frame["step"].to_numpy()[rows]
    truth = frame["mi_true"].to_numpy(dtype=np.float64)[rows]
    population = frame["mi_population"].to_numpy(dtype=np.float64)[rows]
    ess = frame["population_ess"].to_numpy(dtype=np.float64)[rows]
    found: list[int | None] = []
    for margin in margins:
        # NaN compares as False: a value that is not there accuses nobody.
        above_population = mean - population > np.where(ess >= min_ess, margin, margin + LOW_ESS_ALLOWANCE)
        above_truth = mean - truth > margin
        out = above_population | above_truth
        twice = out[:-1] & out[1:]
        found.append(int(step[twice.argmax()]) if twice.any() else None)
    return found


def diverged_step(overflow: int | None, runaway: int | None) -> int | None:
    """Step at which a run overflowed or ran away, whichever came first, or None where it did neither."""
    return min((step for step in (overflow, runaway) if step is not None), default=None)
