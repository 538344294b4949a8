"""Measure gradients at critics that do not move, saved by `mine train --checkpoints ... --critics FILE`.

  measure  bias and variance of the batch gradient's second term, its Taylor prediction, identities of v: three tables
  lag      v along training against the expectation that it follows: one table
  gather   tables of many runs as one

`mine frozen measure --help`, and so on, lists what each takes. One process measures one run's critics. The columns
are in src/mine/frozen/tables.py. A table appears whole or not at all.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from mine.commands.options import threads as check_threads
from mine.errors import UserError

HELP = "measure the batch gradient at frozen critics"

SAMPLES = 2_000_000
"""Takes a minute and a half for the three critics of one published run (d = 5, 2 x 128 units) on one core."""

BATCH_SIZES = "16,32,64,128,256,512,1024"
EMA_RATES = "1,0.3,0.1,0.03,0.01,0.003,0.001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Three commands below this one."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    measure = actions.add_parser("measure", help="bias, directions and identities of one run's critics")
    measure.add_argument("--critics", required=True, type=Path, metavar="FILE", help="critics of one run (.npz)")
    measure.add_argument("--steps", required=True, metavar="STEPS", help="which of them, by updates: 100,1000,3000")
    measure.add_argument(
        "--batch-sizes",
        default=BATCH_SIZES,
        metavar="SIZES",
        help=f"k, each a divisor of the largest; with the one trained with (default: {BATCH_SIZES})",
    )
    measure.add_argument(
        "--ema-rates", default=EMA_RATES, metavar="RATES", help=f"alpha, each in (0, 1] (default: {EMA_RATES})"
    )
    measure.add_argument(
        "--samples",
        default=SAMPLES,
        type=_integer,
        metavar="N",
        help=f"product pairs behind each estimate (default: {SAMPLES})",
    )
    for name in ("bias", "directions", "identities"):
        measure.add_argument(f"--{name}", required=True, type=Path, metavar="FILE", help="parquet table to write")

    lag = actions.add_parser("lag", help="v along one run's training against E_Q[e^T]")
    lag.add_argument("--critics", required=True, type=Path, metavar="FILE", help="critics of the run, from update 0 on")
    lag.add_argument("--trace", required=True, type=Path, metavar="FILE", help="the run itself")
    lag.add_argument("--output", required=True, type=Path, metavar="FILE", help="parquet table to write")

    for action in (measure, lag):
        action.add_argument(
            "--threads",
            type=_integer,
            default=1,
            metavar="N",
            help="CPU threads; results are the same only for the same number (default: 1)",
        )

    gather = actions.add_parser("gather", help="tables of the same columns as one")
    gather.add_argument("tables", nargs="+", type=Path, metavar="FILE", help="in their order in the result")
    gather.add_argument("--output", required=True, type=Path, metavar="FILE", help="parquet table to write")


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    {"measure": _measure, "lag": _lag, "gather": _gather}[arguments.action](arguments)


def _measure(arguments: argparse.Namespace) -> None:
    from mine.frozen.critics import parse_steps, read_critics
    from mine.trace import write_table

    sizes = _numbers("batch-sizes", arguments.batch_sizes, int)
    rates = _numbers("ema-rates", arguments.ema_rates, float)
    if isinstance(arguments.samples, str):
        raise UserError(f"samples: {arguments.samples!r} is not a whole number")
    outputs = {name: getattr(arguments, name) for name in ("bias", "directions", "identities")}
    _prepare(arguments, outputs.values(), [arguments.critics])
    critics = read_critics(arguments.critics)
    steps = parse_steps("steps", arguments.steps, critics.settings.steps)

    from mine.frozen.measure import Plan, measure
    from mine.progress import ProgressLine

    plan = Plan(tuple(sizes), tuple(rates), critics.settings.batch_size, arguments.samples)
    line = ProgressLine(plan.work * len(steps))
    cell = f"d={critics.cell.dim} rho={critics.cell.rho:g} seed {critics.cell.seed}"
    tables = measure(critics, steps, plan, lambda done, text: line.update(done, f"{cell}: {text}"))
    line.close()
    for name, output in outputs.items():
        write_table(output, tables[name])


def _lag(arguments: argparse.Namespace) -> None:
    from mine.frozen.critics import read_critics
    from mine.trace import read_trace, write_table

    _prepare(arguments, [arguments.output], [arguments.critics, arguments.trace])
    critics, trace = read_critics(arguments.critics), read_trace(arguments.trace)

    from mine.frozen.lag import lag_table
    from mine.progress import ProgressLine

    line = ProgressLine(max(1, len(critics.steps)))
    cell = f"d={critics.cell.dim} rho={critics.cell.rho:g} seed {critics.cell.seed}"
    table = lag_table(critics, trace, arguments.trace, report=lambda done, text: line.update(done, f"{cell}: {text}"))
    line.close()
    write_table(arguments.output, table)


def _gather(arguments: argparse.Namespace) -> None:
    from mine.files import check_apart
    from mine.frozen.tables import gather

    check_apart([arguments.output], arguments.tables)
    rows = gather(arguments.tables, arguments.output)
    print(f"{arguments.output}: {rows} rows of {len(arguments.tables)} tables")


def _prepare(arguments: argparse.Namespace, outputs: Collection[Path], inputs: Collection[Path]) -> None:
    """Check that the outputs can be written and are no inputs, better known before than after; set the threads."""
    from mine.files import check_apart, check_distinct, check_writable

    check_threads(arguments.threads)
    check_distinct(outputs)
    check_apart(outputs, inputs)
    for output in outputs:
        check_writable(output)

    import torch

    torch.set_num_threads(arguments.threads)


def _numbers(name: str, text: str, kind: type) -> list:
    """Numbers from "16,32,64"."""
    found = []
    for part in text.split(","):
        try:
            found.append(kind(part))
        except ValueError:
            what = "whole number" if kind is int else "number"
            raise UserError(f"{name}: {part.strip()!r} is not a {what}") from None
    return found


def _integer(text: str) -> int | str:
    """A whole number, or the text as it is, which a check then refuses in its own words."""
    try:
        return int(text)
    except ValueError:
        return text
