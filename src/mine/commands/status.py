"""How far the experiments of a configuration are: runs done, missing, overflowed, run away, damaged; failed jobs.

Run it where snakemake runs, at any time; it changes nothing unless --remove-damaged is given. A line an experiment,
and below it one a cell (setting, variant, d, truth) where all of them fit on the screen, or with --cells. "Run away" is
known of runs that are in summary.parquet, and that is newer than they are. Exit code: 0, or 1 where a file is
damaged or a job failed.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mine.errors import escaped
from mine.estimators import default_critic
from mine.settings import GAUSSIAN

if TYPE_CHECKING:
    from mine.experiments import Group
    from mine.status import Status, Tally
    from mine.status.jobs import Job

HELP = "how far the experiments are, and what went wrong"

LISTED = 5
"""Damaged files, or jobs, that are named on the screen; --json names all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to look at, and how to print it."""
    parser.add_argument("experiment", nargs="*", metavar="EXPERIMENT", help="only these (default: all)")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("config/config.yaml"),
        metavar="FILE",
        help="the configuration (default: config/config.yaml)",
    )
    parser.add_argument("--cells", action="store_true", help="a line for every cell, however many there are")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.add_argument(
        "--rows", action="store_true", help="read the rows of every file too, as mine collect does; slower"
    )
    parser.add_argument(
        "--remove-damaged",
        action="store_true",
        help="read the rows too, then delete every damaged file, so that the pipeline makes it again; names each",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look, remove if asked to, and print. Returns 1 where a file is damaged or a job failed, else 0."""
    import sys

    from mine.config import load_config
    from mine.progress import ProgressLine
    from mine.status import remove_damaged, survey

    config = load_config(arguments.config)

    def look(rows: bool) -> Status:
        line: ProgressLine | None = None

        def show(done: int, total: int) -> None:
            nonlocal line
            line = line or ProgressLine(total, log_lines=0)
            line.update(done, f"{done} of {total} runs looked at")

        try:
            return survey(config, arguments.experiment, rows=rows, progress=show)
        finally:
            if line:
                line.close()

    status = look(arguments.rows or arguments.remove_damaged)
    if arguments.remove_damaged:
        why = {each.file: each.why for each in status.damaged}
        for path in remove_damaged(status):
            line = f"removed {path}: {why.get(path, 'left by a process that was killed')}"
            print(escaped(line), file=sys.stderr)
        status = look(rows=False)
    if arguments.json:
        print(json.dumps(status.to_dict(), indent=2))
    else:
        print("\n".join(_page(status, arguments.cells)))
    return int(status.bad)


def _page(status: Status, all_cells: bool) -> list[str]:
    total = status.total()
    share = f"{100 * total.done // total.planned} %"
    head = [f"{status.results}: {total.done:,} of {total.planned:,} runs done ({share}), {total.missing:,} missing"]
    notes = _notes(status, total)
    n_cells = sum(map(len, status.experiments.values()))
    room = shutil.get_terminal_size((100, 40)).lines - len(head) - len(notes) - len(status.experiments) - 4
    cells = all_cells or n_cells <= room
    table = _table(status, cells)
    if not cells:
        notes.insert(0, f"{n_cells} cells: --cells, or the name of an experiment, shows them")
    return [*head, "", *table, *([""] if notes else []), *notes]


def _table(status: Status, cells: bool) -> list[str]:
    rows = [["", "runs", "done", "missing", "overflowed", "run away", "damaged"]]
    for name, tallies in status.experiments.items():
        away = name not in status.by_stairs
        rows.append([name, *_numbers(status.total(name), away)])
        for group, tally in tallies.items() if cells else ():
            rows.append([f"  {_words(group)}", *_numbers(tally, away)])
    if not status.total().damaged:
        rows = [row[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]


def _words(group: Group) -> str:
    """A cell in words, without what is the same in most: the write-up's task and critic."""
    setting, critic, variant, task, dim, truth = group
    usual = critic == default_critic(variant)
    parts = [setting, variant if usual else f"{variant} ({critic})", *([] if task == GAUSSIAN else [task])]
    return "  ".join([*parts, f"d={dim}", truth.replace("rho=", "ρ=")])


def _numbers(tally: Tally, away: bool) -> list[str]:
    """away: whether it is known of these runs whether they ran away."""
    if not tally.done or not away:
        runaway = ""
    elif not tally.collected:
        runaway = "not collected yet"
    elif tally.collected < tally.done:
        runaway = f"{tally.runaway:,} of {tally.collected:,} collected"
    else:
        runaway = f"{tally.runaway:,}"
    overflowed = f"{tally.overflowed:,}" if tally.done else ""
    damaged = f"{tally.damaged:,}" if tally.damaged else ""
    return [f"{tally.planned:,}", f"{tally.done:,}", f"{tally.missing:,}", overflowed, runaway, damaged]


def _notes(status: Status, total: Tally) -> list[str]:
    """What there is to say below the table, the worst last, where it is read first."""
    notes = []
    if status.locked:
        notes.append("Snakemake's lock is on these results: a pipeline is at work, or was killed (then: make unlock).")
    if begun := status.in_state("begun"):
        notes.append(f"{len(begun)} training job(s) begun, {sum(job.missing for job in begun):,} runs between them")
    if stopped := status.in_state("stopped"):
        notes.append(
            f"{len(stopped)} training job(s) were cut off with the pipeline; the next snakemake begins them anew"
        )
    if total.other_code:
        notes.append(
            f"{total.other_code:,} run(s) were trained by another version of the code; snakemake --dry-run says "
            "whether they are to be trained again"
        )
    if status.leftovers:
        notes.append(f"{len(status.leftovers)} temporary file(s) of processes at work, or killed; nothing reads them")
    if status.damaged:
        count = len(status.damaged)
        notes.append(f"{count} damaged file(s); --remove-damaged deletes them, so that the pipeline makes them again:")
        notes += _listed([f"{each.file}: {each.why}" for each in status.damaged])
    if failed := status.in_state("failed"):
        notes.append(f"{len(failed)} failed job(s), with the last line of each log:")
        notes += _listed(list(map(_last_words, failed)))
    return notes


def _last_words(job: Job) -> str:
    return f"{job.log}: {job.last_line or '(empty)'}"


def _listed(lines: Sequence[str]) -> list[str]:
    more = [f"  and {len(lines) - LISTED} more; --json lists all"] if len(lines) > LISTED else []
    return [*(f"  {escaped(line)}" for line in lines[:LISTED]), *more]
