"""Estimate an experiment's tasks by baselines that train nothing, on 10,000 fresh pairs a seed.

Writes rows of the table of stairs that `mine collect` writes, with critic "baseline" and the value as mi_heldout. A
baseline that does not exist in so many dimensions is left out. All information in nats.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "nearest neighbours, canonical correlation and histogram on an experiment's tasks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine baselines``."""
    parser.add_argument(
        "--grid", required=True, metavar="JSON", help="the experiment's part of the configuration, as text"
    )
    parser.add_argument("--experiment", required=True, metavar="NAME", help="its name in the table")
    parser.add_argument("--names", required=True, metavar="LIST", help="ksg, cca, histogram; separated by commas")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="table to write")


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.baselines import BASELINES
    from mine.experiments import parse_grid
    from mine.settings import check_choice

    experiment = parse_grid(arguments.grid)
    names = arguments.names.split(",")
    for name in names:
        check_choice("names", name, tuple(BASELINES))

    from mine.columns import table
    from mine.estimators.baselines import baseline_rows
    from mine.estimators.stairs import STAIRS_COLUMNS
    from mine.files import check_writable
    from mine.progress import ProgressLine
    from mine.trace import write_table

    check_writable(arguments.output)
    line = ProgressLine(100)
    rows = []
    for share, text, row in baseline_rows(arguments.experiment, experiment, names):
        line.update(round(100 * share), text)
        rows.append(row)
    line.close()
    write_table(arguments.output, table(STAIRS_COLUMNS, rows))
