"""Judge every claim of a ledger by the tables of a results folder: the write-up's and some of ours, or the papers'.

Writes the ledger three times: claims.parquet (one row a finding), a Markdown file and one HTML page. A claim whose
tables are not there, or too few, comes out as "cannot be decided", with what is missing. search/plausible.parquet and
pictures/summary.parquet are read where they are there. All information in nats.

mine claims results --output results/claims/full/claims.parquet
mine claims results --ledger papers --output results/claims/papers/claims.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

HELP = "judge the write-up's claims, or those of the estimators' papers, by the results"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine claims``."""
    parser.add_argument(
        "results", type=Path, metavar="RESULTS_DIR", help="folder of the experiments' folders, or of published tables"
    )
    parser.add_argument(
        "--ledger",
        metavar="NAME",
        default="write-up",
        help="write-up: its claims and some of ours (default); papers: what the papers of the estimators claim",
    )
    parser.add_argument(
        "--without",
        metavar="FOLDER",
        action="append",
        default=[],
        help="leave the tables of a folder out, as if not made",
    )
    parser.add_argument(
        "--earlier",
        type=Path,
        metavar="FILE",
        help="an earlier claims.parquet, whose findings stand for claims whose tables are not there",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="claims.parquet; claims.md and .html beside it")


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError where the folder is none or an output cannot be written."""
    from mine.claims.books import BOOKS
    from mine.claims.ledger import in_words, ledger_table, verdicts, write_ledger
    from mine.claims.tables import Tables
    from mine.errors import UserError
    from mine.files import check_apart
    from mine.progress import ProgressLine
    from mine.settings import check_choice

    check_choice("ledger", arguments.ledger, tuple(BOOKS))
    book = BOOKS[arguments.ledger]
    if not arguments.results.is_dir():
        raise UserError(f"{arguments.results}: no such folder; it should hold writeup/summary.parquet and its like")
    if arguments.output is not None and arguments.output.suffix != ".parquet":
        raise UserError(f"output: {arguments.output} does not end with .parquet")
    outputs = []
    if arguments.output is not None:
        outputs = [arguments.output.with_suffix(suffix) for suffix in (".parquet", ".md", ".html")]
        tables = (*arguments.results.glob("*.parquet"), *arguments.results.glob("*/*.parquet"))
        check_apart(outputs, [table for table in tables if table.name != "claims.parquet"])
    earlier = None if arguments.earlier is None else _ledger(arguments.earlier)
    total = len(book.names)
    line = ProgressLine(total, log_lines=0)
    judged = verdicts(
        Tables(arguments.results, arguments.without),
        lambda done, name: line.update(done, f"{done}/{total} {name}"),
        earlier,
        book,
    )
    line.close()
    table = ledger_table(judged)
    if outputs:
        write_ledger(table, *outputs, book)
    for verdict in judged:
        print(f"{verdict.number:2} {verdict.verdict:18} {verdict.claim.asked_by:10} {verdict.claim.sentence}")
    for sentence in in_words(table.to_pandas()):
        print(f"{sentence}.")


def _ledger(path: Path) -> pd.DataFrame:
    """An earlier ledger. Raises UserError where it cannot be read."""
    import pandas as pd
    import pyarrow as pa

    from mine.errors import UserError

    try:
        return pd.read_parquet(path, partitioning=None, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not a readable ledger ({str(error).strip().splitlines()[0]})") from None
