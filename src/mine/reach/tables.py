"""The tables of `snakemake own` and of targets that extend it: what a row is, and the jobs' tables as one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mine.columns import FLOAT, INT, STRING, Columns, schema
from mine.errors import UserError
from mine.reach.plan import OWN, Plan
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


def estimates(plan: Plan, folder: Path, target: str = OWN) -> pa.Table:
    """Rows of a target's jobs. Raises UserError where a job's table is missing, or has other rows than its plan."""
    jobs, found = plan.jobs(), []
    for cell in plan.cells(target):
        made = _rows(folder / cell.path, jobs[cell.path].draws, ESTIMATES, target)
        found.append(made.slice(0, cell.draws))
    return _together(found, ESTIMATES)


def null_tests(plan: Plan, folder: Path) -> pa.Table:
    """The same of the jobs on null data."""
    paths = {folder / null_path(kind, first): count for kind, first, count in plan.null_blocks()}
    return _together([_rows(path, count, NULL_TESTS, OWN) for path, count in paths.items()], NULL_TESTS)


def null_path(kind: str, first: int) -> str:
    """A job's table below the folder of null data."""
    return f"kind={kind}/first={first}.parquet"


def _rows(path: Path, rows: int, columns: Columns, target: str) -> pa.Table:
    table = read_table(path)
    if table.num_rows != rows or table.column_names != list(columns):
        raise UserError(f"{path}: not the {rows} rows of the plan; run `snakemake {target}` again")
    return table


def _together(found: list[pa.Table], columns: Columns) -> pa.Table:
    return pa.concat_tables(found) if found else schema(columns).empty_table()
