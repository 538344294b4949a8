"""One run's trace to its rows of the epochs table: what the write-up's pictures draw, a row a run and epoch.

Only of runs whose trace has one row an epoch (setting ``record_every: epoch``). All information in nats. A run that
ended has a row for the epoch in which it did, whose values are of its updates up to there and not all finite.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from mine.columns import CELL_COLUMNS, FLOAT, INT, Columns, cell_row, schema
from mine.errors import UserError
from mine.runs import RunFile, read_run
from mine.settings import EPOCH
from mine.trace import Trace, write_table

_OF_THE_TRACE = {
    "mi_mean": ("mi_batch_mean", "mean of mi_batch over the epoch's updates, nats"),
    "mi_last": ("mi_batch", "mi_batch of the epoch's last batch, nats"),
    "mi_again_mean": (
        "mi_again_mean",
        "mean over the epoch's updates of the same batch's value after its update, nats; null without a second look",
    ),
    "mi_ema_mean": (
        "mi_ema_mean",
        "mean over the epoch's updates of mean T - log v, nats; null without a moving average",
    ),
    "mi_ema_last": (None, "mean T - log v of the epoch's last batch, nats; null without a moving average"),
    "grad_norm_min": ("grad_norm_min", "smallest L2 norm of the gradient applied at an update of the epoch"),
    "grad_norm_mean": ("grad_norm_mean", "mean of them"),
    "grad_norm_max": ("grad_norm_max", "largest of them"),
    "grad_norm_last": ("grad_norm", "that of the epoch's last update"),
    "grad_norm_unclipped_last": ("grad_norm_unclipped", "the same before clipping; null where nothing is clipped"),
}

EPOCH_COLUMNS: Columns = CELL_COLUMNS | {
    "epoch": (INT, "pass over the data set, counted from 0 as the write-up's axis does"),
    **{name: (FLOAT, meaning) for name, (_, meaning) in _OF_THE_TRACE.items()},
}
"""Name to (type, meaning) of every column of epochs.parquet, in file order. One row a run and epoch."""

EPOCH_SCHEMA = schema(EPOCH_COLUMNS)


def check_epochs(runs: Iterable[RunFile]) -> None:
    """Raise UserError, naming the first, where a run's trace has no row an epoch."""
    for run in runs:
        if run.training.record_every != EPOCH:
            raise UserError(
                f"{run.path}: recorded every {run.training.record_every} update(s), and a table of epochs needs runs "
                f"with record_every: {EPOCH}"
            )


def epoch_rows(experiment: str, run: RunFile, trace: Trace) -> pa.Table:
    """The rows of one run, epochs rising.

    experiment: its name. run: what the file holds, recorded by epochs. trace: its rows, checked by
    ``mine.runs.read_run``.
    """
    # Not the last look at a finished critic, which belongs to no epoch.
    frame = trace.frame[trace.frame["step"] <= run.training.steps]
    cell = cell_row(experiment, run)
    columns = {
        name: pa.repeat(pa.scalar(value, EPOCH_SCHEMA.field(name).type), len(frame)) for name, value in cell.items()
    }
    columns["epoch"] = pa.array(frame["epoch"].to_numpy(dtype=np.int64) - 1)
    for name, (source, _) in _OF_THE_TRACE.items():
        values = (frame[source] if source else frame["joint_mean"] - frame["log_ema"]).to_numpy(dtype=np.float64)
        # A column that an objective does not have is NaN from end to end once pandas has read it.
        columns[name] = pa.array(values, type=FLOAT, mask=np.full(len(values), bool(np.isnan(values).all())))
    return pa.Table.from_arrays([columns[field.name] for field in EPOCH_SCHEMA], schema=EPOCH_SCHEMA)


def write_epochs(experiment: str, runs: Sequence[RunFile], path: Path) -> None:
    """Read the runs and write their epochs.parquet, whole or not at all, in the order of the runs.

    Raises UserError: a run is not recorded by epochs or cannot be read, or the table cannot be written.
    """
    check_epochs(runs)
    tables = [epoch_rows(experiment, run, read_run(run)) for run in runs]
    write_table(path, pa.concat_tables([EPOCH_SCHEMA.empty_table(), *tables]).combine_chunks())
