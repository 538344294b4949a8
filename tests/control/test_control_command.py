"""``mine control``: runs through files to tables, and what stops it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mine.cli import main
from mine.control.tables import ENCODER_COLUMNS, OPTIMA_COLUMNS, STEP_COLUMNS, optimum_of, within_directions
from mine.control.trace import COLUMNS, read_run
from mine.experiments import control_of, expand
from mine.status import survey

EXPERIMENT = {
    "grid": {"variant": ["ema"], "seeds": "0-1"},
    "training": {
        "steps": 20, "batch_size": 16, "hidden": 8, "product": "derangement", "record_every": 5, "eval_every": 20
    },
    "control": {"correlations": [0.9, 0.6], "encoder_dim": 1, "fresh_steps": 10},
    "settings": {
        "maximise": {"control": {"goal": "maximise", "power": 2}},
        "removal=1": {"control": {"goal": "remove", "power": 2, "removal": 1, "sensitive": [0.3, 0.8]}},
    },
}  # fmt: skip
TABLES = {"encoders": ENCODER_COLUMNS, "encoder_steps": STEP_COLUMNS, "optima": OPTIMA_COLUMNS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every run of EXPERIMENT, by the command that the workflow calls."""
    from mine.control.settings import options_of
    from mine.experiments import training_options

    folder = tmp_path_factory.mktemp("control") / "made"
    for setting in EXPERIMENT["settings"]:
        run = next(run for run in expand(EXPERIMENT) if run.setting == setting)
        output = str(folder / "runs" / run.path).replace("seed=0", "seed={seed}")
        options = [*options_of(run.control).split(), *training_options(run.training).split()]
        assert main(["control", "train", "--variant", "ema", "--seed", "0-1", "--output", output, *options]) == 0
    return folder


def collected(folder, grid=EXPERIMENT):
    options = [f"--{name.replace('_', '-')}={folder / name}.parquet" for name in TABLES]
    code = main(
        ["control", "collect", str(folder / "runs"), "--grid", json.dumps(grid), "--experiment", "made", *options]
    )
    return code, {name: folder / f"{name}.parquet" for name in TABLES}


def test_tables_have_every_column_and_the_values_of_the_runs(folder):
    code, paths = collected(folder)
    assert code == 0
    tables = {name: pd.read_parquet(path, partitioning=None) for name, path in paths.items()}
    for name, columns in TABLES.items():
        assert list(tables[name]) == list(columns)
    encoders = tables["encoders"].set_index(["setting", "seed"])
    assert len(encoders) == 4
    assert len(tables["encoder_steps"]) == 4 * 5
    assert list(tables["optima"]["kind"]) == ["optimum"] * 2
    for run in expand(EXPERIMENT):
        frame, metadata = read_run(folder / "runs" / run.path)
        assert list(frame) == list(COLUMNS)
        row, last = encoders.loc[(run.setting, run.seed)], frame.iloc[-1]
        best = optimum_of(control_of(EXPERIMENT, run.setting))
        assert row["share"] == pytest.approx(last["objective"] / best.objective)
        assert row["estimate_y"] == pytest.approx(frame["estimate_y"].iloc[:-1].mean())
        assert row["outcome"] == metadata["outcome"] == "completed"
        if run.control.goal == "maximise":
            assert row["share_subspace"] * row["share_allocation"] == pytest.approx(row["share"])
            assert row["share_subspace"] <= 1.0 + 1e-9
            assert row["share_allocation"] <= 1.0 + 1e-9
            assert np.isnan(row["fresh_s"])
        else:
            assert row["fresh_s"] == last["fresh_s"]


def test_a_perceptron_is_in_the_tables_with_its_errors_and_is_none_that_is_linear(folder, capsys, monkeypatch):
    from mine.control.settings import options_of
    from mine.experiments import training_options

    monkeypatch.setattr("mine.control.monte_carlo.OUTER", 256)
    monkeypatch.setattr("mine.control.monte_carlo.PILOT", 1000)
    grid = json.loads(json.dumps(EXPERIMENT))
    of = {"goal": "maximise", "power": 2}
    grid |= {
        "grid": {"variant": ["ema"], "seeds": "0-0"},
        "settings": {"maximise": {"control": of}, "mlp": {"control": of | {"encoder": "mlp", "encoder_hidden": 4}}},
    }
    run = next(run for run in expand(grid) if run.setting == "mlp")
    output = folder / "runs" / run.path
    options = [*options_of(run.control).split(), *training_options(run.training).split()]
    assert main(["control", "train", "--variant", "ema", "--seed", "0", "--output", str(output), *options]) == 0
    code, paths = collected(folder, grid)
    assert code == 0
    linear, mlp = pd.read_parquet(paths["encoders"], partitioning=None).to_dict("records")
    assert (linear["encoder"], mlp["encoder"], mlp["encoder_hidden"]) == ("linear", "mlp", 4)
    assert mlp["optimum"] == linear["optimum"]
    assert mlp["share"] == pytest.approx(mlp["mi_y"] / mlp["optimum"])
    assert np.isnan(mlp["share_subspace"])
    errors = read_run(output)[1]["monte_carlo"]["errors"]["21"]
    assert mlp["mi_y_error"] == mlp["objective_error"] == errors["mi_y"]["standard_error"] > 0.0
    assert mlp["mi_y_bias"] == errors["mi_y"]["bias_bound"] > 0.0
    assert all(np.isnan(linear[name]) for name in linear if name.endswith(("_error", "_bias")))

    capsys.readouterr()
    grid["settings"]["mlp"]["control"] = of
    assert collected(folder, grid)[0] == 2
    assert "holds a run of encoder 'mlp', its place is that of None" in capsys.readouterr().err


def test_in_the_best_directions_the_allocation_is_all_that_is_missing():
    from mine.control.settings import ControlSettings

    control = ControlSettings("maximise", (0.95, 0.85, 0.6), 2, power=3.0)
    best = optimum_of(control)
    turned = np.array([[0.6, 0.8], [-0.8, 0.6]]) @ best.encoder * 0.5
    assert within_directions(control, turned) == pytest.approx(best.objective)


def test_two_runs_of_a_command_are_the_same_bytes(folder, tmp_path):
    run = next(expand(EXPERIMENT))
    from mine.control.settings import options_of
    from mine.experiments import training_options

    output = tmp_path / "again.parquet"
    options = [*options_of(run.control).split(), *training_options(run.training).split()]
    assert main(["control", "train", "--variant", "ema", "--seed", "0", "--output", str(output), *options]) == 0
    assert output.read_bytes() == (folder / "runs" / run.path).read_bytes()


def test_status_counts_encoders(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = {"results": str(folder.parent), "experiments": {"made": EXPERIMENT | {"figures": []}}}
    found = survey(config, rows=True)
    assert (found.total().done, found.total().missing, found.total().damaged) == (4, 0, 0)
    other = json.loads(json.dumps(EXPERIMENT))
    other["settings"]["maximise"]["control"]["power"] = 3
    found = survey(config | {"experiments": {"made": other}})
    assert found.total().damaged == 2


def test_a_file_of_another_run_or_a_missing_one_stops_collecting(folder, capsys):
    other = json.loads(json.dumps(EXPERIMENT))
    other["settings"]["maximise"]["control"]["power"] = 3
    assert collected(folder, other)[0] == 2
    assert "holds a run of power 2" in capsys.readouterr().err
    other = EXPERIMENT | {"grid": {"variant": ["ema"], "seeds": "0-2"}}
    assert collected(folder, other)[0] == 2
    assert "missing (2 of the grid's 6 runs are)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--goal", "compress", "--beta", "0"], "beta: 0.0 is not a number in (0, 1e+06]"),
        (
            ["--goal", "maximise", "--power", "1", "--encoder-dim", "3"],
            "encoder_dim: 3 is not a whole number from 1 to",
        ),
        (["--goal", "maximise", "--power", "1", "--encoder-dim", "0"], "an encoder without parameters"),
        (["--goal", "maximise"], "power: missing"),
        (["--goal", "compress", "--beta", "x"], "beta: 'x' is not a number"),
        (["--goal", "compress", "--beta", "2", "--data", "1000"], "data: 1000; encoders are trained on fresh pairs"),
        (
            ["--goal", "compress", "--beta", "2", "--critic", "density"],
            "critic: 'density' is none that ema exists with",
        ),
    ],
)
def test_a_wrong_encoder_is_one_line_and_leaves_nothing(options, words, tmp_path, capsys):
    output = tmp_path / "run.parquet"
    start = [
        "control",
        "train",
        "--variant",
        "ema",
        "--correlations",
        "0.9,0.5",
        "--seed",
        "0",
        "--output",
        str(output),
    ]
    dim = [] if "--encoder-dim" in options else ["--encoder-dim", "2"]
    assert main([*start, *dim, *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
    assert not list(tmp_path.iterdir())
