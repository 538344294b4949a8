"""Witnesses beside the value: when they contradict it, which is to be believed then, and that the verdict says so."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from known_data import QUICK, columns, gaussian

from mine.own.estimate import estimate, fit
from mine.own.report import verdict
from mine.own.settings import OwnSettings
from mine.own.witnesses import (
    DENSITY_RATIO,
    ERRORS,
    GAUSSIAN,
    MARGIN,
    NEIGHBOURS,
    Witness,
    all_witnesses,
    parted,
)


def value_of(value, error=0.02):
    """A value with so much of a standard error."""
    return SimpleNamespace(value=value, resampled=np.array([value]), standard_error=error)


@pytest.mark.parametrize(
    ("name", "witness", "value", "dim", "code"),
    [
        (NEIGHBOURS, 0.7, 0.5, 10, "neighbours_above"),
        (NEIGHBOURS, 0.3, 0.5, 4, "neighbours_below"),
        (NEIGHBOURS, 0.3, 0.5, 5, None),
        (NEIGHBOURS, 1.7, 2.1, 2, None),
        (GAUSSIAN, 0.7, 0.5, 10, "gaussian_above"),
        (GAUSSIAN, 0.3, 0.5, 2, None),
        (DENSITY_RATIO, 0.7, 0.5, 10, "uncalibrated"),
        (DENSITY_RATIO, 0.3, 0.5, 10, "uncalibrated"),
    ],
)
def test_each_witness_speaks_against_the_side_on_which_it_is_right(name, witness, value, dim, code):
    found = parted(value_of(value), [Witness(name, witness, 0.01)], dim)
    assert [each.code for each in found] == ([code] if code else [])
    if code:
        assert f"{witness:.2f}" in found[0].text
        assert f"{value:.2f}" in found[0].text


def test_values_part_beyond_the_errors_of_both_and_a_margin():
    def parts(gap, error, witness_error):
        return bool(parted(value_of(0.5, error), [Witness(NEIGHBOURS, 0.5 + gap, witness_error)], 10))

    edge = ERRORS * 0.05
    assert parts(edge + 1e-6, 0.04, 0.03)
    assert not parts(edge - 1e-6, 0.04, 0.03)
    assert parts(MARGIN + 1e-6, 0.0, 0.0)
    assert not parts(MARGIN - 1e-6, 0.0, 0.0)
    assert not parted(value_of(math.nan), [Witness(NEIGHBOURS, 1.0, 0.01)], 2)
    assert not parted(value_of(0.5), [Witness(NEIGHBOURS, None, None, "levels")], 2)


def made(x, z, **settings):
    x, z = columns(x), columns(z, "z")
    return estimate(fit(x, z, OwnSettings(**{**QUICK, "initialisations": 1, **settings})), x, z)


def test_of_a_critic_that_learned_too_little_the_verdict_believes_the_witnesses():
    x, z = gaussian(1500, 1, 0.9)
    truth = -0.5 * math.log1p(-0.81)
    result = made(x, z, known="none", max_updates=25)
    assert {"neighbours_above", "gaussian_above"} <= {each.code for each in result.warnings}
    said = verdict(result)
    assert said.endswith("but nearest neighbours show and a Gaussian copula shows more, which is the better guess.")
    assert f"{result.mi:.2f} nats" in said
    for each in result.witnesses[:2]:
        assert abs(each.value - truth) < 0.1 < abs(result.mi - truth)


def test_where_witnesses_are_known_to_be_too_low_they_say_nothing():
    """Of x^2 there is no correlation; in twenty columns neighbours are far apart."""
    x, noise = np.random.default_rng(0).standard_normal((2, 800, 1))
    of_square = made(x, x**2 + 0.5 * noise, learning_rate=5e-3)
    of_many = made(*gaussian(800, 10, 0.5), max_updates=50)
    assert of_square.witnesses[1].value < 0.1 < 0.4 < of_square.mi
    assert of_many.witnesses[0].value < 0.8 < of_many.mi
    for each in (of_square, of_many):
        assert not {"neighbours_above", "neighbours_below", "gaussian_above"} & {one.code for one in each.warnings}
        assert "better guess" not in verdict(each)


@pytest.fixture(scope="module")
def plain():
    return made(*gaussian(600, 1, 0.8))


@pytest.mark.parametrize(
    ("codes", "changed", "said"),
    [
        (["neighbours_above"], {}, "but nearest neighbours show more, which is the better guess."),
        (["gaussian_above", "neighbours_below"], {}, "but a Gaussian copula shows more, which is the better guess."),
        (["neighbours_below"], {}, "but nearest neighbours show less, so that it may be too high."),
        (["gaussian_above"], {"p_value": 0.3}, "p = 0.3), but a Gaussian copula shows more"),
        (["neighbours_below"], {"p_value": 0.3}, "no proof of independence"),
        (["neighbours_above"], {"interval": (-0.1, 0.6)}, "reaches zero, and nearest neighbours show more"),
        (["uncalibrated", "neighbours_above"], {}, "do not take the value at its word"),
        ([], {}, "a better critic may show more."),
        (["overfitting"], {}, "; likely too low, more rows would show more."),
        (["maybe_names"], {}, "; a better critic may show more, and so may --discrete: see the warnings."),
        (["maybe_names"], {"p_value": 0.3}, "may find some, and so may --discrete: see the warnings."),
    ],
)
def test_the_verdict_says_which_to_believe(plain, codes, changed, said):
    warnings = tuple(SimpleNamespace(code=code, text="") for code in codes)
    assert said in verdict(replace(plain, warnings=warnings, **changed))


def test_witnesses_are_near_the_truth_and_levels_have_none():
    x, z = gaussian(1500, 1, 0.8)
    rows = np.split(np.arange(1500), [900, 1200])
    found = {each.name: each for each in all_witnesses((x, z), 2, rows, None)}
    for name in (NEIGHBOURS, GAUSSIAN):
        assert found[name].value == pytest.approx(-0.5 * math.log1p(-0.64), abs=4 * found[name].error)
    none = all_witnesses((x, np.empty((1500, 0))), 3, rows, None)
    assert [each.value for each in none] == [None, None]
    assert all(each.why for each in none)


def test_what_neither_is_right_about_has_no_witness():
    """Rows that belong together, near copies, and values that many rows share: there both can be far too high."""
    x, z = gaussian(600, 1, 0.8)
    rows = np.split(np.arange(600), [360, 480])
    of_groups = all_witnesses((x, z), 2, rows, None, independent=False)
    of_copies = all_witnesses((x, z), 2, rows, None, copies=True)
    of_binary = all_witnesses((np.sign(x), np.sign(z)), 2, rows, None)
    of_atom = all_witnesses((np.maximum(x, 0.5), z), 2, rows, None)
    assert [each.value is None for each in of_groups] == [True, True]
    assert [each.value is None for each in of_copies] == [True, False]
    for found in (of_binary, of_atom):
        assert {each.name: each.value for each in found}[GAUSSIAN] is None
    assert all(each.why for each in (*of_groups, of_copies[0], *of_binary))


def test_groups_that_resemble_themselves_only_are_not_overruled():
    source = np.random.default_rng(100)
    subject = np.repeat(np.arange(50), 20)
    x, z = (source.normal(size=50)[subject] + 0.3 * source.normal(size=1000) for _ in range(2))
    x, z = columns(x[:, None]), columns(z[:, None], "z")
    found = estimate(fit(x, z, OwnSettings(**{**QUICK, "initialisations": 1}), groups=subject), x, z)
    assert found.p_value > 0.05
    assert "better guess" not in verdict(found)
