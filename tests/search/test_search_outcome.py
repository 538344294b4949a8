"""What is tabulated of a search: its verdicts follow from the runs that judge, and its numbers are the runs'."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_runs import TINY, made_runs, table

from mine.errors import UserError
from mine.search import fits, outcome
from mine.search.fits import judge, vectors, winner
from mine.search.space import Setting, departures, neighbours, plausible
from mine.search.stages import settings_of
from mine.writeup import RHOS
from mine.writeup.targets import targets

BASE = Setting(data=500, batch_size=20, hidden=32, ema_rate=0.1)
OTHER = replace(BASE, learning_rate=0.002)
SEEDS, JUDGES = (0, 1), range(100, 105)


def made_search(epochs=500):
    """A finished search: BASE about the published numbers, OTHER and the departures off."""
    near = dict.fromkeys(near for _, near in neighbours(BASE))
    departed = list(departures(BASE))
    parts = [
        *(
            made_runs(stage, setting, SEEDS, [variant], epochs=epochs, off=off)
            for stage, variant in (("biased_rest", "biased"), ("ema_rest", "ema"))
            for setting, off in ((BASE, 0.0), (OTHER, 0.5))
        ),
        *(made_runs("neighbours", setting, SEEDS, epochs=epochs, off=0.2) for setting in near if setting != OTHER),
        *(made_runs("departures", setting, SEEDS, epochs=epochs, off=0.3) for setting in departed),
    ]
    for stage, settings in (("judged", [BASE, *near]), ("departures_judged", departed)):
        parts += [made_runs(stage, one, JUDGES, epochs=epochs, scatter=0.3) for one in settings]
    parts += [
        made_runs("plausible", setting, (300,), epochs=epochs)
        for setting in (replace(p, ema_rate=0.1) for p in plausible(2))
    ]
    return table(*parts).drop_duplicates(["stage", "setting", "variant", "rho", "seed"], ignore_index=True)


@pytest.fixture(scope="module")
def runs():
    return made_search()


@pytest.fixture(scope="module")
def found(runs):
    return outcome.judgements(TINY, runs)


def test_candidates_of_algorithm_1_and_departures_are_tested_apart(found):
    assert {code: len(of_code) for code, of_code in found.items()} == {
        outcome.UNDEPARTED: TINY.judged,
        outcome.DEPARTED: TINY.departures_judged,
    }
    first = found[outcome.UNDEPARTED][0].candidate
    assert (first.biased, first.ema) == (BASE.of_biased.name, BASE.name)


def test_the_judged_table_has_the_winner_once_and_its_settings(found, runs):
    judged = outcome.judged_table(found, settings_of(runs), 500)
    assert len(judged) == 2 * (TINY.judged + TINY.departures_judged)
    won = judged[judged["winner"]]
    assert won["variant"].tolist() == ["biased", "ema"]
    assert set(won["code"]) == {outcome.UNDEPARTED}
    first = winner(found[outcome.UNDEPARTED])
    assert set(won["p"]) == {first.p}
    assert (won["distance_of_runs_max"] >= won["distance_of_runs_median"]).all()
    by_name = settings_of(runs)
    for row in won.to_dict("records"):
        setting = by_name[getattr(first.candidate, row["variant"])]
        assert row["options"] == setting.command(500)
        assert (row["hidden"], row["learning_rate"]) == (setting.hidden, setting.learning_rate)


def test_verdicts_follow_from_the_published_runs_alone(found, runs):
    kept = outcome.judging(runs)
    assert set(kept["stage"]) == {"judged", "departures_judged"}
    for of_code in found.values():
        assert judge([one.candidate for one in of_code], kept) == of_code


def test_numbers_are_those_of_the_candidates_runs(found, runs):
    numbers = outcome.numbers_table(found, runs, 500)
    assert len(numbers) == 61 * 3
    here = numbers[(numbers["code"] == outcome.UNDEPARTED) & (numbers["candidate"] == 1)]
    of_seeds = vectors(runs[runs["stage"] == "judged"], found[outcome.UNDEPARTED][0].candidate)
    assert len(of_seeds) == len(JUDGES)
    for target, row in zip(targets(), here.to_dict("records"), strict=True):
        values = [values[target] for values in of_seeds.values()]
        assert (row["name"], row["published"], row["n_runs"]) == (target.name, target.value, 5)
        assert (row["min"], row["max"]) == (min(values), max(values))
        assert row["median"] == np.median(values) or math.isinf(row["median"])
        assert row["units"] == pytest.approx(float(fits.difference(target, float(np.median(values)))))
    assert here["inside"].sum() > 40
    departed = numbers[numbers["code"] == outcome.DEPARTED]
    assert departed["candidate"].unique().tolist() == [1]


def test_moves_are_from_the_setting_whose_neighbours_were_run(found, runs):
    moved = outcome.moves(runs, winner(found[outcome.UNDEPARTED]))
    assert moved.dtypes["units"] == np.float64
    known = {(choice, str(getattr(near, choice))) for choice, near in neighbours(BASE)}
    ema = moved[moved["variant"] == "ema"]
    assert set(ema["base"]) == {BASE.name}
    assert set(zip(ema["choice"], ema["after"], strict=True)) == known
    biased = moved[moved["variant"] == "biased"]
    assert set(zip(biased["choice"], biased["after"], strict=True)) == {each for each in known if each[0] != "ema_rate"}
    # OTHER is off by 0.5 nats, of which 0.03 are the error of reading; all other neighbours by 0.2.
    trends = moved[moved["group"] == "trend"].set_index("choice")["units"]
    assert trends[trends.index == "learning_rate"].max() == pytest.approx(4.7)
    assert trends[trends.index == "hidden"].max() == pytest.approx(1.7)


def test_moves_fall_back_on_a_centre_where_the_winner_has_no_neighbours(found, runs):
    far = Setting(data=2000, batch_size=128, hidden=16, ema_rate=0.1)
    first = winner(found[outcome.UNDEPARTED])
    alone = replace(first, candidate=replace(first.candidate, biased=far.of_biased.name, ema=far.name))
    more = pd.concat([runs, table(made_runs("ema_rest", far, SEEDS, off=1.0))], ignore_index=True)
    assert set(outcome.moves(more, alone)["base"]) == {BASE.name, BASE.of_biased.name}
    lone = more[more["stage"] != "neighbours"]
    lone = lone[lone["setting"].isin([BASE.name, BASE.of_biased.name, far.name, far.of_biased.name])]
    with pytest.raises(UserError, match="no neighbour"):
        outcome.moves(lone, alone)


def test_the_plausible_table_has_a_row_a_setting_and_seed(runs):
    found = outcome.plausible_table(runs)
    assert len(found) == 2
    for rho in RHOS:
        assert found[f"biased_last_epoch_{rho:g}"].notna().all()
        assert (found[f"ema_norm_max_{rho:g}"] > 0).all()
    assert found["biased_last_epoch_0.99"].tolist() == [33.0, 33.0]


def test_a_candidate_without_full_runs_is_refused_in_one_line(runs):
    for lost in (
        runs[~runs["stage"].isin(("judged", "departures_judged"))],
        runs[(runs["seed"] != 104) & ~runs["seed"].between(101, 103)],  # one run has no others
        runs[~runs["stage"].isin(("biased_rest", "ema_rest", "neighbours", "departures"))],
    ):
        with pytest.raises(UserError) as caught:
            outcome.judgements(TINY, lost)
        assert "\n" not in str(caught.value)
        assert "run `snakemake search`" in str(caught.value)


@pytest.mark.parametrize("epochs", [20, 200])
def test_a_search_shorter_than_the_pictures_is_judged_by_what_it_has(epochs):
    size = replace(TINY, epochs=epochs)
    runs = made_search(epochs)
    found = outcome.judgements(size, runs)
    numbers = outcome.numbers_table(found, runs, epochs)
    names = set(numbers["name"])
    assert "trend_1" in names
    assert ("trend_2" in names) == (epochs == 200)
    assert "trend_4" not in names
    assert numbers["n_values"].min() > 0
    assert not outcome.moves(runs, winner(found[outcome.UNDEPARTED])).empty
