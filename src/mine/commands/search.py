"""Which settings made the write-up's pictures? The search's three steps, as the workflow calls them.

mine search plan --stage biased_095 --size '{}' --runs results/search/runs --output results/search/plans/biased_095.json
mine search run --stage biased_095 --plan results/search/plans/biased_095.json --chunk 0 --chunks 16 --output 0.parquet
mine search judge --size '{}' --runs results/search/runs --output results/search
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mine.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from mine.search.plan import Size

HELP = "look for the settings that made the write-up's pictures"

TABLES = ("ranking", "judged", "numbers", "moves", "plausible", "counts", "runs")
"""What ``judge`` writes, each a parquet file. ``runs`` are those that judge: every verdict can be computed from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A sub-command each."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    plan = steps.add_parser("plan", help="which runs a stage trains, from the runs of those before it")
    run_ = steps.add_parser("run", help="train one job of a stage")
    judge = steps.add_parser("judge", help="rank, test and tabulate all runs")
    for step in (plan, run_):
        step.add_argument("--stage", required=True, metavar="NAME")
    for step in (plan, judge):
        step.add_argument("--size", required=True, metavar="JSON", help="what differs from the published size")
        step.add_argument("--runs", type=Path, required=True, metavar="DIR", help="folder of stages' folders")
    run_.add_argument("--plan", type=Path, required=True, metavar="FILE")
    run_.add_argument("--chunk", type=int, required=True, metavar="N", help="which job, from 0")
    run_.add_argument("--chunks", type=int, required=True, metavar="N", help="of how many")
    run_.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    for step in (plan, run_, judge):
        step.add_argument("--output", type=Path, required=True, metavar="PATH")


def run(arguments: argparse.Namespace) -> None:
    """Do one step."""
    {"plan": _plan, "run": _run, "judge": _judge}[arguments.step](arguments)


def _plan(arguments: argparse.Namespace) -> None:
    from mine.files import whole_files
    from mine.search.plan import STAGES
    from mine.search.running import write_plan
    from mine.search.stages import tasks

    _check_stage(arguments.stage)
    size = _size(arguments.size)
    found = tasks(arguments.stage, size, _read(arguments.runs, STAGES[arguments.stage]))
    with whole_files(arguments.output) as (stream,):
        stream.write(write_plan(found).encode())
    minutes = sum(task.seconds for task in found) / 60
    runs = sum(len(task.settings) * len(task.rhos) * len(task.seeds) for task in found)
    print(f"{arguments.stage}: {runs:,} runs in {len(found)} stacks, about {minutes:.0f} minutes on one core")


def _run(arguments: argparse.Namespace) -> None:
    _check_stage(arguments.stage)
    if not 0 <= arguments.chunk < arguments.chunks:
        raise UserError(f"chunk: {arguments.chunk} is not a whole number from 0 to {arguments.chunks - 1}")
    try:
        plan = arguments.plan.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{arguments.plan}: cannot be read ({error.strerror})") from None

    import torch

    from mine.commands.options import device
    from mine.files import check_apart, check_writable, whole_files
    from mine.progress import ProgressLine
    from mine.search.running import chunk_of, run, table

    check_apart([arguments.output], [arguments.plan])
    check_writable(arguments.output)
    torch.set_num_threads(1)
    where = device(arguments.device)
    mine = chunk_of(plan, arguments.chunk, arguments.chunks)
    line, rows = ProgressLine(max(len(mine), 1)), []
    for done, task in enumerate(mine):
        setting = task.settings[0]
        line.update(done, f"{arguments.stage} {arguments.chunk + 1}/{arguments.chunks}: {task.variant}, {setting.name}")
        rows += run(task, arguments.stage, where)
    line.close()
    with whole_files(arguments.output) as (stream,):
        table(rows).to_parquet(stream, index=False, write_page_checksum=True)


def _judge(arguments: argparse.Namespace) -> None:
    import pandas as pd

    from mine.files import whole_files
    from mine.search import outcome
    from mine.search.fits import ranked, winner
    from mine.search.plan import STAGES
    from mine.search.stages import settings_of

    size = _size(arguments.size)
    runs = _read(arguments.runs, tuple(STAGES))
    found, by_name = outcome.judgements(size, runs), settings_of(runs)
    first = winner(found[outcome.UNDEPARTED])
    select = outcome.selecting(runs)
    counts = runs.groupby(["stage", "variant"], sort=False)
    tables = {
        "ranking": pd.concat([ranked(select, variant).assign(variant=variant) for variant in ("biased", "ema")]),
        "judged": outcome.judged_table(found, by_name, size.epochs),
        "numbers": outcome.numbers_table(found, runs, size.epochs),
        "moves": outcome.moves(runs, first),
        "plausible": outcome.plausible_table(runs),
        "counts": counts.agg(settings=("setting", "nunique"), runs=("seed", "size")).reset_index(),
        "runs": outcome.judging(runs),
    }
    paths = [arguments.output / f"{name}.parquet" for name in TABLES]
    with whole_files(*paths) as streams:
        for name, stream in zip(TABLES, streams, strict=True):
            tables[name].to_parquet(stream, index=False, write_page_checksum=True)
    print(tables["judged"].to_string())


def _check_stage(name: str) -> None:
    from mine.search.plan import STAGES

    if name not in STAGES:
        raise UserError(f"stage: {name!r} is unknown; known are {', '.join(STAGES)}")


def _size(text: str) -> Size:
    from mine.search.plan import Size

    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise UserError(f"--size: not JSON ({error})") from None
    if not isinstance(values, dict):
        raise UserError(f"--size: {text[:40]!r} is not a JSON object")
    return Size.from_dict(values)


def _read(folder: Path, stages: tuple[str, ...]) -> pd.DataFrame:
    """The runs of these stages. Raises UserError where a stage has none, or a file cannot be read."""
    import pandas as pd
    import pyarrow as pa

    parts = []
    for stage in stages:
        files = sorted((folder / stage).glob("*.parquet"))
        if not files:
            raise UserError(f"{folder / stage}: holds no runs; the workflow makes them")
        for file in files:
            try:
                parts.append(pd.read_parquet(file, partitioning=None, page_checksum_verification=True))
            except (OSError, pa.ArrowException) as error:
                raise UserError(f"{file}: not a readable table ({str(error).strip().splitlines()[0]})") from None
    return pd.concat([part for part in parts if len(part)], ignore_index=True) if parts else pd.DataFrame()
