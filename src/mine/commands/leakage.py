"""Measure what leaks through a concept model's predicted concepts, from a file of its predictions.

The file holds, for rows that the model was not trained on, the true concepts c, the predicted ones and the label y:
mine leakage predictions.csv --concepts wing,beak --predicted p_wing,p_beak --label species

For every concept: what its prediction tells of the label, and of each other concept, beyond the concept itself; for all
together what they tell of the label, where the concepts do not determine it. By trained critics, on rows held out of
their training, with an interval and a permutation test; beside them nearest neighbours. docs/concepts.md says how to
read the table, and how much leakage so many rows can show.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mine.commands.options import device as choose_device
from mine.commands.options import integer
from mine.commands.options import threads as check_threads
from mine.commands.own_files import add_missing, add_text_files, dialect_of
from mine.errors import UserError, escaped

if TYPE_CHECKING:
    from mine.concepts.own_table import Predictions
    from mine.own.reading import Source

HELP = "measure what leaks through a concept model's predictions"

_LABEL = "label"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, its columns, how to measure, and what to write."""
    from mine.concepts.names import CRITICS
    from mine.concepts.plan import MEASURING
    from mine.own.settings import OwnSettings

    parser.add_argument("data", type=Path, metavar="FILE", help="parquet, text with a header, npy or npz file")
    columns = parser.add_argument_group("columns", "Names with commas between; of npy places from 0.")
    columns.add_argument("--concepts", required=True, metavar="COLUMNS", help="true concepts, classes each")
    columns.add_argument(
        "--predicted", required=True, metavar="COLUMNS", help="predicted concepts, one for each, in the same order"
    )
    columns.add_argument("--label", required=True, metavar="COLUMN", help="the true label, a class")
    columns.add_argument("--logits", action="store_true", help="predictions are logits (default: probabilities)")
    columns.add_argument("--group", metavar="COLUMN", help="rows with the same value there belong to one subject")
    add_missing(columns)
    add_text_files(parser)
    how = parser.add_argument_group("how")
    how.add_argument(
        "--estimator", default="js", metavar="NAME", help=f"of the critics: {', '.join(CRITICS)} (default: %(default)s)"
    )
    how.add_argument("--seed", type=integer, default=0, metavar="N", help="of splits and critics (default: 0)")
    for name, meaning, value in (
        ("initialisations", "critics to train for each estimate", MEASURING["initialisations"]),
        ("permutations", "orders of each test", OwnSettings().permutations),
    ):
        how.add_argument(
            f"--{name}", type=integer, default=value, metavar="N", help=f"{meaning} (default: %(default)s)"
        )
    how.add_argument("--no-between", action="store_true", help="leave out leakage between concepts")
    how.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="where to train (default: cpu)")
    how.add_argument("--threads", type=integer, default=1, metavar="N", help="CPU threads (default: 1)")
    out = parser.add_argument_group("output")
    out.add_argument("--json", action="store_true", help="print the JSON record instead of the table")
    out.add_argument(
        "--output", type=Path, metavar="FILE", help="JSON record (default: leakage_FILE.json in the current folder)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Check everything that can be checked; then measure; then print and write."""
    import json
    import sys

    from mine.concepts.names import CRITICS
    from mine.concepts.plan import MEASURING
    from mine.files import check_apart, check_writable, whole_files
    from mine.own.settings import OwnSettings
    from mine.settings import check_choice

    check_choice("estimator", arguments.estimator, CRITICS)
    check_threads(arguments.threads)
    chosen = {name: getattr(arguments, name) for name in ("estimator", "seed", "initialisations", "permutations")}
    settings = OwnSettings(**{**MEASURING, **chosen})
    source, data, dropped = _read(arguments)
    settings.parts(len(data.label.values))

    import torch

    from mine.concepts.own_table import checked, leaks
    from mine.concepts.report import record, render
    from mine.progress import ProgressLine

    data, warned = checked(data, logits=arguments.logits)
    output = arguments.output or Path(f"leakage_{arguments.data.stem}.json")
    check_apart([output], [arguments.data])
    check_writable(output)
    torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device).type
    lines: list[ProgressLine] = []

    def report(done: int, whole: int, name: str) -> None:
        if not lines:
            lines.append(ProgressLine(whole))
        lines[0].update(done, f"{done} of {whole} relations, {name}")

    found = leaks(data, settings, between=not arguments.no_between, device=device, report=report)
    for line in lines:
        line.close()
    about = {"file": source.name, "sha256": source.sha256, "rows_dropped": dropped}
    about |= {name: [each.name for each in getattr(data, name)] for name in ("concepts", "predicted")}
    about |= {"group": arguments.group}
    written = "replaced" if output.exists() else "written"
    text = json.dumps(record(data, found, warned, settings, about | {_LABEL: data.label.name}), indent=2)
    with whole_files(output) as (stream,):
        stream.write(text.encode() + b"\n")
    if arguments.json:
        print(text)
    else:
        print(render(data, found, warned, dropped))
        print("\n" + escaped(f"{written}: {output}"), file=sys.stderr)


def _read(arguments: argparse.Namespace) -> tuple[Source, Predictions, int]:
    """Columns of the file without rows that miss a value, and how many those were."""
    from mine.concepts.own_table import Predictions
    from mine.own.columns import group_of, without_missing
    from mine.own.reading import read_sides

    sides = {"concepts": arguments.concepts, "predicted": arguments.predicted, _LABEL: arguments.label}
    if arguments.group:
        sides["group"] = arguments.group
    source, read = read_sides(
        arguments.data,
        sides,
        [arguments.concepts, arguments.label],
        named=("group",),
        dialect=dialect_of(arguments),
    )
    if len(read[_LABEL]) != 1:
        raise UserError(f"label: {len(read[_LABEL])} columns; name one")
    concepts = read["concepts"]
    left, label, keep = without_missing([*concepts, *read["predicted"]], read[_LABEL], drop=arguments.drop_missing)
    groups = group_of(read["group"], keep) if arguments.group else None
    data = Predictions(tuple(left[len(concepts) :]), tuple(left[: len(concepts)]), label[0], groups)
    return source, data, int((~keep).sum())
