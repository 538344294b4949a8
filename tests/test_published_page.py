"""The page of published numbers: medians, counts and dashes, checked against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mine.config import load_config
from mine.publish.page import cell_table, page, with_figures
from mine.publish.questions import QUESTIONS


@pytest.fixture
def summary():
    base = {
        "setting": "permutation",
        "critic": "concat",
        "task": "gaussian",
        "dim": 5,
        "rho": 0.95,
        "mi_true": 5.82,
        "heldout_ess": 900.0,
    }
    rows = [
        {**base, "variant": "ema", "mi_batch_mean": value, "overflow_step": None, "runaway_step": None}
        for value in (4.0, 5.0, 6.0, 7.0)
    ] + [
        {**base, "variant": "biased", "mi_batch_mean": value, "overflow_step": step, "runaway_step": 501}
        for value, step in ((-np.inf, 900), (np.nan, 1100), (np.inf, 1000), (9.0, None))
    ]
    for seed, row in enumerate(rows):
        row |= {"seed": seed, "mi_heldout": 5.0, "mi_population": 4.5, "grad_norm_median": 7.0, "grad_norm_max": 1500.0}
        row["population_ess"] = 900.0 if row["variant"] == "ema" else 3.0
    return pd.DataFrame(rows)


def test_a_line_a_cell(summary):
    lines = cell_table(summary).splitlines()
    assert len(lines) == 4
    ema, biased = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:])
    assert ema == [
        "permutation", "ema", "5", "0.95", "5.82", "0 of 4", "0 of 4", "5.50 [4.50, 6.50]", "5.00 [5.00, 5.00]",
        "4.50 [4.50, 4.50]", "7.0 [7.0, 7.0]", "1,500 [1,500, 1,500]",
    ]  # fmt: skip
    assert biased[5:8] == ["3 of 4 (900-1,100)", "4 of 4 (501-501)", "—"]
    assert biased[9] == "*4.50 [4.50, 4.50]*"


def test_the_page_shows_every_png_and_where_it_came_from(summary):
    record = {
        "commit": {"sha": "abc"}, "cpu": {"model": "a CPU", "cores": 2}, "python": "3.11", "packages": {"torch": "2"}
    }  # fmt: skip
    text = page({"writeup": summary}, ["writeup/a_b.png", "writeup/a_b.svg", "other/c.png"], record)
    assert "[![a b of writeup](writeup/a_b.png)](writeup/a_b.svg)" in text
    assert "c.png" not in text
    assert "\n- [writeup](#writeup): Which variant diverges" in text
    assert "\n## writeup\n\n*Which variant diverges" in text
    for words in ("8 runs", "commit abc", "a CPU", "torch 2"):
        assert words in text


def test_every_published_experiment_has_a_question():
    config = load_config(Path(__file__).parents[1] / "config/config.yaml")
    # Those of the benchmark stand on a page of their own.
    asked = {name for name, of in config["experiments"].items() if not of.get("target", "").startswith("benchmark")}
    assert asked | {"claims", "search", "own", "concepts"} == set(QUESTIONS)


def test_the_ledger_shows_the_figure_that_it_names_where_that_is_published():
    ledger = "- Rule: r\n- Figure: `writeup/estimate_permutation`\n\n| cell |\n\n- Figure: `claims/gone`\n"
    files = ["writeup/estimate_permutation.png", "writeup/estimate_permutation.svg", "claims.md"]
    shown = with_figures(ledger, files)
    picture = "(writeup/estimate_permutation.png)](writeup/estimate_permutation.svg)"
    assert "- Figure: `writeup/estimate_permutation`\n\n    [![in-batch MI estimate" in shown
    assert shown.count(picture) == 1
    assert shown.endswith("- Figure: `claims/gone`\n")
    assert with_figures(shown, files) == shown
