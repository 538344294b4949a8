"""How far an experiment is: runs done and missing, how they ended, damaged files, and jobs that failed.

Everything is read from what lies on the disk: the configuration, the results files, the jobs' logs, and two of
Snakemake's records in ``.snakemake``: its lock, and its marks on files whose job has begun and not ended. What
those cannot tell is not guessed: a lock says that a pipeline is at work or was killed, not which of the two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mine.columns import RUN
from mine.control.code import encoder_code_hash
from mine.errors import UserError
from mine.experiments import GROUP, Group, PlannedRun, expand, tables_of
from mine.provenance import training_code_hash
from mine.settings import TrainingSettings
from mine.status.jobs import RECORDS, Job, locked, marked, other_failed_jobs, unfinished_training
from mine.trace import read_metadata


@dataclass
class Tally:
    """Numbers of runs. ``planned`` = ``done`` + ``missing`` + ``damaged``."""

    planned: int = 0
    done: int = 0
    """Their file is there, and holds the run that the configuration asks for."""
    missing: int = 0
    damaged: int = 0
    overflowed: int = 0
    """Of those done."""
    collected: int = 0
    """Of those done: also in a summary.parquet that is not older than the run's file, so that it is known whether they
    ran away."""
    runaway: int = 0
    """Of those collected."""
    other_code: int = 0
    """Of those done: trained by another version of the code than this one."""

    def add(self, other: Tally) -> None:
        """Add each number of another tally."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))


_COUNTS = [each.name for each in fields(Tally)]


@dataclass(frozen=True)
class Damaged:
    """A results file that cannot be used, and why."""

    file: Path
    why: str


@dataclass
class Status:
    """What ``survey`` found."""

    results: Path
    locked: bool
    """Whether Snakemake's lock is on these results: a pipeline is at work, or was killed."""
    experiments: dict[str, dict[Group, Tally]] = field(default_factory=dict)
    by_stairs: set[str] = field(default_factory=set)
    """Experiments that are judged stair by stair, or train encoders: whether their runs ran away is not asked."""
    damaged: list[Damaged] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    """Temporaries of processes that were killed while they wrote. Nothing reads them."""

    def total(self, *names: str) -> Tally:
        """The sum over the cells of some experiments; of all where none is named."""
        whole = Tally()
        for name in names or self.experiments:
            for tally in self.experiments[name].values():
                whole.add(tally)
        return whole

    def in_state(self, state: str) -> list[Job]:
        """The jobs in one state."""
        return [job for job in self.jobs if job.state == state]

    @property
    def bad(self) -> bool:
        """Whether a file is damaged or a job failed."""
        return bool(self.damaged or self.in_state("failed"))

    def to_dict(self) -> dict[str, Any]:
        """Everything, as ``mine status --json`` prints it."""
        return {
            "results": str(self.results),
            "locked": self.locked,
            "total": asdict(self.total()),
            "experiments": {
                name: {
                    "total": asdict(self.total(name)),
                    "cells": [dict(zip(GROUP, group, strict=True)) | asdict(tally) for group, tally in cells.items()],
                }
                for name, cells in self.experiments.items()
            },
            "damaged": [{"file": str(each.file), "why": each.why} for each in self.damaged],
            "jobs": [{**asdict(job), "log": str(job.log)} for job in self.jobs],
            "leftovers": [str(path) for path in self.leftovers],
        }


def survey(
    config: dict[str, Any],
    names: Collection[str] = (),
    *,
    rows: bool = False,
    records: Path = RECORDS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Status:
    """Look at every file that a configuration asks for.

    Args:
        config: the configuration, checked; its ``results`` is relative to the working directory.
        names: of experiments to look at; all where there is none.
        rows: whether to read the rows of each run too, and hold them against each other as ``mine collect`` does.
            Without, a file's metadata is read: damage inside the rows stays unseen.
        records: Snakemake's folder.
        progress: called with runs looked at so far and all runs.

    Raises:
        UserError: a name that is no experiment of the configuration.
    """
    for name in names:
        if name not in config["experiments"]:
            raise UserError(
                f"experiment: {name!r} is unknown; the configuration has {', '.join(config['experiments'])}"
            )
    results = Path(config["results"])
    chosen = {name: experiment for name, experiment in config["experiments"].items() if name in (names or [name])}
    status = Status(results, locked(results, chosen, records))
    marks = marked(records)
    planned = {name: list(expand(experiment)) for name, experiment in chosen.items()}
    total, seen = sum(map(len, planned.values())), 0
    for name, runs in planned.items():
        collected = _collected(results / name / "summary.parquet")
        cells: dict[Group, Tally] = {}
        missing: dict[Group, set[int]] = {}
        for run in runs:
            group = run.group
            tally = cells.setdefault(group, Tally())
            path = results / name / "runs" / run.path
            why = _count(run, path, tally, collected, rows)
            if why:
                status.damaged.append(Damaged(path, why))
            elif not path.exists():
                missing.setdefault(group, set()).add(run.seed)
            seen += 1
            progress(seen, total)
        status.experiments[name] = cells
        if "summary" not in tables_of(chosen[name]):
            status.by_stairs.add(name)
        status.damaged += _damaged_tables(results / name, rows)
        status.jobs += unfinished_training(results, name, missing, marks, status.locked)
        status.leftovers += sorted((results / name).rglob(".*.parquet.*.tmp"))
    status.jobs += other_failed_jobs(results / "logs", chosen, everything=not names)
    return status


def remove_damaged(status: Status) -> list[Path]:
    """Delete the damaged files, so that the pipeline makes them again, and what killed processes left behind.

    Returns:
        The files deleted. ``status`` is as it was; another survey says what is now missing.

    Raises:
        UserError: the results are locked, so that a file may be another process's, or one cannot be deleted.
    """
    if status.locked:
        raise UserError(
            f"{status.results}: a pipeline is at work here, or was killed; nothing is removed until it has ended, "
            "or its lock is released (make unlock)"
        )
    removed = []
    for path in [*(each.file for each in status.damaged), *filter(_orphaned, status.leftovers)]:
        try:
            path.unlink()
        except OSError as error:
            raise UserError(f"{path}: cannot be removed ({error.strerror or error})") from None
        removed.append(path)
    return removed


def _count(run: PlannedRun, path: Path, tally: Tally, collected: _Collected, rows: bool) -> str:
    """Count one run. Returns why its file is damaged, or an empty text."""
    tally.planned += 1
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        tally.missing += 1
        return ""
    cell = run.cell.to_dict()
    try:
        metadata = _metadata(run, path)
        if rows or (metadata.get("cell"), metadata.get("settings")) != (cell, _settings(run.training)):
            _read(run, path)
        overflowed = metadata["outcome"] == "overflow"
    except UserError as error:
        tally.damaged += 1
        return str(error).removeprefix(f"{path}: ")
    except Exception as error:  # bytes that are noise can break a reader in any way
        tally.damaged += 1
        return f"not a readable results file ({type(error).__name__})"
    tally.done += 1
    tally.overflowed += overflowed
    code = training_code_hash(run.variant, run.task) if run.control is None else encoder_code_hash(run.variant)
    tally.other_code += metadata.get("code") != code
    key = (run.setting, *(cell[name] for name in RUN[1:]))
    if key in collected.ran_away and changed <= collected.made:
        tally.collected += 1
        tally.runaway += collected.ran_away[key]
    return ""


@cache
def _settings(training: TrainingSettings) -> dict[str, Any]:
    return training.to_dict()


def _metadata(run: PlannedRun, path: Path) -> dict[str, Any]:
    """What a run's file says of it, without its rows. Raises UserError."""
    if run.control is None:
        return read_metadata(path)
    from mine.control.trace import read_metadata as of_encoder

    metadata = of_encoder(path)
    if metadata["control"] != run.control.to_dict():
        raise UserError(f"{path}: trained with other control settings than the grid's; delete it and run again")
    return metadata


def _read(run: PlannedRun, path: Path) -> None:
    """Hold a run's rows and metadata against what is planned. Raises UserError."""
    if run.control is not None:
        from mine.control.tables import checked_run

        checked_run(path, run)
        return

    from mine.runs import RunFile, read_run  # imports pandas, which is seldom needed here

    read_run(RunFile(path, run.setting, run.cell, run.training))


@dataclass(frozen=True)
class _Collected:
    """What a summary says. made: when, ns. ran_away: the columns of RUN to whether the run did."""

    made: int = 0
    ran_away: dict[tuple[Any, ...], bool] = field(default_factory=dict)


def _collected(summary: Path) -> _Collected:
    try:
        columns = [*RUN, "runaway_step"]
        table = pq.read_table(summary, columns=columns, partitioning=None, page_checksum_verification=True)
        made = summary.stat().st_mtime_ns
    except (OSError, pa.ArrowException):
        return _Collected()  # not made yet, or damaged, which is said elsewhere
    steps = table["runaway_step"].to_pylist()
    rows = zip(*(table[key].to_pylist() for key in RUN), strict=True)
    return _Collected(made, {row: step is not None for row, step in zip(rows, steps, strict=True)})


def _damaged_tables(folder: Path, rows: bool) -> list[Damaged]:
    """An experiment's own tables that cannot be read."""
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            if rows:
                pq.read_table(path, partitioning=None, page_checksum_verification=True)
            else:
                pq.read_schema(path)
        except (OSError, pa.ArrowException) as error:
            text = str(error).strip().splitlines()
            found.append(Damaged(path, f"not a readable table ({text[0] if text else type(error).__name__})"))
    return found


def _orphaned(temporary: Path) -> bool:
    """Whether the process that wrote a temporary (its id is in the name) is gone from this machine."""
    try:
        os.kill(int(temporary.name.rpartition(".parquet.")[2].split(".")[0]), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return True
    except PermissionError:
        return False
    return False
