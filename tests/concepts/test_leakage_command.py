"""`mine leakage`: a file of predictions becomes a table, and every bad input one line."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from mine.cli import main
from mine.concepts.plan import MEASURING

QUICK = ("--permutations", "99")
NAMES = ("--concepts", "a,b", "--predicted", "pa,pb", "--label", "y")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(MEASURING, "max_updates", 60)
    source = np.random.default_rng(0)
    a, b = source.integers(2, size=(2, 400))
    y = a ^ b
    logits = 2.0 * np.stack([2 * a - 1, 2 * b - 1]) + source.standard_normal((2, 400))
    logits[0] += 1.5 * (2 * y - 1)
    frame = pd.DataFrame({"a": a, "b": b, "la": logits[0], "lb": logits[1], "y": np.where(y, "odd", "even")})
    frame["pa"], frame["pb"] = (1 / (1 + np.exp(-each)) for each in logits)
    frame["still"], frame["hard"] = 1, (logits[1] > 0).astype(int)
    frame["rare"] = np.where(np.arange(400) < 4, "third", frame["y"])
    frame["hole"] = frame["pa"].where(frame.index != 7)
    frame["who"] = np.arange(400) // 4
    frame.to_csv("predictions.csv", index=False)
    return tmp_path


def run(*words):
    return main(["leakage", "predictions.csv", *QUICK, *words])


def test_a_file_becomes_a_table_and_a_record(here, capsys):
    assert run(*NAMES) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Leakage in ")
    # Given a, the label and b are the same: one leaks as much as the other.
    assert "The largest: pa of" in printed.splitlines()[0]
    assert "concepts leave 0.000 open" in printed
    record = json.loads((here / "leakage_predictions.json").read_text())
    assert [(each["predicted"], each["target"]) for each in record["relations"]] == [
        ("pa", "y"), ("pb", "y"), ("pa", "b"), ("pb", "a"),
    ]  # fmt: skip
    first = record["relations"][0]
    assert first["neighbours"]["conditional"] > 0.2
    assert first["critics"]["low"] <= first["critics"]["conditional"] <= first["critics"]["high"]
    assert first["neighbours"]["p_value"] == 0.01
    assert first["neighbours"]["p_corrected"] == pytest.approx(0.04)
    assert record["left_open_by_concepts"] == pytest.approx(0.0, abs=1e-12)
    assert record["warnings"] == []


def test_probabilities_and_logits_hold_the_same(here, capsys):
    logits = ("--concepts", "a", "--predicted", "la", "--label", "y")
    assert run(*logits, "--json") == 0
    unsaid = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in unsaid["warnings"]] == ["outside_unit"]
    assert "say --logits" in unsaid["warnings"][0]["text"]
    assert run(*logits, "--logits", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["warnings"] == []
    assert said["relations"] == unsaid["relations"]
    assert run("--concepts", "a", "--predicted", "pa", "--label", "y", "--logits") == 0
    assert "All predictions lie in [0, 1]" in capsys.readouterr().out


def test_warnings_stand_beside_numbers(here, capsys):
    assert run("--concepts", "b", "--predicted", "hard", "--label", "rare", "--group", "who") == 0
    printed = capsys.readouterr().out
    assert "'hard': at most 10 different predictions, so taken as levels" in printed
    assert "classes of fewer than 10 rows, of which next to nothing can be said: 'third' (4)" in printed
    assert printed.startswith("There is no test of any relation, so no verdict.\n")
    assert "Rows that belong together: no test, and no nearest neighbours" in printed
    assert "hard        rare      " in printed.replace("none", "    ")
    record = json.loads((here / "leakage_predictions.json").read_text())
    assert record["data"]["group"] == "who"
    assert record["relations"][0]["neighbours"]["conditional"] is None
    assert "subject" in record["relations"][0]["neighbours"]["why"]


def test_predictions_in_another_order_than_concepts_are_seen(here, capsys):
    assert run("--concepts", "a,b", "--predicted", "pb,pa", "--label", "y", "--no-between") == 0
    first = capsys.readouterr()
    assert "predictions  pb of a, pa of b" in first.out
    assert "are --predicted and --concepts in the same order?" in first.out
    assert "'pb' orders rows by 'b' (area under the curve " in first.out
    assert "written: leakage_predictions.json" in first.err
    assert run(*NAMES, "--no-between") == 0
    again = capsys.readouterr()
    assert "same order?" not in again.out
    assert "The concepts determine the label" in again.out
    assert "replaced: leakage_predictions.json" in again.err


def test_rows_in_order_give_no_verdict_and_name_no_option_that_is_not_there(here, capsys):
    frame = pd.read_csv("predictions.csv")
    steps = np.random.default_rng(1).standard_normal((3, 400))
    for step in range(1, 400):
        steps[:, step] += 0.95 * steps[:, step - 1]
    frame["slow"], frame["up"] = steps[0], (steps[1] > 0).astype(int)
    frame["late"] = (steps[2] > 0).astype(int)
    frame.to_csv("predictions.csv", index=False)
    assert run("--concepts", "up", "--predicted", "slow", "--label", "late", "--logits") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Rows resemble their neighbours in the file")
    assert "--group; a time series has no test here" in printed
    assert "--blocks" not in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--concepts", "a,still", "--predicted", "pa,pb", "--label", "y"), "column 'still': constant (1)"),
        (("--concepts", "a", "--predicted", "still", "--label", "y"), "column 'still': constant (1.0)"),
        (
            ("--concepts", "a,b", "--predicted", "pa", "--label", "y"),
            "predicted: 1 columns for 2 concepts; name one for",
        ),
        (("--concepts", "la", "--predicted", "pa", "--label", "y"), "column 'la': 400 classes; a concept or label may"),
        (("--concepts", "a", "--predicted", "pa", "--label", "y,b"), "label: 2 columns; name one"),
        (("--concepts", "a", "--predicted", "y", "--label", "b"), "column 'y'"),
        (("--concepts", "a", "--predicted", "a", "--label", "y"), "column 'a': in concepts and in predicted"),
        (("--concepts", "a", "--predicted", "none", "--label", "y"), "predicted"),
        (("--concepts", "a", "--predicted", "hole", "--label", "y"), "drop these rows with --drop-missing"),
        ((*NAMES, "--estimator", "knn"), "estimator: 'knn' is unknown; allowed are js, ema, nwj, smile"),
        ((*NAMES, "--permutations", "5"), "permutations: 5 is not a whole number of at least 99"),
        ((*NAMES, "--output", "predictions.csv"), "predictions.csv"),
    ],
)
def test_bad_input_is_one_line_and_nothing_written(here, capsys, words, said):
    assert run(*words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert not (here / "leakage_predictions.json").exists()
