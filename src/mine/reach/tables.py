"""The tables of `snakemake own`: what a row is, and the jobs' tables as one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mine.columns import FLOAT, INT, STRING, Columns, schema
from mine.errors import UserError
from mine.reach.plan import Plan
from mine.trace import read_table

ESTIMATES: Columns = {
    "method": (STRING, "of mine.reach.methods.METHODS"),
    "task": (STRING, "name of the fixed task"),
    "group": (STRING, "group of tasks that results are reported by"),
    "set": (STRING, "choosing: settings were chosen on it; judging: the other public ones; further: of other families"),
    "rows": (INT, "pairs of the draw"),
    "draw": (INT, "number of the draw"),
    "mi_true": (FLOAT, "exact mutual information, nats"),
    "value": (FLOAT, "estimate, nats, as it is; null where there is none"),
    "low": (FLOAT, "its interval's lower end; null where the method has none"),
    "high": (FLOAT, "its interval's upper end"),
    "p_value": (FLOAT, "of the permutation test; null where the method has none"),
    "warnings": (STRING, "codes of the warnings, separated by commas; null where the method has none"),
    "cpu_s": (FLOAT, "CPU seconds of the estimate alone: no import, no drawing"),
    "why": (STRING, "why there is no value"),
    "made_with": (STRING, "name and version of the package that made it"),
}
"""Name to (type, meaning) of every column of estimates.parquet. One row a task, number of rows, draw and method."""

NULL_TESTS: Columns = {
    "kind": (STRING, "of mine.reach.plan.NULLS; x and z are independent"),
    "rows": (INT, "rows of the draw"),
    "draw": (INT, "number of the draw"),
    "value": (FLOAT, "estimate, nats"),
    "p_value": (FLOAT, "of the permutation test"),
    "warnings": (STRING, "codes of the warnings, separated by commas"),
    "cpu_s": (FLOAT, "CPU seconds"),
    "why": (STRING, "why there is no value"),
    "made_with": (STRING, "name and version of the package that made it"),
}
"""The same of nulls.parquet. One row a kind and draw."""


def estimates(plan: Plan, folder: Path) -> pa.Table:
    """Every job's rows. Raises UserError where a job's table is missing, or holds other rows than the plan asks for."""
    return _together({folder / cell.path: cell.draws for cell in plan.cells()}, ESTIMATES)


def null_tests(plan: Plan, folder: Path) -> pa.Table:
    """The same of the jobs on null data."""
    paths = {folder / null_path(kind, first): count for kind, first, count in plan.null_blocks()}
    return _together(paths, NULL_TESTS)


def null_path(kind: str, first: int) -> str:
    """A job's table below the folder of null data."""
    return f"kind={kind}/first={first}.parquet"


def _together(paths: dict[Path, int], columns: Columns) -> pa.Table:
    found = []
    for path, rows in paths.items():
        table = read_table(path)
        if table.num_rows != rows or table.column_names != list(columns):
            raise UserError(f"{path}: not the {rows} rows of the plan; run `snakemake own` again")
        found.append(table)
    return pa.concat_tables(found) if found else schema(columns).empty_table()
