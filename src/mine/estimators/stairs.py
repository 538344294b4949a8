"""One run's trace to its stairs: how the value stood to the truth on each, and the curve that a figure draws.

All information in nats. In-batch values are each run's own estimator on its training batches, before the update;
held-out values are the same estimator on 10,000 fresh pairs of the stair's data.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mine.columns import CELL_COLUMNS, FLOAT, INT, STRING, Columns, cell_row
from mine.runs import RunFile
from mine.trace import Trace

WINDOW = 500
"""Last steps of a stair that its in-batch figures are taken over; all of a shorter stair."""

WIDTH = 100
"""Steps that a point of the curve is taken over."""

STAIRS_COLUMNS: Columns = CELL_COLUMNS | {
    "mi_true": (FLOAT, "exact mutual information of the stair, nats"),
    "outcome": (STRING, "completed; overflow: the run ended on this stair; not reached: it ended before"),
    "mi_batch_mean": (
        FLOAT,
        "in-batch: mean of mi_batch over the stair's last 500 steps, nats; null of a baseline",
    ),
    "mi_batch_variance": (FLOAT, "variance (n - 1) of mi_batch over the same steps, nats squared"),
    "mi_batch_mse": (FLOAT, "mean of (mi_batch - mi_true) squared over the same steps, nats squared"),
    "mi_heldout": (FLOAT, "held out: the estimator on 10,000 fresh pairs at the stair's last row, nats"),
    "heldout_ess": (FLOAT, "effective sample size of e^T on its product pairs; null without a critic T"),
    "grad_norm_median": (FLOAT, "median over the stair's updates of the L2 norm of the applied gradient"),
    "grad_norm_max": (FLOAT, "largest of them"),
    "code": (STRING, "hash of the code that trained the run; null of a baseline"),
    "device": (STRING, "cpu or cuda; null of a baseline"),
}
"""Name to (type, meaning) of every column of stairs.parquet, in file order. One row a run and stair."""

WINDOW_COLUMNS: Columns = CELL_COLUMNS | {
    "step": (INT, "last step of the window, 1-based"),
    "mi_true": (FLOAT, "exact mutual information at that step, nats"),
    "mi_batch_mean": (FLOAT, "mean of mi_batch over the window, 100 steps or what is left of the run, nats"),
    "mi_batch_low": (FLOAT, "their smallest, nats"),
    "mi_batch_high": (FLOAT, "their largest, nats"),
}
"""Name to (type, meaning) of every column of windows.parquet, in file order. One row a run and window of 100 steps."""


def stair_rows(experiment: str, run: RunFile, trace: Trace) -> list[dict[str, Any]]:
    """One row a stair, every name of STAIRS_COLUMNS to a value, None for null."""
    steps, cell = run.updates // run.cell.stairs, cell_row(experiment, run)
    batch, norms, heldout, ess = (
        trace.frame[name].to_numpy(dtype=np.float64) for name in ("mi_batch", "grad_norm", "mi_heldout", "heldout_ess")
    )
    overflow = trace.metadata["overflow_step"]
    rows: list[dict[str, Any]] = []
    for index, mi in enumerate(run.cell.truths):
        first, end = steps * index, steps * (index + 1)
        made_by = {name: trace.metadata.get(name) for name in ("code", "device")}
        row: dict[str, Any] = {**dict.fromkeys(STAIRS_COLUMNS), **cell, "mi_true": mi, **made_by}
        # The very last row measures the last stair's critic; it has no update of its own.
        last = end + 1 if index == run.cell.stairs - 1 else end
        if overflow is not None and overflow <= last:
            rows.append(row | {"outcome": "overflow" if overflow > first else "not reached"})
            continue
        values = batch[end - min(WINDOW, steps) : end]
        rows.append(
            row
            | {
                "outcome": "completed",
                "mi_batch_mean": float(values.mean()),
                "mi_batch_variance": float(values.var(ddof=1)) if len(values) > 1 else None,
                "mi_batch_mse": float(np.mean((values - mi) ** 2)),
                "mi_heldout": float(heldout[last - 1]),
                "heldout_ess": None if math.isnan(ess[last - 1]) else float(ess[last - 1]),
                "grad_norm_median": float(np.median(norms[first:end])),
                "grad_norm_max": float(norms[first:end].max()),
            }
        )
    return rows


def window_rows(experiment: str, run: RunFile, trace: Trace) -> list[dict[str, Any]]:
    """One row a window of WIDTH steps, the last one of those left, every name of WINDOW_COLUMNS to a value.

    A value that is not finite makes its window's mean and extremes so: nothing is left out.
    """
    cell = cell_row(experiment, run)
    batch = trace.frame["mi_batch"].to_numpy(dtype=np.float64)[: run.updates]
    truth = trace.frame["mi_true"].to_numpy(dtype=np.float64)
    rows = []
    for start in range(0, len(batch), WIDTH):
        values = batch[start : start + WIDTH]
        end = start + len(values)
        with np.errstate(invalid="ignore"):
            found = float(values.mean()), float(values.min()), float(values.max())
        rows.append(
            {
                **cell,
                "step": end,
                "mi_true": float(truth[end - 1]),
                **dict(zip(("mi_batch_mean", "mi_batch_low", "mi_batch_high"), found, strict=True)),
            }
        )
    return rows
