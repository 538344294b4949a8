"""Which published numbers runs give again: counted right, said right, by every reading."""

from __future__ import annotations

import math

import numpy as np
import pytest
from writeup_tables import make_epochs

from mine.errors import UserError
from mine.writeup.agreement import (
    Reading,
    agreement,
    coverage,
    extremes,
    markdown,
    norms_of,
    points_of,
    runs_of,
    sentences,
    values,
)
from mine.writeup.targets import targets


@pytest.fixture(scope="module")
def epochs():
    return make_epochs()


@pytest.fixture(scope="module")
def table(epochs):
    return agreement(epochs)


def row_of(table, variant, rho, name):
    (row,) = table[(table["variant"] == variant) & (table["rho"] == rho) & (table["name"] == name)].to_dict("records")
    return row


def test_runs_about_the_published_lines_give_every_number_again(table):
    assert len(table) == len(targets())
    assert table["published"].tolist() == [target.value for target in targets()]
    assert table["inside"].all(), table[~table["inside"]]
    assert set(table["n_runs"]) == {5}
    assert sentences(table)[0].startswith("61 of 61 published numbers lie within the runs' range (biased 29 of 29")


def test_other_numbers_lie_outside_and_the_sentences_say_which():
    table = agreement(make_epochs(shift=1.0, norm_factor=10.0, ends={0.99: 60}))
    inside = table.groupby("group")["inside"].sum().to_dict()
    assert inside == {"end": 2, "norm": 0, "spread": 8, "trend": 0}
    said = sentences(table)
    assert said[0] == f"10 of {len(table)} published numbers lie within the runs' range (biased 6 of 29, EMA 4 of 32)."
    assert said[1] == "End: 2 of 4 inside; outside are biased 0.95; biased 0.99."
    assert "EMA 0.99 (min, mean, max)" in said[-1]
    row = row_of(table, "ema", 0.99, "trend_1")
    assert row["published"] == pytest.approx(2.48, abs=0.03)
    assert row["sentence"].startswith(
        "EMA at ρ = 0.99: mean of the trend's first quarter 2.47 nats in the picture, 3.4"
    )
    assert row["sentence"].endswith("in 5 runs: published lies below.")


def test_inside_is_between_smallest_and_largest_give_or_take_the_reading_error(epochs):
    found = values(epochs)
    trend = found[(found["variant"] == "ema") & (found["rho"] == 0.9) & (found["name"] == "trend_2")]["value"]
    published = next(t.value for t in targets() if (t.variant, t.rho, t.name) == ("ema", 0.9, "trend_2"))
    for gap, inside in ((-0.02, True), (0.02, True), (-0.04, False), (0.04, False)):
        # All runs to one side of the published value, the nearest this far from it.
        away = published - trend.max() + gap if gap < 0 else published - trend.min() + gap
        moved = epochs.assign(mi_mean=epochs["mi_mean"] + away)
        row = row_of(agreement(moved), "ema", 0.9, "trend_2")
        assert row["inside"] is inside, gap
        assert row["min"] == pytest.approx(trend.min() + away)
        assert row["low"] == pytest.approx(np.quantile(trend + away, 0.025))
        assert row["median"] == pytest.approx((trend + away).median())


def test_an_end_is_the_last_finite_epoch_and_never_is_later_than_any(table):
    row = row_of(table, "biased", 0.99, "end")
    # Seed by seed one epoch later, the middle one where the picture's is.
    assert (row["min"], row["median"], row["max"]) == (31.0, 33.0, 35.0)
    never = row_of(table, "biased", 0.85, "end")
    assert math.isinf(never["published"])
    assert math.isinf(never["max"])
    assert "end never in the picture, never in 5 runs: published lies within" in never["sentence"]
    some = agreement(make_epochs(ends={0.85: 100}, seeds=3))
    lost = row_of(some, "biased", 0.85, "end")
    assert not lost["inside"]
    assert lost["sentence"].endswith("end never in the picture, epoch 100 (99–101) in 3 runs: published lies above.")
    # Runs that ended have no later trend, and are not left out of the count.
    gone = row_of(some, "biased", 0.85, "trend_4")
    assert (gone["n_runs"], gone["n_values"], gone["inside"]) == (3, 0, False)
    assert gone["sentence"].endswith("no run of 3 has one.")


def test_a_gradient_that_ends_a_run_ends_its_line(epochs):
    (run, *_) = runs_of(epochs, variant="ema", rho=0.9)
    run = run.assign(grad_norm_last=np.where(run["epoch"] == 40, np.inf, run["grad_norm_last"]))
    assert np.isnan(points_of(run)).argmax() == 40


def test_readings(epochs):
    (run, *_) = runs_of(epochs, variant="ema", rho=0.9)
    by_v = points_of(run, Reading(by_v=True))
    np.testing.assert_allclose(by_v, points_of(run) + 0.5)
    (biased, *_) = runs_of(epochs, variant="biased", rho=0.9)
    np.testing.assert_array_equal(points_of(biased, Reading(by_v=True)), points_of(biased))
    means, updates = (extremes(norms_of(run, Reading(norm=norm))) for norm in ("mean", "update"))
    assert updates["max"] == pytest.approx(2.0 * means["max"])
    assert updates["min"] == pytest.approx(0.5 * means["min"])
    assert updates["mean"] == means["mean"]
    with pytest.raises(UserError, match="unclipped"):
        norms_of(run, Reading(norm="unclipped"))
    with pytest.raises(UserError, match="median"):
        Reading(point="median")


def test_shorter_runs_are_held_against_what_they_got_to():
    table = agreement(make_epochs(epochs=120, seeds=2))
    assert set(table[table["group"] == "trend"]["name"]) == {"trend_1"}
    end = row_of(table, "biased", 0.95, "end")
    assert math.isinf(end["published"])
    assert end["inside"]


def test_one_run_covers_nothing_and_forty_cover_95_percent():
    assert coverage(1) == 0.0
    assert coverage(39) == 0.95
    assert round(coverage(40), 3) == 0.951


def test_markdown_has_a_row_a_number(table):
    lines = markdown(table).splitlines()
    assert len(lines) == 2 + len(table)
    assert {line.count("|") for line in lines} == {9}
    assert "| biased | 0.99 | end | epoch 33 | epoch 33 | 31–35 | 5 | yes |" in lines


def test_what_cannot_be_held_against_the_pictures_is_refused(epochs):
    with pytest.raises(UserError, match="mi_last"):
        agreement(epochs.drop(columns="mi_last"))
    with pytest.raises(UserError, match="d = 2"):
        agreement(epochs.assign(dim=5))
    with pytest.raises(UserError, match="unknown"):
        agreement(epochs, setting="none")
    with pytest.raises(UserError, match="name one of a, b"):
        agreement(make_epochs(settings=("a", "b"), seeds=1, epochs=20, rhos=(0.9,)))
