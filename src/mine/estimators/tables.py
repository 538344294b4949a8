"""From an experiment's runs to its tables of stairs: written whole, or none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mine.columns import schema, table
from mine.errors import UserError
from mine.estimators.scores import SCORE_COLUMNS, scores
from mine.estimators.stairs import STAIRS_COLUMNS, WINDOW_COLUMNS, stair_rows, window_rows
from mine.files import whole_files
from mine.runs import RunFile, read_run
from mine.trace import WRITING, read_table


def collect_stairs(
    experiment: str,
    runs: Sequence[RunFile],
    stairs: Path,
    scores_file: Path,
    windows: Path,
    baselines: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the three tables of an experiment that is judged stair by stair.

    Args:
        experiment: its name, the first column of every table.
        runs: in the order of the tables.
        stairs: file to write, see ``mine.estimators.stairs.STAIRS_COLUMNS``.
        scores_file: file to write, see ``mine.estimators.scores.SCORE_COLUMNS``.
        windows: file to write, see ``mine.estimators.stairs.WINDOW_COLUMNS``.
        baselines: rows of ``mine baselines`` to follow the runs'; None for none.
        progress: called with runs read so far and all runs.

    Raises:
        UserError: a run cannot be read or is not what it should be, or an output cannot be written.
    """
    of_runs, of_windows = [], []
    for done, run in enumerate(runs, 1):
        trace = read_run(run)
        of_runs += stair_rows(experiment, run, trace)
        of_windows += window_rows(experiment, run, trace)
        progress(done, len(runs))
    gathered = table(STAIRS_COLUMNS, of_runs)
    if baselines is not None:
        gathered = pa.concat_tables([gathered, _read(baselines)])
    frame = scores(gathered.to_pandas())
    judged = pa.Table.from_pandas(frame, schema=schema(SCORE_COLUMNS), preserve_index=False)
    judged = judged.replace_schema_metadata(None)
    with whole_files(stairs, scores_file, windows) as streams:
        for stream, each in zip(streams, (gathered, judged, table(WINDOW_COLUMNS, of_windows)), strict=True):
            pq.write_table(each, stream, **WRITING)


def _read(path: Path) -> pa.Table:
    found = read_table(path)
    if not found.schema.equals(schema(STAIRS_COLUMNS)):
        raise UserError(f"{path}: not a table of `mine baselines`")
    return found
