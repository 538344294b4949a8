"""One run's trace to its rows of the evaluations table: what the instruments said, and what training did then.

All information in nats. Every row describes the critic *before* its step's update; where a trace's rows are windows of
updates, that of the window's last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mine.columns import CELL_COLUMNS, FLOAT, INT, Columns, cell_row, schema
from mine.divergence import evaluation_rows, recent_mean
from mine.runs import RunFile
from mine.trace import Trace

_OF_THE_TRACE = {
    "mi_true": "exact mutual information of the data, nats",
    "mi_heldout": "held out: the critic on fresh pairs, nats; an estimate, no bound",
    "heldout_ess": "effective sample size of its product term",
    "mi_population": "the critic at the population, by the exact density ratio, nats",
    "population_ess": "effective sample size of its product term",
    "log_mean_exp": "log B_exp of the step's product batch",
    "log_ema": "log v after the step; null where the variant has none",
    "grad_norm": "L2 norm of the gradient applied at the step",
    "grad_norm_joint": "the same of its first term; null where it was not measured",
    "grad_norm_product": "the same of its second term",
}

EVALUATION_COLUMNS: Columns = CELL_COLUMNS | {
    "step": (INT, "1-based, of a window its last; steps + 1 is the critic that training ends with"),
    "mi_batch_recent": (
        FLOAT,
        "in-batch: mean of the last 100 finite mi_batch up to the step, where rows are windows of all updates of those "
        "that hold one of the last 100, nats",
    ),
    **{name: (FLOAT, meaning) for name, meaning in _OF_THE_TRACE.items()},
}
"""Name to (type, meaning) of every column of evaluations.parquet, in file order. One row a run and evaluation."""

EVALUATION_SCHEMA = schema(EVALUATION_COLUMNS)


def evaluation_columns(experiment: str, run: RunFile, trace: Trace) -> dict[str, Sequence[Any]]:
    """Every name of EVALUATION_COLUMNS to its values at the run's evaluations; NaN stands for null and for nan.

    experiment: its name. run: what the file holds. trace: its rows, checked by ``mine.runs.read_run``.
    """
    rows = evaluation_rows(trace.frame)
    cell = cell_row(experiment, run)
    return {
        **{name: [value] * len(rows) for name, value in cell.items()},
        "step": trace.frame["step"].to_numpy()[rows],
        "mi_batch_recent": recent_mean(trace.frame, rows),
        **{name: trace.frame[name].to_numpy(dtype=np.float64)[rows] for name in _OF_THE_TRACE},
    }


def evaluation_table(runs: Sequence[dict[str, Sequence[Any]]]) -> pa.Table:
    """The evaluations of several runs as they are written, in the order given."""
    arrays = [
        pa.array([value for run in runs for value in run[field.name]], type=field.type) for field in EVALUATION_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=EVALUATION_SCHEMA)
