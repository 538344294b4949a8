"""What `snakemake own` plans, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mine.config import load_config
from mine.errors import UserError
from mine.provenance import import_closure
from mine.reach.methods import HOUSE, METHODS, PEERS, TASKS, set_of
from mine.reach.plan import Plan, blocks, table_of
from mine.tasks.split import CHOOSING, JUDGING

ROOT = Path(__file__).parents[2]


def test_the_published_plan_has_every_task_and_never_a_draw_that_chose():
    plan = Plan.from_dict(load_config(ROOT / "config" / "config.yaml")["own"])
    cells = list(plan.cells())
    assert plan.rows == (10_000, 1_000)
    assert {cell.task for cell in cells} == set(TASKS)
    assert len(TASKS) == 50
    assert {name: [set_of(task) for task in TASKS].count(name) for name in ("choosing", "judging", "further")} == {
        "choosing": 20,
        "judging": 20,
        "further": 10,
    }
    assert {task for task in TASKS if set_of(task) == "judging"} == set(JUDGING)
    assert set(CHOOSING) < set(TASKS)
    assert max(cell.first + cell.draws for cell in cells) <= 5
    named = set(plan.draws_of) | set(HOUSE)
    assert named == {name for name in METHODS if METHODS[name].peer} | set(HOUSE)  # a 0 that a reader sees is not run
    assert {name for part in plan.further.values() for name in part.methods} | named == set(METHODS)
    assert {cell.rows for cell in cells if cell.method not in HOUSE} == {10_000}
    assert {TASKS[cell.task].dim_x for cell in cells if cell.method == "gmm-mi"} == {1}
    assert len({cell.path for cell in cells}) == len(cells)


def test_draws_are_shared_out_to_jobs():
    assert blocks(5, 2) == [(0, 2), (2, 2), (4, 1)]
    plan = Plan(
        rows=[500],
        draws=3,
        draws_per_job=2,
        tasks=["1v1-normal-0.75"],
        draws_of={"cross-fit": 2, "cca": 0, "latentmi": 1, "mist": 1},
    )
    assert [(cell.method, cell.first, cell.draws) for cell in plan.cells()] == [
        *[("ours", *block) for block in ((0, 2), (2, 1))],
        *[("cross-fit", first, 1) for first in (0, 1)],
        *[("neighbours", *block) for block in ((0, 2), (2, 1))],
        ("latentmi", 0, 1),
    ]
    assert len(list(Plan(null_draws=120, null_draws_per_job=50).null_blocks())) == 18


def test_a_further_target_asks_for_the_same_draws_of_more():
    """Jobs that two targets need are one, with the draws of the one that needs most."""
    plan = Plan(
        rows=[500],
        draws=3,
        draws_per_job=2,
        tasks=["1v1-normal-0.75"],
        further={
            "more-pairs": {"methods": ["smile", "ours"], "rows": [500, 800], "tasks": ["1v1-normal-0.75", "cross-0.9"]}
        },
    )
    found = [(cell.rows, cell.method, cell.task, cell.first, cell.draws) for cell in plan.cells("more-pairs")]
    assert found[:4] == [
        *[(500, "ours", "1v1-normal-0.75", *block) for block in ((0, 2), (2, 1))],
        *[(500, "ours", "cross-0.9", *block) for block in ((0, 2), (2, 1))],
    ]
    assert len(found) == 16
    own = {cell.path: cell for cell in plan.cells()}
    jobs = plan.jobs()
    assert set(own) < set(jobs)
    assert len(jobs) == len(own) + 14
    fewer = Plan.from_json(
        Plan(rows=[500], draws=5, further={"few": {"methods": ["ours"], "rows": [500], "draws": 2}}).to_json()
    )
    assert {cell.draws for cell in fewer.cells("few")} == {2}
    assert {cell.draws for cell in fewer.jobs().values() if cell.method == "ours"} == {5}
    assert table_of("more-pairs") == "more_pairs"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"further": {"aims": {"methods": ["ours"]}}}, "own.further: 'aims' is no name of letters, digits and - that"),
        ({"further": {"more": {"methods": ["our"]}}}, "own.further.methods: 'our' is unknown; allowed are ours"),
        ({"further": {"more": {"methods": ["ours"], "rows": [5]}}}, "own.further.rows: 5 is not a whole number of"),
        ({"further": {"more": {"methods": ["ours"], "row": 5}}}, "own.further.row: unknown key; known are methods"),
        ({"draw": 5}, "own.draw: unknown key; known are rows, draws"),
        ({"draws": 0}, "own.draws: 0 is not a whole number of at least 1"),
        ({"draws": 1001}, "own.draws: 1001 is not a whole number of at most 1,000"),
        ({"rows": [5]}, "own.rows: 5 is not a whole number of at least 100"),
        ({"tasks": ["none"]}, "own.tasks: 'none' is unknown; allowed are 1v1-normal-0.75"),
        ({"draws_of": {"our": 1}}, "own.draws_of: 'our' is unknown; allowed are ours, cross-fit"),
        ({"draws_of": {"latentmi": -1}}, "own.draws_of.latentmi: -1 is not a whole number of at least 0"),
        ({"settings": {"hiden": 3}}, "own.settings.hiden: unknown key"),
        ({"null_settings": {"permutations": 3}}, "own.null_settings.permutations: 3 is not a whole number of at least"),
    ],
)
def test_a_bad_plan_is_refused_in_one_line(values, words):
    with pytest.raises(UserError) as refused:
        Plan.from_dict(values)
    assert str(refused.value).startswith(words)


def test_what_other_packages_gave_does_not_depend_on_our_estimate():
    assert not [name for name in import_closure("reach.peers") if name.startswith("own")]
    for peer in PEERS:
        assert (ROOT / "benchmarks" / "peers" / f"{peer}.txt").is_file()
        assert (ROOT / "benchmarks" / "peers" / f"ask_{peer.replace('-', '_')}.py").is_file()
