"""One run's trace to its stairs: how the value stood to the truth on each, and the curve that a figure draws.

All information in nats. In-batch values are each run's own estimator on its training batches, before the update;
held-out values are the same estimator on 10,000 fresh pairs of the stair's data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mine.estimators.runs import StairsFile
from mine.trace import Trace

WINDOW = 500
"""Last steps of a stair that its in-batch figures are taken over; all of a shorter stair."""

CURVE_WINDOW = 100
"""Steps that a point of the curve is taken over."""

_STRING, _INT, _FLOAT = pa.string(), pa.int64(), pa.float64()

CELL: dict[str, tuple[pa.DataType, str]] = {
    "benchmark": (_STRING, "name of the benchmark in the configuration"),
    "critic": (_STRING, "separable (all pairs of a batch), concat (shifted pairs), density (no critic T), or baseline"),
    "variant": (_STRING, "estimator"),
    "task": (_STRING, "distribution of X and Z"),
    "dim": (_INT, "d, dimension of X and of Z"),
    "seed": (_INT, "fixes initialisation and data, whatever the estimator"),
}

STAIRS_COLUMNS: dict[str, tuple[pa.DataType, str]] = CELL | {
    "mi_true": (_FLOAT, "exact mutual information of the stair, nats"),
    "outcome": (_STRING, "completed; overflow: the run ended on this stair; not reached: it ended before"),
    "mi_batch_mean": (
        _FLOAT,
        "in-batch: mean of mi_batch over the stair's last 500 steps, nats; null of a baseline",
    ),
    "mi_batch_variance": (_FLOAT, "variance (n - 1) of mi_batch over the same steps, nats squared"),
    "mi_batch_mse": (_FLOAT, "mean of (mi_batch - mi_true) squared over the same steps, nats squared"),
    "mi_heldout": (_FLOAT, "held out: the estimator on 10,000 fresh pairs at the stair's last row, nats"),
    "heldout_ess": (_FLOAT, "effective sample size of e^T on its product pairs; null without a critic T"),
    "grad_norm_median": (_FLOAT, "median over the stair's updates of the L2 norm of the applied gradient"),
    "grad_norm_max": (_FLOAT, "largest of them"),
    "code": (_STRING, "hash of the code that trained the run; null of a baseline"),
    "device": (_STRING, "cpu or cuda; null of a baseline"),
}
"""Name to (type, meaning) of every column of stairs.parquet, in file order. One row a run and stair."""

CURVE_COLUMNS: dict[str, tuple[pa.DataType, str]] = CELL | {
    "step": (_INT, "last step of the window, 1-based"),
    "mi_true": (_FLOAT, "exact mutual information at that step, nats"),
    "mi_batch_mean": (_FLOAT, "mean of mi_batch over the window, 100 steps or what is left of the run, nats"),
    "mi_batch_low": (_FLOAT, "their smallest, nats"),
    "mi_batch_high": (_FLOAT, "their largest, nats"),
}
"""Name to (type, meaning) of every column of curves.parquet, in file order. One row a run and window of 100 steps."""


def schema(columns: dict[str, tuple[pa.DataType, str]]) -> pa.Schema:
    """Columns as parquet has them, meanings among the metadata."""
    return pa.schema([pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in columns.items()])


def table(columns: dict[str, tuple[pa.DataType, str]], rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table; None is null."""
    fields = schema(columns)
    arrays = [pa.array([row[name] for row in rows], type=fields.field(name).type) for name in columns]
    return pa.Table.from_arrays(arrays, schema=fields)


def stair_rows(benchmark: str, file: StairsFile, trace: Trace) -> list[dict[str, Any]]:
    """One row a stair, every name of STAIRS_COLUMNS to a value, None for null."""
    steps, cell = file.settings.steps, {"benchmark": benchmark, **file.cell.__dict__}
    batch, norms, heldout, ess = (
        trace.frame[name].to_numpy(dtype=np.float64) for name in ("mi_batch", "grad_norm", "mi_heldout", "heldout_ess")
    )
    overflow = trace.metadata["overflow_step"]
    rows: list[dict[str, Any]] = []
    for index, mi in enumerate(file.mis):
        first, end = steps * index, steps * (index + 1)
        made_by = {name: trace.metadata.get(name) for name in ("code", "device")}
        row: dict[str, Any] = {**dict.fromkeys(STAIRS_COLUMNS), **cell, "mi_true": mi, **made_by}
        # The very last row measures the last stair's critic; it has no update of its own.
        last = end + 1 if index == len(file.mis) - 1 else end
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


def curve_rows(benchmark: str, file: StairsFile, trace: Trace) -> list[dict[str, Any]]:
    """One row a window of CURVE_WINDOW steps, the last one of those left, every name of CURVE_COLUMNS to a value.

    A value that is not finite makes its window's mean and extremes so: nothing is left out.
    """
    cell = {"benchmark": benchmark, **file.cell.__dict__}
    batch = trace.frame["mi_batch"].to_numpy(dtype=np.float64)[: file.settings.steps * len(file.mis)]
    truth = trace.frame["mi_true"].to_numpy(dtype=np.float64)
    rows = []
    for start in range(0, len(batch), CURVE_WINDOW):
        values = batch[start : start + CURVE_WINDOW]
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
