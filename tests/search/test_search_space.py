"""The settings that a search tries: all of them can be trained, none twice, and what is random stays apart."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

from mine.errors import UserError
from mine.search import space
from mine.search.plan import Size
from mine.search.running import with_rates
from mine.search.space import SPACE, Setting, departures, neighbours, plausible, shapes

PUBLISHED = shapes(Size().shapes)


def test_the_published_search_tries_a_thousand_settings():
    found = {setting for shape in PUBLISHED for setting in with_rates(shape, SPACE["learning_rate"])}
    assert len(found) == 144 * 7 == 1008


def test_every_drawn_setting_is_possible_and_trains():
    for setting in [*PUBLISHED, *plausible(Size().plausible)]:
        assert setting.possible
        training = setting.training(500)
        assert training.steps == 500 * -(-setting.data // setting.batch_size) or setting.last_batch == "drop"
        assert (training.batch_size, training.data, training.hidden) == (
            setting.batch_size,
            setting.data,
            setting.hidden,
        )
        assert setting.cost <= space.COST


def test_what_cannot_be_trained_is_not_possible():
    with pytest.raises(UserError):
        Setting(batch_size=2000).training(1)
    for bad in (
        Setting(data=250, batch_size=100),  # two batches an epoch
        Setting(data=2000, batch_size=8),  # 250 batches
        Setting(data=2000, hidden=128, layers=3),  # costs too much
        Setting(data=1000, batch_size=25, last_batch="keep"),  # nothing is left over
        replace(Setting(data=1001, batch_size=25, last_batch="keep"), product="derangement"),  # a batch of one
    ):
        assert not bad.possible, bad


def test_shapes_grow_and_the_probed_ones_come_first():
    probed = [Setting(**values) for values in space._PROBED]
    assert PUBLISHED[: len(probed)] == probed
    for few, more in pairwise((1, 3, 6, 20)):
        assert shapes(more)[:few] == shapes(few)
    assert len(shapes(4)) == 4


def test_neighbours_differ_in_one_value_and_see_each_other():
    names = [field.name for field in fields(Setting)]
    for setting in [replace(shape, ema_rate=0.1) for shape in PUBLISHED[:20]]:
        found = list(neighbours(setting))
        assert len({near for _, near in found}) == len(found) > 5
        for choice, near in found:
            assert [name for name in names if getattr(near, name) != getattr(setting, name)] == [choice]
            assert near.possible
            values = SPACE[choice]
            if not isinstance(values[0], str):
                places = [values.index(getattr(one, choice)) for one in (setting, near)]
                assert abs(places[0] - places[1]) == 1
            assert (choice, setting) in set(neighbours(near))


def test_biased_has_no_neighbour_in_what_it_does_not_know():
    assert all(choice != "ema_rate" for choice, _ in neighbours(PUBLISHED[0]))
    assert any(choice == "ema_rate" for choice, _ in neighbours(replace(PUBLISHED[0], ema_rate=0.1)))


def test_names_tell_settings_apart_and_lead_back():
    every = [*PUBLISHED, *plausible(24), *(d for shape in PUBLISHED[:3] for d in departures(shape))]
    assert len({setting.name for setting in every}) == len(set(every))
    for setting in every:
        parts = dict(part.split("=", 1) for part in setting.name.split(","))
        assert parts == {field.name: str(getattr(setting, field.name)) for field in fields(Setting)}


def test_departures_leave_all_else_as_it_is():
    base = replace(PUBLISHED[0], ema_rate=0.1)
    found = list(departures(base))
    assert base not in found
    kept = {"objective": base.objective, "ema_rate": base.ema_rate, "grad_clip": base.grad_clip}
    assert {replace(departure, **kept) for departure in found} == {base}


def test_the_plausible_range_depends_on_nothing_but_its_seed(monkeypatch):
    drawn = plausible(10)
    np.random.default_rng().random()  # as another caller would
    shapes(50)
    assert plausible(10) == drawn == plausible(24)[:10]
    seeds = []
    real = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: seeds.append(tuple(seed)) or real(seed))
    plausible(2)
    shapes(20)
    assert len(set(seeds)) == 2, "both are drawn from the same stream of random numbers"
