"""The epochs table: a row an epoch of runs that are recorded so, and a clear refusal of others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from factories import write_run

from mine.cli import main
from mine.epoch_rows import EPOCH_SCHEMA, check_epochs, epoch_rows, write_epochs
from mine.errors import UserError
from mine.runs import RunFile, found_runs
from mine.settings import Cell, TrainingSettings
from mine.trace import COLUMNS, Trace

TRAINING = TrainingSettings(epochs=4, data=100, batch_size=25, record_every="epoch", eval_every=8)


def frame_of(epochs=4, ema=True, **columns):
    """Rows of a trace with a row an epoch; all but the last a window of four updates."""
    step = np.append(4 * np.arange(1, epochs + 1), 4 * epochs + 1)
    frame = pd.DataFrame({name: np.full(len(step), np.nan) for name in COLUMNS})
    frame["step"], frame["seed"] = step, 7
    window = step <= TRAINING.steps
    frame["epoch"] = np.where(window, (step - 1) // 4 + 1, np.nan)
    frame["mi_batch"] = np.arange(len(step)) + 0.5
    values = {
        "mi_batch_mean": np.arange(len(step)) + 1.0,
        "mi_ema_mean": np.arange(len(step)) + 2.0 if ema else np.nan,
        "joint_mean": 3.0,
        "log_ema": 1.0 if ema else np.nan,
        "grad_norm": 4.0,
        "grad_norm_min": 3.0,
        "grad_norm_mean": 5.0,
        "grad_norm_max": 9.0,
    } | columns
    for name, value in values.items():
        frame[name] = np.where(window, value, np.nan)
    return frame


def table_of(variant="ema", **kwargs):
    run = RunFile(None, "base", Cell(variant, 2, 0.9, 7), TRAINING)
    return epoch_rows("made", run, Trace(frame_of(ema=variant == "ema", **kwargs), {}))


def test_a_row_an_epoch_counted_from_0_without_the_last_look():
    frame = table_of().to_pandas()
    assert frame["epoch"].tolist() == [0, 1, 2, 3]
    assert frame["mi_mean"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert frame["mi_last"].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert frame["mi_ema_mean"].tolist() == [2.0, 3.0, 4.0, 5.0]
    assert frame["mi_ema_last"].tolist() == [2.0] * 4
    norms = frame[["grad_norm_min", "grad_norm_mean", "grad_norm_max", "grad_norm_last"]]
    assert norms.to_numpy().tolist() == [[3.0, 5.0, 9.0, 4.0]] * 4
    assert set(frame["seed"]) == {7}


def test_what_an_objective_lacks_is_null_and_what_training_produced_stays():
    table = table_of("biased", mi_batch_mean=np.array([1.0, 2.0, 3.0, np.inf, 0.0]))
    assert table.schema == EPOCH_SCHEMA
    assert table["mi_ema_mean"].null_count == table["mi_ema_last"].null_count == 4
    assert table["grad_norm_unclipped_last"].null_count == 4
    assert table["mi_mean"].null_count == 0
    assert table["mi_mean"].to_pylist()[-1] == np.inf


def test_runs_of_another_kind_are_named_in_one_line(tmp_path):
    write_run(tmp_path / "runs")
    runs = found_runs(tmp_path / "runs")
    with pytest.raises(UserError, match=r"seed=0.parquet: recorded every 1 update.*record_every: epoch") as caught:
        check_epochs(runs)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError):
        write_epochs("made", runs, tmp_path / "epochs.parquet")
    assert not (tmp_path / "epochs.parquet").exists()


def collect(folder, *more):
    tables = [
        argument
        for name in ("summary", "curves", "evaluations")
        for argument in (f"--{name}", str(folder / f"{name}.parquet"))
    ]
    return main(["collect", str(folder / "runs"), *tables, *more])


def test_collect_writes_it_beside_the_other_tables_of_trained_runs(tmp_path):
    options = ["--data", "100", "--batch-size", "25", "--epochs", "3", "--hidden", "4", "--record-every", "epoch"]
    for variant in ("biased", "ema"):
        output = tmp_path / "runs" / f"variant={variant}" / "seed={seed}.parquet"
        cell = ["--variant", variant, "--dim", "2", "--rho", "0.9", "--seed", "0-1"]
        assert main(["train", *cell, *options, "--output", str(output)]) in (0, None)
    assert collect(tmp_path, "--epochs", str(tmp_path / "epochs.parquet")) in (0, None)
    table = pd.read_parquet(tmp_path / "epochs.parquet")
    assert table.groupby(["variant", "seed"])["epoch"].apply(list).tolist() == [[0, 1, 2]] * 4
    assert table.loc[table["variant"] == "biased", "mi_ema_mean"].isna().all()
    assert table.loc[table["variant"] == "ema", "mi_ema_mean"].notna().all()
    assert (table["grad_norm_min"] <= table["grad_norm_mean"]).all()
    assert len(pd.read_parquet(tmp_path / "summary.parquet")) == 4


def test_collect_refuses_before_it_writes(tmp_path, capsys):
    write_run(tmp_path / "runs")
    assert collect(tmp_path, "--epochs", str(tmp_path / "epochs.parquet")) == 2
    assert "record_every: epoch" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.parquet"))
