"""The steps of `snakemake own`, small: from draws to tables, figure, page and published files."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_tables import estimates, nulls

from mine.cli import main
from mine.columns import table
from mine.figures import figure
from mine.reach.aims import AIMS_COLUMNS, judged
from mine.reach.methods import METHODS
from mine.reach.nulls import null_data
from mine.reach.page import NOT_RUN, reach_part, sentence
from mine.reach.plan import NULLS, Plan
from mine.reach.rows import start_of_row
from mine.reach.tables import ESTIMATES, NULL_TESTS, null_path
from mine.tasks import fixed_task
from mine.trace import read_table, write_table

QUICK = {"initialisations": 1, "max_updates": 25, "permutations": 99, "resamples": 99}
TASK = "turned-labels-5-1-4-1.5"
PLAN = {
    "rows": [150],
    "draws": 1,
    "tasks": [TASK],
    "draws_of": {"infomeasure-ksg": 1},
    "nulls": ["ar1-0.5"],
    "null_rows": 200,
    "null_draws": 1,
    "settings": QUICK,
    "null_settings": QUICK,
}

FIXED_MI = fixed_task(TASK).mi

SCRIPT = """
import json, sys, numpy as np
with np.load(sys.argv[2]) as arrays:
    x, z = arrays["x"], arrays["z"]
print("noise")
print(json.dumps({"value": float(x.shape[1] + len(z) / 1000), "cpu_s": 0.5, "made_with": "other 1"}))
"""


@pytest.fixture
def script(tmp_path):
    (tmp_path / "ask.py").write_text(SCRIPT)
    (tmp_path / "status.json").write_text(json.dumps({"python": sys.executable, "why": None}))
    return ["--environment", tmp_path / "status.json", "--script", tmp_path / "ask.py"]


def cell(folder, plan, method, *more, task=TASK):
    path = folder / f"rows=150/method={method}/task={task}/first=0.parquet"
    words = ["reach", "cell", "--plan", json.dumps(plan), "--method", method, "--task", task, "--rows", "150"]
    code = main([str(word) for word in (*words, "--first", "0", "--draws", "1", "--output", path, *more)])
    return code, path


def test_from_draws_to_a_page(tmp_path, script, capsys):
    for each in Plan.from_dict(PLAN).cells():
        code, path = cell(tmp_path / "cells", PLAN, each.method, *(script if METHODS[each.method].peer else ()))
        assert code == 0
        assert path == tmp_path / "cells" / each.path
    null = tmp_path / "nulls" / null_path("ar1-0.5", 0)
    steps = ["reach", "null", "--plan", json.dumps(PLAN), "--kind", "ar1-0.5", "--first", "0", "--draws", "1"]
    assert main([*steps, "--output", str(null)]) == 0
    places = ["--cells", str(tmp_path / "cells"), "--null", str(tmp_path / "nulls"), "--output", str(tmp_path)]
    assert main(["reach", "judge", "--plan", json.dumps(PLAN), *places]) == 0
    table = pd.read_parquet(tmp_path / "estimates.parquet").set_index("method")
    assert list(table.index) == ["ours", "cross-fit", "neighbours", "cca", "infomeasure-ksg"]
    assert set(table["mi_true"]) == {FIXED_MI}
    assert table.loc["infomeasure-ksg", ["value", "cpu_s", "made_with"]].tolist() == [5.15, 0.5, "other 1"]
    assert table.loc[["ours", "cross-fit"], "p_value"].notna().all()
    made = pd.read_parquet(tmp_path / "nulls.parquet")
    assert 0.0 < made["p_value"].item() <= 1.0
    aims = pd.read_parquet(tmp_path / "aims.parquet")
    assert list(aims.columns) == list(AIMS_COLUMNS)
    page = reach_part(table.reset_index(), aims)
    assert "| infomeasure KSG | 1 |" in page
    assert "- MIST: not measured, its package has no weights" in page

    shutil.rmtree(tmp_path / "cells" / "rows=150" / "method=cca")
    assert main(["reach", "judge", "--plan", json.dumps(PLAN), *places]) == 2
    assert "first=0.parquet: not a readable table" in capsys.readouterr().err
    part = ["--target", "more", "--cells", str(tmp_path / "cells"), "--output", str(tmp_path / "more.parquet")]
    assert main(["reach", "table", "--plan", json.dumps(PLAN), *part]) == 2
    assert "further: names no target" in capsys.readouterr().err


def test_a_package_that_cannot_be_had_or_fails_says_why(tmp_path, script, capsys, monkeypatch):
    def why(text=None):
        if text is not None:
            (tmp_path / "ask.py").write_text(text)
        code, path = cell(tmp_path, {}, "latentmi", *script)
        assert code == 0
        row = pd.read_parquet(path).iloc[0]
        assert pd.isna(row["value"])
        return row["why"]

    assert why("raise ValueError('no such thing')") == "ended with 1: ValueError: no such thing"
    assert why("print('hello')") == "no answer: hello"
    assert why(SCRIPT.replace("float(x.shape[1] + len(z) / 1000)", "'nan'")) == "value nan"
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    words = ["--requirements", "none.txt", "--folder", tmp_path / "venv", "--output", tmp_path / "status.json"]
    assert main(["reach", "environment", *map(str, words)]) == 0
    assert why() == "cannot be installed: it said nothing"
    assert cell(tmp_path, {}, "latentmi")[0] == 2
    assert "needs --environment and --script" in capsys.readouterr().err


def test_null_data_are_independent_of_each_other_and_stationary():
    for kind in NULLS:
        data = null_data(kind, 4000, 3)
        assert len(data.x) == len(data.z) == 4000
        again, other = null_data(kind, 4000, 3), null_data(kind, 4000, 4)
        assert (again.x == data.x).all()
        assert (other.x != data.x).any()
        ranks = [pd.DataFrame(side).rank().to_numpy() for side in (data.x, data.z)]
        assert abs(np.corrcoef(np.hstack(ranks).T)[0, -1]) < 0.15
    series = null_data("ar1-0.9", 20_000, 0).x[:, 0]
    assert np.corrcoef(series[1:], series[:-1])[0, 1] == pytest.approx(0.9, abs=0.01)
    groups = null_data("groups", 20_000, 0)
    assert np.bincount(groups.groups).tolist() == [10] * 2000
    assert np.corrcoef(groups.x[0::10, 0], groups.x[1::10, 0])[0, 1] == pytest.approx(0.8, abs=0.03)


def test_the_figure_says_the_finding():
    drawn = figure("own_errors").draw({"estimates": estimates()})
    texts = [text.get_text() for text in drawn.texts]
    assert any("within 0.1 nats on 50 of 50 tasks" in text for text in texts)
    (axes,) = drawn.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()][:2] == ["mine estimate", "mine estimate --cross-fit 5"]
    assert len(axes.get_yticklabels()) == 50
    assert "0.05" in {text.get_text() for text in axes.texts}


def test_the_page_says_how_settings_were_chosen_and_what_was_not_run():
    assert reach_part(None, None) == sentence(None) == NOT_RUN
    table = estimates()
    page = reach_part(table, pd.DataFrame(judged(table, nulls(), 10_000)))
    assert "Settings were chosen on draws of the *choosing* tasks" in page
    assert "the cleaner check" in page
    assert "| mine estimate | 5 | 0.010 | 20 of 20 | 0.010 | 20 of 20 | 0.010 | 10 of 10 | 100% | 10.0 |" in page
    assert "- latentmi: not measured, the plan does not name it." in page
    assert "by 0.010 nats on the 40 public tasks (40 of 40 within 0.1)" in sentence(table)
    assert "No estimate of ours is off by more than 0.1 nats." in sentence(table)
    table.loc[table["task"] == "1v1-normal-0.75", "value"] = np.nan
    page = reach_part(table, pd.DataFrame(judged(table, nulls(), 10_000)))
    assert "0.010 (5 without a value) | 19 of 20" in page
    assert "Of 250 estimates of ours 5 are off by more than 0.1 nats, on: 1 × 1 (5 of 35)." in page


def test_pages_hold_what_is_published():
    root = Path(__file__).parents[2]
    data = [root / "figures" / "data" / f"own_{name}.parquet" for name in ("estimates", "aims")]
    tables = [pd.read_parquet(path, partitioning=None) if path.exists() else None for path in data]
    for page, part in (("docs/estimate.md", reach_part(*tables)), ("README.md", sentence(tables[0]))):
        text = (root / page).read_text(encoding="utf-8")
        assert text.split("<!-- made: reach -->\n")[1].split("\n<!-- end: reach -->")[0] == part


def test_the_page_says_what_the_first_draws_of_null_data_gave():
    root = Path(__file__).parents[2]
    made = pd.read_parquet(root / "figures/data/own_nulls.parquet")
    first = made[(made["draw"] < 200) & (made["p_value"] < 0.05)].groupby("kind").size()
    text = " ".join((root / "docs/estimate.md").read_text(encoding="utf-8").split())
    assert f"had $p < 0.05$ in {first['ar1-0.9']}, and in {first['ar1-0.5']} at 0.5, which left open" in text


def test_published_draws_are_finished_jobs_again(tmp_path, capsys):
    plan = PLAN | {
        "draws": 2,
        "draws_per_job": 1,
        "null_draws": 2,
        "further": {"more": {"methods": ["cca"], "draws": 2}},
    }
    config = tmp_path / "config.yaml"
    experiment = {"grid": {"dim": [1], "rho": [0.5], "variant": ["ema"], "seeds": "0"}}
    config.write_text(json.dumps({"experiments": {"small": experiment}, "own": plan}))
    rows = [start_of_row("cca", TASK, 150, draw) | {"mi_true": 0.5, "value": np.nan} for draw in (2, 0)]
    null = [{"kind": "ar1-0.5", "rows": 200, "draw": draw, "value": 0.0, "p_value": 0.5} for draw in (0, 1)]
    for name, columns, made in (("own_more", ESTIMATES, rows), ("own_nulls", NULL_TESTS, null)):
        write_table(tmp_path / f"{name}.parquet", table(columns, [dict.fromkeys(columns) | row for row in made]))
    places = ["--published", str(tmp_path), "--output", str(tmp_path / "out")]
    words = ["reach", "restore", "--config", str(config), *places]
    jobs = len(Plan.from_dict(plan).jobs()) + 1
    assert main(words) == 0
    assert f"2 jobs restored from {tmp_path}, 0 were there, {jobs - 2} are left to be run" in capsys.readouterr().out
    made = read_table(tmp_path / "out/cells/rows=150/method=cca" / f"task={TASK}" / "first=0.parquet")
    assert made["draw"].to_pylist() == [0]
    assert made["value"].null_count == 0  # NaN, as it happened
    assert len(pd.read_parquet(tmp_path / "out/nulls" / null_path("ar1-0.5", 0))) == 2
    assert main(words) == 0
    assert "0 jobs restored" in capsys.readouterr().out

    assert main([*words[:5], str(tmp_path / "out"), *words[6:]]) == 2
    assert "holds no own_estimates.parquet" in capsys.readouterr().err
