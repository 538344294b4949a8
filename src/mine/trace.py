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

_KEYS: dict[str, type | tuple[type, ...]] = {
    "cell": dict,
    "settings": dict,
    "outcome": str,
    "overflow_step": (int, type(None)),
    "device": str,
    "packages": dict,
    "code": str,
}
"""What the metadata of every run has, of whatever kind it is, and the types of it."""

WRITING: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
"""How every table of this project is written: with a checksum a page, so that damage between its ends is seen."""

COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "seed": (pa.int32(), "the run's seed; a folder of runs read as one table has the rest of the cell from its path"),
    "step": (pa.int32(), "1-based; the row describes the critic before update `step`; the last row has no update"),
    "epoch": (pa.int32(), "1-based pass over the data set that update `step` belongs to; null without a data set"),
    "mi_true": (pa.float64(), "exact mutual information of the data at this step, nats"),
    "mi_batch": (
        pa.float32(),
        "the estimator's value of this training batch, before the update, as it computes it, nats",
    ),
    "joint_mean": (
        pa.float32(),
        "mean of the critic T on the joint batch; this and the next three are null where a model of densities has no T",
    ),
    "log_mean_exp": (pa.float32(), "log of the mean of e^T on the product batch"),
    "log_ema": (pa.float32(), "log v after this step's update; null where the objective has none"),
    "product_max": (pa.float32(), "largest T on the product batch; float32 e^T overflows above 88.7"),
    "grad_norm": (pa.float32(), "L2 norm over all parameters of the gradient applied at this step"),
    "grad_norm_unclipped": (pa.float32(), "the same before clipping; null where nothing is clipped"),
    "grad_norm_joint": (
        pa.float32(),
        "the same of the gradient through T of the joint pairs alone, every term_norms_every steps, unclipped",
    ),
    "grad_norm_product": (pa.float32(), "the same through T of the product pairs alone"),
    "mi_again": (
        pa.float32(),
        "the same batch's value after the update, with product pairs chosen anew, nats; null without second_look",
    ),
    "mi_heldout": (
        pa.float64(),
        "the estimator's value on 10,000 fresh pairs, with a concatenated critic ten product pairs each; an estimate, "
        "no bound, nats",
    ),
    "heldout_ess": (pa.float64(), "effective sample size of e^T in mi_heldout's product term"),
    "mi_population": (
        pa.float64(),
        "Donsker-Varadhan value of T at the population, by importance sampling with the exact density ratio; null "
        "without T or where the ratio is not known, nats",
    ),
    "population_ess": (pa.float64(), "effective sample size of mi_population's product term"),
    "mi_batch_mean": (pa.float64(), "mean of mi_batch over the window's updates, nats"),
    "mi_ema_mean": (
        pa.float64(),
        "mean over the window's updates of joint_mean - log_ema, the batch's value by the moving average, nats",
    ),
    "mi_again_mean": (pa.float64(), "mean of mi_again over the window's updates, nats"),
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
        pq.write_table(table, stream, **WRITING)


def read_table(path: Path, kind: str = "table") -> pa.Table:
    """A parquet file with the checksums of its pages verified. Raises UserError: not a readable ``kind``."""
    try:
        return pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except Exception as error:  # bytes that are noise can break a reader in any way
        raise UserError(f"{path}: not a readable {kind} ({_first_line(error)})") from None


def read_metadata(path: Path) -> dict[str, Any]:
    """Metadata of one run's file, without its rows. Raises UserError as ``read_trace`` does."""
    try:
        footer = pq.read_metadata(path)
        schema, rows = footer.schema.to_arrow_schema(), footer.num_rows
    except Exception as error:  # as in read_table
        raise UserError(f"{path}: not a readable results file ({_first_line(error)})") from None
    return _check_contract(path, schema, rows)


def read_trace(path: Path) -> Trace:
    """Read one run.

    Raises UserError, naming the file, when it is missing, cut short, damaged, not a results file, of another contract,
    without rows, or has a negative norm.
    """
    table = read_table(path, "results file")
    metadata = _check_contract(path, table.schema, table.num_rows)
    frame = table.to_pandas(ignore_metadata=True)
    for name in (name for name in COLUMNS if name.startswith("grad_norm")):
        low = frame[name].min()
        if low < 0:
            raise UserError(f"{path}: {name} is {low:g} in a row; a norm is at least 0")
    return Trace(frame=frame, metadata=metadata)


def check_rows(path: Path, frame: pd.DataFrame, seed: int, truth: np.ndarray | float) -> None:
    """Raise UserError where rows are of another seed or another truth than the run that a file is said to hold.

    truth: mutual information, nats, of every row or of all.
    """
    seeds = frame["seed"].to_numpy()
    if (seeds != seed).any():
        raise UserError(f"{path}: holds rows of seed {seeds[seeds != seed][0]} in a run of seed {seed}")
    found = frame["mi_true"].to_numpy()
    wrong = ~np.isclose(found, truth, rtol=1e-9, atol=1e-12)
    if wrong.any():
        at, expected = int(wrong.argmax()), np.broadcast_to(truth, found.shape)
        raise UserError(f"{path}: says mi_true {found[at]:.10g} in a run whose truth is {expected[at]:.10g} nats")


def _check_contract(path: Path, schema: pa.Schema, rows: int) -> dict[str, Any]:
    raw = (schema.metadata or {}).get(_METADATA_KEY)
    if raw is None:
        raise UserError(f"{path}: not a results file of this project (no 'mine' metadata)")
    try:
        metadata = json.loads(raw)
    except (ValueError, RecursionError):
        raise UserError(f"{path}: not a results file of this project (its metadata is no JSON)") from None
    if not isinstance(metadata, dict):
        raise UserError(f"{path}: not a results file of this project (its metadata is no JSON object)")
    if metadata.get("contract") != CONTRACT:
        raise UserError(
            f"{path}: results file of contract {metadata.get('contract')!r}, this version reads {CONTRACT}; "
            "delete it and run again"
        )
    if not schema.remove_metadata().equals(SCHEMA):
        raise UserError(f"{path}: columns differ from contract {CONTRACT}; delete it and run again")
    for key, kind in _KEYS.items():
        if key not in metadata or not isinstance(metadata[key], kind) or isinstance(metadata[key], bool):
            found = f"has {key} {metadata[key]!r:.40}" if key in metadata else f"has no {key!r}"
            raise UserError(f"{path}: its metadata {found}; delete it and run again")
    if rows == 0:
        raise UserError(f"{path}: has no rows; delete it and run again")
    return metadata


def _to_arrow(values: np.ma.MaskedArray | np.ndarray, kind: pa.DataType) -> pa.Array:
    data = np.ma.getdata(values).astype(kind.to_pandas_dtype())
    # Not pa.array, which imports pandas to see whether it was given a pandas object. NaN stays a value, mask is null.
    present = np.packbits(~np.ma.getmaskarray(values), bitorder="little")
    return pa.Array.from_buffers(kind, len(data), [pa.py_buffer(present), pa.py_buffer(data)])


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
