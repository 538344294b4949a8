"""Options of commands that read a reader's own file: how a text is written, and what stands for a missing value."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mine.commands.options import integer

if TYPE_CHECKING:
    from mine.own.dialect import Dialect


def add_text_files(parser: argparse.ArgumentParser) -> None:
    """Options of how a text file is written."""
    text = parser.add_argument_group("text files", "What a text file does not show by itself.")
    text.add_argument("--sep", metavar="SIGN", help="between fields: , ; tab | or space (default: seen from the lines)")
    text.add_argument("--decimal", metavar="SIGN", help="decimal sign, . or , (default: seen from the values)")
    text.add_argument(
        "--encoding",
        metavar="NAME",
        help="such as latin-1 or cp1252 (default: utf-8, or utf-16 where the file shows it)",
    )
    text.add_argument("--no-header", action="store_true", help="the first line is a row; columns are places from 0")
    text.add_argument("--skip-footer", type=integer, default=0, metavar="N", help="lines at the end that are no rows")


def add_missing(columns: argparse._ArgumentGroup) -> None:
    """Options of rows that miss a value."""
    columns.add_argument(
        "--drop-missing", action="store_true", help="leave out rows that miss a value (default: refuse them)"
    )
    columns.add_argument(
        "--na",
        action="append",
        default=[],
        metavar="WORD",
        help="a word or number that stands for a missing value, such as ? or -9999; may be given again",
    )


def dialect_of(arguments: argparse.Namespace) -> Dialect:
    """What these options say."""
    from mine.own.dialect import Dialect

    return Dialect(
        arguments.sep,
        arguments.decimal,
        arguments.encoding,
        tuple(arguments.na),
        not arguments.no_header,
        arguments.skip_footer,
    )
