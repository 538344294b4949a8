"""What a stage trains follows from the runs before it: near ones go on, and none on a seed that judges."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from made_runs import TINY, made_run, made_runs, table

from mine.experiments import parse_seeds
from mine.search.plan import STAGES
from mine.search.space import SPACE, Setting, departures, neighbours, plausible, shapes
from mine.search.stages import chosen, chosen_departures, settings_of, tasks
from mine.writeup import RHOS

NEAR = Setting(data=500, batch_size=20, hidden=32, learning_rate=0.003)
FAR = [Setting(data=500, batch_size=16, hidden=64, learning_rate=rate) for rate in SPACE["learning_rate"]]
WITH = [replace(setting, ema_rate=0.1) for setting in (NEAR, *FAR)]
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def full():
    """A search before anything is judged: NEAR is as published, the others ever farther away."""
    parts = [made_runs("biased_rest", NEAR, SEEDS, ["biased"]), made_runs("ema_rest", WITH[0], SEEDS, ["ema"])]
    for place, setting in enumerate(FAR, start=1):
        parts.append(made_runs("biased_rest", setting, SEEDS, ["biased"], off=0.2 * place))
        parts.append(made_runs("ema_rest", WITH[place], SEEDS, ["ema"], off=0.2 * place))
    return table(*parts)


def trained(found, variant=None):
    return [setting for task in found for setting in task.settings if variant in (None, task.variant)]


def test_the_first_stages_try_every_shape_with_every_rate():
    for stage, variant, more in (("biased_099", "biased", 1), ("ema_099", "ema", 3)):
        found = tasks(stage, TINY, pd.DataFrame())
        settings = trained(found)
        assert len(set(settings)) == len(settings) == TINY.shapes * 7 * more
        assert {task.variant for task in found} == {variant}
        assert {task.rhos for task in found} == {(0.99,)}
        assert {replace(setting, learning_rate=0.001, ema_rate=None) for setting in settings} == set(shapes(2))
        assert all(task.epochs < TINY.epochs for task in found)


def test_the_nearest_go_on_and_the_hopeless_do_not():
    looks = table(
        [made_run("biased_099", NEAR, "biased", 0.99, seed, epochs=60) for seed in SEEDS],
        [
            made_run("biased_099", setting, "biased", 0.99, seed, epochs=60, off=0.3 * place)
            for place, setting in enumerate(FAR, start=1)
            for seed in SEEDS
        ],
    )
    second = tasks("biased_095", TINY, looks)
    assert set(trained(second)) == {NEAR, *FAR[: TINY.keep_095 - 1]}
    assert {task.rhos for task in second} == {(0.95,)}
    # Those alike but for the learning rate train as one stack.
    assert len(second) == 2
    more = [
        made_run("biased_095", setting, "biased", 0.95, seed, epochs=250, off=off)
        for setting, off in ((NEAR, 2.0), (FAR[0], 0.1), (FAR[1], 0.0))
        for seed in SEEDS
    ]
    rest = tasks("biased_rest", TINY, pd.concat([looks, table(more)]))
    # Near at 0.99 is not enough.
    assert set(trained(rest)) == {FAR[0], FAR[1]}
    assert {(task.rhos, task.epochs) for task in rest} == {(RHOS, 500)}


def test_the_ema_goes_on_where_it_is_near_and_where_biased_is(full):
    early = [
        made_run("ema_099", setting, "ema", 0.99, 0, epochs=40, off=0.3 * abs(place - 4))
        for place, setting in enumerate(WITH)
    ]
    runs = pd.concat([full[full["variant"] == "biased"], table(early)])
    found = set(trained(tasks("ema_rest", TINY, runs)))
    # Those that are nearest themselves, and where biased is nearest the EMA with its alpha.
    assert WITH[4] in found
    assert WITH[0] in found
    assert len(found) == TINY.keep_ema + TINY.keep_with_biased


def test_full_stages_have_all_four_rho(full):
    departed = table(
        *(made_runs("departures", departure, SEEDS, off=0.1) for departure in departures(WITH[0])),
    )
    for stage in ("neighbours", "judged", "departures", "departures_judged", "plausible"):
        found = tasks(stage, TINY, pd.concat([full, departed]) if stage == "departures_judged" else full)
        assert found, stage
        assert {(task.rhos, task.epochs) for task in found} == {(RHOS, TINY.epochs)}, stage


def test_neighbours_are_those_of_the_nearest(full):
    found = tasks("neighbours", TINY, full)
    assert set(trained(found, "ema")) == {near for _, near in neighbours(WITH[0])}
    # At another alpha biased is what it was.
    assert set(trained(found, "biased")) - {NEAR} == {near for _, near in neighbours(NEAR)}


def test_seeds_that_judge_never_select_and_the_other_way_round(full):
    judge, select = set(parse_seeds(TINY.judge_seeds)), set(parse_seeds(TINY.seeds))
    departed = table(*(made_runs("departures", departure, SEEDS, off=0.1) for departure in departures(WITH[0])))
    for stage in STAGES:
        if stage in ("biased_095", "biased_rest", "ema_rest"):
            continue  # shown above to take `seeds`
        found = tasks(stage, TINY, pd.concat([full, departed]) if stage == "departures_judged" else full)
        seeds = {seed for task in found for seed in task.seeds}
        if stage in ("judged", "departures_judged"):
            assert seeds == judge, stage
        elif stage == "plausible":
            assert seeds == {300}
        else:
            assert seeds <= select, stage
    # A judged run however near does not change who is chosen.
    lucky = table(made_runs("judged", WITH[3], judge))
    assert chosen(TINY, pd.concat([full, lucky])) == chosen(TINY, full)


def test_judged_seeds_are_shared_out_without_loss(full):
    size = replace(TINY, judge_seeds="100-139")
    of = [task.seeds for task in tasks("judged", size, full) if task.variant == "ema" and task.settings == (WITH[0],)]
    assert sorted(seed for seeds in of for seed in seeds) == list(range(100, 140))
    assert max(map(len, of)) <= 10


def test_the_nearest_are_chosen_together_and_apart(full):
    found = chosen(replace(TINY, judged=4), full)
    assert len(found) == 4
    assert [one.together for one in found] == [True, True, False, False]
    assert (found[0].biased, found[0].ema) == (NEAR.name, WITH[0].name)
    assert found[0].distance == 0.0
    assert all(one.distance > 0 for one in found[1:])


def test_departures_are_chosen_apart_from_algorithm_1(full):
    clip = replace(WITH[0], grad_clip=1.0)
    departed = table(made_runs("departures", clip, SEEDS))
    runs = pd.concat([full, departed])
    assert chosen(TINY, runs) == chosen(TINY, full)
    (one,) = chosen_departures(TINY, runs)
    assert clip.name in (one.ema, one.biased) or clip.of_biased.name == one.biased


def test_the_plausible_range_takes_no_run_into_account(full):
    assert tasks("plausible", TINY, full) == tasks("plausible", TINY, pd.DataFrame())
    found = tasks("plausible", TINY, full)
    assert set(trained(found, "ema")) == set(plausible(TINY.plausible))


def test_settings_come_back_from_a_table(full):
    assert {settings_of(full)[setting.name] for setting in (*FAR, *WITH)} == {*FAR, *WITH}
    assert settings_of(full)[NEAR.name].ema_rate is None
