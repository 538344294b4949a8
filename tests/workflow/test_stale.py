"""A stale result is a wrong result: what reruns after a change, and what does not."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from mine import provenance
from mine.provenance import INERT_MODULES, code_hash, import_closure, statements, training_code_hash

pytestmark = pytest.mark.xdist_group("workflow")
ROOT = Path(__file__).parents[2]
TABLES_AND_FIGURES = {"collect": 1, "figure": 1, "figure_of_setting": 1, "ledger": 1}


def touch_source(project, module: str, change: str = "A_CHANGE = 1") -> None:
    with (project.folder / "src" / "mine" / f"{module}.py").open("a") as stream:
        stream.write(f"\n{change}\n")


def test_nothing_reruns_when_nothing_changed(finished):
    assert finished.planned() == {}


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("estimators/donsker_varadhan", {"train_tiny": 4, **TABLES_AND_FIGURES}),
        ("summary", TABLES_AND_FIGURES),
        ("figures/estimate", {"figure_of_setting": 1}),
        ("figures/style", {"figure": 1, "figure_of_setting": 1}),
        ("claims/diverges_sooner", {"ledger": 1}),
    ],
)
def test_a_change_of_code_reruns_what_depends_on_it(finished, module, expected):
    touch_source(finished, module)
    assert finished.planned() == expected


def test_words_about_the_code_and_code_without_a_number_rerun_nothing(finished):
    touch_source(finished, "engine/loop", "# a word")
    touch_source(finished, "cli")
    assert finished.planned() == {}


def test_a_new_seed_retrains_only_the_block_it_falls_into(finished):
    finished.experiment["grid"]["seeds"] = "0-2"
    done = finished.snakemake("--dry-run")
    assert finished.jobs_of(done) == {"train_tiny": 4, **TABLES_AND_FIGURES}
    assert "rule train_tiny_seeds_2:" in done.stdout + done.stderr
    assert "rule train_tiny_seeds_0_to_1:" not in done.stdout + done.stderr


def test_a_new_variant_trains_only_its_cells(finished):
    finished.experiment["grid"]["variant"].append("ema-log")
    assert finished.planned() == {"train_tiny": 2, **TABLES_AND_FIGURES}


@pytest.mark.parametrize("first", [True, False])
def test_a_new_experiment_leaves_the_others_alone(finished, first):
    other = {**finished.experiment, "figures": ["divergence"]}
    both = (
        {"other": other, **finished.config["experiments"]}
        if first
        else {**finished.config["experiments"], "other": other}
    )
    finished.config["experiments"] = both
    assert finished.planned() == {"train_other": 4, "collect": 1, "figure": 1, "ledger": 1}


def test_a_changed_setting_retrains(finished):
    finished.experiment["training"]["learning_rate"] = 0.002
    assert finished.planned() == {"train_tiny": 4, **TABLES_AND_FIGURES}


def test_a_lost_run_is_trained_again(finished):
    next((finished.folder / "results" / "tiny" / "runs").rglob("seed=0.parquet")).unlink()
    assert finished.planned() == {"train_tiny": 1, **TABLES_AND_FIGURES}


def test_what_python_loads_for_training_is_hashed_or_known_to_be_inert():
    program = """
import sys, mine.engine.runs
from mine.estimators import build, default_critic
from mine.settings import TrainingSettings
build("nwj", default_critic("nwj"), 1, 1, TrainingSettings())
print(*sorted(n[5:] for n in sys.modules if n.startswith("mine.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {"engine", *INERT_MODULES}
    assert set(done.stdout.split()) - packages == set(import_closure("engine.runs", "estimators.nwj")) - packages


def test_the_package_uses_only_imports_that_the_closure_sees():
    for path in (ROOT / "src" / "mine").rglob("*.py"):
        relative = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom) and n.level]
        assert not relative, f"{path}: a relative import, which mine.provenance does not follow"


def test_hashes_differ_by_what_they_cover():
    assert training_code_hash("ema") == training_code_hash("biased")
    assert training_code_hash("nwj") != training_code_hash("tuba")
    assert training_code_hash("nwj", "gaussian") != training_code_hash("nwj", "uniform")
    assert code_hash("figures.estimate") != code_hash("figures.divergence")
    assert "figures.style" in import_closure("figures.estimate")
    assert not {name for name in import_closure("engine.runs") if name.startswith(("figures", "commands"))}


def test_words_about_the_code_leave_results_fresh():
    code = b'"""What it is."""\n\nA = "#1"  # why\n\n\ndef f(x):\n    """Docs."""\n    # how\n    return x  # so\n'
    other = b'"""Else."""\nA = "#1"\ndef f(x):\n    """Other words,\n\n    and more."""\n    return x\n'
    assert statements(code) == statements(other) == b'A = "#1"\ndef f(x):\n    return x\n'
    assert statements(code.replace(b"#1", b"#2")) != statements(code)
    assert statements(code.replace(b"return x", b"return -x")) != statements(code)


@pytest.mark.parametrize("string", ["'\"#1'", r"'\'#1'", r"'\\'", r"r'\\'", "f'{1:#x}'", "'''a\"'#1'''", '"""""" "#"'])
def test_a_hash_in_a_string_begins_no_comment_nor_a_quote_in_a_comment_a_string(string):
    code = f"A = {string}  # it's \"so\nB = '#'# one 'more\n"
    assert statements(code.encode()) == f"A = {string}\nB = '#'\n".encode()


def test_what_a_module_reads_beside_it_is_hashed_too(tmp_path, monkeypatch):
    """The page's script is no module, so no hash of code sees it."""
    (tmp_path / "explorer").mkdir()
    for name in ("page.js", "page.css", "page.py"):
        (tmp_path / "explorer" / name).write_text("a")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    of_files = provenance.data_hash.__wrapped__
    before = of_files("explorer")
    (tmp_path / "explorer" / "page.py").write_text("b")
    assert of_files("explorer") == before
    (tmp_path / "explorer" / "page.js").write_text("b")
    assert of_files("explorer") != before
    assert 'page=data_hash("explorer")' in (ROOT / "workflow/rules/notebooks.smk").read_text()
