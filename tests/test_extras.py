"""What an installation has without the extras, and what the built wheel holds."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mine.extras import EXTRAS, what_to_install

ROOT = Path(__file__).parents[1]

BLOCK = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""

RUN = """
from mine.__main__ import main
sys.exit(main(sys.argv[1:]))
"""

OPTIONAL = {*EXTRAS, "snakemake", "jupyter", "IPython"}

TRAIN = (
    "train", "--variant", "ema", "--dim", "1", "--rho", "0.5", "--seed", "0", "--steps", "3", "--batch-size", "8",
    "--hidden", "4", "--eval-every", "3", "--output", "run.parquet",
)  # fmt: skip
ESTIMATE = (
    "estimate", "pairs.npy", "--x", "0", "--z", "1", "--max-updates", "5", "--initialisations", "1", "--permutations",
    "99", "--resamples", "100", "--hidden", "4", "--output", "mi.json",
)  # fmt: skip


def without(blocked: set[str], program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python that cannot import some modules."""
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=blocked) + program, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )


def pairs(folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 1))
    np.save(folder / "pairs.npy", np.concatenate([x, x + np.random.default_rng(1).normal(size=(200, 1))], axis=1))


def test_importing_helping_and_training_need_no_extra(tmp_path: Path):
    done = without(
        OPTIONAL, f"import mine\nfrom mine.__main__ import main\nmain({TRAIN!r})\nmain(['--help'])", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "estimate the mutual information" in done.stdout
    assert (tmp_path / "run.parquet").is_file()


def test_an_estimate_needs_matplotlib_for_its_figure_and_no_other_extra(tmp_path: Path):
    pairs(tmp_path)
    done = without(OPTIONAL - {"matplotlib"}, RUN, *ESTIMATE, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mi.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [
        (ESTIMATE, "matplotlib", "figures"),
        (("status", "--config", str(ROOT / "config/smoke.yaml")), "jsonschema", "workflow"),
        (("explore", "--output", "page.html"), "plotly", "pages"),
    ],
)
def test_a_missing_extra_is_one_line_that_names_it(tmp_path: Path, arguments, module: str, extra: str):
    pairs(tmp_path)
    done = without({module}, RUN, *arguments, folder=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mine: error: {module} is not installed")
    assert f"'.[{extra}]'" in line
    assert not (tmp_path / "mi.json").exists()


def test_a_missing_module_of_no_extra_stays_a_bug():
    assert what_to_install(ModuleNotFoundError("", name="mine.nothing")) is None
    assert what_to_install(ModuleNotFoundError("")) is None
    assert "'.[data]'" in what_to_install(ModuleNotFoundError("", name="sklearn.metrics"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as built from what is here; in a copy, because setuptools leaves a build folder behind."""
    folder = tmp_path_factory.mktemp("wheel")
    names = subprocess.run(
        ["git", "ls-files", "-z", "src", "pyproject.toml", "README.md", "LICENSE"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    build = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    done = subprocess.run([sys.executable, "-c", build], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "dist" / done.stdout.splitlines()[-1]


def test_the_wheel_holds_everything_of_the_package_that_is_no_module(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    source = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src/mine").rglob("*") if path.is_file()}
    assert {name for name in source if "__pycache__" not in name} <= held
    assert {"mine/py.typed", "mine/config.schema.yaml", "mine/explorer/page.js", "mine/figures/mine.mplstyle"} <= held


def test_an_installed_mine_checks_a_configuration_outside_the_checkout(wheel: Path, tmp_path: Path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "own.yaml").write_text((ROOT / "config/smoke.yaml").read_text())
    done = subprocess.run(
        [sys.executable, "-m", "mine", "status", "--config", "own.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "writeup" in done.stdout
