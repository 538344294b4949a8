"""How much leaks through concept bottlenecks, and can it be stopped? The steps of `snakemake concepts`.

mine concepts known --plan '{}' --method js --scenario xor-label --rows 1000 --first 0 --draws 5 --output 0.parquet
mine concepts models --plan '{}' --data xor --kind joint --weight 1 --output folder
mine concepts penalised --plan '{}' --data xor-withheld --estimator ema --output ema.parquet
mine concepts judge --plan '{}' --folder results/concepts
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine.commands.options import integer, number
from mine.errors import UserError

if TYPE_CHECKING:
    from mine.columns import Columns

HELP = "measure leakage of concept models against known leakage, and penalise it"

OF_MODELS = ("models", "interventions", "leakage")
"""What ``models`` writes."""

TABLES = ("known", "decision", *OF_MODELS, "penalised")
"""What ``judge`` writes, each a parquet file."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A sub-command each."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    known = steps.add_parser("known", help="one method on draws of one scenario of known leakage")
    models = steps.add_parser("models", help="models of one kind, trained and measured")
    penalised = steps.add_parser("penalised", help="joint models whose leakage one estimator penalises")
    judge = steps.add_parser("judge", help="all jobs as tables, and which method tells how much")
    for step in (known, models, penalised, judge):
        step.add_argument("--plan", required=True, metavar="JSON", help="what differs from the published plan")
    known.add_argument("--method", required=True, metavar="NAME")
    known.add_argument("--scenario", required=True, metavar="NAME")
    known.add_argument("--rows", required=True, type=integer, metavar="N")
    known.add_argument("--first", required=True, type=integer, metavar="N", help="number of the first draw")
    known.add_argument("--draws", required=True, type=integer, metavar="N", help="how many")
    for step in (models, penalised):
        step.add_argument("--data", required=True, metavar="NAME")
    models.add_argument("--kind", required=True, metavar="KIND", help="hard, sequential or joint")
    models.add_argument("--weight", type=number, metavar="NUMBER", help="of the concepts, of joint models")
    penalised.add_argument("--estimator", required=True, metavar="NAME")
    for step in (known, penalised):
        step.add_argument("--output", type=Path, required=True, metavar="FILE")
    models.add_argument("--output", type=Path, required=True, metavar="DIR")
    judge.add_argument("--folder", type=Path, required=True, metavar="DIR", help="holds known, models and penalised")


def run(arguments: argparse.Namespace) -> None:
    """Do one step."""
    steps = {"known": _known, "models": _models, "penalised": _penalised, "judge": _judge}
    steps[arguments.step](arguments)


def _known(arguments: argparse.Namespace) -> None:
    from mine.concepts.names import METHODS, SCENARIOS
    from mine.concepts.plan import Plan
    from mine.kinds import Whole
    from mine.settings import check_choice

    plan = Plan.from_json(arguments.plan)
    check_choice("method", arguments.method, METHODS)
    check_choice("scenario", arguments.scenario, tuple(SCENARIOS))
    for name, kind in (("rows", Whole(100, 1_000_000)), ("first", Whole(0, 10_000)), ("draws", Whole(1, 10_000))):
        kind.check(name, getattr(arguments, name))

    from mine.concepts.known import known_rows
    from mine.concepts.tables import KNOWN
    from mine.progress import ProgressLine

    whole = arguments.draws * len(plan.leakages)
    line = ProgressLine(whole)
    numbers = range(arguments.first, arguments.first + arguments.draws)
    _ready(arguments.output)
    rows = known_rows(
        *(plan, arguments.method, arguments.scenario, arguments.rows, numbers),
        lambda done: line.update(done, f"{done} of {whole} readings"),
    )
    _write({arguments.output: (KNOWN, list(rows))})
    line.close()


def _models(arguments: argparse.Namespace) -> None:
    from mine.concepts.names import DATA, JOINT, KINDS
    from mine.concepts.plan import Plan
    from mine.kinds import Real
    from mine.settings import check_choice

    plan = Plan.from_json(arguments.plan)
    check_choice("data", arguments.data, tuple(DATA))
    check_choice("kind", arguments.kind, KINDS)
    if (arguments.kind == JOINT) != (arguments.weight is not None):
        raise UserError(f"weight: belongs to joint models, and every one of them has one; kind is {arguments.kind!r}")
    if arguments.weight is not None:
        Real(0.0, 1e6).check("weight", arguments.weight)

    from mine.concepts import tables
    from mine.concepts.measured import model_rows

    outputs = [arguments.output / f"{name}.parquet" for name in OF_MODELS]
    _ready(*outputs)
    made = model_rows(plan, arguments.data, arguments.kind, arguments.weight, _say)
    columns = (tables.MODELS, tables.INTERVENTIONS, tables.LEAKAGE)
    _write({path: each for path, *each in zip(outputs, columns, made, strict=True)})


def _penalised(arguments: argparse.Namespace) -> None:
    from mine.concepts.names import DATA, PENALTIES
    from mine.concepts.plan import Plan
    from mine.settings import check_choice

    plan = Plan.from_json(arguments.plan)
    check_choice("data", arguments.data, tuple(DATA))
    check_choice("estimator", arguments.estimator, PENALTIES)

    from mine.concepts.measured import penalised_rows
    from mine.concepts.tables import PENALISED

    _ready(arguments.output)
    _write({arguments.output: (PENALISED, penalised_rows(plan, arguments.data, arguments.estimator, _say))})


def _judge(arguments: argparse.Namespace) -> None:
    import pyarrow.parquet as pq

    from mine.columns import table
    from mine.concepts import tables
    from mine.concepts.decision import decided
    from mine.concepts.plan import Plan
    from mine.files import whole_files
    from mine.trace import WRITING

    plan, folder = Plan.from_json(arguments.plan), arguments.folder
    known = tables.known(plan, folder / "known")
    decision = table(tables.DECISION, decided(known.to_pandas()))
    columns = dict(zip(OF_MODELS, (tables.MODELS, tables.INTERVENTIONS, tables.LEAKAGE), strict=True))
    made = {name: tables.of_models(plan, folder / "models", name, each) for name, each in columns.items()}
    made |= {"known": known, "decision": decision, "penalised": tables.penalised(plan, folder / "penalised")}
    with whole_files(*(folder / f"{name}.parquet" for name in TABLES)) as streams:
        for name, stream in zip(TABLES, streams, strict=True):
            pq.write_table(made[name], stream, **WRITING)
    for row in decision.to_pylist():
        words = f"{row['alarms']} of {row['draws']} alarms, bias {_shown(row['bias'])} nats"
        print(f"{row['method']:<12} {row['rows']:>7,} rows, {row['leakage']:g} nats: {words}  {row['tells'] or ''}")


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:+.3f}"


def _say(words: str) -> None:
    import sys

    print(words, file=sys.stderr, flush=True)


def _ready(*outputs: Path) -> None:
    import torch

    from mine.files import check_writable

    for output in outputs:
        check_writable(output)
    torch.set_num_threads(1)


def _write(tables: dict[Path, Any]) -> None:
    """Tables of rows into their files, all or none."""
    import pyarrow.parquet as pq

    from mine.columns import table
    from mine.files import whole_files
    from mine.trace import WRITING

    columns: Columns
    with whole_files(*tables) as streams:
        for stream, (columns, rows) in zip(streams, tables.values(), strict=True):
            pq.write_table(table(columns, rows), stream, **WRITING)
