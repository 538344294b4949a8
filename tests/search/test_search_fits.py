"""Ranking, testing and Holm's correction, on made runs whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from made_runs import made_runs, table

from mine.search import fits
from mine.search.fits import FAMILY, Candidate, Judgement, Reading, judge, published, ranked, vectors, winner
from mine.search.space import SPACE, Setting
from mine.statistics import holm
from mine.writeup.targets import distance, targets

BASE = Setting(data=500, batch_size=20, hidden=32)
EMA = replace(BASE, ema_rate=0.1)
READING = Reading("mean", False, "update")
JUDGES = range(100, 140)


def candidate(setting=EMA, reading=READING):
    return Candidate(setting.of_biased.name, setting.name, reading, True, 0.0)


@pytest.fixture(scope="module")
def forty():
    """Forty runs that scatter about the published numbers."""
    return table(made_runs("judged", EMA, JUDGES, scatter=0.3))


def test_the_published_numbers_are_no_distance_from_themselves():
    assert distance(published()) == 0.0
    assert set(published()) == set(targets())
    moved = {target: value + 1.0 if target.group == "trend" else value for target, value in published().items()}
    assert distance(moved) > 1.0


@pytest.mark.parametrize("variant", ["biased", "ema"])
def test_an_exact_run_ranks_first_and_the_farthest_last(variant):
    others = [replace(EMA, learning_rate=rate) for rate in SPACE["learning_rate"] if rate != EMA.learning_rate]
    parts = [made_runs("full", other, (0, 1), off=0.1 * place) for place, other in enumerate(others, start=2)]
    table_of = ranked(table(*parts, made_runs("full", EMA, (0, 1))), variant)
    named = {setting: setting.name if variant == "ema" else setting.of_biased.name for setting in (EMA, *others)}
    assert table_of.iloc[0]["setting"] == named[EMA]
    assert table_of.iloc[0]["distance"] == 0.0
    assert table_of.iloc[-1]["setting"] == named[others[-1]]
    assert table_of["setting"].drop_duplicates().tolist() == list(named.values())
    assert set(table_of["rhos"]) == {4}
    assert set(table_of["seeds"]) == {2}
    assert set(table_of["by_v"]) == ({False} if variant == "biased" else {False, True})
    assert "unclipped" not in set(table_of["norm"])


def test_a_ranking_is_the_mean_of_the_distances_of_runs():
    runs = table(made_runs("full", EMA, (0, 1, 2), scatter=0.5))
    first = ranked(runs, "ema")
    for reading in (READING, Reading("last", True, "mean")):
        by_hand = [
            distance(reading.values(row, "ema", row["rho"], row["epochs"]))
            for row in runs[runs["variant"] == "ema"].to_dict("records")
        ]
        keep = (first["point"] == reading.point) & (first["by_v"] == reading.by_v) & (first["norm"] == reading.norm)
        assert first.loc[keep, "distance"].item() == pytest.approx(sum(by_hand) / len(by_hand))


def test_the_longest_of_several_runs_counts():
    runs = table(made_runs("early", EMA, (0,), epochs=60, off=1.0), made_runs("full", EMA, (0,)))
    assert ranked(runs, "ema").iloc[0]["distance"] == 0.0


def test_runs_about_the_published_numbers_are_compatible_and_shifted_ones_are_not(forty):
    (good,) = judge([candidate()], forty)
    assert good.compatible
    assert good.p > FAMILY
    assert len(good.runs) == 40
    (bad,) = judge([candidate()], table(made_runs("judged", EMA, JUDGES, off=1.0, scatter=0.1)))
    assert not bad.compatible
    assert bad.p == 1 / 41
    assert bad.distance > max(bad.runs)


def test_a_published_run_that_no_run_resembles_turns_the_verdict(forty, monkeypatch):
    monkeypatch.setattr(fits, "published", lambda: dict.fromkeys(targets(), 1000000.0))
    (turned,) = judge([candidate()], forty)
    assert not turned.compatible
    assert turned.p == 1 / 41


def test_p_is_the_share_of_runs_at_least_as_far(forty):
    (one,) = judge([candidate()], forty)
    of_seeds = list(vectors(forty, candidate()).values())
    away = [distance(run, fits.centre([other for other in of_seeds if other is not run])) for run in of_seeds]
    assert one.runs == pytest.approx(away)
    assert one.distance == pytest.approx(distance(published(), fits.centre(of_seeds)))
    assert one.p == (1 + sum(each >= one.distance for each in away)) / 41


def test_a_seed_without_all_eight_runs_is_left_out(forty):
    lost = forty.drop(index=forty[(forty["seed"] == 105) & (forty["rho"] == 0.9) & (forty["variant"] == "ema")].index)
    assert set(vectors(lost, candidate())) == set(JUDGES) - {105}


def test_what_a_run_lacks_is_above_all_others():
    (target,) = [t for t in targets() if (t.variant, t.rho, t.name) == ("biased", 0.85, "trend_4")]
    middle = fits.centre([{target: value} for value in (1.0, math.nan, 2.0)])
    assert middle[target] == 2.0
    assert math.isnan(fits.centre([{target: math.nan}, {target: math.nan}, {target: 1.0}])[target])


def test_the_family_s_level_can_reject_all_ten_and_the_customary_one_none():
    shifted = [
        replace(EMA, learning_rate=rate, optimizer=name)
        for rate in SPACE["learning_rate"][:5]
        for name in SPACE["optimizer"]
    ]
    runs = table(*(made_runs("judged", setting, JUDGES, off=1.0, scatter=0.05) for setting in shifted))
    found = judge([candidate(setting) for setting in shifted], runs)
    assert len(found) == 10
    assert {one.p for one in found} == {1 / 41}
    assert not any(one.compatible for one in found)
    assert 10 / 41 - 0.001 < min(holm([one.p for one in found])) <= FAMILY, "a smaller level would do"


def test_the_winner_is_compatible_with_the_largest_p_else_the_nearest():
    def one(p, away, compatible):
        return Judgement(candidate(), away, (), p, compatible)

    far, likely, near = one(0.3, 5.0, True), one(0.9, 4.0, True), one(0.01, 1.0, False)
    assert winner([far, likely, near]) is likely
    tied = one(0.9, 3.0, True)
    assert winner([likely, tied, near]) is tied
    assert winner([near, replace(near, distance=2.0)]) is near
