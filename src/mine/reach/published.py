"""Published rows as finished jobs again, so that `snakemake own` and its further targets run only what is new."""

from __future__ import annotations

from collections.abc import Iterable
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
    parts = (
        (_published(of_cells, ESTIMATES), ["rows", "method", "task"], jobs),
        (_published([published / f"{OWN}_{null}.parquet"], NULL_TESTS), ["kind", "rows"], nulls),
    )
    if not any(table.num_rows for table, _, _ in parts):
        raise UserError(f"{published}: holds no {OWN}_{estimates}.parquet or other table of `snakemake {OWN}`")
    written = there = 0
    for table, keys, wanted in parts:
        places = table.select([*keys, "draw"]).to_pandas().drop_duplicates().sort_values("draw")
        found = dict(iter(places.groupby(keys)["draw"]))
        for path, key, first, draws in wanted:
            numbers = found.get(key, pd.Series(dtype=int))
            numbers = numbers[numbers.between(first, first + draws - 1)]
            if path.exists():
                there += 1
            elif len(numbers) == draws:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_table(path, table.take(numbers.index.to_numpy()))
                written += 1
    return written, there, len(jobs) + len(nulls) - written - there


def _published(paths: Iterable[Path], columns: Columns) -> pa.Table:
    """The rows of those tables that are there."""
    found = [schema(columns).empty_table()]
    for path in (each for each in paths if each.exists()):
        table = read_table(path)
        if table.column_names != list(columns):
            raise UserError(f"{path}: has other columns than this version's; it cannot be restored")
        found.append(table.cast(schema(columns)))
    return pa.concat_tables(found)
