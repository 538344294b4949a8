"""The steps of `snakemake concepts`, small: from draws and models to tables, and every bad input one line."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from mine.cli import main
from mine.concepts.tables import INTERVENTIONS, KNOWN, LEAKAGE, MODELS, PENALISED

PLAN = {
    "rows": [150],
    "leakages": [0, 0.1],
    "scenarios": ["xor-label"],
    "draws": {"neighbours": 2},
    "data": ["tabular-withheld"],
    "concept_weights": [1],
    "model_seeds": 1,
    "model_methods": ["neighbours"],
    "training_rows": 150,
    "held_out_rows": 150,
    "steps": 5,
    "batch_size": 20,
    "hidden": 4,
    "penalised_data": ["xor-withheld"],
    "penalties": ["ema"],
    "penalty_weights": [0, 2],
    "penalty_seeds": 1,
    "settings": {"max_updates": 5, "permutations": 99, "resamples": 99},
}


def run(step, *words, plan=PLAN):
    return main([str(word) for word in ("concepts", step, "--plan", json.dumps(plan), *words)])


def test_jobs_become_tables(tmp_path):
    known = tmp_path / "known/rows=150/method=neighbours/scenario=xor-label/first=0.parquet"
    of = ("--method", "neighbours", "--scenario", "xor-label", "--rows", 150, "--first", 0, "--draws", 2)
    assert run("known", *of, "--output", known) == 0
    models = tmp_path / "models/data=tabular-withheld"
    for kind, weight in (("hard", "none"), ("sequential", "none"), ("joint", "1")):
        more = () if weight == "none" else ("--weight", weight)
        folder = models / f"kind={kind}/weight={weight}"
        assert run("models", "--data", "tabular-withheld", "--kind", kind, *more, "--output", folder) == 0
    penalised = tmp_path / "penalised/data=xor-withheld/estimator=ema.parquet"
    assert run("penalised", "--data", "xor-withheld", "--estimator", "ema", "--output", penalised) == 0
    assert run("judge", "--folder", tmp_path) == 0
    tables = {path.stem: pd.read_parquet(path) for path in tmp_path.glob("*.parquet")}
    assert set(tables) == {"known", "decision", "models", "interventions", "leakage", "penalised"}
    for name, columns in (
        ("known", KNOWN), ("models", MODELS), ("interventions", INTERVENTIONS), ("leakage", LEAKAGE),
        ("penalised", PENALISED),
    ):  # fmt: skip
        assert list(tables[name].columns) == list(columns)
    assert len(tables["known"]) == 4
    assert len(tables["models"]) == 3
    assert len(tables["interventions"]) == 9
    assert tables["leakage"].groupby("kind")["relation"].value_counts()["joint"].to_dict() == {
        "label": 2, "between": 2, "together": 1,
    }  # fmt: skip
    assert tables["leakage"]["of_concept_exact"].max() == pytest.approx(0.4023, abs=1e-3)
    assert tables["penalised"]["weight"].tolist() == [0.0, 2.0]
    assert tables["penalised"]["outcome"].tolist() == ["completed"] * 2
    (tmp_path / "known").rename(tmp_path / "lost")
    assert run("judge", "--folder", tmp_path) == 2


@pytest.mark.parametrize(
    ("step", "words", "said"),
    [
        ("known", {"--method": "knn"}, "method: 'knn' is unknown; allowed are js, ema"),
        ("known", {"--scenario": "none"}, "scenario: 'none' is unknown; allowed are xor-label"),
        ("known", {"--rows": "5"}, "rows: 5 is not a whole number of at least 100"),
        ("known", {"--draws": "many"}, "draws: 'many' is not a whole number of at least 1"),
        ("models", {"--kind": "soft"}, "kind: 'soft' is unknown; allowed are hard, sequential, joint"),
        ("models", {"--weight": "1"}, "weight: belongs to joint models"),
        ("models", {"--data": "mnist"}, "data: 'mnist' is unknown"),
        ("penalised", {"--estimator": "infonce"}, "estimator: 'infonce' is unknown; allowed are biased"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, step, words, said):
    given = {
        "known": {"--method": "js", "--scenario": "xor-label", "--rows": "150", "--first": "0", "--draws": "1"},
        "models": {"--data": "xor", "--kind": "hard"},
        "penalised": {"--data": "xor", "--estimator": "ema"},
    }[step] | words
    options = [part for pair in given.items() for part in pair]
    assert run(step, *options, "--output", tmp_path / "out") == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert said in printed.err
    assert not (tmp_path / "out").exists()
