"""Workflow tests run Snakemake on a copy of the project, so that no lock, log or result is left in the checkout."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemakes import snakemake

ROOT = Path(__file__).parents[2]
COPIED = ("Snakefile", "workflow", "profiles", "config", "src", "environment.yml")

TINY: dict[str, Any] = {
    "results": "results",
    "runs_per_job": 2,
    "device": "cpu",
    "experiments": {
        "tiny": {
            "grid": {"variant": ["biased", "ema"], "dim": [1], "rho": [0.9, -0.5], "seeds": "0-1"},
            "training": {"steps": 60, "batch_size": 32, "hidden": 16, "eval_every": 30},
            "figures": ["estimate", "divergence"],
        }
    },
}
"""Eight runs in four training jobs, two tables and two figures."""


@dataclass
class Project:
    """A copy of the project in a folder of its own, with one configuration."""

    folder: Path
    config: dict[str, Any]

    def words(self, *arguments: str, configfile: str | None = "tiny.yaml") -> list[str]:
        """What follows `snakemake` on the command line."""
        return ["--cores", "2", *arguments, *(["--configfile", configfile] if configfile else [])]

    def command(self, *arguments: str) -> list[str]:
        """Snakemake on this copy, in a process that shares nothing with another."""
        return [sys.executable, "-m", "snakemake", *self.words(*arguments)]

    @property
    def environment(self) -> dict[str, str]:
        """This copy's package, and nothing activated."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SNAKEMAKE"))}
        return {**kept, "PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}

    def snakemake(self, *arguments: str, configfile: str | None = "tiny.yaml") -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end."""
        if configfile == "tiny.yaml":
            self.write_config()
        return snakemake(self.words(*arguments, configfile=configfile), self.folder, self.environment, timeout=500)

    def write_config(self) -> None:
        """Write the configuration as it now stands."""
        (self.folder / "tiny.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def planned(self, *arguments: str, configfile: str | None = "tiny.yaml") -> dict[str, int]:
        """Rule to number of jobs that a dry run names, as ``jobs_of`` counts them."""
        done = self.snakemake("--dry-run", *arguments, configfile=configfile)
        assert done.returncode == 0, done.stderr
        return self.jobs_of(done)

    @staticmethod
    def jobs_of(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
        """Rule to number of jobs in what Snakemake printed; training rules without their block of seeds. No `all`."""
        table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)\n\n", done.stdout + done.stderr, re.S | re.M)
        jobs: dict[str, int] = {}
        for line in table[1].splitlines() if table else []:
            rule, count = line.split()
            name = "collect" if rule.startswith("collect_") else rule.partition("_seeds_")[0]
            jobs[name] = jobs.get(name, 0) + int(count)
        targets = ("all", "benchmark", "claims", "my-own", "phase", "pages", "total")
        return {name: count for name, count in jobs.items() if name not in targets}

    @property
    def experiment(self) -> dict[str, Any]:
        """The configuration's one experiment."""
        return self.config["experiments"]["tiny"]


def _copy(target: Path) -> Path:
    target.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_symlink():
            (target / name).symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            shutil.copy2(source, target / name)
    return target


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh copy, nothing run yet. The folder's name has a space in it, as a newcomer's may."""
    return Project(_copy(tmp_path / "a copy"), copy.deepcopy(TINY))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same for a whole module, whose tests leave it as it is."""
    return Project(_copy(tmp_path_factory.mktemp("copied") / "a copy"), copy.deepcopy(TINY))


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    made = Project(_copy(tmp_path_factory.mktemp("finished") / "a copy"), copy.deepcopy(TINY))
    done = made.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return made.folder, done.stdout + done.stderr


@pytest.fixture
def finished(_finished: tuple[Path, str], tmp_path: Path) -> Project:
    """A copy in which TINY has run to its end, times of change and Snakemake's records included."""
    shutil.copytree(_finished[0], tmp_path / "finished", symlinks=True)
    return Project(tmp_path / "finished", copy.deepcopy(TINY))


@pytest.fixture
def screen(_finished: tuple[Path, str]) -> str:
    """What Snakemake printed while TINY ran."""
    return _finished[1]
