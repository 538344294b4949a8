"""What every collected table shares: the columns that name a run, and how columns become a parquet table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from mine.runs import RunFile

STRING, INT, FLOAT, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

Columns = dict[str, tuple[pa.DataType, str]]
"""Name to (type, meaning) of a table's columns, in file order."""

CELL_COLUMNS: Columns = {
    "experiment": (STRING, "name of the experiment in the configuration"),
    "setting": (STRING, "named override of the experiment's training settings; base where there is none"),
    "critic": (STRING, "separable (all pairs of a batch), concat, density (no critic T), or baseline"),
    "variant": (STRING, "estimator"),
    "task": (STRING, "distribution of X and Z"),
    "dim": (INT, "d, dimension of X and of Z"),
    "rho": (FLOAT, "correlation of X and Z, coordinate by coordinate; null where data are given by mi"),
    "seed": (INT, "fixes initialisation, data and batches, whatever the estimator"),
}


RUN = tuple(CELL_COLUMNS)[1:]
"""Columns that name a run of an experiment; seeds are pooled over those before the last."""


def cell_row(experiment: str, run: RunFile) -> dict[str, Any]:
    """Every name of CELL_COLUMNS to its value for one run."""
    of_cell = {name: getattr(run.cell, name) for name in RUN[1:]}
    return {"experiment": experiment, "setting": run.setting, **of_cell}


def schema(columns: Columns) -> pa.Schema:
    """Columns as parquet has them, meanings among the metadata."""
    return pa.schema([pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in columns.items()])


def table(columns: Columns, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table; None is null, and NaN a value."""
    # from_pandas=False keeps NaN a value that training produced.
    arrays = [
        pa.array([row[name] for row in rows], type=kind, from_pandas=False) for name, (kind, _) in columns.items()
    ]
    return pa.Table.from_arrays(arrays, schema=schema(columns))
