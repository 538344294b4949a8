"""``mine publish``: what it copies, what it leaves alone, what it refuses."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from encoder_tables import SETTINGS, made_encoders
from factories import write_run

from mine import publish as module
from mine.commands import publish as command
from mine.errors import UserError
from mine.experiments import expand
from mine.publish import publish
from mine.runs import planned_runs
from mine.tables import collect

CONFIG = {
    "results": "results",
    "experiments": {
        "one": {
            "grid": {"variant": ["ema", "biased"], "dim": [1], "rho": [0.5], "seeds": "0-2"},
            "training": {"steps": 20, "eval_every": 10},
        },
        "two": {
            "grid": {"variant": ["ema"], "dim": [1], "rho": [0.5], "seeds": "0-1"},
            "training": {"steps": 20, "eval_every": 10},
            "settings": {"n=500": {"data": 500}, "clipped": {"grad_clip": 1.0}},
        },
    },
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    results = tmp_path_factory.mktemp("made") / "results"
    for name, experiment in CONFIG["experiments"].items():
        folder = results / name
        for run in expand(experiment):
            ended = 15 if run.variant == "biased" and run.seed == 1 else None
            write_run(
                folder / "runs", setting=run.setting, variant=run.variant, dim=run.dim, rho=float(run.rho),
                seed=run.seed, training=run.training, overflow_step=ended,
                mi_batch=[1.5] * 14 + [np.inf] if ended else 1.5,
            )  # fmt: skip
        runs, _ = planned_runs(folder / "runs", experiment)
        collect(name, runs, *(folder / f"{table}.parquet" for table in ("summary", "curves", "evaluations")))
    for name in ("writeup/mi.svg", "writeup/mi.png", "writeup/notes.txt", "live.pdf"):
        path = results / "figures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"drawn {name}")
    return results


@pytest.fixture
def root(made, tmp_path):
    """A project with finished results and no repository."""
    shutil.copytree(made, tmp_path / "results")
    return tmp_path


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


PUBLISHED = [
    "README.md",
    "data/one_summary.parquet",
    "data/two_summary.parquet",
    "live.pdf",
    "published.json",
    "writeup/mi.png",
    "writeup/mi.svg",
]


def test_the_ledger_of_papers_is_published_and_kept_where_it_is_not_made(root):
    made = root / "results/claims/papers"
    made.mkdir(parents=True)
    for kind in ("parquet", "md", "html"):
        (made / f"claims.{kind}").write_text(f"{kind}: the papers' claims")
    names = {"benchmark_claims.md", "benchmark_claims.html", "data/benchmark_claims.parquet"}
    assert names <= set(publish(CONFIG, root / "figures", root)["files"])
    made.rename(root / "elsewhere")
    assert names <= set(publish(CONFIG, root / "figures", root)["kept"])
    assert (root / "figures/benchmark_claims.md").read_text() == "md: the papers' claims"


def test_figures_summaries_and_a_record(root):
    record = publish(CONFIG, root / "figures", root)
    assert files(root / "figures") == PUBLISHED
    assert json.loads((root / "figures/published.json").read_text()) == record
    assert (root / "figures/writeup/mi.svg").read_text() == "drawn writeup/mi.svg"
    summary = (root / "results/one/summary.parquet").read_bytes()
    assert (root / "figures/data/one_summary.parquet").read_bytes() == summary
    assert record["files"]["data/one_summary.parquet"] == hashlib.sha256(summary).hexdigest()
    assert record["experiments"]["one"] == {
        "runs": 6, "seeds": 3, "overflow": 1, "runaway": 0, "training_code": ["abc123"], "device": ["cpu"],
    }  # fmt: skip
    assert (record["experiments"]["two"]["runs"], record["experiments"]["two"]["seeds"]) == (4, 2)
    assert record["cpu"]["cores"] >= 1
    assert record["cpu"]["model"]
    assert "+" not in "".join(record["packages"].values())
    assert set(record["packages"]) >= {"numpy", "pandas", "pyarrow", "torch"}
    assert "wall_time" not in record


def test_publishing_again_touches_nothing(root):
    publish(CONFIG, root / "figures", root)
    before = {name: (root / "figures" / name).stat().st_mtime_ns for name in PUBLISHED}
    inodes = {name: (root / "figures" / name).stat().st_ino for name in PUBLISHED}
    publish(CONFIG, root / "figures", root)
    assert before == {name: (root / "figures" / name).stat().st_mtime_ns for name in PUBLISHED}
    assert inodes == {name: (root / "figures" / name).stat().st_ino for name in PUBLISHED}


def test_a_changed_figure_changes_and_a_stale_one_goes(root):
    publish(CONFIG, root / "figures", root)
    (root / "figures/pipeline.svg").write_text("not of the pipeline")
    (root / "results/figures/writeup/mi.svg").write_text("drawn anew")
    (root / "results/figures/live.pdf").unlink()
    publish(CONFIG, root / "figures", root)
    assert (root / "figures/writeup/mi.svg").read_text() == "drawn anew"
    assert files(root / "figures") == sorted({*PUBLISHED, "pipeline.svg"} - {"live.pdf"})


def test_a_record_cannot_remove_what_lies_elsewhere(root):
    (root / "precious.svg").write_text("kept")
    (root / "figures").mkdir()
    (root / "figures/published.json").write_text(json.dumps({"files": {"../precious.svg": "x"}}))
    publish(CONFIG, root / "figures", root)
    assert (root / "precious.svg").read_text() == "kept"


def test_the_jobs_of_a_run_and_their_time(root):
    assert publish(CONFIG, root / "figures", root)["jobs"] == {}
    for name, seconds in (("train/a.tsv", "1000.4"), ("train/x/b.tsv", "200.3"), ("collect/c.tsv", "34.3")):
        path = root / "results/benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    counted = publish(CONFIG, root / "figures", root)["jobs"]
    assert counted == {"collect": {"jobs": 1, "seconds": 34}, "train": {"jobs": 2, "seconds": 1201}}


def test_the_hash_is_that_of_the_configurations_meaning():
    shuffled = {"experiments": CONFIG["experiments"], "results": "results"}
    assert module.config_hash(CONFIG) == module.config_hash(shuffled)
    assert module.config_hash(CONFIG) != module.config_hash({**CONFIG, "results": "other"})
    assert module.config_hash({"b": 1, "a": [0.5]}) == hashlib.sha256(b'{"a":[0.5],"b":1}').hexdigest()


def git(folder, *arguments):
    names = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_commit_and_whether_the_code_is_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert module.commit(tmp_path) == {"sha": None, "dirty": None}
    git(tmp_path, "init", "-q")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("1")
    assert module.commit(tmp_path) == {"sha": None, "dirty": True}
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    assert module.commit(tmp_path) == {"sha": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "README").write_text("not code")
    assert module.commit(tmp_path)["dirty"] is False
    (tmp_path / "src/a.py").write_text("2")
    assert module.commit(tmp_path)["dirty"] is True


def with_experiment(name, **changes):
    experiments = {**CONFIG["experiments"], name: {**CONFIG["experiments"][name], **changes}}
    return {**CONFIG, "experiments": experiments}


def test_results_of_another_configuration_are_refused(root):
    grid = {**CONFIG["experiments"]["one"]["grid"], "seeds": "0-3"}
    with pytest.raises(UserError, match=r"one/summary.parquet: holds 6 runs, 6 of them among the 8"):
        publish(with_experiment("one", grid=grid), root / "figures", root)
    training = {"steps": 20, "eval_every": 10, "batch_size": 64}
    with pytest.raises(UserError, match=r"made with batch_size 128 in setting 'base', the configuration says 64"):
        publish(with_experiment("one", training=training), root / "figures", root)
    with pytest.raises(UserError, match=r"made with grad_clip 1.0 in setting 'clipped'"):
        publish(with_experiment("two", settings={"n=500": {"data": 500}, "clipped": {}}), root / "figures", root)
    assert not (root / "figures").exists()


def test_unfinished_results_are_refused_and_nothing_is_copied(root):
    summary = root / "results/two/summary.parquet"
    summary.write_bytes(summary.read_bytes()[:50])
    with pytest.raises(UserError, match=r"two/summary.parquet: not a readable summary"):
        publish(CONFIG, root / "figures", root)
    summary.unlink()
    with pytest.raises(UserError, match=r"two/summary.parquet: not a readable summary"):
        publish(CONFIG, root / "figures", root)
    with pytest.raises(UserError, match="holds no svg, pdf or png"):
        publish({**CONFIG, "results": "elsewhere"}, root / "figures", root)
    assert not (root / "figures").exists()


def test_an_output_that_cannot_be_written(root):
    (root / "figures").write_text("a file")
    with pytest.raises(UserError, match=r"figures.*(cannot be written|not a record)"):
        publish(CONFIG, root / "figures", root)


def test_the_command(root, monkeypatch, capsys):
    config = types.ModuleType("mine.config")
    config.load_config = lambda path: {"config/config.yaml": CONFIG}[str(path)]
    monkeypatch.setitem(sys.modules, "mine.config", config)
    monkeypatch.chdir(root)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args([]))
    assert files(root / "figures") == PUBLISHED
    assert capsys.readouterr().out.startswith("5 files of 10 runs in figures\n")


def without(summary, **cell):
    """Take the rows of a cell out of a summary's file."""
    table = pq.read_table(summary)
    keep = [any(row[name] != value for name, value in cell.items()) for row in table.to_pylist()]
    pq.write_table(table.filter(keep), summary)


def test_what_is_not_made_again_is_kept_and_said(root):
    first = publish(CONFIG, root / "figures", root)
    assert "kept" not in first
    (root / "results/figures/two").mkdir()
    (root / "results/figures/two/live.svg").write_text("drawn")
    publish(CONFIG, root / "figures", root)
    rows = pd.read_parquet(root / "figures/data/one_summary.parquet")
    # Another machine, which has made one cell of the first experiment and nothing of the second.
    without(root / "results/one/summary.parquet", variant="biased")
    (root / "results/two/summary.parquet").unlink()
    (root / "results/figures/two/live.svg").unlink()
    record = publish(CONFIG, root / "figures", root)
    assert record["experiments"]["one"]["kept"] == 3
    assert record["experiments"]["two"]["kept"] == 4
    assert record["kept"] == {"two/live.svg": first["commit"]["sha"]}
    assert (root / "figures/two/live.svg").read_text() == "drawn"
    pd.testing.assert_frame_equal(pd.read_parquet(root / "figures/data/one_summary.parquet"), rows)
    assert "Not made again" in (root / "figures/README.md").read_text()


def test_what_is_kept_again_is_still_of_the_publication_that_made_it(root, monkeypatch):
    def at(sha):
        monkeypatch.setattr(module, "commit", lambda root: {"sha": sha, "dirty": False})
        return publish(CONFIG, root / "figures", root)

    (root / "results/figures/two").mkdir()
    (root / "results/figures/two/live.svg").write_text("drawn")
    at("first")
    (root / "results/two/summary.parquet").unlink()
    (root / "results/figures/two/live.svg").unlink()
    at("second")
    without(root / "results/one/summary.parquet", variant="biased")
    record = at("third")
    assert record["kept"] == {"two/live.svg": "first"}
    assert {name: made["kept_from"] for name, made in record["experiments"].items()} == {
        "one": "second",
        "two": "first",
    }
    page = (root / "figures/README.md").read_text()
    assert "of commit second 3 runs of one; of commit first 4 runs of two, 1 file." in page


def test_what_no_longer_belongs_to_the_configuration_is_not_kept(root):
    publish(CONFIG, root / "figures", root)
    (root / "results/two/summary.parquet").unlink()
    other = {"steps": 20, "eval_every": 10, "batch_size": 64}
    with pytest.raises(UserError, match=r"data/two_summary.parquet: made with batch_size 128"):
        publish(with_experiment("two", training=other), root / "figures", root)
    grid = {**CONFIG["experiments"]["two"]["grid"], "seeds": "0-2"}
    with pytest.raises(UserError, match=r"holds 4 runs, 4 of them among the 6"):
        publish(with_experiment("two", grid=grid), root / "figures", root)


def test_a_summary_of_an_earlier_version_has_the_defaults_of_settings_it_did_not_know(root):
    publish(CONFIG, root / "figures", root)
    published = root / "figures/data/two_summary.parquet"
    pd.read_parquet(published).drop(columns=["epochs", "last_batch", "record_every"]).to_parquet(published)
    (root / "results/two/summary.parquet").unlink()
    publish(CONFIG, root / "figures", root)
    again = pd.read_parquet(published)
    assert set(again["last_batch"]) == {"drop"}
    assert again["epochs"].isna().all()
    assert set(again["record_every"]) == {"1"}


def test_a_table_beside_a_summary_is_kept_with_it(root):
    epochs = root / "results/two/epochs.parquet"
    epochs.write_bytes(b"a table of epochs")
    publish(CONFIG, root / "figures", root)
    for path in (epochs, root / "results/two/summary.parquet"):
        path.unlink()
    record = publish(CONFIG, root / "figures", root)
    assert (root / "figures/data/two_epochs.parquet").read_bytes() == b"a table of epochs"
    assert "data/two_epochs.parquet" in record["kept"]
    assert record["experiments"]["two"]["kept"] == 4


def encoders(root, seeds=2):
    """CONFIG with an experiment that trains encoders, and its tables in the results."""
    where = {"beta=2_ema": {"code": "abc", "device": "cpu"}}
    made = made_encoders(seeds, ("ema",), {"beta=2": SETTINGS["beta=2"]}, **where)
    folder = root / "results/control"
    folder.mkdir(parents=True)
    for name, table in made.items():
        table.assign(experiment="control").to_parquet(folder / f"{name}.parquet")
    given = SETTINGS["beta=2"].to_dict()
    control = {name: value for name, value in given.items() if value is not None}
    grid = {"variant": ["ema"], "seeds": "0-1"}
    experiment = {"target": "control", "grid": grid, "control": control, "settings": {"beta=2": {}}}
    return {**CONFIG, "experiments": CONFIG["experiments"] | {"control": experiment}}


def test_encoders_are_published_and_kept_where_they_are_not_made_again(root):
    config = encoders(root)
    record = publish(config, root / "figures", root)
    assert record["experiments"]["control"]["runs"] == 2
    assert {"data/control_encoders.parquet", "data/control_optima.parquet"} <= set(files(root / "figures"))
    assert "data/control_encoder_steps.parquet" not in files(root / "figures")
    page = (root / "figures/README.md").read_text()
    (line,) = [line for line in page.splitlines() if line.startswith("| beta=2 | ema | 0 of 2 |")]
    assert line.count("|") == 12
    before = (root / "figures/data/control_encoders.parquet").read_bytes()
    for path in (root / "results/control").iterdir():
        path.unlink()
    record = publish(config, root / "figures", root)
    assert record["experiments"]["control"]["kept"] == 2
    assert (root / "figures/data/control_encoders.parquet").read_bytes() == before


def test_encoders_of_another_grid_are_refused(root):
    with pytest.raises(UserError, match="holds 1 encoders, 1 of them among the 2 of the configuration"):
        publish(encoders(root, seeds=1), root / "figures", root)


def test_what_own_found_is_published_and_kept_where_it_was_not_made_again(root):
    for place in ("own/estimates.parquet", "own/nulls.parquet", "own/aims.parquet", "figures/own/own_errors.png"):
        path = root / "results" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.encode())
    found = {"data/own_estimates.parquet", "data/own_nulls.parquet", "data/own_aims.parquet", "own/own_errors.png"}
    assert found <= set(publish(CONFIG, root / "figures", root)["files"])
    assert "[![own errors of own](own/own_errors.png)]" in (root / "figures/README.md").read_text()
    for folder in ("own", "figures/own"):
        for path in (root / "results" / folder).iterdir():
            path.unlink()
    record = publish(CONFIG, root / "figures", root)
    assert found == set(record["kept"])
