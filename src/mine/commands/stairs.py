"""Gather a benchmark's runs into three tables.

stairs.parquet has one row a run and stair: in-batch mean, variance and mean squared error over its last 500 steps, and
the held-out value. scores.parquet has one row a cell and stair, with intervals over seeds. curves.parquet has one row a
run and 100 steps. All information in nats. Exactly the runs that --grid names are read; a missing one, or one that
holds another run than its place says, stops the command, and nothing half-written is left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "gather the runs of a benchmark of estimators"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine stairs``."""
    parser.add_argument("runs", type=Path, metavar="RUNS_DIR", help="the benchmark's runs folder")
    parser.add_argument(
        "--grid", required=True, metavar="JSON", help="the benchmark's part of the configuration, as text"
    )
    parser.add_argument(
        "--benchmark", metavar="NAME", help="its name in the tables (default: the folder above RUNS_DIR)"
    )
    parser.add_argument("--baselines", type=Path, metavar="FILE", help="rows of `mine baselines` to put among them")
    for name in ("stairs", "scores", "curves"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help="table to write")


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.estimators.planning import parse_benchmark
    from mine.estimators.runs import planned_files
    from mine.estimators.tables import gather
    from mine.files import check_apart
    from mine.progress import ProgressLine

    files = planned_files(arguments.runs, parse_benchmark(arguments.grid))
    name = arguments.benchmark or arguments.runs.resolve().parent.name
    inputs = [*(file.path for file in files), *([arguments.baselines] if arguments.baselines else [])]
    check_apart([arguments.stairs, arguments.scores, arguments.curves], inputs)
    line = ProgressLine(len(files), log_lines=0)

    def show(done: int, total: int) -> None:
        line.update(done, f"{done} of {total} runs read")

    try:
        gather(name, files, arguments.baselines, arguments.stairs, arguments.scores, arguments.curves, show)
    finally:
        line.close()
