"""`snakemake benchmark`: what it plans, a whole small run, and what a change makes stale."""

from __future__ import annotations

import pandas as pd
import pytest

from mine.figures import FIGURES

BENCHMARK = {
    "grid": {
        "variant": ["nwj", "infonce", "doe-gaussian"],
        "critic": ["separable", "concat", "density"],
        "task": ["gaussian", "uniform"],
        "dim": [1],
        "mi": [[0.5, 1]],
        "seeds": "0-2",
    },
    "target": "benchmark",
    "baselines": ["cca"],
    "training": {"steps": 4, "batch_size": 8, "hidden": 4, "embedding": 4},
    "figures": ["staircase", "scores"],
}


FURTHER = {"benchmark": {"methods": ["neighbours"], "rows": [200], "draws": 1, "tasks": ["1v1-normal-0.75"]}}


@pytest.fixture
def benchmark(project):
    project.config["experiments"]["made"] = BENCHMARK
    project.config["own"] = {"further": FURTHER}
    return project


def test_a_job_trains_a_block_of_seeds_of_each_pair_that_exists(benchmark):
    planned = benchmark.planned("benchmark")
    # nwj with two critics, infonce with one, densities; two tasks; two blocks of seeds.
    assert planned.pop("train_made") == 4 * 2 * 2
    figures = planned.pop("own_figure", 0)
    assert figures == sum(spec.needs == ("benchmark",) for spec in FIGURES.values())
    others = {"baselines": 1, "collect": 1, "figure": 1, "figure_of_setting": 2, "own_cell": 1, "own_further": 1}
    assert planned == others
    assert not {"train_made", "baselines", "benchmark"} & set(benchmark.planned())


def test_a_whole_benchmark_and_an_unchanged_one_again(benchmark):
    benchmark.config["experiments"]["made"] = {
        **BENCHMARK,
        "grid": {**BENCHMARK["grid"], "variant": ["nwj"], "critic": ["separable"], "seeds": "0-1"},
    }
    done = benchmark.snakemake("benchmark")
    assert done.returncode == 0, done.stderr
    scores = pd.read_parquet(benchmark.folder / "results/made/scores.parquet")
    assert set(scores["variant"]) == {"nwj", "cca"}
    assert set(scores["seeds"]) == {2}
    estimates = pd.read_parquet(benchmark.folder / "results/own/benchmark.parquet")
    assert estimates[["method", "rows", "draw"]].values.tolist() == [["neighbours", 200, 0]]
    figures = benchmark.folder / "results/figures/made"
    assert sorted(path.stem for path in figures.glob("*.svg")) == ["scores", "staircase_gaussian", "staircase_uniform"]
    assert benchmark.planned("benchmark") == {}
    # A change to one estimator's statements, and not to its words, makes its runs stale.
    file = benchmark.folder / "src/mine/estimators/nwj.py"
    file.write_text(file.read_text().replace('"""The value, to be ascended."""', '"""The value, ascended."""'))
    assert benchmark.planned("benchmark") == {}
    file.write_text(file.read_text().replace("- 1.0).exp()", "- 1.00).exp()"))
    assert benchmark.planned("benchmark")["train_made"] == 2
