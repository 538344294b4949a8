"""Run a notebook and write it as one HTML page: its text, code and pictures, formulas drawn without a network.

mine notebook notebooks/2_replication.ipynb --results results --output results/notebooks/2_replication.html
A notebook that finds no results uses the published tables and figures in figures/, and says so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "run a notebook and write it as a page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="an .ipynb of notebooks/")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="folder of the experiments' folders"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, FILE.html")


def run(arguments: argparse.Namespace) -> None:
    """Run it. Raises UserError where a cell fails or the page cannot be written; then no page is left."""
    from mine.errors import UserError
    from mine.explorer.render import render
    from mine.files import check_writable, whole_files

    if arguments.output.suffix != ".html":
        raise UserError(f"output: {arguments.output} does not end with .html")
    check_writable(arguments.output)
    text = render(arguments.notebook, arguments.results).encode()
    with whole_files(arguments.output) as (stream,):
        stream.write(text)
    print(f"{arguments.output}: {len(text) / 1e6:.1f} MB")
