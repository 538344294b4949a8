"""Baselines against closed forms on Gaussian data, other implementations, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import digamma
from sklearn.feature_selection import mutual_info_regression

from mine.baselines import BASELINES
from mine.baselines.cca import canonical_correlation
from mine.baselines.histogram import equally_full_bins
from mine.baselines.ksg import TREE_DIM, by_distances, by_trees, nearest_neighbours
from mine.errors import UserError
from mine.tasks import make_task

ALL = pytest.mark.parametrize("name", BASELINES)


def draw(name, dim, mi, n, seed):
    """One run's pairs, (n, d) each."""
    x, z = make_task(name, dim, mi).sample((n,), [torch.Generator().manual_seed(seed)])
    return x[0].numpy(), z[0].numpy()


def estimates(function, dim, mi, n, seeds):
    return np.array([function(*draw("gaussian", dim, mi, n, seed)) for seed in range(seeds)])


# ---- nearest neighbours


def kraskov_by_the_letter(x, z, k):
    """Equation 8, sample by sample."""
    n = len(x)
    x, z = x / x.std(0), z / z.std(0)
    total = 0.0
    for i in range(n):
        others = [j for j in range(n) if j != i]
        of_x = np.array([np.abs(x[i] - x[j]).max() for j in others])
        of_z = np.array([np.abs(z[i] - z[j]).max() for j in others])
        radius = sorted(np.maximum(of_x, of_z))[k - 1]
        total += digamma((of_x < radius).sum() + 1) + digamma((of_z < radius).sum() + 1)
    return digamma(k) + digamma(n) - total / n


@pytest.mark.parametrize(("dim_x", "dim_z"), [(1, 1), (2, 3), (6, 4)])
@pytest.mark.parametrize("neighbours", [1, 3, 5])
def test_nearest_neighbours_is_the_printed_equation(dim_x, dim_z, neighbours):
    generator = np.random.default_rng([dim_x, neighbours])
    x = generator.standard_normal((70, dim_x))
    z = x[:, :1] + 0.3 * generator.standard_normal((70, dim_z))
    wanted = kraskov_by_the_letter(x, z, neighbours)
    assert nearest_neighbours(x, z, neighbours) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("name", ["gaussian", "student-t", "uniform", "cubic"])
def test_nearest_neighbours_is_scikit_learns_at_one_dimension(name):
    x, z = draw(name, 1, 1.0, 2000, 0)
    theirs = mutual_info_regression(x.astype(float), z[:, 0].astype(float), n_neighbors=3, random_state=0)[0]
    assert nearest_neighbours(x, z) == pytest.approx(theirs, abs=1e-4)  # theirs adds noise of 1e-10


def test_default_is_three_neighbours():
    x, z = draw("gaussian", 1, 1.0, 300, 1)
    assert nearest_neighbours(x, z) == nearest_neighbours(x, z, 3) != nearest_neighbours(x, z, 5)


@given(seed=st.integers(0, 100), dim=st.integers(1, 4), neighbours=st.integers(1, 6), grid=st.sampled_from([0, 4]))
@settings(max_examples=30, deadline=None)
def test_trees_and_distances_count_the_same(seed, dim, neighbours, grid):
    """On a grid as well, where many samples are equally far away: "less than" must mean it."""
    x, z = np.random.default_rng(seed).standard_normal((2, 150, dim))
    if grid:
        x, z = np.round(grid * x) / grid, np.round(grid * z) / grid
    for trees, distances in zip(by_trees(x, z, neighbours), by_distances(x, z, neighbours), strict=True):
        np.testing.assert_array_equal(trees, distances)


def test_distances_of_more_than_one_block_are_those_of_one(monkeypatch):
    x, z = np.random.default_rng(2).standard_normal((2, 101, 2))
    whole = by_distances(x, z, 3)
    monkeypatch.setattr("mine.baselines.ksg.BLOCK", 1000)
    np.testing.assert_array_equal(by_distances(x, z, 3), whole)


def test_both_ways_are_in_use():
    assert 2 <= TREE_DIM < 40


@pytest.mark.parametrize("mi", [0.0, 0.3, 1.0])
def test_nearest_neighbours_on_gaussians_of_one_dimension(mi):
    """The bias at 2,000 samples is under 0.01 nats there; the mean of 20 seeds has its own error on top."""
    found = estimates(nearest_neighbours, 1, mi, 2000, 20)
    assert found.std(ddof=1) < 0.05
    assert found.mean() == pytest.approx(mi, abs=0.01 + 4 * found.std(ddof=1) / math.sqrt(20))


def test_nearest_neighbours_is_too_low_in_many_dimensions():
    """What the registry's line warns of."""
    assert estimates(nearest_neighbours, 20, 4.0, 1000, 3).max() < 2.0


@given(scale=st.floats(1e-3, 1e3), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_units_of_a_coordinate_do_not_matter(scale, seed):
    x, z = draw("gaussian", 2, 1.0, 200, seed)
    x, z = x.astype(float), z.astype(float)
    for function in (nearest_neighbours, canonical_correlation):
        assert function(x * [scale, 1.0], z + scale) == pytest.approx(function(x, z), abs=1e-3)


# ---- canonical correlations


def wishart_bias(n, dim_x, dim_z):
    """Mean of 1/2 (ln|S_x| + ln|S_z| - ln|S|) less the truth: the mean of a Wishart matrix's ln|.|, its truth apart."""

    def mean_log_determinant(dim):
        return digamma((n - 1 - np.arange(dim)) / 2).sum()

    return 0.5 * (mean_log_determinant(dim_x) + mean_log_determinant(dim_z) - mean_log_determinant(dim_x + dim_z))


@pytest.mark.parametrize(("dim", "mi"), [(1, 0.0), (1, 1.0), (3, 4.0), (5, 0.5)])
def test_canonical_correlation_has_the_exact_mean_on_gaussians(dim, mi):
    seeds, n = 400, 100
    found = estimates(canonical_correlation, dim, mi, n, seeds)
    bias = wishart_bias(n, dim, dim)
    assert bias == pytest.approx(dim * dim / (2 * n), rel=0.2)  # what the docstring says of it
    assert found.mean() == pytest.approx(mi + bias, abs=4 * found.std(ddof=1) / math.sqrt(seeds))
    if mi > 0:
        rho = math.sqrt(1 - math.exp(-2 * mi / dim))
        assert found.std(ddof=1) == pytest.approx(rho * math.sqrt(dim / n), rel=0.3)


def test_canonical_correlation_is_half_the_log_ratio_of_determinants():
    """With a dense covariance and as many dimensions as one likes on either side."""
    generator = np.random.default_rng(3)
    x = generator.standard_normal((500, 4)) @ generator.standard_normal((4, 4))
    z = x @ generator.standard_normal((4, 2)) + generator.standard_normal((500, 2))

    def log_determinant(values):
        return np.linalg.slogdet(np.cov(values.T))[1]

    wanted = 0.5 * (log_determinant(x) + log_determinant(z) - log_determinant(np.hstack([x, z])))
    assert canonical_correlation(x, z) == pytest.approx(wanted, abs=1e-10)
    assert canonical_correlation(z, x) == pytest.approx(wanted, abs=1e-10)


def test_a_linear_function_is_more_information_than_float_can_tell():
    x = np.random.default_rng(4).standard_normal((50, 2))
    assert canonical_correlation(x, x @ [[1.0, 2.0], [3.0, 4.0]]) > 40.0


# ---- histogram


def information_of_cells(mi, bins):
    """Mutual information of a bivariate normal's equally probable bins, by scipy's distribution function."""
    rho = math.sqrt(1 - math.exp(-2 * mi))
    edges = np.clip(stats.norm.ppf(np.arange(bins + 1) / bins), -9, 9)
    x, z = np.meshgrid(edges, edges, indexing="ij")
    below = stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).cdf(np.stack([x, z], -1))
    cells = np.diff(np.diff(below, axis=0), axis=1).clip(1e-300)
    return float((cells * np.log(cells * bins * bins)).sum())


@pytest.mark.parametrize("mi", [0.1, 0.5, 1.0])
def test_histogram_has_the_information_of_its_cells(mi):
    bins, n, seeds = 6, 5000, 20
    found = estimates(lambda x, z: equally_full_bins(x, z, bins), 1, mi, n, seeds)
    bias = (bins - 1) ** 2 / (2 * n)
    assert found.mean() == pytest.approx(information_of_cells(mi, bins) + bias, abs=0.002 + 4 * found.std() / 20**0.5)


def test_histogram_of_independent_samples_has_its_known_bias():
    bins, n, seeds = 8, 2000, 100
    found = estimates(lambda x, z: equally_full_bins(x, z, bins), 1, 0.0, n, seeds)
    wanted = (bins - 1) ** 2 / (2 * n)
    assert found.mean() == pytest.approx(wanted, abs=4 * found.std(ddof=1) / math.sqrt(seeds))
    assert found.mean() > 0.5 * wanted


def test_histogram_has_cube_root_of_n_bins_and_no_more_nats_than_they_allow():
    x = np.random.default_rng(5).standard_normal((1000, 1))
    assert equally_full_bins(x, x) == pytest.approx(math.log(10))
    assert equally_full_bins(x, x, 4) == pytest.approx(math.log(4))


def test_increasing_functions_do_not_change_a_histogram():
    x, z = draw("gaussian", 1, 1.0, 3000, 6)
    assert equally_full_bins(np.exp(x), z**3) == pytest.approx(equally_full_bins(x, z), abs=1e-12)


# ---- what all share


@ALL
def test_a_baseline_finds_dependence_and_its_absence(name):
    function = BASELINES[name].function
    assert isinstance(function(*draw("gaussian", 1, 0.0, 2000, 7)), float)
    assert abs(function(*draw("gaussian", 1, 0.0, 2000, 7))) < 0.1
    assert function(*draw("gaussian", 1, 1.0, 2000, 7)) == pytest.approx(1.0, abs=0.15)
    assert "\n" not in BASELINES[name].what_it_is


@ALL
def test_a_baseline_works_up_to_its_largest_dimension_and_says_so_beyond(name):
    baseline = BASELINES[name]
    if baseline.max_dim is None:
        assert baseline.function(*draw("gaussian", 20, 1.0, 100, 8)) > 0.0
        return
    baseline.function(*draw("gaussian", baseline.max_dim, 1.0, 100, 8))
    with pytest.raises(UserError, match=rf"^dim: {baseline.max_dim + 1} is too many"):
        baseline.function(*draw("gaussian", baseline.max_dim + 1, 1.0, 100, 8))


GOOD = np.random.default_rng(9).standard_normal((20, 1))
NAN = np.where(np.arange(20) == 3, np.nan, 1.0)[:, None] * GOOD


@ALL
@pytest.mark.parametrize(
    ("x", "z", "message"),
    [
        (GOOD, GOOD[:19], r"^x and z: 20 and 19 samples; joint pairs need as many of each$"),
        (GOOD[:, 0], GOOD, r"^x: shape \(20,\) is not \(samples, dimensions\)$"),
        (GOOD, 3, r"^z: shape \(\) is not \(samples, dimensions\)$"),
        (GOOD[:, :0], GOOD, r"^x: shape \(20, 0\) is not"),
        (GOOD[:0], GOOD[:0], r"^x: shape \(0, 1\) is not"),
        (GOOD, NAN, r"^z: nan at sample 3, coordinate 0 is not a finite number$"),
        (GOOD * np.inf, GOOD, r"^x: -?inf at sample 0, coordinate 0 is not a finite number$"),
        (np.ones((20, 1)), GOOD, r"^x: coordinate 0 has the same value in every sample"),
        (np.full((20, 1), "a"), GOOD, r"^x: not an array of numbers$"),
        (GOOD[:2], GOOD[:2], r"^x and z: 2 samples are too few; at least \d are needed here$"),
    ],
)
def test_bad_samples_are_refused(name, x, z, message):
    with pytest.raises(UserError, match=message):
        BASELINES[name].function(x, z)


def test_samples_that_repeat_have_no_nearest_neighbours():
    x, z = (np.repeat(values, 4, axis=0) for values in np.random.default_rng(10).standard_normal((2, 30, 1)))
    with pytest.raises(UserError, match=r"^x and z: 4 samples are the same; .* continuous variables$"):
        nearest_neighbours(x, z)
    wide = np.repeat(np.random.default_rng(11).standard_normal((30, TREE_DIM)), 4, axis=0)
    with pytest.raises(UserError, match=r"^x and z: 4 samples are the same"):
        nearest_neighbours(wide, wide)


def test_too_few_samples_for_the_dimensions_are_refused():
    x, z = np.random.default_rng(12).standard_normal((2, 10, 5))
    with pytest.raises(UserError, match=r"10 samples are too few; at least 11"):
        canonical_correlation(x, z)
    with pytest.raises(UserError, match=r"5 samples are too few; at least 8"):
        nearest_neighbours(x[:5], z[:5], 7)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_a_bad_number_of_neighbours_or_bins_is_refused(value):
    with pytest.raises(UserError, match=r"^neighbours: .* is not a whole number of at least 1$"):
        nearest_neighbours(GOOD, GOOD, value)
    with pytest.raises(UserError, match=r"^bins: .* is not a whole number of at least 2$"):
        equally_full_bins(GOOD, GOOD, value)
