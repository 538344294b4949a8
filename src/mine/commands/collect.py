"""Gather an experiment's runs into three tables.

summary.parquet has one row a run: final in-batch, held-out and population values, truth, divergence,
gradient norms. curves.parquet has one row a cell, quantity and step: median and quartiles over seeds, and the
share still live. evaluations.parquet has one row a run and evaluation. All information in nats. With --epochs,
epochs.parquet has one row a run and epoch, of runs recorded every epoch. With --grid,
exactly the runs that it names are read, and a missing one stops the command; without it every *.parquet in the
folder is. A file that cannot be read, or holds another run than its place says, stops it: nothing is skipped
silently, and nothing half-written is left.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HELP = "gather the runs of an experiment into summary, curves and evaluations"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine collect``."""
    parser.add_argument("runs", type=Path, metavar="RUNS_DIR", help="the experiment's runs folder")
    parser.add_argument("--grid", metavar="JSON", help="the experiment's part of the configuration, as text")
    parser.add_argument(
        "--experiment", metavar="NAME", help="its name in the tables (default: the folder above RUNS_DIR)"
    )
    parser.add_argument("--summary", type=Path, required=True, metavar="FILE", help="table to write")
    parser.add_argument("--curves", type=Path, required=True, metavar="FILE", help="table to write")
    parser.add_argument("--evaluations", type=Path, required=True, metavar="FILE", help="table to write")
    parser.add_argument(
        "--epochs", type=Path, metavar="FILE", help="table to write too, one row a run and epoch (record_every: epoch)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.epoch_rows import check_epochs, write_epochs
    from mine.errors import escaped
    from mine.experiments import parse_grid
    from mine.files import check_apart, check_distinct
    from mine.progress import ProgressLine
    from mine.runs import found_runs, planned_runs
    from mine.tables import collect

    folder: Path = arguments.runs
    extra: list[Path] = []
    if arguments.grid is None:
        runs = found_runs(folder)
    else:
        runs, extra = planned_runs(folder, parse_grid(arguments.grid))
    epochs: Path | None = getattr(arguments, "epochs", None)
    if epochs is not None:
        check_epochs(runs)  # before anything is written
    outputs = [arguments.summary, arguments.curves, arguments.evaluations, *([epochs] if epochs else [])]
    check_distinct(outputs)
    check_apart(outputs, [*(run.path for run in runs), *extra])
    experiment = arguments.experiment or folder.resolve().parent.name
    line = ProgressLine(len(runs), log_lines=0)

    def show(done: int, total: int) -> None:
        line.update(done, f"{done} of {total} runs read")

    try:
        collect(experiment, runs, arguments.summary, arguments.curves, arguments.evaluations, show)
    finally:
        line.close()
    if epochs is not None:
        write_epochs(experiment, runs, epochs)
    if extra:
        first = escaped(str(extra[0]))
        print(f"note: {len(extra)} file(s) beyond the grid left out, the first: {first}", file=sys.stderr)
