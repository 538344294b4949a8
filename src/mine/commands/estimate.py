"""Estimate the mutual information of your own columns, in nats.

Trains critics on some of the rows, stops and chooses among them by others, and reports the chosen critic's value on the
rest: with an interval, a permutation test and plain warnings. Prints a verdict, and writes a JSON record (the value is
its key "mi") and a figure. docs/estimate.md says how to read them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mine.commands.options import device as choose_device
from mine.commands.options import integer, number
from mine.commands.options import threads as check_threads
from mine.errors import UserError, escaped

if TYPE_CHECKING:
    import numpy as np

    from mine.own.columns import Column
    from mine.own.estimate import Estimate, Fit
    from mine.own.reading import Source
    from mine.own.report import Made
    from mine.own.settings import OwnSettings

HELP = "estimate the mutual information of your own data"

SETTINGS = (
    *(
        "estimator",
        "critic",
        "marginals",
        "known",
        "combine",
        "value",
        "seed",
        "blocks",
        "cross_fit",
        "initialisations",
    ),
    *("permutations", "resamples", "hidden", "batch_size", "max_updates", "learning_rate", "grad_clip"),
    *("ema_rate", "smile_tau", "alpha"),
)
"""Fields of OwnSettings that options of the same name set, as they stand."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The data, what to estimate with, and what to write."""
    parser.add_argument(
        "data",
        type=Path,
        metavar="DATA",
        help="parquet, text with a header (csv, tsv, txt, packed or not), npy or npz file",
    )
    _add_columns(parser)
    _add_text_files(parser)
    _add_how(parser)
    _add_output(parser)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--x",
        required=True,
        action="append",
        metavar="COLUMNS",
        help="columns of x: names with commas between, or first-last; of npy places from 0, of npz names of arrays; "
        "may be given again; a name that holds a comma stands in double quotes",
    )
    columns.add_argument("--z", required=True, action="append", metavar="COLUMNS", help="columns of z, likewise")
    columns.add_argument(
        "--discrete", action="append", default=[], metavar="COLUMNS", help="those that hold levels: made one-hot"
    )
    columns.add_argument(
        "--blocks",
        nargs="?",
        const="auto",
        type=integer,
        metavar="N",
        help="rows are a time series, in order; N rows apart they no longer resemble each other (without N: seen from "
        "the columns; 1: rows are independent, whatever their order looks like)",
    )
    columns.add_argument("--group", metavar="COLUMN", help="rows with the same value there belong to one subject")
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


def _add_text_files(parser: argparse.ArgumentParser) -> None:
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


def _add_how(parser: argparse.ArgumentParser) -> None:
    from mine.own.settings import WITH_CRITIC, OwnSettings

    default = OwnSettings()
    how = parser.add_argument_group("how")
    how.add_argument(
        "--estimator",
        default=default.estimator,
        metavar="NAME",
        help=f"{', '.join(WITH_CRITIC)} (default: {default.estimator})",
    )
    how.add_argument(
        "--critic",
        metavar="KIND",
        help=f"separable or concat (default: {default.critic} where the estimator exists with it)",
    )
    _add_kinds(how, default)
    _add_numbers(how, default)
    how.add_argument(
        "--split",
        default=",".join(f"{share:g}" for share in default.split),
        metavar="A,B,C",
        help="shares of training, validation and test rows (default: %(default)s)",
    )
    how.add_argument(
        "--cross-fit",
        type=integer,
        metavar="K",
        help="K splits whose test rows together are every row once, each with critics of its own (default: one split)",
    )
    how.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to train (default: cpu)")
    how.add_argument("--threads", type=integer, default=1, metavar="N", help="CPU threads (default: 1)")


def _add_kinds(how: argparse._ArgumentGroup, default: OwnSettings) -> None:
    from mine.own.settings import COMBINE, KNOWN, MARGINALS, VALUES

    for name, allowed, meaning in (
        ("marginals", MARGINALS, "scale of each column of amounts"),
        ("known", KNOWN, "what the critic starts from, of normal scores"),
        ("combine", COMBINE, "initialisations averaged and calibrated, or the best one chosen, by validation rows"),
        ("value", VALUES, "what is read of the critic"),
    ):
        value = getattr(default, name)
        how.add_argument(
            f"--{name}", default=value, metavar="KIND", help=f"{meaning}: {', '.join(allowed)} (default: {value})"
        )


def _add_numbers(how: argparse._ArgumentGroup, default: OwnSettings) -> None:
    for name, meaning in (
        ("seed", "of split, critics, batches, derangements and resamples"),
        ("initialisations", "critics to train"),
        ("permutations", "derangements of the test rows"),
        ("resamples", "of the test rows, for the interval"),
        ("hidden", "units of a hidden layer"),
        ("batch-size", "joint pairs in a batch"),
        ("max-updates", "end of training that has not ended by itself"),
    ):
        value = getattr(default, name.replace("-", "_"))
        how.add_argument(f"--{name}", type=integer, default=value, metavar="N", help=f"{meaning} (default: {value})")
    for name, metavar, meaning in (
        ("learning-rate", "RATE", "of Adam"),
        ("grad-clip", "NORM", "largest L2 norm of an applied gradient"),
        ("ema-rate", "ALPHA", "of the EMA's moving average, in (0, 1]"),
        ("smile-tau", "TAU", "log of the largest e^T that SMILE lets through"),
        ("alpha", "ALPHA", "of the interpolated bound, in [0, 1]"),
    ):
        value = getattr(default, name.replace("-", "_"))
        shown = "none" if value is None else f"{value:g}"
        how.add_argument(f"--{name}", type=number, default=value, metavar=metavar, help=f"{meaning} (default: {shown})")


def _add_output(parser: argparse.ArgumentParser) -> None:
    out = parser.add_argument_group("output")
    out.add_argument("--json", action="store_true", help="print the JSON record instead of the verdict")
    out.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON record (default: mi_DATA.json in the current folder)"
    )
    out.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="svg, pdf or png by its ending (default: mi_DATA.png in the current folder)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Check everything that can be checked; then train and judge; then print and write."""
    from mine.files import check_writable
    from mine.own.settings import OwnSettings

    settings = OwnSettings(split=_split(arguments.split), **{name: getattr(arguments, name) for name in SETTINGS})
    check_threads(arguments.threads)
    data = _read(arguments)
    settings.parts(len(data.x[0].values))

    import torch

    from mine.own.figure import check_path
    from mine.own.memory import give_back_freed_memory
    from mine.own.report import Made

    output = arguments.output or Path(f"mi_{arguments.data.stem}.json")
    figure = arguments.figure or Path(f"mi_{arguments.data.stem}.png")
    check_path(figure)
    if len({path.resolve() for path in (output, figure, arguments.data)}) < 3:
        raise UserError("output: record, figure and data must be three files")
    for path in (output, figure):
        check_writable(path)
    device = choose_device(arguments.device).type
    torch.set_num_threads(arguments.threads)
    give_back_freed_memory()
    fits, result = _estimated(data, settings, device)
    made = Made(data.source, data.x, data.z, data.dropped, device, arguments.threads)
    _write(fits, result, made, settings, output, figure, as_json=arguments.json)


@dataclass(frozen=True)
class _Data:
    """What the file holds of the columns named. groups (n,): whose each row is; dropped: rows that missed a value."""

    source: Source
    x: Sequence[Column]
    z: Sequence[Column]
    groups: np.ndarray | None
    dropped: int


def _read(arguments: argparse.Namespace) -> _Data:
    from mine.own.columns import group_of, without_missing
    from mine.own.dialect import Dialect
    from mine.own.reading import read_sides

    dialect = Dialect(
        arguments.sep,
        arguments.decimal,
        arguments.encoding,
        tuple(arguments.na),
        not arguments.no_header,
        arguments.skip_footer,
    )
    sides = {"x": arguments.x, "z": arguments.z} | ({"group": arguments.group} if arguments.group else {})
    source, read = read_sides(arguments.data, sides, arguments.discrete, named=("group",), dialect=dialect)
    x, z, keep = without_missing(read["x"], read["z"], drop=arguments.drop_missing)
    groups = group_of(read["group"], keep) if arguments.group else None
    return _Data(source, x, z, groups, int((~keep).sum()))


def _estimated(data: _Data, settings: OwnSettings, device: str) -> tuple[Sequence[Fit], Estimate]:
    """Train and judge, with a line of progress for each split's each."""
    from mine.own.crossfit import fit_and_estimate
    from mine.own.training import Look
    from mine.progress import ProgressLine

    count, rows = settings.cross_fit or 1, settings.parts(len(data.x[0].values))[2]
    lines: dict[tuple[int, str], ProgressLine] = {}

    def say(split: int, doing: str, total: int, done: int, text: str) -> None:
        if (split, doing) not in lines:
            for line in lines.values():
                line.close()
            lines[split, doing] = ProgressLine(total)
        lines[split, doing].update(done, text if count == 1 else f"split {split + 1} of {count}: {text}")

    def trains(split: int, look: Look) -> None:
        values = ", ".join(f"{value:.3f}" for value in look.value)
        say(split, "train", settings.max_updates, look.update, f"update {look.update}, validation {values} nats")

    fits, result = fit_and_estimate(
        data.x,
        data.z,
        settings,
        device=device,
        groups=data.groups,
        trains=trains,
        judges=lambda split, done: say(split, "judge", rows, done, f"judged {done:,} of about {rows:,} test rows"),
    )
    for line in lines.values():
        line.close()
    return fits, result


def _write(
    fits: Sequence[Fit],
    result: Estimate,
    made: Made,
    settings: OwnSettings,
    output: Path,
    figure: Path,
    *,
    as_json: bool,
) -> None:
    """Figure and record into their files, record or verdict to the terminal."""
    import json
    import sys

    from mine.files import whole_files
    from mine.own.figure import draw, write
    from mine.own.record import record
    from mine.own.report import render, verdict

    text = json.dumps(record(fits, result, made, settings), indent=2, allow_nan=False)
    write(draw(fits, result, verdict(result)), figure)
    with whole_files(output) as (stream,):
        stream.write(text.encode() + b"\n")
    if as_json:
        print(text)
    else:
        print(render(fits, result, made))
        print("\n" + escaped(f"written: {output}, {figure}"), file=sys.stderr)


def _split(text: str) -> tuple[float | str, ...]:
    """Three numbers, or what stands there, which the settings' own check then refuses."""
    return tuple(number(part) for part in text.split(","))
