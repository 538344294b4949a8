"""The ``mine`` command: one subcommand per step of the pipeline, each in its own module of ``mine.commands``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TextIO

from mine import __version__
from mine.errors import UserError, escaped
from mine.interrupts import CODE, heeded

WANTED = {
    "the mutual information of your own data": ("estimate",),
    "what leaks through the concepts of your model": ("leakage",),
    "one run by hand, and what it did": ("train", "show", "control"),
    "how far the pipeline is, and whether your runs agree with ours": ("status", "compare"),
    "to look at results": ("figures", "explore", "notebook"),
    "the steps that `snakemake` takes": (
        "collect",
        "optimal",
        "baselines",
        "frozen",
        "claims",
        "search",
        "reach",
        "concepts",
        "publish",
    ),
}
"""What a person wants to the commands that do it, in the order of the help page."""

# Modules are light to import: torch, pandas and matplotlib are imported when a command runs.
COMMANDS = tuple(name for names in WANTED.values() for name in names)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage of a command with twenty options would bury it."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: error: {escaped(message)}; see {self.prog} --help\n")


class _Top(_Parser):
    """`mine --help` says what `mine` alone does."""

    def format_help(self) -> str:
        """Every command by what a person wants."""
        return f"{overview()}\n"


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Top(
        prog="mine",
        description="Mutual Information Neural Estimation: estimate, train, draw and compare. All information in nats.",
    )
    parser.add_argument("--version", action="version", version=f"mine {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
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


def overview() -> str:
    """What ``mine`` alone prints: every command by what a person wants."""
    lines = ["mine: mutual information by neural networks. All information in nats."]
    for wanted, names in WANTED.items():
        lines += ["", f"{wanted[0].upper()}{wanted[1:]}"]
        lines += [f"  mine {name:10} {import_module(f'mine.commands.{name}').HELP}" for name in names]
    return "\n".join(
        [
            *lines,
            "",
            "`mine COMMAND --help` has the options of one, `mine --version` the version; `make help` what sets up and "
            "runs it all.",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, or list them. Returns 0, or what the command says (compare: 1), or 2 after a one-line error."""
    _prepare_screen()
    try:
        with heeded():
            if not (sys.argv[1:] if argv is None else argv):
                print(overview(), flush=True)
                return 0
            arguments = build_parser().parse_args(argv)
            code = arguments.run(arguments) or 0
            sys.stdout.flush()
            return code
    except UserError as error:
        _say(f"mine: error: {escaped(str(error))}")
        return 2
    except KeyboardInterrupt:
        _say("mine: interrupted")
        return CODE
    except BrokenPipeError:
        # The reader of a pipe (head, less) left; the interpreter must not complain at exit either.
        _silence(sys.stdout)
        return 141
    except OSError as error:
        # Commands say it themselves where a file fails them; what is left is the screen: a full disk behind it, say.
        if not _fails(sys.stdout):
            raise
        _silence(sys.stdout)
        _say(f"mine: error: standard output cannot be written ({error.strerror or error})")
        return 2


def _say(line: str) -> None:
    """A line on stderr; where that is full too, the exit code says enough."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def _prepare_screen() -> None:
    """Make sure that whatever is printed after a long training can be, on any terminal or none."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Closed (>&-): the next file that is opened, a result say, would be taken for the screen.
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the whole process
        elif hasattr(getattr(sys, name), "reconfigure"):
            # A terminal that has no rho shows \u03c1.
            getattr(sys, name).reconfigure(errors="backslashreplace")


def _fails(stream: TextIO) -> bool:
    """Whether nothing more can be printed."""
    try:
        stream.write("\n")
        stream.flush()
    except OSError:
        return True
    return False


def _silence(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
