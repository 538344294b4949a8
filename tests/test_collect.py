"""``mine collect``: the tables by value, and every file that must stop it."""

from __future__ import annotations

import json
import math
import os
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from factories import write_run

from mine.commands import collect as command
from mine.errors import UserError
from mine.experiments import expand
from mine.files import whole_files
from mine.runs import planned_runs
from mine.settings import TrainingSettings
from mine.tables import collect

EXPERIMENT = {
    "grid": {"variant": ["ema", "biased"], "dim": [5, 1], "rho": [0.9, 0.5], "seeds": "0-2"},
    "training": {"steps": 40, "eval_every": 10},
    "settings": {"second=2": {"product": "derangement"}, "first": {}},
}


class Arguments:
    """What argparse hands over."""

    def __init__(self, folder, grid=EXPERIMENT, experiment="made"):
        self.runs = folder / "runs"
        self.grid = None if grid is None else json.dumps(grid)
        self.experiment = experiment
        self.summary, self.curves = folder / "summary.parquet", folder / "curves.parquet"
        self.evaluations = folder / "evaluations.parquet"
        self.epochs = self.stairs = self.scores = self.windows = self.baselines = None


def fill(folder, experiment=EXPERIMENT):
    """One made run for every run of the experiment; its seed decides its values."""
    for run in expand(experiment):
        overflow = 25 if (run.variant, run.seed) == ("biased", 2) else None
        write_run(
            folder / "runs",
            setting=run.setting,
            variant=run.variant,
            dim=run.dim,
            rho=float(run.rho),
            seed=run.seed,
            training=run.training,
            overflow_step=overflow,
            mi_population=run.dim - 0.1 * run.seed,
            **({} if overflow else {"mi_batch": np.linspace(0, run.dim + run.seed, 41)}),
        )


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    made = tmp_path_factory.mktemp("filled") / "made"
    fill(made)
    return made


@pytest.fixture
def folder(filled, tmp_path):
    """A folder with runs for the whole grid, named as an experiment is."""
    return shutil.copytree(filled, tmp_path / "made")


def outputs(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "runs")


def refused(folder, match, **kwargs):
    with pytest.raises(UserError, match=match) as caught:
        command.run(Arguments(folder, **kwargs))
    assert "\n" not in str(caught.value)
    assert outputs(folder) == []


def test_the_summary_has_one_row_a_run_in_the_order_of_the_grid(folder):
    command.run(Arguments(folder))
    table = pd.read_parquet(folder / "summary.parquet")
    assert len(table) == 2 * 2 * 2 * 2 * 3
    assert (table["experiment"] == "made").all()
    assert list(table["setting"].unique()) == ["second=2", "first"]
    first = table[table["setting"] == "second=2"]
    assert list(first["variant"].unique()) == ["ema", "biased"]
    cells = list(first[first["variant"] == "ema"][["dim", "rho", "seed"]].itertuples(index=False, name=None))
    assert cells == [(d, r, s) for d in (1, 5) for r in (0.5, 0.9) for s in (0, 1, 2)]
    assert (first["product"] == "derangement").all()
    assert set(table["steps"]) == {40}
    one = table.query("setting == 'first' and variant == 'ema' and dim == 5 and rho == 0.9 and seed == 1").iloc[0]
    batch = np.linspace(0, 6, 41)[-4:]
    assert one["mi_batch_mean"] == pytest.approx(batch.mean(), rel=1e-6)
    assert one["mi_population_error"] == pytest.approx(4.9 + 2.5 * math.log(0.19))
    ended = table.query("variant == 'biased' and seed == 2")
    assert (ended["overflow_step"] == 25).all()
    assert (ended["outcome"] == "overflow").all()
    assert all(math.isinf(value) for value in ended["mi_batch_mean"])
    assert table["overflow_step"].isna().sum() == len(table) - len(ended)


def test_the_curves_are_those_of_the_cells(folder):
    command.run(Arguments(folder))
    table = pd.read_parquet(folder / "curves.parquet")
    assert len(table) == 16 * (41 + 40 + 5 + 5)
    assert (table["n_runs"] == 3).all()
    cell = table.query("setting == 'first' and variant == 'biased' and dim == 1 and rho == 0.5")
    batch = cell[cell["quantity"] == "mi_batch"]
    runs = np.stack([np.linspace(0, 1, 41), np.linspace(0, 2, 41), np.append(np.full(24, 3.9), [np.inf] * 17)])
    assert batch["median"].to_numpy() == pytest.approx(np.sort(runs, axis=0)[1], rel=1e-6)
    assert batch["live_share"].tolist() == pytest.approx([1.0] * 24 + [2 / 3] * 17)
    assert batch["q75"].isna().tolist() == [False] * 24 + [True] * 17
    population = cell[cell["quantity"] == "mi_population"]
    assert population["step"].tolist() == [1, 11, 21, 31, 41]
    assert population["median"].tolist() == pytest.approx([0.9, 0.9, 0.9, 1.0, 1.0])


def test_the_same_runs_give_the_same_bytes(folder):
    command.run(Arguments(folder))
    first = {name: (folder / name).read_bytes() for name in outputs(folder)}
    command.run(Arguments(folder))
    assert set(first) == {"summary.parquet", "curves.parquet", "evaluations.parquet"}
    assert first == {name: (folder / name).read_bytes() for name in outputs(folder)}


def test_without_a_grid_the_folder_says_what_there_is(folder):
    command.run(Arguments(folder))
    planned = pd.read_parquet(folder / "summary.parquet")
    command.run(Arguments(folder, grid=None, experiment=None))
    found = pd.read_parquet(folder / "summary.parquet")
    assert list(found["setting"].unique()) == ["first", "second=2"]
    key = ["setting", "variant", "dim", "rho", "seed"]
    pd.testing.assert_frame_equal(
        planned.sort_values(key, ignore_index=True), found.sort_values(key, ignore_index=True)
    )


def test_flat_files_without_a_grid(tmp_path):
    for seed in (1, 0):
        path = write_run(tmp_path / "hive", seed=seed)
        (tmp_path / "runs").mkdir(exist_ok=True)
        path.rename(tmp_path / "runs" / f"run{9 - seed}.parquet")
    command.run(Arguments(tmp_path, grid=None))
    table = pd.read_parquet(tmp_path / "summary.parquet")
    assert (table["setting"].tolist(), table["seed"].tolist()) == (["base", "base"], [0, 1])


def test_row_groups_do_not_change_the_rows(folder, monkeypatch):
    command.run(Arguments(folder))
    whole = pd.read_parquet(folder / "curves.parquet")
    monkeypatch.setattr("mine.tables._ROW_GROUP", 100)
    command.run(Arguments(folder))
    assert pq.ParquetFile(folder / "curves.parquet").num_row_groups > 1
    pd.testing.assert_frame_equal(whole, pd.read_parquet(folder / "curves.parquet"))


def test_a_missing_run_is_counted_and_named(folder):
    run = folder / "runs/setting=first/critic=concat/variant=ema/task=gaussian/dim=5/rho=0.9"
    (run / "seed=1.parquet").unlink()
    (run / "seed=2.parquet").unlink()
    refused(folder, r"dim=5/rho=0.9/seed=1.parquet: missing \(2 of the grid's 48 runs are\)")


def test_runs_beyond_the_grid_are_left_out_with_a_note(folder, capsys):
    write_run(folder / "runs", setting="first", dim=5, rho=0.9, seed=7)
    command.run(Arguments(folder))
    assert "1 file(s) beyond the grid left out" in capsys.readouterr().err
    assert 7 not in pd.read_parquet(folder / "summary.parquet")["seed"].tolist()


def test_it_is_quiet_in_a_log(folder, capsys):
    command.run(Arguments(folder))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("grid", [EXPERIMENT, None])
def test_an_unreadable_file_is_named(folder, grid):
    path = folder / "runs/setting=first/critic=concat/variant=ema/task=gaussian/dim=5/rho=0.9/seed=1.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(folder, r"seed=1.parquet: not a readable results file", grid=grid)
    path.write_bytes(b"")
    refused(folder, r"seed=1.parquet: not a readable results file", grid=grid)
    pd.DataFrame({"step": [1]}).to_parquet(path)
    refused(folder, r"seed=1.parquet: not a results file of this project", grid=grid)


@pytest.mark.parametrize("grid", [EXPERIMENT, None])
def test_an_older_contract_is_named(folder, grid, monkeypatch):
    monkeypatch.setattr("mine.trace.CONTRACT", 0)
    write_run(folder / "runs", setting="first", seed=1, training=TrainingSettings(steps=40, eval_every=10))
    monkeypatch.undo()
    refused(folder, r"seed=1.parquet: results file of contract 0, this version reads 2", grid=grid)


def test_other_settings_than_the_grids(folder):
    write_run(folder / "runs", setting="first", seed=1, training=TrainingSettings(steps=40, eval_every=20))
    refused(folder, r"seed=1.parquet: trained with eval_every 20, the grid says 10")
    refused(folder, r"trained with eval_every \d+, another run of setting 'first'", grid=None)


@pytest.mark.parametrize("grid", [EXPERIMENT, None])
def test_another_run_than_the_place_says(folder, grid):
    base = folder / "runs/setting=first/critic=concat/variant=ema/task=gaussian/dim=5/rho=0.9"
    (base / "seed=1.parquet").write_bytes((base / "seed=0.parquet").read_bytes())
    refused(folder, r"seed=1.parquet: holds .*seed 0", grid=grid)


def test_settings_of_another_version(folder):
    training = TrainingSettings(steps=40, eval_every=10)
    write_run(folder / "runs", setting="first", seed=1, training=training, metadata={"settings": {"stepz": 1}})
    refused(folder, r"seed=1.parquet: metadata names no run of this version")


@pytest.mark.parametrize(
    "made",
    [
        {"last": 30},  # rows are missing from a run that says it completed
        {"metadata": {"outcome": "overflow", "overflow_step": 41}},
        {"mi_batch": np.append(np.full(40, 1.0), np.nan)},
        {"overflow_step": 20, "last": 25, "mi_batch": np.append(np.full(24, 1.0), np.nan)},
    ],
)
def test_a_file_that_contradicts_itself(folder, made):
    write_run(folder / "runs", setting="first", seed=1, training=TrainingSettings(steps=40, eval_every=10), **made)
    refused(folder, r"seed=1.parquet: says '(completed|overflow)'")


WINDOWS = {
    "grid": {"variant": ["ema"], "dim": [1], "rho": [0.9], "seeds": "0-2"},
    "training": {
        "data": 43,
        "batch_size": 8,
        "last_batch": "keep",
        "epochs": 10,
        "record_every": "epoch",
        "eval_every": 9,
    },
}


def fill_windows(folder, **made):
    """Seed 0 to 2 of WINDOWS; seed 2 overflows at step 33. made: in place of what seed 1 would be."""
    for run in expand(WINDOWS):
        more = {"overflow_step": 33} if run.seed == 2 else made if run.seed == 1 else {}
        write_run(folder / "runs", setting="base", dim=1, rho=0.9, seed=run.seed, training=run.training, **more)


def test_runs_of_epochs_are_collected(tmp_path):
    fill_windows(tmp_path)
    command.run(Arguments(tmp_path, grid=WINDOWS))
    summary = pd.read_parquet(tmp_path / "summary.parquet")
    assert summary["last_step"].tolist() == [61, 61, 33]
    assert summary["epochs"].tolist() == [10] * 3
    assert summary["overflow_step"].fillna(0).tolist() == [0, 0, 33]
    curves = pd.read_parquet(tmp_path / "curves.parquet")
    batch = curves[curves["quantity"] == "mi_batch"]
    assert batch["step"].tolist() == [*range(6, 61, 6)]
    assert batch["live_share"].tolist() == pytest.approx([1.0] * 5 + [2 / 3] * 5)
    evaluations = pd.read_parquet(tmp_path / "evaluations.parquet")
    assert evaluations.groupby("seed")["step"].last().tolist() == [61, 61, 33]
    again = Arguments(tmp_path, grid=None)
    command.run(again)
    pd.testing.assert_frame_equal(summary, pd.read_parquet(tmp_path / "summary.parquet"))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"window": 1}, "its rows are not windows of 6 updates of a run"),
        ({"window": 5}, "its rows are not windows of 6 updates of a run"),
        ({"steps": 66}, "its rows are not windows of 6 updates of a run"),
        ({"last": 60}, r"says 'completed' .* end at step 60 of 60 \+ 1"),
        ({"last": 33}, r"says 'completed' .* end at step 33 of 60 \+ 1"),
        ({"overflow_step": 33, "mi_batch": 3.0}, r"says 'overflow' \(overflow at 33\)"),
        ({"overflow_step": 34, "last": 36, "mi_batch": [3.0] * 5 + [np.nan]}, r"first non-finite value at 36"),
    ],
)
def test_rows_that_are_not_the_windows_of_the_run(tmp_path, made, message):
    fill_windows(tmp_path, **made)
    with pytest.raises(UserError, match=rf"seed=1.parquet: {message}|seed=1.parquet: .*{message}"):
        command.run(Arguments(tmp_path, grid=WINDOWS))
    assert outputs(tmp_path) == []


def test_windows_where_updates_are_due(folder):
    training = TrainingSettings(steps=40, eval_every=10)
    write_run(folder / "runs", setting="first", seed=1, training=training, window=4)
    refused(folder, r"seed=1.parquet: its rows are not the steps 1, 2, \.\.\. of a run")


def test_the_same_run_twice(folder):
    source = folder / "runs/setting=first/critic=concat/variant=ema/task=gaussian/dim=5/rho=0.9/seed=1.parquet"
    (folder / "runs/setting=first/copy.parquet").write_bytes(source.read_bytes())
    refused(folder, "the same run as", grid=None)


def test_bad_grids(folder):
    arguments = Arguments(folder)
    for text, message in [
        ("{", "--grid: not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "not an experiment"),
        ('{"grid": 3}', "not an experiment"),
        (
            '{"grid": {"variant": ["nope"], "dim": [1], "rho": [0.5], "seeds": 1}}',
            "variant: 'nope' is unknown",
        ),
    ]:
        arguments.grid = text
        with pytest.raises(UserError, match=message):
            command.run(arguments)


def test_no_runs_at_all(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        command.run(Arguments(tmp_path, grid=None))
    (tmp_path / "runs").mkdir()
    with pytest.raises(UserError, match=r"holds no \*.parquet"):
        command.run(Arguments(tmp_path, grid=None))


def test_outputs_appear_both_or_neither(folder):
    arguments = Arguments(folder)
    arguments.curves = folder / "runs"  # a directory cannot be replaced
    with pytest.raises(UserError, match="runs: cannot be written"):
        command.run(arguments)
    assert outputs(folder) == []
    arguments.curves = arguments.summary
    with pytest.raises(UserError, match="two outputs"):
        command.run(arguments)
    (folder / "plain").touch()
    arguments.curves = folder / "plain" / "curves.parquet"
    with pytest.raises(UserError, match=r"curves.parquet: cannot be written"):
        command.run(arguments)
    assert outputs(folder) == ["plain"]


def test_a_table_does_not_take_the_place_of_a_run(folder):
    run = next((folder / "runs").rglob("*.parquet"))
    before = run.read_bytes()
    arguments = Arguments(folder)
    arguments.curves = folder / "runs" / ".." / run.relative_to(folder)
    with pytest.raises(UserError, match="is an input too"):
        command.run(arguments)
    assert run.read_bytes() == before
    assert outputs(folder) == []


def test_earlier_tables_survive_a_failure(folder):
    command.run(Arguments(folder))
    before = (folder / "summary.parquet").read_bytes()
    (folder / "runs/setting=first/critic=concat/variant=biased/task=gaussian/dim=5/rho=0.9/seed=2.parquet").write_bytes(
        b"PAR1"
    )
    with pytest.raises(UserError):
        command.run(Arguments(folder))
    assert (folder / "summary.parquet").read_bytes() == before
    assert outputs(folder) == ["curves.parquet", "evaluations.parquet", "summary.parquet"]


def test_a_second_rename_that_fails_takes_back_the_first(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"

    def write():
        with whole_files(one, two) as (first, _):
            first.write(b"x")
            two.mkdir()
            (two / "held").touch()

    with pytest.raises(UserError, match="two: cannot be written"):
        write()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["two"]


def test_memory_is_that_of_one_cell(tmp_path, monkeypatch):
    """Reading more runs holds no more of them: only summary rows grow."""
    monkeypatch.setattr("mine.tables._ROW_GROUP", 5000)
    training = TrainingSettings(steps=2000, eval_every=500)
    peaks = []
    for n_cells in (2, 12):
        folder = tmp_path / str(n_cells)
        grid = {"variant": ["ema"], "dim": list(range(1, n_cells + 1)), "rho": [0.5], "seeds": "0-3"}
        experiment = {"grid": grid, "training": {"steps": 2000, "eval_every": 500}}
        for run in expand(experiment):
            write_run(folder, dim=run.dim, rho=0.5, seed=run.seed, training=training)
        runs, _ = planned_runs(folder, experiment)
        tracemalloc.start()
        collect("made", runs, *(folder / f"{table}.parquet" for table in ("summary", "curves", "evaluations")))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 2**20


def test_files_are_readable_by_the_group(folder):
    command.run(Arguments(folder))
    mask = os.umask(0)
    os.umask(mask)
    assert (folder / "summary.parquet").stat().st_mode & 0o777 == 0o666 & ~mask
