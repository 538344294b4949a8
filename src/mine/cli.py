"""The ``mine`` command: one subcommand per step of the pipeline, each in its own module of ``mine.commands``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from mine import __version__
from mine.errors import UserError

# Order of the help page. Modules are light to import: torch, pandas and matplotlib are imported when a command runs.
COMMANDS = (
    "train",
    "show",
    "estimate",
    "optimal",
    "frozen",
    "collect",
    "stairs",
    "baselines",
    "status",
    "search",
    "claims",
    "figures",
    "explore",
    "notebook",
    "publish",
    "compare",
)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage of a command with twenty options would bury it."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: error: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="mine",
        description="Mutual Information Neural Estimation: train, collect, draw and compare. All information in nats.",
    )
    parser.add_argument("--version", action="version", version=f"mine {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"mine.commands.{name}")
        subparser = subparsers.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0, or what the command says (compare: 1), or 2 after a one-line error."""
    try:
        arguments = build_parser().parse_args(argv)
        return arguments.run(arguments) or 0
    except UserError as error:
        print(f"mine: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mine: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe (head, less) left; the interpreter must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
