"""The published benchmark: its page by value, its record, and what is refused."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_benchmark import BENCHMARK, write_made

from mine.cli import main
from mine.errors import UserError
from mine.estimators.literature import MIS, PUBLIC
from mine.publish import publish
from mine.publish.benchmark_page import beside_public, numbers, who_is_within

CONFIG = {"results": "results", "experiments": {"made": BENCHMARK, "not-made": BENCHMARK}}


def gather(folder, benchmark=BENCHMARK):
    outputs = [f"--{name}={folder / name}.parquet" for name in ("stairs", "scores", "windows")]
    assert (
        main(["collect", str(folder / "runs"), "--grid", json.dumps(benchmark), "--experiment", "made", *outputs]) == 0
    )


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "results/made"
    write_made(
        folder / "runs",
        overflows=lambda cell: 700 if (cell.variant, cell.critic, cell.seed) == ("nwj", "concat", 1) else None,
    )
    gather(folder)
    figure = tmp_path / "results/figures/made/scores.png"
    figure.parent.mkdir(parents=True)
    figure.write_text("drawn")
    return tmp_path


def rows(table):
    """First cell of each line to its other cells."""
    lines = [[part.strip() for part in line.split("|")[1:-1]] for line in table.splitlines()]
    return {line[0]: line[1:] for line in lines}


def test_a_publication_has_tables_figures_page_and_record(root):
    record = publish(CONFIG, root / "figures", root)
    assert record["experiments"] == {
        "made": {"runs": 24, "seeds": 3, "overflow": 2, "training_code": ["made"], "device": ["cpu"]}
    }
    for name in ("benchmark.md", "made/scores.png", "data/made_scores.parquet"):
        assert (root / "figures" / name).is_file()
    page = (root / "figures/benchmark.md").read_text()
    assert "[![scores of the benchmark made](made/scores.png)](made/scores.svg)" in page
    assert "not-made" not in page


def test_stairs_of_another_grid_are_refused(root):
    other = {**BENCHMARK, "grid": {**BENCHMARK["grid"], "mi": [[1.0, 4.0]]}}
    with pytest.raises(UserError, match=r"holds 48 stairs, 24 of them among the 48 of the configuration"):
        publish({**CONFIG, "experiments": {"made": other}}, root / "figures", root)
    assert not (root / "figures").exists()


def test_stairs_of_an_earlier_publication_are_kept_when_the_configuration_has_changed(root):
    publish(CONFIG, root / "figures", root)
    before = (root / "figures/data/made_stairs.parquet").read_bytes()
    shutil.rmtree(root / "results/made")
    grown = {**BENCHMARK, "grid": {**BENCHMARK["grid"], "seeds": "0-9"}}
    record = publish({**CONFIG, "experiments": {"made": grown}}, root / "figures", root)
    made = record["experiments"]["made"]
    assert (made["runs"], made["kept"], made["planned"]) == (24, 24, 80)
    assert (root / "figures/data/made_stairs.parquet").read_bytes() == before


def test_marks_say_yes_no_undecided_diverged_and_no_such_cell(root):
    scores = pd.read_parquet(root / "results/made/scores.parquet")
    found = rows(who_is_within(scores))
    assert found["estimator"] == ["gaussian 1", "gaussian 3", "cubic 1", "cubic 3"]
    # bias 0, -0.1, -0.2 over seeds: its interval is 0.25 wide to each side; held out 0, 0.2, 0.4.
    assert found["NWJ, separable"] == ["? ?", "? ?", "? ?", "? ?"]
    assert found["NWJ, concat"] == ["? ?", "× ×", "? ?", "× ×"]
    sure = scores.assign(within="yes", heldout_within="no")
    assert set(rows(who_is_within(sure))["InfoNCE, separable"]) == {"✓ ·"}
    fewer = scores[~((scores["variant"] == "infonce") & (scores["task"] == "cubic"))]
    assert rows(who_is_within(fewer))["InfoNCE, separable"] == ["? ?", "? ?", "– –", "– –"]


def test_every_number_stands_with_its_interval(root):
    lines = numbers(pd.read_parquet(root / "results/made/scores.parquet")).splitlines()
    assert len(lines) == 2 + 4 * 2 * 2
    (line,) = [line for line in lines if line.startswith("| InfoNCE, separable | gaussian | 1 |")]
    assert "| −0.10 [−0.35, 0.15] |" in line
    assert "2 of 3" not in line
    (ended,) = [line for line in lines if line.startswith("| NWJ, concat | cubic | 3 |")]
    assert "| 1 of 3 overflowed | – |" in ended


def test_ours_stand_beside_the_public_figures(tmp_path):
    benchmark = {
        "grid": {
            "variant": ["smile"],
            "critic": ["concat"],
            "task": ["gaussian"],
            "dim": [20],
            "mi": [list(MIS)],
            "seeds": "0-1",
        },
        "figures": ["scores"],
        "training": {"steps": 500, "batch_size": 16, "hidden": 8},
    }
    write_made(tmp_path / "runs", benchmark, values=lambda cell, truth: truth + np.resize([1.0, -1.0], len(truth)))
    gather(tmp_path, benchmark)
    table = beside_public(*(pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("scores", "stairs")))
    found = rows(table)
    assert found["SMILE, public"][0] == "1.29 ± 0.19"
    # The fourth truth, 5.545, is rounded either way.
    assert found["SMILE, concat"][:3] == ["1.39 ± 1.00", "2.77 ± 1.00", "4.16 ± 1.00"]
    assert len(found) == 2 + len(PUBLIC) + 1
