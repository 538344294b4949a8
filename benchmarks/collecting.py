"""Time and memory of `mine collect`, on copies of one trained run that differ in their cell and seed."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from processes import measure

SIZES = (100, 1_000, 10_000)
CELLS = [(dim, rho) for dim in range(1, 11) for rho in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)]
LAYOUTS = {"100 cells": CELLS, "one cell": CELLS[:1]}
STEPS = 3000
"""Updates of the copied run: as long as a published one, without its middle evaluations."""


def measure_collect(sizes: Sequence[int] = SIZES, steps: int = STEPS, say: Callable[[str], Any] = print) -> list[dict]:
    """One row for each layout and size: ``layout``, ``runs``, ``cells``, ``wall`` and ``cpu`` seconds, ``peak_mb``."""
    from mine.engine.runs import train_at
    from mine.settings import TrainingSettings

    settings = TrainingSettings(steps=steps, eval_every=10**8)
    run = train_at("ema", 1, 0.5, [0], settings)[0]
    rows = []
    for layout, cells in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            say(f"  writing {max(sizes):,} runs, {layout}")
            write_copies(folder / "runs", cells, max(sizes) // len(cells), run, settings)
            for size in sizes:
                experiment = {
                    "grid": {
                        "variant": ["ema"],
                        "dim": sorted({dim for dim, _ in cells}),
                        "rho": sorted({rho for _, rho in cells}),
                        "seeds": f"0-{size // len(cells) - 1}",
                    },
                    "training": settings.to_dict(),
                }
                command = [sys.executable, "-m", "mine", "collect", str(folder / "runs")]
                command += ["--grid", json.dumps(experiment), "--experiment", "copies"]
                for table in ("summary", "curves", "evaluations"):
                    command += [f"--{table}", str(folder / f"{table}.parquet")]
                usage = measure(command, folder / "log")
                rows.append({"layout": layout, "runs": size, "cells": len(cells), **asdict(usage)})
                say(f"  {size:,} runs, {layout}: {usage.wall:.1f} s, {usage.peak_mb:.0f} MB")
    return rows


def write_copies(folder: Path, cells: Sequence[tuple[int, float]], n_seeds: int, run: Any, settings: Any) -> None:
    """Write a trained run as every (dim, rho) of ``cells`` and every seed from 0 on."""
    import numpy as np

    from mine.experiments import run_path
    from mine.gaussian import mutual_information
    from mine.settings import Cell
    from mine.trace import write_trace

    for dim, rho in cells:
        truth = np.full_like(run.columns["mi_true"], mutual_information(dim, rho))
        for seed in range(n_seeds):
            columns = {**run.columns, "mi_true": truth, "seed": np.full_like(run.columns["seed"], seed)}
            cell = Cell("ema", dim, rho, seed)
            metadata = {
                "cell": cell.to_dict(),
                "settings": settings.to_dict(),
                "outcome": run.outcome,
                "overflow_step": run.overflow_step,
                "device": "cpu",
                "packages": {},
                "code": "",
            }
            write_trace(folder / run_path("base", cell), columns, metadata)
