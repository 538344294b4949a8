"""Intervals against scipy, against counting, and by what has to be true of every one of them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, kendalltau

from mine.publish.page import _spread
from mine.statistics import (
    LEVEL,
    Interval,
    bonferroni,
    bootstrap,
    holm,
    mean_interval,
    median,
    quantile,
    share,
    share_interval,
    trend,
)

LEVELS = (0.9, LEVEL, 0.999)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
numbers = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=40)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 10), (76, 240), (1, 1000)])
def test_a_share_is_scipys_exact_interval(count, total, level):
    expected = binomtest(count, total).proportion_ci(level, method="exact")
    interval = share(count, total, level)
    assert interval.value == count / total
    assert (interval.low, interval.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_none_of_n_has_its_exact_upper_bound():
    assert share(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert share(0, 20).low == 0.0


def test_shares_of_many_are_those_of_each():
    low, high = share_interval(np.array([0, 3, 10]), np.array([10, 10, 10]))
    for index, count in enumerate((0, 3, 10)):
        assert (low[index], high[index]) == (share(count, 10).low, share(count, 10).high)


@given(counts, st.sampled_from(LEVELS))
def test_a_share_covers_with_at_least_its_level(count_of, level):
    # At a bound of the interval a count so extreme has a probability of half of what is left out.
    count, total = count_of
    interval = share(count, total, level)
    assert 0.0 <= interval.low <= interval.value <= interval.high <= 1.0
    tail = (1 - level) / 2
    if count > 0:
        assert binom.sf(count - 1, total, interval.low) == pytest.approx(tail)
    if count < total:
        assert binom.cdf(count, total, interval.high) == pytest.approx(tail)


@given(counts)
def test_a_share_and_its_complement_mirror_each_other(count_of):
    count, total = count_of
    one, other = share(count, total), share(total - count, total)
    assert (one.low, one.high) == (pytest.approx(1 - other.high), pytest.approx(1 - other.low))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n", [1, 2, 5, 6, 9, 10, 20, 41, 240])
def test_the_medians_interval_covers_with_its_level_and_no_narrower_one_does(n, level):
    """Of n continuous values, order statistics i and j enclose the median with P(i < Bin(n, 1/2) <= j)."""
    interval = median(np.arange(n), level)
    tail = (1 - level) / 2
    if math.isinf(interval.low):
        assert math.isinf(interval.high)
        assert 0.5**n > tail  # even the smallest value lies above the median too often
        return
    low, high = int(interval.low), int(interval.high)
    assert binom.cdf(low, n, 0.5) <= tail < binom.cdf(low + 1, n, 0.5)
    assert high == n - 1 - low
    assert binom.cdf(high, n, 0.5) - binom.cdf(low, n, 0.5) >= level


@given(numbers)
def test_the_median_is_numpys_and_lies_in_its_interval(values):
    interval = median(values)
    assert interval.value == np.median(values)
    assert interval.low <= interval.value <= interval.high


@given(numbers, st.sampled_from(LEVELS))
def test_the_medians_interval_mirrors_with_the_values(values, level):
    one, other = median(values, level), median([-value for value in values], level)
    assert (one.value, one.low, one.high) == (-other.value, -other.high, -other.low)


@given(numbers)
def test_a_higher_level_is_no_narrower(values):
    narrow, wide = median(values, 0.9), median(values, 0.999)
    assert wide.low <= narrow.low
    assert narrow.high <= wide.high


def test_infinite_values_take_their_place_in_the_order():
    finite = median([*range(15), 100, 200, 300, 400, 500])
    infinite = median([*range(15), *[np.inf] * 5])
    assert (infinite.value, infinite.low) == (finite.value, finite.low)
    assert (finite.high, infinite.high) == (14.0, 14.0)
    assert median([1.0, np.inf, np.inf]).value == np.inf
    assert median([1.0, np.inf]).value == np.inf
    assert median([-np.inf, 1.0]).value == -np.inf
    assert median([np.inf] * 8) == Interval(np.inf, np.inf, np.inf)


def test_a_median_of_nothing_or_of_nan_is_nan():
    for values in ([], [1.0, np.nan]):
        interval = median(values)
        assert np.isnan([interval.value, interval.low, interval.high]).all()


def test_too_few_values_have_no_bounds():
    assert median([1.0, 2.0, 3.0]) == Interval(2.0, -np.inf, np.inf)
    assert math.isinf(median(range(5)).low)
    assert median(range(6)) == Interval(2.5, 0.0, 5.0)


def test_the_median_covers_in_simulation():
    generator = np.random.default_rng(0)
    inside = [
        interval.low <= math.log(2.0) <= interval.high
        for interval in (median(generator.exponential(size=12)) for _ in range(600))
    ]
    assert share(sum(inside), len(inside)).high > LEVEL


def test_a_mean_and_its_bootstrap():
    values = np.random.default_rng(1).normal(3.0, 2.0, 50)
    mean, low, high = mean_interval(values)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std(ddof=1) / np.sqrt(50)
    assert (mean - low, high - mean) == (pytest.approx(half, rel=0.1), pytest.approx(half, rel=0.1))
    _, wider_low, wider_high = mean_interval(values, level=0.999)
    assert wider_low < low < high < wider_high


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([], np.nan),
        ([2.0], 2.0),
        ([1.0, np.inf], np.inf),
        ([1.0, -np.inf], -np.inf),
        ([np.inf, -np.inf], np.nan),
        ([1.0, np.nan], np.nan),
    ],
)
def test_a_mean_without_an_interval(values, mean):
    value, low, high = mean_interval(values)
    assert value == mean or (math.isnan(value) and math.isnan(mean))
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_bootstrap_resamples_positions_of_seeds():
    seen = []

    def statistic(seeds):
        seen.append(seeds)
        return float(seeds.sum())

    interval = bootstrap(statistic, 6, resamples=50)
    assert interval.value == 15.0
    assert len(seen) == 51
    np.testing.assert_array_equal(seen[0], np.arange(6))
    assert all(seeds.shape == (6,) and seeds.min() >= 0 and seeds.max() < 6 for seeds in seen)


def test_the_bootstrap_of_a_mean_is_that_of_mean_interval():
    values = np.random.default_rng(2).normal(size=20)
    interval = bootstrap(lambda seeds: float(values[seeds].mean()), 20)
    _, low, high = mean_interval(values)
    assert (interval.low, interval.high) == (pytest.approx(low, abs=0.02), pytest.approx(high, abs=0.02))


@settings(max_examples=20)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_the_same_data_give_the_same_interval(values):
    values = np.array(values)

    def statistic(seeds):
        return float(values[seeds].max())

    first = bootstrap(statistic, values.size, resamples=100)
    assert first == bootstrap(statistic, values.size, resamples=100)
    assert values.min() <= first.low <= first.high <= values.max()
    assert mean_interval(values, 100) == mean_interval(values, 100)


def test_resamples_without_a_number_are_left_out_while_they_are_few():
    few = bootstrap(lambda seeds: np.nan if (seeds == 0).sum() >= 4 else 1.0, 10, resamples=400)
    assert (few.low, few.high) == (1.0, 1.0)
    many = bootstrap(lambda seeds: np.nan if (seeds == 0).any() else 1.0, 10, resamples=400)
    assert np.isnan([many.value, many.low, many.high]).all()


def test_one_seed_has_no_bootstrap():
    interval = bootstrap(lambda seeds: 2.0, 1, resamples=10)
    assert interval.value == 2.0
    assert math.isnan(interval.low)


def test_quantiles_with_ended_runs():
    values = [3.0, np.nan, 1.0, 2.0, np.inf, -np.inf]  # in order: 1, 2, 3, and three that ended
    assert [quantile(values, level) for level in (0.0, 0.25, 0.4, 0.5, 0.75, 1.0)] == [
        1.0, 2.0, 3.0, np.inf, np.inf, np.inf
    ]  # fmt: skip
    numbers = np.random.default_rng(0).normal(size=11)
    for level in (0.0, 0.25, 0.5, 0.75, 1.0):
        for count in (1, 4, 10, 11):
            expected = np.quantile(numbers[:count], level, method="averaged_inverted_cdf")
            assert quantile(numbers[:count], level) == pytest.approx(expected)


def test_the_page_and_the_figures_have_the_same_quartiles():
    values = [1.0, 2.0, 4.0, 8.0]
    assert _spread(pd.Series(values)) == "3.00 [1.50, 6.00]"
    assert [quantile(values, level) for level in (0.25, 0.75)] == [1.5, 6.0]


def test_an_infinite_statistic_makes_an_infinite_bound():
    values = np.array([1.0, 2.0, 3.0, np.inf])
    interval = bootstrap(lambda seeds: float(np.median(values[seeds])), 4, resamples=400)
    assert (interval.low, interval.high) == (1.0, np.inf)


def test_bonferroni():
    assert bonferroni(1) == pytest.approx(0.95)
    assert bonferroni(0) == pytest.approx(0.95)
    assert bonferroni(10) == pytest.approx(0.995)
    assert bonferroni(4, 0.9) == pytest.approx(0.975)


def test_comparisons_take_the_whole_interval():
    interval = Interval(1.0, 0.8, 1.25)
    assert interval.within(0.8, 1.25)
    assert not interval.within(0.81, 1.25)
    assert not interval.within(0.8, 1.24)
    assert interval.above(0.79)
    assert not interval.above(0.8)
    assert interval.below(1.26)
    assert not interval.below(1.25)


def test_an_interval_without_bounds_shows_nothing():
    interval = Interval(1.0, np.nan, np.nan)
    assert not interval.within(-np.inf, np.inf)
    assert not interval.above(-np.inf)
    assert not interval.below(np.inf)


def test_a_trend_is_the_mean_of_each_seeds_tau():
    x = np.array([0.85, 0.9, 0.95, 0.99])
    values = np.array([[4.0, 3.0, 2.0, 1.0], [np.inf, np.inf, 5.0, 1.0], [np.inf] * 4, [1.0, 2.0, 3.0, 4.0]])
    expected = [-1.0, kendalltau(x, [9.0, 9.0, 5.0, 1.0]).statistic, 0.0, 1.0]
    interval = trend(x, values)
    assert interval.value == pytest.approx(np.mean(expected))
    assert interval.low <= interval.value <= interval.high
    with pytest.raises(ValueError, match="NaN"):
        trend(x, np.array([[1.0, np.nan, 2.0, 3.0]]))


def test_a_trend_that_all_seeds_share_has_an_interval_of_one_point():
    interval = trend(np.arange(3.0), np.array([[1.0, 2.0, 3.0], [10.0, 20.0, 90.0]]))
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    # 0.01 <= 0.05/4, 0.0166 <= 0.05/3, 0.03 > 0.05/2: there it stops, although 0.04 <= 0.05.
    assert [p <= 0.05 for p in holm([0.04, 0.01, 0.03, 0.0166])] == [False, True, False, True]
    assert holm([0.6, 0.9]) == [1, 1]
    assert holm([]) == []


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=12))
def test_holm_is_between_bonferroni_and_none_and_keeps_the_order(ps):
    corrected = holm(ps)
    for p, after in zip(ps, corrected, strict=True):
        assert p - 1e-12 <= after <= min(1, p * len(ps)) + 1e-12
    assert sorted(corrected) == [corrected[place] for place in np.argsort(ps, kind="stable")]
