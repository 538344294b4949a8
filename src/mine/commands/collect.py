"""Gather an experiment's runs into tables.

summary.parquet has one row a run: final in-batch, held-out and population values, truth, divergence,
gradient norms. curves.parquet has one row a cell, quantity and step: median and quartiles over seeds, and the
share still live. evaluations.parquet has one row a run and evaluation. With --epochs, epochs.parquet has one row a
run and epoch, of runs recorded every epoch.

In their place, of data given by their mutual information: stairs.parquet has one row a run and stair, in-batch mean,
variance and mean squared error over its last 500 steps, and the held-out value; scores.parquet one a cell and stair,
with intervals over seeds; windows.parquet one a run and 100 steps.

All information in nats. With --grid, exactly the runs that it names are read, and a missing one stops the command;
without it every *.parquet in the folder is. A file that cannot be read, or holds another run than its place says,
stops it: nothing is skipped silently, and nothing half-written is left.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from mine.errors import UserError, escaped
from mine.experiments import OF_RUNS, OF_STAIRS

HELP = "gather the runs of an experiment into tables"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine collect``."""
    parser.add_argument("runs", type=Path, metavar="RUNS_DIR", help="the experiment's runs folder")
    parser.add_argument("--grid", metavar="JSON", help="the experiment's part of the configuration, as text")
    parser.add_argument(
        "--experiment", metavar="NAME", help="its name in the tables (default: the folder above RUNS_DIR)"
    )
    for name in OF_RUNS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help="table to write")
    parser.add_argument(
        "--epochs", type=Path, metavar="FILE", help="table to write too, one row a run and epoch (record_every: epoch)"
    )
    for name in OF_STAIRS:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help="table to write in place of those above")
    parser.add_argument(
        "--baselines", type=Path, metavar="FILE", help="rows of `mine baselines` to put among those of --stairs"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.experiments import parse_grid
    from mine.files import check_apart, check_distinct
    from mine.progress import ProgressLine
    from mine.runs import found_runs, planned_runs

    tables = _tables(arguments)
    folder: Path = arguments.runs
    extra: list[Path] = []
    if arguments.grid is None:
        runs = found_runs(folder)
    else:
        runs, extra = planned_runs(folder, parse_grid(arguments.grid))
    epochs: Path | None = arguments.epochs
    if epochs is not None:
        from mine.epoch_rows import check_epochs

        check_epochs(runs)  # before anything is written
    outputs = [*tables, *([epochs] if epochs else [])]
    check_distinct(outputs)
    check_apart(outputs, [*(run.path for run in runs), *extra, *([arguments.baselines] if arguments.baselines else [])])
    experiment = arguments.experiment or folder.resolve().parent.name
    line = ProgressLine(len(runs), log_lines=0)

    def show(done: int, total: int) -> None:
        line.update(done, f"{done} of {total} runs read")

    collect: Callable[..., None]
    try:
        if arguments.stairs is not None:
            from mine.estimators.tables import collect_stairs as collect

            collect(experiment, runs, *tables, arguments.baselines, show)
        else:
            from mine.tables import collect

            collect(experiment, runs, *tables, show)
    finally:
        line.close()
    if epochs is not None:
        from mine.epoch_rows import write_epochs

        write_epochs(experiment, runs, epochs)
    if extra:
        first = escaped(str(extra[0]))
        print(f"note: {len(extra)} file(s) beyond the grid left out, the first: {first}", file=sys.stderr)


def _tables(arguments: argparse.Namespace) -> list[Path]:
    """The files of the one kind of tables that is asked for, all three. Raises UserError."""
    given = {name for name in (*OF_RUNS, *OF_STAIRS) if getattr(arguments, name) is not None}
    wanted = OF_STAIRS if given & set(OF_STAIRS) else OF_RUNS
    if given != set(wanted):
        missing = sorted(set(wanted) - given)
        what = f"--{missing[0]} is missing" if missing else f"--{sorted(given - set(wanted))[0]} is of the other kind"
        raise UserError(
            f"collect: {what}; give {', '.join(f'--{name}' for name in OF_RUNS)}, or "
            f"{', '.join(f'--{name}' for name in OF_STAIRS)}"
        )
    for name, kind in (("epochs", OF_RUNS), ("baselines", OF_STAIRS)):
        if getattr(arguments, name) is not None and kind != wanted:
            raise UserError(f"{name}: --{name} goes with {', '.join(f'--{each}' for each in kind)}")
    return [getattr(arguments, name) for name in wanted]
