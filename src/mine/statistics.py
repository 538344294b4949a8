"""Statistics over seeds, the unit of every interval here: exact where an exact one exists, else a bootstrap.

All intervals are two-sided. ``level`` is their coverage, 0.95 unless a table of several cells is corrected.
The bootstrap resamples seeds with a fixed generator, so that the same data give the same interval.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 4000


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval. Bounds may be infinite; NaN where there are too few seeds for one."""

    value: float
    low: float
    high: float

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in [low, high]; an equivalence test, False where a bound is NaN."""
        return bool(low <= self.low and self.high <= high)

    def above(self, bound: float) -> bool:
        """Whether the whole interval lies above ``bound``."""
        return bool(self.low > bound)

    def below(self, bound: float) -> bool:
        """Whether the whole interval lies below ``bound``."""
        return bool(self.high < bound)


def share_interval(
    count: int | np.ndarray, total: int | np.ndarray, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Exact (Clopper-Pearson) interval of a share: low and high, elementwise."""
    from scipy.stats import beta

    count, tail = np.asarray(count, dtype=float), (1.0 - level) / 2.0
    low = np.where(count > 0, beta.ppf(tail, np.maximum(count, 1), total - count + 1), 0.0)
    high = np.where(count < total, beta.ppf(1.0 - tail, count + 1, np.maximum(total - count, 1)), 1.0)
    return low, high


def share(count: int, total: int, level: float = LEVEL) -> Interval:
    """``count`` of ``total`` with its exact interval."""
    low, high = share_interval(count, total, level)
    return Interval(count / total, float(low), float(high))


def mean_interval(values: np.ndarray, resamples: int = RESAMPLES, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean over seeds and its bootstrap interval (percentiles).

    The interval is NaN for a single seed, and all are NaN for none.
    """
    values = np.asarray(values, dtype=float)
    if values.size == 0:
        return (np.nan,) * 3
    mean = float(np.sum(values) / values.size) if np.isfinite(values).all() else _non_finite_mean(values)
    if values.size == 1 or not np.isfinite(values).all():
        return mean, np.nan, np.nan
    picks = np.random.default_rng(0).integers(0, values.size, size=(resamples, values.size))
    low, high = np.quantile(values[picks].mean(axis=1), _tails(level))
    return mean, float(low), float(high)


def median(values: np.ndarray | Sequence[float], level: float = LEVEL) -> Interval:
    """Median with its exact interval by order statistics (binomial, no assumption on the distribution).

    Infinite values take their place in the order. With too few values for the level the bounds are infinite. The
    median of an even number is the mean of the middle two, or the infinite one of them.
    """
    from scipy.stats import quantile_test

    values = np.sort(np.asarray(values, dtype=float))
    if values.size == 0 or np.isnan(values).any():
        return Interval(np.nan, np.nan, np.nan)
    middle = values[(values.size - 1) // 2], values[values.size // 2]
    with np.errstate(invalid="ignore"):  # -inf and inf have no middle: NaN
        value = middle[0] if middle[0] == middle[1] else (middle[0] + middle[1]) / 2.0
    # Ranks instead of values, which may be infinite; bounds that do not exist come back as nan.
    bounds = quantile_test(np.arange(values.size, dtype=float), q=0.0, p=0.5).confidence_interval(level)
    low = -np.inf if np.isnan(bounds.low) else float(values[int(bounds.low)])
    high = np.inf if np.isnan(bounds.high) else float(values[int(bounds.high)])
    return Interval(float(value), low, high)


def quantile(values: np.ndarray | Sequence[float], level: float) -> float:
    """A quantile of runs of which some have ended: a value, or the middle of two neighbours, as a median is.

    ``numpy.quantile`` by ``averaged_inverted_cdf``. A value that is not finite, -inf too, is a run that ended, above
    all others as in ``mine.curves``; inf where the quantile falls on one. NaN where there are no values.
    """
    ordered = np.asarray(values, dtype=float)
    ordered = np.sort(np.where(np.isfinite(ordered), ordered, np.inf))
    if ordered.size == 0:
        return np.nan
    place, last = ordered.size * level, ordered.size - 1
    below, above = ordered[max(math.ceil(place) - 1, 0)], ordered[min(math.floor(place), last)]
    return float((below + above) / 2.0)


def bootstrap(
    statistic: Callable[[np.ndarray], float], n: int, level: float = LEVEL, resamples: int = RESAMPLES
) -> Interval:
    """A statistic of seeds with its bootstrap interval (percentiles).

    statistic: takes the positions of the seeds to use (int array, repeats allowed) and returns a number; NaN where
        a resample does not have one, and these resamples are left out. n: number of seeds.
    The bounds are NaN where fewer than nine tenths of the resamples have a number.
    """
    generator = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(statistic(np.arange(n)))
        drawn = np.array([statistic(generator.integers(0, n, n)) for _ in range(resamples)], dtype=float)
    drawn = drawn[~np.isnan(drawn)]
    if n < 2 or drawn.size < 0.9 * resamples:
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(drawn, _tails(level), method="inverted_cdf")
    return Interval(value, float(low), float(high))


def ratio_of_means(above: np.ndarray, below: np.ndarray, level: float) -> Interval:
    """Ratio of two means over the same seeds, (n,) each; bounds are NaN where the lower mean is not clear of 0."""
    both = np.stack([np.asarray(above, dtype=float), np.asarray(below, dtype=float)], 1)
    sign = float(np.sign(both[:, 1].mean()))

    def ratio(seeds: np.ndarray) -> float:
        over, under = both[seeds].sum(0).tolist()
        return over / under if under * sign > 0.0 else np.nan

    return bootstrap(ratio, len(both), level)


def trend(x: np.ndarray, values: np.ndarray, level: float = LEVEL) -> Interval:
    """Whether values rise with x: mean over seeds of each seed's Kendall's tau-b, with its bootstrap interval.

    x: (n,), distinct. values: (seeds, n), of which infinite ones take their place in the order. A seed whose values are
    all alike shows no trend: 0. Within a seed, so that no seed's level enters and resampled seeds make no ties.
    """
    from scipy.stats import kendalltau

    taus = [0.0 if (row == row[0]).all() else float(kendalltau(x, _ranks(row)).statistic) for row in values]
    return Interval(*mean_interval(np.array(taus), level=level))


def bonferroni(cells: int, level: float = LEVEL) -> float:
    """The level at which each of ``cells`` intervals is drawn so that all hold together with ``level``."""
    return 1.0 - (1.0 - level) / max(1, cells)


def holm(ps: Sequence[float]) -> list[float]:
    """Corrected p values, in the order given: a test is rejected where its own is not above the level of all together.

    Source: Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    order = np.argsort(ps, kind="stable")
    scaled = np.asarray(ps, dtype=float)[order] * (len(ps) - np.arange(len(ps)))
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(p) for p in corrected]


def _ranks(values: np.ndarray) -> np.ndarray:
    """Places in the order, the same for equal values; NaN is refused, because it has none."""
    if np.isnan(values).any():
        raise ValueError("a trend of values of which one is NaN")
    return np.unique(values, return_inverse=True)[1]


def _tails(level: float) -> list[float]:
    return [(1.0 - level) / 2.0, (1.0 + level) / 2.0]


def _non_finite_mean(values: np.ndarray) -> float:
    """Mean of values of which some are not finite, without numpy's warning for inf - inf."""
    if np.isnan(values).any() or (np.isposinf(values).any() and np.isneginf(values).any()):
        return np.nan
    return np.inf if np.isposinf(values).any() else -np.inf
