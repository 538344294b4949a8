"""The scale of each column: normal scores, what they cannot tell apart, and what they do for an estimate."""

from __future__ import annotations

import numpy as np
import pytest
from known_data import QUICK, columns, gaussian
from scipy.stats import norm, rankdata

from mine.errors import UserError
from mine.own.columns import column
from mine.own.estimate import estimate, estimate_new, fit
from mine.own.marginals import Scores, Side, clamping, odd_columns
from mine.own.settings import OwnSettings


def test_scores_are_normal_quantiles_of_average_ranks():
    values = np.array([3.0, 1.0, 3.0, 2.0, 9.0, 3.0])
    np.testing.assert_allclose(Scores.of(values)(values), norm.ppf((rankdata(values) - 0.5) / 6), atol=1e-12)


def test_other_rows_lie_between_their_neighbours_or_at_the_end():
    scores = Scores.of(np.array([0.0, 1.0, 3.0]))
    low, middle, high = norm.ppf([1 / 6, 1 / 2, 5 / 6])
    found = scores(np.array([-1e308, 0.5, 2.0, 1e308]))
    np.testing.assert_allclose(found, [low, (low + middle) / 2, (middle + high) / 2, high], atol=1e-12)
    assert scores.outside(np.array([-1.0, 0.0, 2.0, 3.0, 4.0])).tolist() == [True, False, False, False, True]
    # Values at the two ends of float64's range have no finite difference.
    assert Scores.of(np.array([-1.7e308, 1.7e308]))(np.array([0.0]))[0] == pytest.approx(0.0, abs=1e-12)
    # Nor has the slope between neighbours near the smallest number.
    found = Scores.of(np.array([0.0, 1e-310, 3e-310]))(np.array([0.0, 5e-311, 2e-310, 1.0]))
    np.testing.assert_allclose(found, [low, (low + middle) / 2, (middle + high) / 2, high], atol=1e-9)


def test_levels_stay_and_each_kind_has_its_scale():
    amounts = np.random.default_rng(0).lognormal(2.0, 1.0, 500)
    both = [column("a", amounts, discrete=False), column("k", np.arange(500) % 2, discrete=True)]
    rows = np.arange(300)
    scored, standard, plain = (Side.of(both, rows, kind)(both) for kind in ("normal-scores", "standardise", "none"))
    assert (scored[:, 1:] == standard[:, 1:]).all()
    assert (scored[:, 1:] == plain[:, 1:]).all()
    np.testing.assert_allclose(plain[:, 0], amounts, rtol=1e-6)
    np.testing.assert_allclose(
        standard[:300, 0], (amounts[:300] - amounts[:300].mean()) / amounts[:300].std(), atol=1e-4
    )
    assert (np.argsort(scored[:300, 0]) == np.argsort(amounts[:300])).all()
    assert np.abs(scored[:, 0]).max() < 4.0


def test_a_value_that_float32_does_not_have_is_refused():
    side = [column("a", np.r_[1e300, np.arange(99.0)], discrete=False)]
    with pytest.raises(UserError, match=r"'a': a value is beyond 3.4e.38.*normal-scores"):
        Side.of(side, np.arange(100), "none")(side)


def test_clamping_is_counted_by_rows_and_warned_of_beyond_chance():
    source = np.random.default_rng(1)
    x, z = columns(source.standard_normal((2000, 10))), columns(source.standard_normal((2000, 10)), "z")
    training, test = np.arange(1000), np.arange(1000, 2000)
    sides = [Side.of(each, training, "normal-scores") for each in (x, z)]
    beyond = np.zeros(1000, dtype=bool)
    for each in (*x, *z):
        low, high = each.values[training].min(), each.values[training].max()
        beyond |= (each.values[test] < low) | (each.values[test] > high)
    share, warned = clamping(sides, (x, z), test)
    assert share == beyond.mean() > 0.0
    assert warned == []
    drifted = columns(source.standard_normal((2000, 10)) + 2.0)
    share, warned = clamping(sides, (drifted, z), test)
    assert [each.code for each in warned] == ["clamped"]
    assert share > 0.1


def test_columns_of_few_values_or_a_big_atom_are_said_in_one_sentence_each():
    source = np.random.default_rng(2)
    grades = [column(f"g{place}", source.integers(1, 6, 200), discrete=False) for place in range(6)]
    rain = column("rain", np.where(source.random(200) < 0.5, 0.0, source.exponential(size=200)), discrete=False)
    fine = columns(source.standard_normal((200, 2)))
    two, levels = column("two", np.arange(200) % 2, discrete=False), column("l", np.arange(200) % 3, discrete=True)
    warned = odd_columns([*grades, rain, *fine, two, levels], np.arange(200))
    assert [each.code for each in warned] == ["few_values", "big_atom"]
    assert "'g0', 'g1', 'g2', 'g3' and 2 more" in warned[0].text
    assert "'rain' is 0 in" in warned[1].text


@pytest.fixture(scope="module")
def plain():
    x, z = gaussian(1000, 1, 0.8)
    return value(x, z), x, z


def value(x, z, **settings):
    x, z = columns(x), columns(z, "z")
    return estimate(fit(x, z, OwnSettings(**{**QUICK, **settings})), x, z)


def test_a_monotone_map_of_a_column_changes_nothing(plain):
    known, x, z = plain
    assert value(np.exp(3.0 * x), z**3).mi == pytest.approx(known.mi, abs=0.01)
    assert abs(value(np.exp(3.0 * x), z**3, marginals="standardise").mi - known.mi) > 0.02


def test_a_far_out_value_and_heavy_tails_do_not_matter(plain):
    known, x, z = plain
    far = x.copy()
    far[:2] = [[1e12], [-1e300]]
    assert value(far, z).mi == pytest.approx(known.mi, abs=0.03)
    # Student with one degree of freedom and independent columns: 0.22 nats, by a shared scale.
    source = np.random.default_rng(3)
    found = value(*(source.standard_normal((2, 1000, 1)) / np.abs(source.standard_normal((1000, 1)))))
    assert -0.05 < found.mi < 0.3


def test_new_rows_of_another_law_are_said_to_be_clamped(plain):
    _, x, z = plain
    fitted = fit(columns(x), columns(z, "z"), OwnSettings(**QUICK))
    moved = estimate_new(fitted, columns(x + 3.0), columns(z, "z"))
    assert moved.clamped > 0.2
    assert "clamped" in {each.code for each in moved.warnings}
    assert estimate_new(fitted, columns(x), columns(z, "z")).clamped < 0.02
