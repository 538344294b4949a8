"""From an experiment's runs to its three tables, in bounded memory: one run, one cell's curves at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mine.columns import cell_row
from mine.curves import CURVE_SCHEMA, CellCurves
from mine.evaluation_rows import EVALUATION_SCHEMA, evaluation_columns, evaluation_table
from mine.files import whole_files
from mine.runs import RunFile, read_run
from mine.summary import SUMMARY_SCHEMA, summary_row, summary_table
from mine.trace import WRITING

# Rows of curves.parquet that are gathered before they are written as one row group.
_ROW_GROUP = 500_000


def collect(
    experiment: str,
    runs: Sequence[RunFile],
    summary: Path,
    curves: Path,
    evaluations: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the three tables of an experiment.

    summary.parquet has one row a run, curves.parquet one a cell, quantity and step, evaluations.parquet one a run and
    evaluation. All appear whole, or none does. The same runs give the same bytes.

    Args:
        experiment: its name, the first column of both tables.
        runs: in the order of the summary; runs of one cell stand together.
        summary: file to write, see ``mine.summary.SUMMARY_COLUMNS``.
        curves: file to write, see ``mine.curves.CURVE_COLUMNS``.
        evaluations: file to write, see ``mine.evaluation_rows.EVALUATION_COLUMNS``.
        progress: called with runs read so far and all runs.

    Raises:
        UserError: a run cannot be read or is not what it should be, or an output cannot be written.
    """
    with whole_files(summary, curves, evaluations) as (summary_stream, curves_stream, evaluations_stream):
        rows = []
        with (
            pq.ParquetWriter(curves_stream, CURVE_SCHEMA, **WRITING) as writer,
            pq.ParquetWriter(evaluations_stream, EVALUATION_SCHEMA, **WRITING) as evaluations_writer,
        ):
            waiting: list[pa.Table] = []
            evaluated: list[pa.Table] = []
            for _, members in itertools.groupby(runs, key=lambda run: run.group):
                cell_runs = list(members)
                cell = CellCurves(len(cell_runs), cell_runs[0].training)
                judged = []
                for run in cell_runs:
                    trace = read_run(run)
                    rows.append(summary_row(experiment, run, trace))
                    cell.add(trace.frame, rows[-1]["overflow_step"])
                    judged.append(evaluation_columns(experiment, run, trace))
                    progress(len(rows), len(runs))
                waiting.append(cell.table(cell_row(experiment, cell_runs[0])))
                evaluated.append(evaluation_table(judged))
                if sum(map(len, waiting)) >= _ROW_GROUP:
                    _flush(writer, waiting)
                    _flush(evaluations_writer, evaluated)
            _flush(writer, waiting)
            _flush(evaluations_writer, evaluated)
        with pq.ParquetWriter(summary_stream, SUMMARY_SCHEMA, **WRITING) as writer:
            writer.write_table(summary_table(rows))


def _flush(writer: pq.ParquetWriter, waiting: list[pa.Table]) -> None:
    if waiting:
        table = pa.concat_tables(waiting).combine_chunks()
        writer.write_table(table, row_group_size=max(1, len(table)))
        waiting.clear()
