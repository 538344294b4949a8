"""What made a publication: configuration, commit, processor, packages and the jobs that it took."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

PACKAGES = ("torch", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "seaborn", "snakemake")
CODE = ("src", "workflow", "config")
"""Folders whose uncommitted changes make the record say "dirty"."""


def config_hash(config: dict[str, Any]) -> str:
    """SHA-256 (hex) of the configuration as canonical JSON: keys sorted, no blanks. Comments do not count."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def commit(root: Path) -> dict[str, Any]:
    """The commit that stands checked out in ``root``, and whether what is published could come from other code.

    Returns:
        {"sha": hex or None outside a repository or before its first commit, "dirty": whether src, workflow or
        config have uncommitted changes, None where that is unknown}.
    """
    head = _git(root, "rev-parse", "--verify", "HEAD")
    status = _git(root, "status", "--porcelain", "--", *CODE)
    return {"sha": head, "dirty": None if status is None else bool(status)}


def cpu_model() -> str:
    """Model name of the processor, as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def package_versions() -> dict[str, str]:
    """Installed versions of what the results depend on; without local tags, which name a build and not a version."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name).partition("+")[0]
        except PackageNotFoundError:
            continue
    return versions


def jobs(benchmarks: Path) -> dict[str, dict[str, int]]:
    """Each rule's jobs, by Snakemake's benchmark files: how many ``jobs``, and their wall ``seconds`` together.

    Each keeps one core busy. A resumed run counts as much as an undisturbed one.
    """
    counted: dict[str, dict[str, int]] = {}
    for rule in sorted(path for path in benchmarks.glob("*") if path.is_dir()):
        tables = [pd.read_csv(path, sep="\t") for path in sorted(rule.rglob("*.tsv"))]
        counted[rule.name] = {"jobs": len(tables), "seconds": round(sum(table["s"].sum() for table in tables))}
    return counted


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
