"""Time and memory of planning many runs, of planning one seed more, and of `mine status`, on a copy of the project."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from collecting import CELLS, write_copies
from processes import Usage, measure

ROOT = Path(__file__).parents[1]
COPIED = ("Snakefile", "workflow", "profiles", "config", "src", "environment.yml", "notebooks")

RUNS = 10_000
RUNS_PER_JOB = (20, 1)
"""How many runs a job trains. The first is what a finished experiment, and one seed more, are planned with."""

STEPS = 20
"""Updates of the copied run: its file is read for its metadata only."""


def measure_planning(
    runs: int = RUNS,
    cells: Sequence[tuple[int, float]] = CELLS,
    runs_per_job: Sequence[int] = RUNS_PER_JOB,
    say: Callable[[str], Any] = print,
) -> dict[str, Any]:
    """Plan ``runs`` runs in as many cells as there are, none of them trained; then all trained and one seed more.

    Returns:
        runs, cells; ``plans``: a row for each of ``runs_per_job``; ``finished``: a row for nothing to do;
        ``one_more``: a row for a further seed, with ``own`` and ``other``, the training jobs of that seed and of the
        seeds that were there; ``status``: a row for `mine status`. A row has ``wall`` and ``cpu`` seconds, ``peak_mb``
        and, but for the last, ``jobs`` by rule.
    """
    n_seeds = runs // len(cells)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "mine")
        _copy(folder)
        plans = []
        for size in runs_per_job:
            _configure(folder, cells, n_seeds, size)
            plans.append({"runs_per_job": size, **_plan(folder)})
            say(f"  {runs:,} runs planned, {size} a job: {_words(plans[-1])}")
            if size == runs_per_job[0]:
                outputs = _outputs(folder)

        say(f"  writing {runs:,} runs")
        _configure(folder, cells, n_seeds, runs_per_job[0])
        _write(folder / "results/many/runs", cells, n_seeds)
        for path in outputs:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        # Snakemake's records of every job, as if it had run.
        _snakemake(folder, "--touch", "--forceall", "--quiet")
        finished = _plan(folder)
        say(f"  nothing to do: {_words(finished)}")
        _configure(folder, cells, n_seeds + 1, runs_per_job[0])
        one_more = _plan(folder)
        trained = {rule: count for rule, count in one_more["jobs"].items() if rule.startswith("train_")}
        own = {rule: count for rule, count in trained.items() if rule.endswith(f"_seeds_{n_seeds}")}
        one_more["own"], one_more["other"] = sum(own.values()), sum(trained.values()) - sum(own.values())
        say(f"  one seed more: {_words(one_more)}")
        for path in outputs:
            if not (folder / path).stat().st_size:
                (folder / path).unlink()  # an empty table is a damaged one
        status = asdict(_mine_status(folder))
        say(f"  mine status: {status['wall']:.1f} s, {status['peak_mb']:.0f} MB")
    return {
        "runs": runs, "cells": len(cells), "plans": plans, "finished": finished, "one_more": one_more,
        "status": status,
    }  # fmt: skip


def _copy(folder: Path) -> None:
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_symlink():
            (folder / name).symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            shutil.copy2(source, folder / name)


def _configure(folder: Path, cells: Sequence[tuple[int, float]], n_seeds: int, runs_per_job: int) -> None:
    import yaml

    grid = {
        "variant": ["ema"],
        "dim": sorted({dim for dim, _ in cells}),
        "rho": sorted({rho for _, rho in cells}),
        "seeds": f"0-{n_seeds - 1}",
    }
    experiment = {"grid": grid, "training": {"steps": STEPS, "eval_every": STEPS}, "figures": []}
    config = {"results": "results", "runs_per_job": runs_per_job, "experiments": {"many": experiment}}
    (folder / "many.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def _write(folder: Path, cells: Sequence[tuple[int, float]], n_seeds: int) -> None:
    from mine.engine.runs import train_at
    from mine.settings import TrainingSettings

    settings = TrainingSettings(steps=STEPS, eval_every=STEPS)
    write_copies(folder, cells, n_seeds, train_at("ema", 1, 0.5, [0], settings)[0], settings)


def _snakemake(folder: Path, *arguments: str) -> Usage:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "many.yaml"]
    return measure(command, folder / "log", cwd=folder)


def _plan(folder: Path) -> dict[str, Any]:
    """A dry run with all that it prints."""
    usage = _snakemake(folder, "--dry-run")
    table = re.search(r"^Job stats:\njob +count\n[- ]+\n(.*?)\n\n", (folder / "log").read_text(), re.S | re.M)
    jobs = dict(line.split() for line in table[1].splitlines()) if table else {}
    counted = {rule: int(count) for rule, count in jobs.items() if rule not in ("all", "total")}
    return {"jobs": counted, **asdict(usage)}


def _outputs(folder: Path) -> list[str]:
    """Every file that the last dry run would make."""
    lines = re.findall(r"^    output: (.*)$", (folder / "log").read_text(), re.M)
    return [path for line in lines for path in line.split(", ")]


def _mine_status(folder: Path) -> Usage:
    return measure([sys.executable, "-m", "mine", "status", "--config", "many.yaml"], folder / "log", cwd=folder)


def _words(row: dict[str, Any]) -> str:
    return f"{sum(row['jobs'].values()):,} jobs, {row['wall']:.1f} s, {row['peak_mb']:.0f} MB"
