"""Bias of the batch gradient against the batch size: medians, the exponent in the title, what lies below 0."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import lines, make_bias, make_directions, panels, title, words

from mine.errors import UserError
from mine.figures import FIGURES
from mine.figures.bias_against_batch import slope
from mine.figures.spreads import Spread

FIRST = "d = 5, ρ = 0.85, after 100 updates"


@pytest.fixture(scope="module")
def bias():
    return make_bias(seeds=6)


@pytest.fixture(scope="module")
def directions(bias):
    return make_directions(bias)


def draw_bias(bias, directions=None, *, render=False):
    given = {"bias": bias, "directions": make_directions(bias) if directions is None else directions}
    drawn = FIGURES["bias_against_batch"].draw(given)
    if render:
        drawn.draw_without_rendering()
    return drawn


def test_bias_is_the_median_over_seeds_relative_to_the_true_gradient(bias, directions):
    drawn = draw_bias(bias, directions)
    assert len(panels(drawn)) == 6
    axes = panels(drawn)[FIRST]
    rows = bias.query("rho == 0.85 and step == 100 and estimator == 'biased'")
    for scheme in ("independent", "permutation"):
        part = rows[rows["scheme"] == scheme]
        ratio = np.sqrt((part["bias_squared"] / part["reference_squared"]).clip(lower=0))
        expected = ratio.groupby(part["batch_size"]).median().to_numpy()
        (line,) = lines(axes, f"line:{scheme}")
        np.testing.assert_allclose(line.get_ydata(), expected)
    (inverse,) = lines(axes, "inverse")
    x, y = inverse.get_xdata(), inverse.get_ydata()
    np.testing.assert_allclose(x * y, x[0] * y[0])
    part = rows[(rows["scheme"] == "independent") & (rows["batch_size"] == 128)]
    np.testing.assert_allclose(x[0] * y[0] / 128, np.sqrt(part["bias_squared"] / part["reference_squared"]).median())
    assert "n = 6 seeds a panel" in words(drawn)


@pytest.mark.parametrize(
    ("exponent", "said"), [(-1.0, "falls with the batch size: exponent −1.0"), (0.5, "grows with the batch size")]
)
def test_the_title_has_the_exponent_of_the_data(exponent, said):
    assert said in title(draw_bias(make_bias(exponent=exponent, seeds=5, noise=0.02)))


def test_taylor_stands_beside_the_measurement_in_its_own_direction(bias):
    near, far = (draw_bias(bias, make_directions(bias, factor=factor)) for factor in (1.0, 3.0))
    assert "0.8 to 1.25 times the Taylor prediction's at 42 of 42 panels" in words(near)
    assert "0.8 to 1.25 times the Taylor prediction's at 0 of 42 panels" in words(far)
    (line,) = lines(panels(near)[FIRST], "line:taylor")
    assert np.all(np.array(line.get_ydata()) > 0)
    against = draw_bias(bias, make_directions(bias, factor=-1.0))
    assert "252 of 504 values at or below 0" in words(against)
    assert not lines(panels(against)[FIRST], "point:along")


def test_no_squared_bias_below_zero_vanishes_silently(bias):
    below = bias.copy()
    large = below["batch_size"] == 1024
    below.loc[large & (below["seed"] < 4), "bias_squared"] = -1e-6
    largest = below["batch_size"] == 512
    below.loc[largest, "bias_squared"] = -1e-6
    drawn = draw_bias(below, render=True)
    axes = panels(drawn)[FIRST]
    # The upper quartile at 1,024 is above 0 and stands as a limit; at 512 nothing is.
    assert len(lines(axes, "limit:independent")) == 1
    assert lines(axes, "limit:independent")[0].get_marker() == "v"
    counted = int((below.query("estimator == 'biased'")["bias_squared"] <= 0).sum())
    assert f"{counted} of 504 squares at or below 0 (they stay in medians and quartiles)" in words(drawn)
    every = list(panels(drawn).values())
    limits = sum(len(lines(one, f"limit:{scheme}")) for one in every for scheme in ("independent", "permutation"))
    points = sum(len(lines(one, f"point:{scheme}")) for one in every for scheme in ("independent", "permutation"))
    assert f"▼: upper quartile where the median is at or below 0 ({limits} points)" in words(drawn)
    # Six panels, two schemes, seven batch sizes: what is not drawn is counted too.
    assert f"nothing drawn at {84 - limits - points} points" in words(drawn)


def test_a_reference_of_few_samples_is_hollow_and_enters_no_word(bias):
    drawn = draw_bias(bias.assign(ess=400.0))
    assert "cannot be told" in title(drawn)
    axes = panels(drawn)[FIRST]
    assert not lines(axes, "point:independent")
    assert {line.get_markerfacecolor() for line in lines(axes, "low-ess:independent")} == {"white"}
    assert "effective sample size of the reference under 1,000" in words(drawn)


def test_too_few_seeds_decide_nothing():
    assert title(draw_bias(make_bias(seeds=2))).endswith("2 seeds: nothing is decided")
    assert title(draw_bias(make_bias(seeds=1), render=True)).endswith("1 seed: nothing is decided")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_bias_without_a_usable_number_is_drawn_and_counted(bias, value):
    drawn = draw_bias(bias.assign(bias_squared=value), render=True)
    assert "cannot be told" in title(drawn)
    said = words(drawn)
    assert ("504 that are not numbers left out" if not np.isfinite(value) else "504 of 504 squares") in said


def test_without_directions_the_caption_says_so(bias, directions):
    drawn = draw_bias(bias, directions[directions["direction"] != "true gradient"])
    assert "no Taylor prediction is drawn" in words(drawn)
    assert not lines(panels(drawn)[FIRST], "line:taylor")


def test_a_partial_grid_is_drawn(bias, directions):
    partial = bias[~((bias["rho"] == 0.95) & (bias["step"] == 3000))]
    assert len(panels(draw_bias(partial, directions, render=True))) == 5


def test_signed_spread():
    spread = Spread.of(np.array([-1.0, 0.0, 2.0, np.nan, np.inf]), np.array([9.0, 9.0, 9.0, 5000.0, 5000.0]))
    assert (spread.median, spread.count, spread.lost, spread.below, spread.low_ess) == (0.0, 3, 2, 2, True)
    assert slope([1, 10, 100], [5.0, 0.5, -1.0]) == pytest.approx(-1.0)
    assert np.isnan(slope([1, 10], [5.0, -1.0]))


@pytest.mark.parametrize(("table", "column"), [("bias", "reference_squared"), ("directions", "taylor")])
def test_a_missing_column_is_named(bias, directions, table, column):
    tables = {"bias": bias, "directions": directions}
    with pytest.raises(UserError, match=f"table '{table}': column '{column}' is missing"):
        FIGURES["bias_against_batch"].draw({**tables, table: tables[table].drop(columns=column)})
