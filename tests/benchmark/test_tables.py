"""From runs to stairs, scores and curves: numbers by hand, and every file that must stop it."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from made_benchmark import BENCHMARK, write_made
from scipy import stats

from mine.cli import main
from mine.estimators.scores import SCORE_COLUMNS, scores, t_interval, within
from mine.estimators.stairs import STAIRS_COLUMNS, WINDOW_COLUMNS
from mine.experiments import expand
from mine.statistics import Interval


def gather(folder, benchmark=BENCHMARK, *options):
    outputs = [f"--{name}={folder / name}.parquet" for name in ("stairs", "scores", "windows")]
    grid = json.dumps(benchmark)
    return main(["collect", str(folder / "runs"), "--grid", grid, "--experiment", "made", *options, *outputs])


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_made(
        folder / "runs",
        overflows=lambda cell: 700 if (cell.variant, cell.critic, cell.seed) == ("nwj", "concat", 1) else None,
    )
    assert gather(folder) == 0
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("stairs", "scores", "windows")}


def test_columns_are_those_documented(tables):
    for name, columns in (("stairs", STAIRS_COLUMNS), ("scores", SCORE_COLUMNS), ("windows", WINDOW_COLUMNS)):
        assert list(tables[name]) == list(columns)
    # infonce x concat does not exist; doe has densities only.
    pairs = set(tables["stairs"][["critic", "variant"]].itertuples(index=False, name=None))
    assert pairs == {
        ("separable", "nwj"), ("separable", "infonce"), ("concat", "nwj"), ("density", "doe-gaussian"),
    }  # fmt: skip
    assert len(tables["stairs"]) == 4 * 2 * 3 * 2


def test_a_stair_is_judged_over_its_last_500_steps_only(tmp_path):
    def values(cell, truth):
        found = truth.copy()
        found[:100] += 1000.0  # before the window of the first stair
        found[100:600] += np.resize([0.5, -0.1], 500)
        return found

    write_made(tmp_path / "runs", values=values)
    assert gather(tmp_path) == 0
    first = pd.read_parquet(tmp_path / "stairs.parquet").query("mi_true == 1").iloc[0]
    assert first["mi_batch_mean"] == pytest.approx(1.2, abs=1e-6)
    assert first["mi_batch_variance"] == pytest.approx(np.var(np.resize([0.5, -0.1], 500), ddof=1), rel=1e-5)
    assert first["mi_batch_mse"] == pytest.approx((0.25 + 0.01) / 2, rel=1e-5)


def test_scores_are_means_over_seeds_with_students_interval(tables):
    cell = tables["scores"].query("variant == 'infonce' and task == 'cubic' and mi_true == 3").iloc[0]
    bias = np.array([0.0, -0.1, -0.2])
    low, high = stats.t.interval(0.95, 2, bias.mean(), stats.sem(bias))
    assert cell["bias"] == pytest.approx(-0.1, abs=1e-6)
    assert (cell["bias_low"], cell["bias_high"]) == pytest.approx((low, high), abs=1e-5)
    assert cell["heldout_rmse"] == pytest.approx(math.sqrt((0.04 + 0.16) / 3), abs=1e-6)
    assert cell["heldout_ess_median"] == 101.0
    assert (cell["seeds"], cell["diverged"]) == (3, 0)


def test_a_cell_with_an_overflow_has_no_numbers_from_that_stair_on(tables):
    concat = tables["scores"].query("critic == 'concat' and task == 'gaussian'").set_index("mi_true")
    assert concat.loc[1.0, "diverged"] == 0
    assert concat.loc[1.0, "within"] in ("yes", "no", "undecided")
    assert concat.loc[3.0, "diverged"] == 1
    assert concat.loc[3.0, ["within", "heldout_within"]].tolist() == ["diverged", "diverged"]
    assert math.isnan(concat.loc[3.0, "bias"])
    ended = tables["stairs"].query("critic == 'concat' and seed == 1 and task == 'gaussian'")
    assert ended["outcome"].tolist() == ["completed", "overflow"]


def test_an_overflow_at_the_first_stair_leaves_the_later_ones_not_reached(tmp_path):
    write_made(tmp_path / "runs", overflows=lambda cell: 10)
    assert gather(tmp_path) == 0
    stairs = pd.read_parquet(tmp_path / "stairs.parquet")
    assert set(stairs[stairs["mi_true"] == 1]["outcome"]) == {"overflow"}
    assert set(stairs[stairs["mi_true"] == 3]["outcome"]) == {"not reached"}
    assert set(pd.read_parquet(tmp_path / "scores.parquet")["diverged"]) == {3}
    windows = pd.read_parquet(tmp_path / "windows.parquet")
    assert set(windows["step"]) == {10}
    assert not windows["mi_batch_mean"].apply(math.isfinite).any()


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(-0.19, 0.19, "yes"), (-0.21, 0.1, "undecided"), (0.21, 0.3, "no"), (-0.5, -0.21, "no"), (-0.1, 0.3, "undecided")],
)
def test_within_ten_percent_of_two_nats(low, high, verdict):
    assert within(Interval((low + high) / 2, low, high), 2.0) == verdict


def test_a_single_seed_decides_nothing():
    assert within(t_interval(np.array([0.0])), 2.0) == "undecided"
    assert within(Interval(np.nan, np.nan, np.nan), 2.0) is None


def test_windows_keep_every_value_in_their_windows(tmp_path):
    def values(cell, truth):
        found = truth.copy()
        found[150], found[1199] = -np.inf, 50.0
        return found

    benchmark = {**BENCHMARK, "grid": {**BENCHMARK["grid"], "variant": ["nwj"], "seeds": 0}}
    write_made(tmp_path / "runs", benchmark, values=lambda cell, truth: truth)
    assert gather(tmp_path, benchmark) == 0
    windows = pd.read_parquet(tmp_path / "windows.parquet").query("critic == 'separable' and task == 'cubic'")
    assert windows["step"].tolist() == list(range(100, 1201, 100))
    assert windows["mi_batch_mean"].tolist() == [1.0] * 6 + [3.0] * 6
    assert windows["mi_true"].tolist() == [1.0] * 6 + [3.0] * 6


def test_a_damaged_or_foreign_or_missing_file_stops_it(tmp_path, capsys):
    write_made(tmp_path / "runs")
    first, second = [tmp_path / "runs" / run.path for run in expand(BENCHMARK)][:2]
    whole = first.read_bytes()
    for content, words in (
        (whole[: len(whole) // 2], "not a readable results file"),
        (second.read_bytes(), "holds"),
        (None, "missing (1 of the grid's 24 runs are)"),
    ):
        first.write_bytes(content) if content is not None else first.unlink()
        assert gather(tmp_path) == 2
        error = capsys.readouterr().err
        assert words in error
        assert first.name in error
        assert error.count("\n") == 1
        assert not (tmp_path / "scores.parquet").exists()


def test_another_setting_than_the_grids_stops_it(tmp_path, capsys):
    write_made(tmp_path / "runs")
    other = {**BENCHMARK, "training": {**BENCHMARK["training"], "learning_rate": 0.1}}
    assert gather(tmp_path, other) == 2
    assert "delete it and run again" in capsys.readouterr().err


def test_rows_that_contradict_the_outcome_stop_it(tmp_path, capsys):
    write_made(tmp_path / "runs", values=lambda cell, truth: np.where(truth == 3.0, np.nan, truth))
    assert gather(tmp_path) == 2
    assert "says 'completed'" in capsys.readouterr().err


def test_baselines_stand_among_the_scores(tmp_path):
    benchmark = {
        "grid": {
            "variant": ["nwj"],
            "critic": ["separable"],
            "task": ["gaussian"],
            "dim": [1],
            "mi": [0.5],
            "seeds": "0-1",
        },
        "figures": ["scores"],
        "training": {"steps": 5, "batch_size": 4, "hidden": 4, "embedding": 4},
    }
    write_made(tmp_path / "runs", benchmark)
    table = tmp_path / "baselines.parquet"
    grid = json.dumps(benchmark)
    assert main(["baselines", "--grid", grid, "--experiment", "made", "--names", "cca", "--output", str(table)]) == 0
    assert gather(tmp_path, benchmark, "--baselines", str(table)) == 0
    (cell,) = pd.read_parquet(tmp_path / "scores.parquet").query("critic == 'baseline'").to_dict("records")
    assert cell["variant"] == "cca"
    # Sampling error of -1/2 ln(1 - r^2) from 10,000 pairs is about rho / 100.
    assert abs(cell["heldout_bias"]) < 0.03
    assert pd.isna(cell["within"])
    assert cell["heldout_within"] in ("yes", "undecided")
    assert scores(pd.read_parquet(tmp_path / "stairs.parquet")).shape[0] == 2
