"""`mine search`: what is wrong is said in one line, with exit code 2 and nothing written; and all three steps."""

from __future__ import annotations

import json
from dataclasses import asdict

import pandas as pd
import pytest
from made_runs import TINY, made_run
from test_search_outcome import made_search

from mine.cli import main
from mine.commands.search import TABLES
from mine.publish import SEARCH_TABLES
from mine.search.plan import STAGES
from mine.search.running import Task, write_plan
from mine.search.space import SPACE, Setting

SIZE = json.dumps(asdict(TINY))
TASK = Task("biased", (Setting(data=32, batch_size=8, hidden=4),), (0.9,), (0,), 2)


def write_runs(folder, runs):
    for stage in STAGES:
        path = folder / stage / "0.parquet"
        path.parent.mkdir(parents=True)
        runs[runs["stage"] == stage].to_parquet(path, index=False)


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(write_plan([TASK]))
    return path


def refusal(capsys, *arguments):
    code = main(["search", *map(str, arguments)])
    error = capsys.readouterr().err
    assert code == 2, error
    assert error.count("\n") == 1, error
    return error


@pytest.mark.parametrize(
    ("step", "change", "words"),
    [
        ("plan", {"--stage": "biased_98"}, "stage: 'biased_98' is unknown; known are biased_099,"),
        ("run", {"--stage": "all"}, "stage: 'all' is unknown"),
        ("run", {"--chunk": "2"}, "chunk: 2 is not a whole number from 0 to 1"),
        ("run", {"--chunk": "-1"}, "chunk: -1 is not"),
        ("run", {"--plan": "none.json"}, "none.json: cannot be read"),
        ("plan", {"--size": "{"}, "--size: not JSON"),
        ("plan", {"--size": "[]"}, "--size: '[]' is not a JSON object"),
        ("plan", {"--size": '{"shapes": 0}'}, "search.shapes: 0 is not"),
        ("judge", {"--size": '{"shape": 1}'}, "search.shape: unknown key"),
        ("judge", {}, "holds no runs; the workflow makes them"),
        ("plan", {"--stage": "judged"}, "holds no runs"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_written(tmp_path, plan, capsys, step, change, words):
    options = {
        "plan": {"--stage": "biased_099", "--size": SIZE, "--runs": tmp_path / "none"},
        "run": {"--stage": "biased_099", "--plan": plan, "--chunk": 0, "--chunks": 2},
        "judge": {"--size": SIZE, "--runs": tmp_path / "none"},
    }[step] | {"--output": tmp_path / "made" / "out"}
    arguments = [f"{name}={value}" for name, value in (options | change).items()]
    assert words in refusal(capsys, step, *arguments)
    assert not (tmp_path / "made").exists()


def test_a_file_that_is_no_table_is_named(tmp_path, capsys):
    write_runs(tmp_path / "runs", made_search())
    (tmp_path / "runs" / "judged" / "0.parquet").write_bytes(b"no table")
    error = refusal(capsys, "judge", "--size", SIZE, "--runs", tmp_path / "runs", "--output", tmp_path / "out")
    assert "0.parquet: not a readable table" in error
    assert not (tmp_path / "out").exists()


def test_candidates_without_runs_write_nothing(tmp_path, capsys):
    runs = made_search()
    write_runs(tmp_path / "runs", runs[~runs["seed"].between(101, 104)])
    error = refusal(capsys, "judge", "--size", SIZE, "--runs", tmp_path / "runs", "--output", tmp_path / "out")
    assert "full runs on the seeds that judge" in error
    assert not (tmp_path / "out").exists()


def test_judging_writes_every_table(tmp_path, capsys):
    runs = made_search()
    write_runs(tmp_path / "runs", runs)
    arguments = ["judge", "--size", SIZE, "--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "out")]
    assert not main(["search", *arguments])
    assert TABLES == SEARCH_TABLES
    made = {name: pd.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in TABLES}
    assert all(len(table) for table in made.values())
    assert len(made["runs"]) == runs["stage"].isin(("judged", "departures_judged")).sum()
    assert made["counts"]["runs"].sum() == len(runs)
    assert "winner" in capsys.readouterr().out


def test_planning_and_training_a_job(tmp_path, capsys):
    looks = tmp_path / "runs" / "biased_099" / "0.parquet"
    looks.parent.mkdir(parents=True)
    near = Setting(data=500, batch_size=20, hidden=32, learning_rate=SPACE["learning_rate"][0])
    rows = [made_run("biased_099", near, "biased", 0.99, seed, epochs=60) for seed in (0, 1)]
    pd.DataFrame(rows).to_parquet(looks, index=False)
    planned = tmp_path / "plans" / "biased_095.json"
    options = ["--size", SIZE, "--runs", str(tmp_path / "runs"), "--output", str(planned)]
    assert not main(["search", "plan", "--stage", "biased_095", *options])
    assert "2 runs in 1 stacks" in capsys.readouterr().out
    (task,) = json.loads(planned.read_text())
    assert (task["rhos"], task["seeds"], task["epochs"]) == ([0.95], [0, 1], 250)
    assert task["settings"][0] == asdict(near)

    planned.write_text(write_plan([TASK]))
    out = [tmp_path / f"{chunk}.parquet" for chunk in (0, 1)]
    for chunk, path in enumerate(out):
        options = ["--plan", str(planned), "--chunk", str(chunk), "--chunks", "2", "--output", str(path)]
        assert not main(["search", "run", "--stage", "biased_095", *options, "--device", "cpu"])
    tables = [pd.read_parquet(path) for path in out]
    assert sorted(map(len, tables)) == [0, 1]  # a job may have nothing to do
    (row,) = pd.concat(tables).to_dict("records")
    assert (row["stage"], row["variant"], row["rho"], row["seed"], row["epochs"]) == ("biased_095", "biased", 0.9, 0, 2)
