"""The size of a search and how its work is shared out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mine.config import load_config
from mine.errors import UserError
from mine.search.plan import STAGES, Size
from mine.search.running import Task, chunk_of, write_plan
from mine.search.space import Setting, shapes

ROOT = Path(__file__).parents[2]


def test_the_configuration_writes_the_published_size_out_and_the_manual_has_it():
    config = load_config(ROOT / "config" / "config.yaml")
    assert config["search"] == Size().to_dict()
    manual = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    rows = {m[1]: m[0] for m in re.finditer(r"^\| `(\w+)` \|.*$", manual, re.M)}
    for name, value in Size().to_dict().items():
        if name in ("epochs", "seeds"):  # rows of the training's and the grid's keys
            assert re.search(rf"In `search` .*\b{value}`? where not given", rows[name]), name
        else:
            assert f"| `{value}` |" in rows[name], name


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shapes": 0}, "search.shapes: 0 is not a whole number of at least 1"),
        ({"epochs": 1.5}, "search.epochs: 1.5"),
        ({"judged": True}, "search.judged: True"),
        ({"chunks": "2"}, "search.chunks: '2'"),
        ({"seeds": "5-1"}, "runs backwards"),
        ({"judge_seeds": ""}, "is not a list of seeds"),
        ({"shape": 1}, "search.shape: unknown key; known are shapes, epochs"),
    ],
)
def test_a_bad_size_is_refused_in_one_line(values, words):
    with pytest.raises(UserError) as caught:
        Size.from_dict(values)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_size_comes_back_from_what_it_is_written_as():
    size = Size.from_dict({"shapes": 3, "seeds": "4"})
    assert (size.shapes, size.seeds, size.epochs) == (3, "4", 500)
    assert Size.from_dict(size.to_dict()) == size


def test_early_looks_see_the_published_ends_and_are_shorter():
    first, second, ema = Size().early
    assert 33 < first < 125
    assert 156 < second < 500
    assert 1 <= ema < 500
    assert min(Size(epochs=1).early) == 1


def test_a_stage_follows_only_stages_before_it():
    for place, (stage, before) in enumerate(STAGES.items()):
        assert set(before) <= set(list(STAGES)[:place]), stage
    assert STAGES["plausible"] == ()
    assert not any("plausible" in before for before in STAGES.values())
    assert not any("judged" in before for before in STAGES.values())


def some_tasks(sizes):
    shape = shapes(12)
    return [
        Task(
            "biased" if size % 2 else "ema",
            (shape[size % 12],),
            (0.9, 0.99)[: 1 + size % 2],
            tuple(range(size)),
            5 * size,
        )
        for size in sizes
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 12), max_size=14), st.integers(1, 6))
def test_jobs_share_out_every_task_exactly_once_and_evenly(sizes, chunks):
    tasks = some_tasks(sizes)
    plan = write_plan(tasks)
    shares = [chunk_of(plan, chunk, chunks) for chunk in range(chunks)]
    found = [task for share in shares for task in share]
    assert sorted(map(repr, found)) == sorted(map(repr, tasks))
    loads = [sum(task.seconds for task in share) for share in shares]
    # The last task that a job got went where least was to do.
    assert max(loads) - min(loads) <= max((task.seconds for task in tasks), default=0.0) + 1e-9


def test_what_takes_longer_is_said_to_take_longer():
    few, many = some_tasks([2, 11])
    assert many.seconds > few.seconds > 0
    wide = Task("ema", (Setting(hidden=128, layers=2),), (0.9,), (0,), 5)
    assert wide.seconds > Task("ema", (Setting(hidden=16),), (0.9,), (0,), 5).seconds
