"""Copy a finished run's figures to the folder that the README shows, with what made them.

Beside the figures stand each experiment's summary (data/EXPERIMENT_summary.parquet) and published.json: hash of the
configuration, commit, hash of the training code, CPU, package versions, runs and seeds. No timestamps: an unchanged
figure stays an unchanged file. Figures of an earlier publication that are made no more are removed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "copy the figures of a finished run to the folder of published figures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine publish``."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("config/config.yaml"),
        metavar="FILE",
        help="configuration of the run (default: config/config.yaml)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("figures"), metavar="DIR", help="where to (default: figures)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    from mine.config import load_config
    from mine.publish import publish

    record = publish(load_config(arguments.config), arguments.output)
    runs = sum(experiment["runs"] for experiment in record["experiments"].values())
    print(f"{len(record['files'])} files of {runs} runs in {arguments.output}")
    if record["commit"]["dirty"] or record["commit"]["sha"] is None:
        print("note: src, workflow or config have changes that no commit holds; published.json says so")
