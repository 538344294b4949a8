"""Put the optimal critic, the exact log density ratio, through the instruments that judge trained critics.

Writes one row for each setting, dimension, rho and seed of an experiment's grid. What the instruments say of the
optimal critic is the best that any critic could be seen to do with them. All information in nats.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "judge the optimal critic by the same instruments as trained ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The grid and the table."""
    parser.add_argument(
        "--grid", required=True, metavar="JSON", help="the experiment as it stands in the configuration"
    )
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="parquet table to write")
    parser.add_argument("--batches", type=int, default=300, metavar="N", help="training batches for the in-batch value")


def run(arguments: argparse.Namespace) -> None:
    """Judge, cell by cell."""
    import torch

    from mine.experiments import expand, parse_grid
    from mine.files import check_writable
    from mine.optimal import optimal_table
    from mine.progress import ProgressLine
    from mine.trace import write_table

    check_writable(arguments.output)
    torch.set_num_threads(1)
    runs = expand(parse_grid(arguments.grid))
    cells = list(dict.fromkeys((run.setting, run.training, run.dim, float(run.rho), run.seed) for run in runs))
    line = ProgressLine(len(cells))
    table = optimal_table(
        cells, arguments.batches, lambda done, text: line.update(done, f"optimal critic: {done}/{len(cells)} {text}")
    )
    line.close()
    write_table(arguments.output, table)
