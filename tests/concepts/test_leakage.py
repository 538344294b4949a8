"""Readings of leakage: what they are made of, and that they see what is there and not what is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from mine.concepts.injected import injected, sample
from mine.concepts.leakage import (
    amount,
    as_row,
    by_critics,
    by_neighbours,
    levels,
    pointwise,
    pointwise_given,
    within,
)
from mine.concepts.relations import Relation, determines, relations
from mine.own.settings import OwnSettings

QUICK = OwnSettings(initialisations=1, hidden=16, max_updates=150, permutations=99, resamples=99, learning_rate=0.01)


def columns(leakage, rows, number=2, scenario="tabular-label"):
    s, c, w = sample(scenario, leakage, rows, number)
    return [amount(s[:, 0], "s")], [levels(c, "c")], levels(w, "w")


def test_neighbours_see_what_was_injected():
    found = by_neighbours(*columns(0.1, 5000), QUICK)
    truth = injected("tabular-label", 0.1)
    assert found.conditional == pytest.approx(0.1, abs=0.03)
    assert found.difference == pytest.approx(truth.difference, abs=0.03)
    assert found.low < 0.1 < found.high
    assert found.p_value == 0.01
    assert found.rows == 5000


def test_neighbours_see_nothing_where_nothing_is():
    found = by_neighbours(*columns(0.0, 5000), QUICK)
    assert found.p_value > 0.05
    assert abs(found.conditional) < 0.03
    # The noise on the concept takes from what it says: the difference is below 0 though nothing leaks.
    assert found.difference == pytest.approx(injected("tabular-label", 0.0).difference, abs=0.03)
    assert by_neighbours(*columns(0.0, 500), QUICK, test=False).p_value is None


def test_critics_read_all_three_on_the_same_rows():
    found = by_critics(*columns(0.1, 1500, scenario="xor-label"), QUICK)
    assert found.difference == pytest.approx(found.of_predicted - found.of_concept)
    assert found.low <= found.conditional <= found.high
    assert found.difference_low <= found.difference <= found.difference_high
    assert found.conditional == pytest.approx(0.1, abs=0.08)
    assert found.rows == 300
    assert set(as_row(found)) >= {"conditional", "p_value", "warnings", "why"}


def test_a_constant_prediction_has_no_reading_but_a_reason():
    _, c, w = columns(0.1, 500)
    assert "constant" in by_critics([amount(np.zeros(500), "s")], c, w, QUICK).why
    still = by_neighbours([levels(np.zeros(500), "s")], c, w, QUICK)
    assert (still.conditional, still.why) == (None, "the prediction is constant")


def test_hard_predictions_are_counted():
    source = np.random.default_rng(0)
    c, w = source.integers(2, size=(2, 4000))
    s = np.where(source.random(4000) < 0.3, w, c)
    found = by_neighbours([levels(s, "s")], [levels(c, "c")], levels(w, "w"), QUICK)
    assert found.of_predicted == pytest.approx(mutual_info_score(s, w))
    parts = [mutual_info_score(s[c == level], w[c == level]) * (c == level).mean() for level in (0, 1)]
    assert found.conditional == pytest.approx(sum(parts))
    assert found.p_value == 0.01
    # Where s is c itself there is nothing beyond it, and every other order does as well.
    same = by_neighbours([levels(c, "s")], [levels(c, "c")], levels(w, "w"), QUICK)
    assert (same.conditional, same.p_value) == (pytest.approx(0.0), 1.0)


def test_pointwise_information_averages_to_the_plug_in():
    s, w = np.random.default_rng(0).integers(3, size=(2, 900))
    assert pointwise(s, w).mean() == pytest.approx(mutual_info_score(s, w))
    assert pointwise_given(s, w, np.zeros(900, dtype=int)) == pytest.approx(pointwise(s, w))


def test_other_orders_stay_within_classes():
    source = np.random.default_rng(0)
    c, w = source.integers(3, size=300), np.arange(300)
    order = within(w, c, source)
    assert (order != w).any()
    assert np.array_equal(np.sort(order), w)
    assert np.array_equal(c[order], c)


def test_what_is_asked_of_concepts():
    grid = np.array([[a, b] for a in (0, 1) for b in (0, 1)])
    assert determines(grid, grid[:, 0] ^ grid[:, 1])
    assert not determines(grid[:, :1], grid[:, 0] ^ grid[:, 1])
    asked = [Relation("label", (0,), "label"), Relation("label", (1,), "label")]
    asked += [Relation("between", (0,), 1), Relation("between", (1,), 0)]
    assert list(relations(grid, grid[:, 0] ^ grid[:, 1])) == asked
    twice = np.vstack([grid, grid])
    open_label = np.repeat([0, 1], 4)
    assert list(relations(twice, open_label)) == [*asked, Relation("together", (0, 1), "label")]
    assert [each.kind for each in relations(grid[:, :1], grid[:, 1])] == ["label"]
