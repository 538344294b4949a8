"""From a benchmark's runs to its tables: written whole, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mine.errors import UserError
from mine.estimators.runs import StairsFile, read_stairs
from mine.estimators.scores import SCORE_COLUMNS, scores
from mine.estimators.stairs import CURVE_COLUMNS, STAIRS_COLUMNS, curve_rows, schema, stair_rows, table
from mine.files import whole_files
from mine.trace import WRITING, read_table


def gather(
    benchmark: str,
    files: Sequence[StairsFile],
    baselines: Path | None,
    stairs: Path,
    scores_file: Path,
    curves: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the three tables of a benchmark.

    Args:
        benchmark: its name, the first column of every table.
        files: its runs, in the order of the tables.
        baselines: rows of ``mine baselines`` to follow them; None for none.
        stairs: file to write, see ``mine.estimators.stairs.STAIRS_COLUMNS``.
        scores_file: file to write, see ``mine.estimators.scores.SCORE_COLUMNS``.
        curves: file to write, see ``mine.estimators.stairs.CURVE_COLUMNS``.
        progress: called with runs read so far and all runs.

    Raises:
        UserError: a run cannot be read or is not what it should be, or an output cannot be written.
    """
    of_runs, of_curves = [], []
    for done, file in enumerate(files, 1):
        trace = read_stairs(file)
        of_runs += stair_rows(benchmark, file, trace)
        of_curves += curve_rows(benchmark, file, trace)
        progress(done, len(files))
    gathered = table(STAIRS_COLUMNS, of_runs)
    if baselines is not None:
        gathered = pa.concat_tables([gathered, _read(baselines)])
    frame = scores(gathered.to_pandas())
    judged = pa.Table.from_pandas(frame, schema=schema(SCORE_COLUMNS), preserve_index=False)
    judged = judged.replace_schema_metadata(None)
    with whole_files(stairs, scores_file, curves) as streams:
        for stream, each in zip(streams, (gathered, judged, table(CURVE_COLUMNS, of_curves)), strict=True):
            pq.write_table(each, stream, **WRITING)


def _read(path: Path) -> pa.Table:
    found = read_table(path)
    if not found.schema.equals(schema(STAIRS_COLUMNS)):
        raise UserError(f"{path}: not a table of `mine baselines`")
    return found
