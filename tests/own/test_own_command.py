"""`mine estimate`: what it prints and writes, and every bad input."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from known_data import gaussian

from mine.cli import main
from mine.own import MutualInformation

FAST = ["--initialisations", "2", "--permutations", "99", "--resamples", "99", "--max-updates", "150"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, z = gaussian(400, 2, 0.8)
    frame = pd.DataFrame(np.hstack([x, z]), columns=["a", "b", "c", "d"])
    frame["kind"] = np.where(frame["a"] > 0, "up", "down")
    frame["hole"] = frame["b"].where(frame.index != 7)
    frame["still"] = 1.0
    frame.to_parquet("data.parquet")
    return tmp_path


def run(*words):
    return main(["estimate", "data.parquet", *FAST, *words])


def test_a_verdict_a_record_and_a_figure(here, capsys):
    assert run("--x", "a,b", "--z", "c,d") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("x and z depend on each other")
    assert "given this split" in printed
    record = json.loads((here / "mi_data.json").read_text())
    assert f"{record['mi']:.3f} nats" in printed
    assert record["unit"] == "nats"
    assert record["interval"]["low"] < record["mi"] < record["interval"]["high"]
    assert "over initialisations" in record["interval"]["is"]
    assert record["permutation_test"] == {
        "p_value": 0.01, "derangements": 99, "is": record["permutation_test"]["is"]
    }  # fmt: skip
    assert record["rows"] == {
        "given": 400, "dropped": 0, "training": 240, "validation": 80, "test": 80, "between_parts": 0,
        "product_pairs": 80 * 79,
    }  # fmt: skip
    assert record["data"] == {
        "file": "data.parquet",
        "sha256": hashlib.sha256((here / "data.parquet").read_bytes()).hexdigest(),
        "read_as": {},
        "x": ["a", "b"],
        "z": ["c", "d"],
        "discrete": [],
    }
    assert record["settings"]["seed"] == 0
    assert record["settings"]["critic"] == "either"
    tried = record["critics_on_validation_rows"]
    assert set(tried) == {"concat", "separable"}
    assert record["critic"] == max(tried, key=tried.get)
    assert record["marginals"]["kind"] == "normal-scores"
    assert 0.0 <= record["marginals"]["clamped_share_of_test_rows"] < 0.1
    assert len(record["initialisations"]) == 2
    assert record["mi"] == pytest.approx(np.mean([each["test"] for each in record["initialisations"]]), abs=0.05)
    assert [each["name"] for each in record["witnesses"]] == ["neighbours", "gaussian", "density_ratio"]
    assert all(abs(each["value"] - record["mi"]) < 0.5 for each in record["witnesses"])
    assert record["starts_from"]["dof"] is None
    assert len(record["starts_from"]["correlations"]) == 2
    assert record["combined"]["cap"] > 0.0
    assert set(record["made_with"]["packages"]) == {"mine", "python", "torch", "numpy"}
    assert len(record["made_with"]["code"]) == 64
    assert str(here) not in json.dumps(record)
    assert (here / "mi_data.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_one_object_and_the_record(here, capsys):
    assert run("--x", "a", "--z", "c", "--json", "--output", "one.json", "--figure", "one.svg") == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads((here / "one.json").read_text())
    assert b"<svg" in (here / "one.svg").read_bytes()


def test_the_same_command_writes_the_same_record(here):
    for name in ("one", "two"):
        assert run("--x", "a", "--z", "c", "--output", f"{name}.json", "--figure", f"{name}.svg") == 0
    assert (here / "one.json").read_bytes() == (here / "two.json").read_bytes()
    assert (here / "one.svg").read_bytes() == (here / "two.svg").read_bytes()


def test_missing_rows_dropped_are_counted(here, undrawn):
    assert run("--x", "hole", "--z", "d", "--drop-missing") == 0
    rows = json.loads((here / "mi_data.json").read_text())["rows"]
    assert (rows["given"], rows["dropped"]) == (400, 1)
    assert rows["training"] + rows["validation"] + rows["test"] == 399


def test_discrete_and_another_estimator(here, undrawn):
    assert run("--x", "c,d", "--z", "kind", "--discrete", "kind", "--estimator", "infonce") == 0
    record = json.loads((here / "mi_data.json").read_text())
    assert record["data"]["discrete"] == ["kind"]
    assert record["value_is"].startswith("InfoNCE value")
    assert 0.1 < record["mi"] < 0.7


def test_given_columns_and_normalised_forms(here, capsys):
    quick = ["--initialisations", "1", "--max-updates", "75"]
    assert run("--x", "a", "--z", "c", "--given", "b,kind", "--discrete", "kind", "--normalise", *quick) == 0
    printed = capsys.readouterr().out
    record = json.loads((here / "mi_data.json").read_text())
    whole, part = (record["of"][name] for name in ("x_and_given_with_z", "given_with_z"))
    assert record["mi"] == pytest.approx(whole["mi"] - part["mi"])
    assert f"{record['mi']:.3f} nats" in printed
    assert "approximate p" in printed
    assert record["data"] == {"x": ["a"], "z": ["c"], "given": ["b", "kind"]}
    assert (whole["data"]["x"], part["data"]["x"]) == (["a", "b", "kind"], ["b", "kind"])
    assert whole["rows"] == part["rows"]
    assert (record["permutation_test"]["exact"], record["permutation_test"]["levels"]) == (False, 2)
    form = record["normalised"][0]
    assert (form["name"], form["value"]) == ("correlation", pytest.approx(np.sqrt(1 - np.exp(-2 * record["mi"]))))
    assert (here / "mi_data.png").read_bytes().startswith(b"\x89PNG")


def test_the_share_of_an_entropy(here, capsys, undrawn):
    assert run("--x", "a", "--z", "kind", "--discrete", "kind", "--normalise") == 0
    record = json.loads((here / "mi_data.json").read_text())
    share = {form["name"]: form for form in record["normalised"]}["share_of_entropy_of_z"]
    counts = pd.read_parquet("data.parquet")["kind"].value_counts(normalize=True)
    assert share["value"] == pytest.approx(record["mi"] / -(counts * np.log(counts)).sum())
    assert share["low"] < share["value"] < share["high"]
    assert f"{share['value']:.3f}, " in capsys.readouterr().out


def test_a_model_is_saved_and_judges_other_rows(here, capsys, undrawn):
    quick = ["--max-updates", "50", "--save-model", "model.npz"]
    assert run("--x", "a,kind", "--z", "c", "--discrete", "kind", *quick) == 0
    x, z = gaussian(150, 2, 0.8, seed=3)
    other = pd.DataFrame({"c": z[:, 0], "kind": np.where(x[:, 0] > 0, "up", "down"), "a": x[:, 0]})
    other.to_csv("other.csv", index=False)
    capsys.readouterr()
    assert main(["estimate", "other.csv", "--model", "model.npz"]) == 0
    printed = capsys.readouterr().out
    assert "model           model.npz, trained on 240 other rows" in printed
    record = json.loads((here / "mi_other.json").read_text())
    model = MutualInformation.load("model.npz")
    assert record["mi"] == model.estimate(other[["a", "kind"]], other[["c"]]).mi
    assert (record["rows"]["test"], record["model"], record["data"]["x"]) == (150, "model.npz", ["a", "kind"])
    assert main(["estimate", "other.csv", "--model", "model.npz", "--x", "a", "--seed", "3"]) == 2
    assert "model: seed, x cannot be given with it" in capsys.readouterr().err
    assert main(["estimate", "other.csv", "--model", "other.csv"]) == 2
    assert "other.csv: cannot be read as a fitted model of mine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--x", "a"], "z: no columns; name them with --z; there are a, "),
        (["--x", "a", "--z", "c", "--given", "b", "--save-model", "m.npz"], "save_model: a model is of x and z alone"),
        (["--x", "a", "--z", "c", "--save-model", "mi_data.png"], "must be four files"),
        (["--x", "a", "--z", "c", "--given", "a"], "column 'a': in x and in given"),
        (["--x", "a", "--z", "c", "--given", "still"], "column 'still': constant (1.0)"),
        (["--x", "a", "--z", "nope"], "data.parquet: z: 'nope' is no column"),
        (["--x", "a", "--z", "a"], "column 'a': in x and in z"),
        (["--x", "a", "--z", "kind"], "is not a number; name the column as discrete"),
        (["--x", "hole", "--z", "d"], "1 of 400 rows lack one, column 'hole' in row 8; drop these rows with"),
        (["--x", "b", "--z", "hole", "--drop-missing"], "is infinite, and no value is estimated"),
        (["--x", "still", "--z", "d"], "column 'still': constant (1.0)"),
        (["--x", "a", "--z", "c", "--split", "98,1,1"], "about 1000 rows at this split"),
        (["--x", "a", "--z", "c", "--split", "60,40"], "split: (60.0, 40.0) is not three positive shares"),
        (["--x", "a", "--z", "c", "--seed", "x"], "seed: 'x' is not a whole number"),
        (["--x", "a", "--z", "c", "--marginals", "ranks"], "marginals: 'ranks'"),
        (["--x", "a", "--z", "c", "--threads", "0"], "threads: 0"),
        (["--x", "a", "--z", "c", "--learning-rate", "x"], "learning_rate: 'x'"),
        (["--x", "a", "--z", "c", "--estimator", "doe-gaussian"], "models densities and has no critic"),
        (["--x", "a", "--z", "c", "--estimator", "mine"], "smile, kl-dime, gan-dime, hd-dime\n"),
        (["--x", "a", "--z", "c", "--figure", "figure.jpg"], "does not end in one of .svg, .pdf, .png"),
        (["--x", "a", "--z", "c", "--output", "data.parquet"], "must be three files"),
        (["--x", "a", "--z", "c", "--output", "."], "cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_nothing_written(here, capsys, words, message):
    before = sorted(path.name for path in here.iterdir())
    assert run(*words) == 2
    out, error = capsys.readouterr()
    assert message in error
    assert error.count("\n") == 1
    assert out == ""
    assert sorted(path.name for path in here.iterdir()) == before
