"""Conditional mutual information: known truths, the test of conditional independence, what it is warned of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from known_data import columns

from mine.own.cells import FEWEST, MOST, cells_of, permuted_means
from mine.own.columns import Warned, column
from mine.own.conditional import entropy_given, estimate_conditional, fit_conditional
from mine.own.conditional_report import verdict
from mine.own.settings import OwnSettings

QUICK = {
    "critic": "concat", "initialisations": 1, "permutations": 199, "resamples": 199, "max_updates": 75, "patience": 3,
    "blocks": 1, "learning_rate": 5e-3,
}  # fmt: skip


def levels(values, name):
    return [column(name, values, discrete=True)]


def measured(x, z, given, **settings):
    made = OwnSettings(**{**QUICK, **settings})
    return estimate_conditional(fit_conditional(x, z, given, made), x, z, given)


def partial(rows, rho, seed=0):
    """x <- c -> z with partial correlation rho of x and z given c; I(x; z | c) is -1/2 ln(1 - rho^2)."""
    source = np.random.default_rng(seed)
    c, one, other = source.standard_normal((3, rows))
    x, z = c + 0.5 * one, c + 0.5 * (rho * one + math.sqrt(1.0 - rho**2) * other)
    return columns(x[:, None], "x"), columns(z[:, None], "z"), columns(c[:, None], "c")


@pytest.fixture(scope="module")
def dependent():
    return measured(*partial(600, 0.8))


@pytest.fixture(scope="module")
def independent():
    return measured(*partial(400, 0.0))


def test_a_partial_correlation(dependent):
    truth = -0.5 * math.log(1.0 - 0.8**2)
    assert dependent.mi == pytest.approx(truth, abs=0.15)
    assert dependent.interval[0] < truth < dependent.interval[1]
    assert dependent.p_value == 1 / 200
    assert all(each.value == pytest.approx(truth, abs=0.2) for each in dependent.witnesses)
    assert dependent.mi == dependent.whole.mi - dependent.part.mi
    assert "no bound" in verdict(dependent)
    assert "approximate p = 0.005" in verdict(dependent)


def test_far_neighbours_are_no_test(dependent):
    found = replace(dependent, warnings=(Warned("wide_cells", ""),))
    assert verdict(found).endswith("so that p is too small: see the warnings.")


def test_resamples_are_the_same_rows_for_both(dependent):
    """Pairs of resamples move together, so that the difference varies less than of two samples."""
    whole, part = (each.judged.resampled for each in (dependent.whole, dependent.part))
    assert np.corrcoef(whole, part)[0, 1] > 0.3
    assert dependent.standard_error < 0.9 * math.hypot(whole.std(ddof=1), part.std(ddof=1))


def test_what_a_common_cause_makes_is_no_conditional_dependence(independent):
    assert independent.whole.mi > 0.5
    assert abs(independent.mi) < 0.1
    assert independent.p_value > 0.05
    assert verdict(independent).startswith("No dependence found beyond")
    assert "may be negative" in verdict(independent)


def test_exclusive_or():
    """I(c1; y) = 0, and I(c1; y | c2) = ln 2."""
    one, other = np.random.default_rng(0).integers(0, 2, (2, 400))
    x, given, z = levels(one, "c1"), levels(other, "c2"), levels(one ^ other, "y")
    found = measured(x, z, given, max_updates=150)
    assert found.mi == pytest.approx(math.log(2), abs=0.1)
    assert found.part.mi == pytest.approx(0.0, abs=0.05)
    assert found.p_value == 1 / 200
    assert found.cells.exact
    assert "approximate" not in verdict(found)
    assert found.entropies[1] == pytest.approx(math.log(2), abs=0.01)


def test_rows_that_belong_together_have_no_test():
    x, z, given = partial(400, 0.8)
    found = measured(x, z, given, blocks=3, max_updates=25, resamples=99, permutations=99)
    assert math.isnan(found.p_value)
    assert "no test: rows that belong together" in verdict(found)
    assert found.interval[0] < found.mi < found.interval[1]


def test_levels_of_few_rows_are_told():
    source = np.random.default_rng(0)
    few = np.where(np.arange(300) < 12, np.arange(300) % 4, 9)
    x, z = source.standard_normal((2, 300, 1))
    found = measured(
        columns(x, "x"), columns(z, "z"), levels(few, "kind"), max_updates=25, permutations=99, resamples=99
    )
    assert "small_levels" in [each.code for each in found.warnings]
    assert 0 < found.cells.rows_in_small < 5 * found.cells.small_levels


def test_conditional_entropy_is_that_of_the_levels():
    a, b = np.array([0, 0, 1, 1] * 5), np.array([0, 1, 1, 1] * 5)
    shares, amount = (np.array([0.25, 0.25, 0.5]), np.array([0.25, 0.75])), columns(np.zeros((20, 1)))
    of_both, of_b = (float(-(each * np.log(each)).sum()) for each in shares)
    assert entropy_given(levels(b, "b"), levels(a, "a")) == pytest.approx(of_both - math.log(2))
    assert entropy_given(levels(b, "b"), amount) == pytest.approx(of_b)
    assert entropy_given(amount, levels(a, "a")) is None


class TestCells:
    def test_neighbours_are_near_and_few(self):
        source = np.random.default_rng(0)
        c = source.standard_normal((203, 2))
        cells = cells_of(columns(c), c, source)
        assert sorted(np.concatenate(cells.members)) == list(range(203))
        assert {len(each) for each in cells.members} <= set(range(FEWEST, 2 * FEWEST))
        assert 0.0 < cells.within < 0.15
        assert not cells.exact

    def test_levels_are_cells_and_large_ones_are_cut(self):
        source = np.random.default_rng(0)
        kind = np.repeat([0, 1, 2], [3, 10, 2 * MOST + 1])
        cells = cells_of(levels(kind, "kind"), np.empty((len(kind), 0)), source)
        assert sorted(map(len, cells.members)) == [3, 10, 171, 171, 171]
        assert all(len(set(kind[each])) == 1 for each in cells.members)
        assert (cells.levels, cells.small_levels, cells.rows_in_small) == (3, 1, 3)
        assert cells.exact

    def test_neighbours_stay_within_a_level(self):
        source = np.random.default_rng(0)
        kind, c = source.integers(0, 2, 100), source.standard_normal((100, 1))
        cells = cells_of([*levels(kind, "kind"), *columns(c)], c, source)
        assert all(len(set(kind[each])) == 1 for each in cells.members)
        assert not cells.exact

    def test_means_of_orders(self):
        """Of two rows either order is as likely; of scores that are sums of a row's and a column's all are the same."""
        pair = np.array([[1.0, 5.0], [7.0, 3.0]])
        given, permuted = permuted_means([pair], 2000, np.random.default_rng(0))
        assert given == 2.0
        assert set(permuted) == {2.0, 6.0}
        assert np.mean(permuted == 2.0) == pytest.approx(0.5, abs=0.05)
        sums = np.add.outer(np.arange(4.0), np.arange(4.0) ** 2)
        given, permuted = permuted_means([sums, sums[:3, :3]], 50, np.random.default_rng(0))
        np.testing.assert_allclose(permuted, given)
