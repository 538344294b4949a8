"""Published rows as finished jobs again, so that `snakemake own` and its further targets run only what is new."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa

from mine.columns import Columns, schema
from mine.errors import UserError
from mine.reach.plan import OWN, TABLES, Plan, table_of
from mine.reach.tables import ESTIMATES, NULL_TESTS, null_path
from mine.trace import read_table, write_table


def restore(plan: Plan, published: Path, results: Path) -> tuple[int, int, int]:
    """Write the table of each job whose every row was published, and which is not there.

    Args:
        plan: whose jobs.
        published: folder of tables as `mine publish` names them (own_estimates.parquet, own_nulls.parquet, …).
        results: folder of `snakemake own`; tables go below its cells and nulls.

    Returns:
        How many were written, how many were there already, and how many are left to be run.

    Raises:
        UserError: no table of this kind in ``published``, one that cannot be read or has other columns.
    """
    estimates, null, _ = TABLES
    of_cells = (published / f"{OWN}_{name}.parquet" for name in (estimates, *map(table_of, plan.further)))
    jobs = [
        (results / "cells" / path, (cell.rows, cell.method, cell.task), cell.first, cell.draws)
        for path, cell in plan.jobs().items()
    ]
    nulls = [
        (results / "nulls" / null_path(kind, first), (kind, plan.null_rows), first, draws)
        for kind, first, draws in plan.null_blocks()
    ]
    rows = _rows(list(of_cells), ESTIMATES, ["rows", "method", "task"])
    null_rows = _rows([published / f"{OWN}_{null}.parquet"], NULL_TESTS, ["kind", "rows"])
    if not rows and not null_rows:
        raise UserError(f"{published}: holds no {OWN}_{estimates}.parquet or other table of `snakemake {OWN}`")
    written = there = 0
    for found, columns, wanted in ((rows, ESTIMATES, jobs), (null_rows, NULL_TESTS, nulls)):
        for path, key, first, draws in wanted:
            made = found.get(key)
            made = None if made is None else made[made["draw"].between(first, first + draws - 1)]
            if path.exists():
                there += 1
            elif made is not None and len(made) == draws:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_table(path, pa.Table.from_pandas(made, schema(columns), preserve_index=False))
                written += 1
    return written, there, len(jobs) + len(nulls) - written - there


def _rows(paths: list[Path], columns: Columns, keys: list[str]) -> dict[tuple, pd.DataFrame]:
    """Rows of those tables that are there, by their keys, each draw once and in order."""
    found = []
    for path in (each for each in paths if each.exists()):
        table = read_table(path)
        if table.column_names != list(columns):
            raise UserError(f"{path}: has other columns than this version's; it cannot be restored")
        found.append(table.to_pandas())
    if not found:
        return {}
    rows = pd.concat(found).drop_duplicates([*keys, "draw"]).sort_values("draw")
    return dict(iter(rows.groupby(keys)))
