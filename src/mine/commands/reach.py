"""How good is `mine estimate` on tasks of known mutual information? The steps of `snakemake own`, as it calls them.

mine reach cell --plan '{}' --method ours --task 1v1-normal-0.75 --rows 10000 --first 0 --draws 5 --output 0.parquet
mine reach null --plan '{}' --kind ar1-0.9 --first 0 --draws 50 --output 0.parquet
mine reach environment --requirements benchmarks/peers/infomeasure.txt --folder venv --output status.json
mine reach judge --plan '{}' --cells results/own/cells --null results/own/nulls --output results/own
mine reach table --plan '{}' --target benchmark --cells results/own/cells --output results/own/benchmark.parquet
mine reach restore --config config/config.yaml --published figures/data --output results/own
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mine.commands.options import integer
from mine.errors import UserError

if TYPE_CHECKING:
    from mine.columns import Columns

HELP = "measure `mine estimate` on tasks of known mutual information, beside other packages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A sub-command each."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    cell = steps.add_parser("cell", help="one method on draws of one task")
    null = steps.add_parser("null", help="the permutation test on draws of one kind of null data")
    environment = steps.add_parser("environment", help="a virtual environment for another package")
    judge = steps.add_parser("judge", help="all draws as tables, and the aims judged")
    part = steps.add_parser("table", help="all draws of a target that extends these, as a table")
    restore = steps.add_parser("restore", help="published draws as finished jobs, so that only what is new is run")
    for step in (cell, null, judge, part):
        step.add_argument("--plan", required=True, metavar="JSON", help="what differs from the published plan")
    cell.add_argument("--method", required=True, metavar="NAME")
    cell.add_argument("--task", required=True, metavar="NAME")
    cell.add_argument("--rows", required=True, type=integer, metavar="N")
    cell.add_argument("--environment", type=Path, metavar="FILE", help="status of the package's environment")
    cell.add_argument("--script", type=Path, metavar="FILE", help="what asks the package")
    null.add_argument("--kind", required=True, metavar="NAME")
    for step in (cell, null):
        step.add_argument("--first", required=True, type=integer, metavar="N", help="number of the first draw")
        step.add_argument("--draws", required=True, type=integer, metavar="N", help="how many")
    environment.add_argument("--requirements", type=Path, required=True, metavar="FILE")
    environment.add_argument("--folder", type=Path, required=True, metavar="DIR")
    for step in (judge, part):
        step.add_argument("--cells", type=Path, required=True, metavar="DIR")
    part.add_argument("--target", required=True, metavar="NAME", help="of the plan's `further`")
    judge.add_argument("--null", type=Path, required=True, metavar="DIR")
    default = Path("config/config.yaml")
    restore.add_argument("--config", type=Path, default=default, metavar="FILE", help=f"(default: {default})")
    restore.add_argument(
        "--published", type=Path, default=Path("figures/data"), metavar="DIR", help="(default: figures/data)"
    )
    for step in (cell, null, environment, judge, part, restore):
        step.add_argument("--output", type=Path, required=True, metavar="PATH")


def run(arguments: argparse.Namespace) -> None:
    """Do one step."""
    steps = {
        "cell": _cell,
        "null": _null,
        "environment": _environment,
        "judge": _judge,
        "table": _table,
        "restore": _restore,
    }
    steps[arguments.step](arguments)


def _cell(arguments: argparse.Namespace) -> None:
    from mine.reach.methods import METHODS, TASKS
    from mine.reach.plan import Plan
    from mine.settings import check_choice

    plan, numbers = Plan.from_json(arguments.plan), _numbers(arguments)
    check_choice("method", arguments.method, tuple(METHODS))
    check_choice("task", arguments.task, tuple(TASKS))
    method = METHODS[arguments.method]
    if method.peer and not (arguments.environment and arguments.script):
        raise UserError(f"method: {arguments.method!r} is another package's and needs --environment and --script")

    from mine.progress import ProgressLine
    from mine.reach.functions import measured_by_function
    from mine.reach.measured import measured
    from mine.reach.peers import measured_by_peer
    from mine.reach.tables import ESTIMATES

    line = ProgressLine(len(numbers))
    what = arguments.task, arguments.rows, numbers

    def report(number: int) -> None:
        line.update(number - numbers.start, f"{arguments.method}, {arguments.task}, draw {number}")

    _ready(arguments.output)
    if method.peer:
        where = {"status": arguments.environment, "script": arguments.script}
        rows = measured_by_peer(arguments.method, *what, **where, report=report)
    elif method.function:
        rows = measured_by_function(arguments.method, method.function, *what, dict(method.settings), report)
    else:
        rows = measured(arguments.method, *what, {**plan.settings, **method.settings}, report)
    _write(arguments.output, ESTIMATES, list(rows))
    line.close()


def _null(arguments: argparse.Namespace) -> None:
    from mine.reach.plan import NULLS, Plan
    from mine.settings import check_choice

    plan, numbers = Plan.from_json(arguments.plan), _numbers(arguments)
    check_choice("kind", arguments.kind, NULLS)

    from mine.progress import ProgressLine
    from mine.reach.measured import null_tests
    from mine.reach.tables import NULL_TESTS

    line = ProgressLine(len(numbers))

    def report(number: int) -> None:
        line.update(number - numbers.start, f"{arguments.kind}, draw {number}")

    _ready(arguments.output)
    rows = list(null_tests(arguments.kind, plan.null_rows, numbers, plan.null_settings, report))
    _write(arguments.output, NULL_TESTS, rows)
    line.close()


def _environment(arguments: argparse.Namespace) -> None:
    from mine.reach.peers import make_environment

    make_environment(arguments.requirements, arguments.folder, arguments.output)
    print(arguments.output.read_text())


def _judge(arguments: argparse.Namespace) -> None:
    import pyarrow.parquet as pq

    from mine.columns import table
    from mine.files import whole_files
    from mine.reach import tables
    from mine.reach.aims import AIMS_COLUMNS, judged
    from mine.reach.plan import TABLES, Plan
    from mine.trace import WRITING

    plan = Plan.from_json(arguments.plan)
    estimates = tables.estimates(plan, arguments.cells)
    nulls = tables.null_tests(plan, arguments.null)
    aims = judged(estimates.to_pandas(), nulls.to_pandas(), plan.rows[0])
    made = {"estimates": estimates, "nulls": nulls, "aims": table(AIMS_COLUMNS, aims)}
    with whole_files(*(arguments.output / f"{name}.parquet" for name in TABLES)) as streams:
        for name, stream in zip(TABLES, streams, strict=True):
            pq.write_table(made[name], stream, **WRITING)
    for aim in aims:
        print(f"{aim['reached']:<12} {aim['aim']}: {aim['measured']}")


def _table(arguments: argparse.Namespace) -> None:
    from mine.files import check_writable
    from mine.reach import tables
    from mine.reach.plan import Plan
    from mine.settings import check_choice
    from mine.trace import write_table

    plan = Plan.from_json(arguments.plan)
    if not plan.further:
        raise UserError("plan.further: names no target, so there is none to make a table of")
    check_choice("target", arguments.target, tuple(plan.further))
    check_writable(arguments.output)
    write_table(arguments.output, tables.estimates(plan, arguments.cells, arguments.target))


def _restore(arguments: argparse.Namespace) -> None:
    from mine.config import load_config
    from mine.reach.plan import Plan
    from mine.reach.published import restore

    plan = Plan.from_dict(load_config(arguments.config).get("own", {}))
    written, there, left = restore(plan, arguments.published, arguments.output)
    print(f"{written} jobs restored from {arguments.published}, {there} were there, {left} are left to be run")


def _numbers(arguments: argparse.Namespace) -> range:
    for name, least in (("first", 0), ("draws", 1)):
        value = getattr(arguments, name)
        if not isinstance(value, int) or value < least:
            raise UserError(f"{name}: {value!r} is not a whole number of at least {least}")
    return range(arguments.first, arguments.first + arguments.draws)


def _ready(output: Path) -> None:
    import torch

    from mine.files import check_writable

    check_writable(output)
    torch.set_num_threads(1)


def _write(output: Path, columns: Columns, rows: list[dict]) -> None:
    from mine.columns import table
    from mine.trace import write_table

    write_table(output, table(columns, rows))
