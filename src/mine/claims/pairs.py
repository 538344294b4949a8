"""What it means that one run ends nearer the truth than another of the same seed, for every claim that asks it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import Missing
from mine.claims.tables import paired
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, Interval, median

QUANTITIES: dict[str, tuple[str, str | None]] = {
    "in-batch": ("mi_batch_mean", None),
    "held-out": ("mi_heldout", "heldout_ess"),
    "population": ("mi_population", "population_ess"),
}
"""Final value of a run and its effective sample size, columns of the summary."""

COLUMNS = ("mi_true", "diverged_step", *(name for names in QUANTITIES.values() for name in names if name))


def plain_distance(runs: pd.DataFrame, column: str) -> np.ndarray:
    """|value - truth| of each run, nats, (n,), with nothing left out. column: of the value."""
    value, truth = (pd.to_numeric(runs[name]).to_numpy(dtype=float, na_value=np.nan) for name in (column, "mi_true"))
    return np.abs(value - truth)


def distance(runs: pd.DataFrame, quantity: str) -> np.ndarray:
    """|value - truth| of each run, nats, (n,).

    Infinite for a run that diverged, whatever its last value; NaN for one that did not and whose value is no number: an
    effective sample size under MIN_ESS, or no value. quantity: a name of QUANTITIES.
    """
    value, size = QUANTITIES[quantity]
    far = plain_distance(runs, value)
    if size is not None:
        far[~(runs[size].to_numpy(dtype=float) >= MIN_ESS)] = np.nan
    far[runs["diverged_step"].notna().to_numpy()] = np.inf
    return far


def farther(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """By how much the first of each pair is farther from the truth than the second, nats, (n,).

    one, other: as ``distance`` gives them. A number is nearer than none, and anything nearer than a run that diverged:
    the difference is infinite then. 0 where both diverged (a tie); NaN where neither did and neither is a number.
    """
    with np.errstate(invalid="ignore"):
        difference = one - other
    difference = np.where(np.isnan(one) & np.isfinite(other), np.inf, difference)
    difference = np.where(np.isfinite(one) & np.isnan(other), -np.inf, difference)
    difference = np.where(np.isposinf(one) & ~np.isposinf(other), np.inf, difference)
    difference = np.where(~np.isposinf(one) & np.isposinf(other), -np.inf, difference)
    return np.where(np.isposinf(one) & np.isposinf(other), 0.0, difference)


def median_difference(differences: np.ndarray, level: float = LEVEL) -> Interval:
    """Median over pairs. A pair without a difference (NaN) could have any, so it widens the interval on both sides."""
    unknown = np.isnan(differences)
    low, high = (median(np.where(unknown, bound, differences), level) for bound in (-np.inf, np.inf))
    value = low.value if low.value == high.value else np.nan
    return Interval(value, low.low, high.high)


def by_seed_less(one: pd.Series, other: pd.Series) -> tuple[pd.Series, pd.Series, np.ndarray]:
    """Values by seed at the seeds that both have, and one less other; 0 where both ended (infinite alike).

    Raises Missing where there are none.
    """
    seeds = sorted(set(one.index) & set(other.index))
    if not seeds:
        raise Missing("no seed that both sides of a pair have")
    one, other = one.loc[seeds], other.loc[seeds]
    with np.errstate(invalid="ignore"):
        less = (one - other).to_numpy()
    return one, other, np.where(np.isnan(less), 0.0, less)


def pair(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """As ``mine.claims.tables.paired``, and a note of how many seeds only one side has ("" for none)."""
    sides = paired(one, other)
    alone = len(set(one["seed"]) ^ set(other["seed"]))
    return *sides, f"{alone} seed{'s' if alone > 1 else ''} of one side only left out" if alone else ""


def notes(*parts: str) -> str:
    """The parts that are not empty, as one note."""
    return "; ".join(part for part in parts if part)
