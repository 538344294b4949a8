"""The parquet contract of one training run: columns, metadata, whole-file writes, reading back.

A trace has one row per update, or per window of updates (setting ``record_every``), and a last row for the critic that
training ends with. A window's row has the values of its last update, and what is about all its updates in the columns
of ``mine.engine.record.OF_WINDOWS``, which are null where a row is one update. All information is in nats. A value that
was not measured at a row, or does not exist for a variant, is null; inf and nan are values that training produced.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mine.errors import UserError
from mine.files import whole_files

if TYPE_CHECKING:  # a third of a second, which a process that only writes traces need not spend
    import pandas as pd

CONTRACT = 2
"""Raised by one whenever a column or a metadata key changes its meaning."""

_METADATA_KEY = b"mine"

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "seed": (pa.int32(), "the run's seed; a folder of runs read as one table has the rest of the cell from its path"),
    "step": (pa.int32(), "1-based; the row describes the critic before update `step`; the last row has no update"),
    "epoch": (pa.int32(), "1-based pass over the data set that update `step` belongs to; null without a data set"),
    "mi_true": (pa.float64(), "exact mutual information of the data at this step, nats"),
    "mi_batch": (
        pa.float32(),
        "Donsker-Varadhan value of this training batch, before the update, as the variant computes it, nats",
    ),
    "joint_mean": (pa.float32(), "its first term, the mean of T on the joint batch"),
    "log_mean_exp": (pa.float32(), "its second term, log of the mean of e^T on the product batch"),
    "log_ema": (pa.float32(), "log v after this step's update; null where the objective has none"),
    "product_max": (pa.float32(), "largest T on the product batch; float32 e^T overflows above 88.7"),
    "grad_norm": (pa.float32(), "L2 norm over all critic parameters of the gradient applied at this step"),
    "grad_norm_unclipped": (pa.float32(), "the same before clipping; null where nothing is clipped"),
    "grad_norm_joint": (pa.float32(), "the same of the first term alone, every term_norms_every steps, unclipped"),
    "grad_norm_product": (pa.float32(), "the same of the second term alone"),
    "mi_heldout": (
        pa.float64(),
        "Donsker-Varadhan value on 10,000 fresh pairs and 100,000 product pairs; an estimate, no bound, nats",
    ),
    "heldout_ess": (pa.float64(), "effective sample size of e^T in mi_heldout's product term"),
    "mi_population": (
        pa.float64(),
        "Donsker-Varadhan value at the population, by importance sampling with the exact density ratio, nats",
    ),
    "population_ess": (pa.float64(), "effective sample size of mi_population's product term"),
    "mi_batch_mean": (pa.float64(), "mean of mi_batch over the window's updates, nats"),
    "mi_ema_mean": (
        pa.float64(),
        "mean over the window's updates of joint_mean - log_ema, the batch's value by the moving average, nats",
    ),
    "grad_norm_min": (pa.float64(), "smallest grad_norm of the window"),
    "grad_norm_mean": (pa.float64(), "mean of grad_norm over the window's updates"),
    "grad_norm_median": (pa.float64(), "median of grad_norm over the window's updates"),
    "grad_norm_max": (pa.float64(), "largest grad_norm of the window"),
}
"""Name to (type, meaning) of every column, in file order."""

SCHEMA = pa.schema([pa.field(name, kind) for name, (kind, _) in COLUMNS.items()])


@dataclass(frozen=True)
class Trace:
    """One run read back: its rows (nulls as NaN) and its metadata."""

    frame: pd.DataFrame
    metadata: dict[str, Any]


def write_trace(path: Path, columns: dict[str, np.ma.MaskedArray | np.ndarray], metadata: dict[str, Any]) -> None:
    """Write one run's file whole or not at all.

    columns: every name of COLUMNS to an array with one value a row; masked entries become null.
    metadata: JSON-serialisable; the contract's version is added.
    Raises UserError when the path cannot be written.
    """
    arrays = [_to_arrow(columns[field.name], field.type) for field in SCHEMA]
    payload = json.dumps({"contract": CONTRACT, **metadata}, sort_keys=True)
    schema = SCHEMA.with_metadata({_METADATA_KEY: payload.encode()})
    write_table(path, pa.Table.from_arrays(arrays, schema=schema))


def write_table(path: Path, table: pa.Table) -> None:
    """Write a parquet file whole or not at all. Raises UserError when the path cannot be written."""
    with whole_files(path) as (stream,):
        pq.write_table(table, stream, compression="zstd")


def read_metadata(path: Path) -> dict[str, Any]:
    """Metadata of one run's file, without its rows. Raises UserError as ``read_trace`` does."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a readable results file ({_first_line(error)})") from None
    return _check_contract(path, schema)


def read_trace(path: Path) -> Trace:
    """Read one run.

    Raises UserError, naming the file, when it is missing, cut short, not a results file, or of another contract.
    """
    try:
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a readable results file ({_first_line(error)})") from None
    metadata = _check_contract(path, table.schema)
    return Trace(frame=table.to_pandas(ignore_metadata=True), metadata=metadata)


def _check_contract(path: Path, schema: pa.Schema) -> dict[str, Any]:
    raw = (schema.metadata or {}).get(_METADATA_KEY)
    if raw is None:
        raise UserError(f"{path}: not a results file of this project (no 'mine' metadata)")
    metadata = json.loads(raw)
    if metadata.get("contract") != CONTRACT:
        raise UserError(
            f"{path}: results file of contract {metadata.get('contract')!r}, this version reads {CONTRACT}; "
            "delete it and run again"
        )
    if not schema.remove_metadata().equals(SCHEMA):
        raise UserError(f"{path}: columns differ from contract {CONTRACT}; delete it and run again")
    return metadata


def _to_arrow(values: np.ma.MaskedArray | np.ndarray, kind: pa.DataType) -> pa.Array:
    data = np.ma.getdata(values).astype(kind.to_pandas_dtype())
    # Not pa.array, which imports pandas to see whether it was given a pandas object. NaN stays a value, mask is null.
    present = np.packbits(~np.ma.getmaskarray(values), bitorder="little")
    return pa.Array.from_buffers(kind, len(data), [pa.py_buffer(present), pa.py_buffer(data)])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
