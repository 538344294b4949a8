"""The summaries that are compared, read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mine.columns import CELL_COLUMNS
from mine.errors import UserError
from mine.summary import SETTING_COLUMNS, with_later_columns
from mine.trace import read_table

KEY = tuple(CELL_COLUMNS)[:-1]
"""Columns that name a cell."""

ESS_OF = {"mi_batch_mean": None, "mi_heldout": "heldout_ess", "mi_population": "population_ess"}
GRADIENTS = ("grad_norm_median", "grad_norm_max")
COUNTS = ("overflow", "runaway")
QUANTITIES = (*ESS_OF, *GRADIENTS)


def load_summaries(path: Path) -> pd.DataFrame:
    """One table from a summary, or from a folder's summaries.

    Args:
        path: a summary.parquet; or a folder with ``summary.parquet``, ``*/summary.parquet``, ``*_summary.parquet``
            or ``data/*_summary.parquet`` in it.

    Raises:
        UserError: nothing found, not readable, not a summary, empty, or a run that stands there twice.

    A summary from before a training setting was there has that setting's default, which is how its runs were trained.
    """
    files = [path]
    if path.is_dir():
        patterns = ("summary.parquet", "*/summary.parquet", "*_summary.parquet", "data/*_summary.parquet")
        files = sorted({file for pattern in patterns for file in path.glob(pattern)})
        if not files:
            raise UserError(f"{path}: holds no summary.parquet, */summary.parquet or *_summary.parquet")
    table = pd.concat([_read_summary(file) for file in files], ignore_index=True)
    if table.empty:
        raise UserError(f"{path}: holds no runs")
    repeated = table.duplicated([*KEY, "seed"])
    if repeated.any():
        first = table.loc[repeated.idxmax(), [*KEY, "seed"]].to_dict()
        raise UserError(f"{path}: one run stands there twice: {', '.join(f'{k} {v}' for k, v in first.items())}")
    return table


def _read_summary(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; mine collect writes a summary.parquet")
    table = read_table(path, "summary")
    table = with_later_columns(table)
    needed = [*KEY, "seed", *SETTING_COLUMNS, *QUANTITIES, "heldout_ess", "population_ess", "code"]
    needed += ["overflow_step", "runaway_step", "diverged_step"]
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise UserError(f"{path}: not a summary of this version; column {missing[0]!r} is missing")
    return table.select(needed).to_pandas(ignore_metadata=True)
