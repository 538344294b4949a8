"""Made traces: a run's columns and metadata without training one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mine.engine.record import OF_WINDOWS, Windows
from mine.experiments import run_path
from mine.settings import Cell, TrainingSettings
from mine.trace import COLUMNS, write_trace

VARIANTS = ("biased", "biased-stable", "ema", "ema-as-printed", "ema-attached", "ema-log")
"""MINE's objectives whose values and gradients the tests write out; one that is added has the contract's tests."""

EVALUATIONS = ("mi_heldout", "heldout_ess", "mi_population", "population_ess")


def evaluation_steps(steps: int, eval_every: int, last: int, window: int = 1) -> list[int]:
    """Steps at which a run that ends on row ``last`` is evaluated."""
    planned = [*(Windows(steps, window).end(step) for step in range(1, steps + 1, eval_every)), steps + 1]
    return sorted({step for step in planned if step <= last} | {last})


def make_trace_columns(
    *,
    seed: int = 0,
    steps: int = 200,
    eval_every: int = 50,
    last: int | None = None,
    mi_true: float = 4.0,
    mi_batch: Any = 3.9,
    grad_norm: Any = 5.0,
    mi_heldout: Any = 3.8,
    heldout_ess: Any = 1000.0,
    mi_population: Any = 3.7,
    population_ess: Any = 5000.0,
    window: int = 1,
    of_windows: dict[str, Any] | None = None,
) -> dict[str, np.ma.MaskedArray]:
    """Columns of a made run, as ``mine.trace.write_trace`` takes them.

    steps, eval_every: configured updates, and updates between evaluations.
    last: step of the last row; ``steps + 1`` (a completed run) where not given.
    mi_batch, grad_norm: a number, or one value a row (grad_norm is masked on row ``steps + 1``).
    mi_heldout, heldout_ess, mi_population, population_ess: a number, or one value an evaluation.
    window: updates that a row stands for. of_windows: its columns (mine.engine.record.OF_WINDOWS), each a number or one
    value a row, masked on row ``steps + 1``; mi_batch and grad_norm where they are not given.
    """
    last = steps + 1 if last is None else last
    step = Windows(steps, window).ends(last)
    columns = {
        name: np.ma.MaskedArray(np.zeros(len(step), dtype=kind.to_pandas_dtype()), mask=True)
        for name, (kind, _) in COLUMNS.items()
    }
    columns["seed"][:] = seed
    columns["step"][:] = step
    columns["mi_true"][:] = mi_true
    columns["mi_batch"][:] = mi_batch
    columns["joint_mean"][:] = mi_batch
    columns["log_mean_exp"][:] = 0.0
    columns["product_max"][:] = 1.0
    columns["grad_norm"][:] = grad_norm
    columns["grad_norm"][step > steps] = np.ma.masked
    for name in OF_WINDOWS if window > 1 else ():
        default = mi_batch if name == "mi_batch_mean" else np.nan if name == "mi_ema_mean" else grad_norm
        columns[name][:] = (of_windows or {}).get(name, default)
        columns[name][step > steps] = np.ma.masked
    evaluated = np.isin(step, evaluation_steps(steps, eval_every, last, window))
    for name, value in zip(EVALUATIONS, (mi_heldout, heldout_ess, mi_population, population_ess), strict=True):
        columns[name][evaluated] = value
    return columns


def make_frame(**kwargs: Any) -> pd.DataFrame:
    """The same as rows, as ``mine.trace.read_trace`` gives them."""
    columns = make_trace_columns(**kwargs)
    return pd.DataFrame(
        {
            name: values.filled(0) if name in ("seed", "step") else values.astype(np.float64).filled(np.nan)
            for name, values in columns.items()
        }
    )


def make_metadata(
    cell: Cell, training: TrainingSettings, *, overflow_step: int | None = None, **more: Any
) -> dict[str, Any]:
    """Metadata of a made run, as training writes it."""
    return {
        "cell": cell.to_dict(),
        "settings": training.to_dict(),
        "outcome": "completed" if overflow_step is None else "overflow",
        "overflow_step": overflow_step,
        "device": "cpu",
        "dtype": "float32",
        "packages": {"torch": "0", "numpy": "0", "python": "0"},
        "code": "abc123",
        **more,
    }


def write_run(
    runs: Path,
    *,
    setting: str = "base",
    variant: str = "ema",
    dim: int = 5,
    rho: float = 0.9,
    seed: int = 0,
    training: TrainingSettings | None = None,
    overflow_step: int | None = None,
    metadata: dict[str, Any] | None = None,
    **columns: Any,
) -> Path:
    """Write one made run at its place below ``runs`` and return the file.

    overflow_step: ends the run on that row with an infinite mi_batch, unless ``mi_batch`` is given.
    metadata: entries that replace the made ones.
    columns: as ``make_trace_columns``; unless given, mi_true is the cell's, and steps, eval_every and window are those
        of ``training``.
    """
    training = training or TrainingSettings(steps=200, eval_every=50)
    if overflow_step is not None:
        rows = len(Windows(training.steps, training.window).ends(overflow_step))
        columns.setdefault("mi_batch", np.append(np.full(rows - 1, 3.9), np.inf))
        columns.setdefault("last", overflow_step)
    lengths = {"steps": training.steps, "eval_every": training.eval_every, "window": training.window}
    columns.setdefault("mi_true", -0.5 * dim * math.log1p(-rho * rho))
    made = make_trace_columns(seed=seed, **(lengths | columns))
    cell = Cell(variant, dim, rho, seed)
    path = runs / run_path(setting, cell)
    more = metadata or {}
    write_trace(
        path,
        made,
        make_metadata(cell, training, overflow_step=overflow_step) | more,
    )
    return path
