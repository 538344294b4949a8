"""The published numbers, and how far anything is from them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine import writeup
from mine.writeup.targets import LARGEST, Target, difference, distance, measure, targets

PUBLISHED = {target: target.value for target in targets()}


def value_of(variant, rho, name):
    (value,) = (t.value for t in targets() if (t.variant, t.rho, t.name) == (variant, rho, name))
    return value


@pytest.mark.parametrize(
    ("variant", "rho", "quarters"),
    [
        ("ema", 0.85, (1.07, 1.26, 1.37, 1.48)),
        ("ema", 0.9, (1.39, 1.62, 1.70, 1.75)),
        ("ema", 0.95, (1.63, 1.86, 1.95, 2.08)),
        ("ema", 0.99, (2.48, 2.79, 2.74, 2.90)),
        ("biased", 0.85, (1.13, 1.29, 1.33, 1.44)),
        ("biased", 0.9, (1.49, 1.68, 1.71, 1.75)),
    ],
)
def test_quarters_of_the_published_trend(variant, rho, quarters):
    found = [value_of(variant, rho, f"trend_{quarter}") for quarter in (1, 2, 3, 4)]
    np.testing.assert_allclose(found, quarters, atol=0.03)


def test_published_ends_and_norms():
    ends = {t.rho: t.value for t in targets() if t.group == "end"}
    assert ends == {0.85: math.inf, 0.9: math.inf, 0.95: 156, 0.99: 33}
    assert value_of("biased", 0.99, "norm_max") == pytest.approx(103, rel=0.03)
    assert value_of("ema", 0.99, "norm_mean") == pytest.approx(2.7, rel=0.03)
    # No trend of a quarter that the published run did not finish.
    assert not [t for t in targets() if t.variant == "biased" and t.rho == 0.99 and t.group == "trend"]


def test_the_published_trend_stops_a_kernel_before_the_published_end():
    table = writeup.trend()
    for rho, last in writeup.LAST_EPOCH.items():
        if last is not None:
            drawn = table[(table["variant"] == "biased") & (table["rho"] == rho)]["epoch"].max()
            assert drawn <= last - 4 * writeup.SIGMA <= drawn + 2


def test_the_published_is_at_no_distance_from_itself():
    assert distance(PUBLISHED) == 0.0
    assert distance(PUBLISHED, PUBLISHED) == 0.0


@given(st.dictionaries(st.sampled_from(targets()), st.floats(0.01, 1e3) | st.just(math.nan), min_size=1))
def test_a_distance_lies_between_none_and_the_largest_and_does_not_ask_for_order(values):
    found = distance(values)
    assert 0.0 <= found <= LARGEST
    assert distance(dict(reversed(values.items()))) == pytest.approx(found)


@given(st.sampled_from(targets()), st.floats(0.01, 1e3), st.floats(0.01, 1e3))
def test_a_difference_has_no_direction(target, one, other):
    assert difference(target, one, other) == pytest.approx(difference(target, other, one))
    assert difference(target, one, one) == 0.0


def test_a_run_is_measured_up_to_its_first_value_that_is_no_number():
    of = (
        Target("biased", 0.95, "end", "end", 156),
        Target("biased", 0.95, "trend", "trend_1", 2.0, 0, 125),
        Target("biased", 0.95, "trend", "trend_2", 2.0, 125, 250),
        Target("biased", 0.95, "norm", "norm_max", 67.5),
    )
    points = np.concatenate([np.full(100, 1.5), [np.nan], np.full(20, 9.0)])
    found = {target.name: value for target, value in measure(points, {"max": 7.0}, of).items()}
    assert found["end"] == 99
    assert found["trend_1"] == 1.5
    assert math.isnan(found["trend_2"])
    assert found["norm_max"] == 7.0
    assert measure(points[:100], {"max": 7.0}, of)[of[0]] == math.inf
