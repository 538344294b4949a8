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
from mine.commands.own_files import add_missing, add_text_files, dialect_of
from mine.errors import UserError, escaped

if TYPE_CHECKING:
    import numpy as np

    from mine.own.columns import Column
    from mine.own.reading import Source
    from mine.own.settings import OwnSettings
    from mine.own.shown import Shown

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
    add_text_files(parser)
    _add_how(parser)
    _add_output(parser)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--x",
        action="append",
        metavar="COLUMNS",
        help="columns of x: names with commas between, or first-last; of npy places from 0, of npz names of arrays; "
        "may be given again; a name that holds a comma stands in double quotes",
    )
    columns.add_argument("--z", action="append", metavar="COLUMNS", help="columns of z, likewise")
    columns.add_argument(
        "--discrete", action="append", default=[], metavar="COLUMNS", help="those that hold levels: made one-hot"
    )
    columns.add_argument(
        "--given",
        action="append",
        default=[],
        metavar="COLUMNS",
        help="what is known already: estimate what x and z tell of each other beyond these columns",
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
    add_missing(columns)


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
        help=f"separable, concat, or either: both are trained, the validation rows choose (default: {default.critic} "
        "where the estimator exists with both)",
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
    how.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="judge these rows by a model of --save-model instead of training one; it brings its columns and settings",
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
    out.add_argument(
        "--normalise",
        action="store_true",
        help="also as a share of the entropy of a discrete side, and as the correlation that a Gaussian would need",
    )
    out.add_argument("--json", action="store_true", help="print the JSON record instead of the verdict")
    out.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON record (default: mi_DATA.json in the current folder)"
    )
    out.add_argument("--save-model", type=Path, metavar="FILE", help="write the fitted critics, an npz file")
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
    _check_model(arguments, settings)
    data = _read(arguments)
    if not arguments.model:
        settings.parts(len(data.x[0].values))

    import torch

    from mine.own.figure import check_path
    from mine.own.memory import give_back_freed_memory
    from mine.own.report import Made
    from mine.own.shown import of_conditional, of_estimate, of_new_rows

    output = arguments.output or Path(f"mi_{arguments.data.stem}.json")
    figure = arguments.figure or Path(f"mi_{arguments.data.stem}.png")
    check_path(figure)
    outputs = [output, figure, *([arguments.save_model] if arguments.save_model else [])]
    if len({path.resolve() for path in (*outputs, arguments.data)}) <= len(outputs):
        names = "record, figure, model and data" if arguments.save_model else "record, figure and data"
        raise UserError(f"output: {names} must be {'four' if arguments.save_model else 'three'} files")
    for path in outputs:
        check_writable(path)
    device = choose_device(arguments.device).type
    torch.set_num_threads(arguments.threads)
    give_back_freed_memory()
    made = Made(
        data.source, data.x, data.z, data.dropped, device, arguments.threads, given=data.given, groups=data.groups
    )
    if arguments.model:
        shown = of_new_rows(made, arguments.model, normalise=arguments.normalise)
    else:
        shown = (of_conditional if data.given else of_estimate)(made, settings, normalise=arguments.normalise)
    _write(shown, outputs, as_json=arguments.json)


def _check_model(arguments: argparse.Namespace, settings: OwnSettings) -> None:
    """What goes with a fitted model, and the columns that it takes where none are named."""
    from mine.own.reading import columns_there
    from mine.own.settings import OwnSettings

    if arguments.given and (arguments.model or arguments.save_model):
        option = "model" if arguments.model else "save_model"
        raise UserError(f"{option}: a model is of x and z alone, and --given was named; leave one of the two out")
    if settings.cross_fit is not None and (arguments.given or arguments.save_model):
        option, why = ("given", "is of one split") if arguments.given else ("save_model", "is of one split's critics")
        raise UserError(f"{option}: {why}, and --cross-fit was named; leave one of the two out")
    if not arguments.model:
        for side in ("x", "z"):
            if getattr(arguments, side) is None:
                there = columns_there(arguments.data, dialect_of(arguments))
                raise UserError(f"{side}: no columns; name them with --{side}; {there}")
        return
    from mine.own.saved import load

    default = OwnSettings().to_dict()
    given = [name for name, value in settings.to_dict().items() if value != default[name]]
    given += [name for name in ("x", "z", "discrete", "save_model") if getattr(arguments, name)]
    if given:
        raise UserError(f"model: {', '.join(given)} cannot be given with it, since they are those of the fitted model")
    fitted, _, (of_x, of_z) = load(arguments.model)
    arguments.x, arguments.z = (held or side.encoding.names for held, side in ((of_x, fitted.x), (of_z, fitted.z)))
    arguments.discrete = [arguments.x[place] for place in fitted.x.discrete]
    arguments.discrete += [arguments.z[place] for place in fitted.z.discrete]


@dataclass(frozen=True)
class _Data:
    """What the file holds of the columns named. groups (n,): whose each row is; dropped: rows that missed a value."""

    source: Source
    x: Sequence[Column]
    z: Sequence[Column]
    given: Sequence[Column]
    groups: np.ndarray | None
    dropped: int


def _read(arguments: argparse.Namespace) -> _Data:
    from mine.own.columns import group_of, without_missing
    from mine.own.reading import read_sides

    sides = {"x": arguments.x, "z": arguments.z}
    sides |= {name: text for name in ("given", "group") if (text := getattr(arguments, name))}
    source, read = read_sides(
        arguments.data, sides, arguments.discrete, named=("group",), dialect=dialect_of(arguments)
    )
    left, z, keep = without_missing([*read["x"], *read.get("given", [])], read["z"], drop=arguments.drop_missing)
    x, given = left[: len(read["x"])], left[len(read["x"]) :]
    groups = group_of(read["group"], keep) if arguments.group else None
    return _Data(source, x, z, given, groups, int((~keep).sum()))


def _write(shown: Shown, outputs: Sequence[Path], *, as_json: bool) -> None:
    """Record, figure and model into their files, record or verdict to the terminal."""
    import json
    import sys

    from mine.files import whole_files
    from mine.own.figure import write

    text = json.dumps(shown.record, indent=2, allow_nan=False)
    write(shown.draw(), outputs[1])
    for path in outputs[2:]:
        shown.save(path)
    with whole_files(outputs[0]) as (stream,):
        stream.write(text.encode() + b"\n")
    if as_json:
        print(text)
    else:
        print(shown.text)
        print("\n" + escaped(f"written: {', '.join(map(str, outputs))}"), file=sys.stderr)


def _split(text: str) -> tuple[float | str, ...]:
    """Three numbers, or what stands there, which the settings' own check then refuses."""
    return tuple(number(part) for part in text.split(","))
