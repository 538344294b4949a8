"""Make one HTML page to look through the results with: every run's traces, choices and hover values, no network.

mine explore --results results --output results/explore.html
The page is one file with everything in it, and stays under 20 MB: long traces are thinned, spikes and last values kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "make an interactive page of the results"

MOST_BYTES = 20_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="folder of the experiments' folders"
    )
    parser.add_argument(
        "--experiment",
        action="append",
        default=[],
        metavar="NAME",
        help="show this one; may be given several times (default: all that have a summary)",
    )
    parser.add_argument(
        "--claims", type=Path, metavar="FILE", help="claims.parquet (default: the fullest ledger in the results folder)"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, FILE.html")


def run(arguments: argparse.Namespace) -> None:
    """Make the page. Raises UserError where there is nothing to show or it cannot be written."""
    from mine.errors import UserError
    from mine.explorer.page import page
    from mine.explorer.payload import payload
    from mine.files import check_writable, whole_files
    from mine.progress import ProgressLine

    if arguments.output.suffix != ".html":
        raise UserError(f"output: {arguments.output} does not end with .html")
    check_writable(arguments.output)
    claims = arguments.claims
    if claims is None:
        ledgers = [arguments.results / "claims" / scope / "claims.parquet" for scope in ("full", "runs")]
        claims = next((path for path in ledgers if path.exists()), None)
    line: ProgressLine | None = None

    def report(done: int, total: int) -> None:
        nonlocal line
        line = line or ProgressLine(total)
        line.update(done, f"{done:,}/{total:,} runs")

    content = payload(arguments.results, arguments.experiment, claims, report)
    if line is not None:
        line.close()
    text = page(content).encode()
    if len(text) > MOST_BYTES:
        raise UserError(
            f"the page would have {len(text) / 1e6:.0f} MB with {content['runs']:,} runs; choose some with --experiment"
        )
    with whole_files(arguments.output) as (stream,):
        stream.write(text)
    for note in content["notes"]:
        print(f"note: {note}")
    print(f"{arguments.output}: {content['runs']:,} runs, {len(text) / 1e6:.1f} MB")
