"""What became of jobs: from Snakemake's lock, its marks on files in the making, and the jobs' own logs."""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mine.errors import UserError
from mine.experiments import GROUP, RUN_PATTERN, Group, parse_seeds

RECORDS = Path(".snakemake")
"""Where Snakemake keeps its records: in the folder that it was started in."""

_TAIL = 16384
"""Bytes at the end of a log that are looked at."""

_ERROR = re.compile(
    r"mine: error: "  # a command's own words
    r"|.*: line \d+: +\d+ +(Killed|Terminated|Segmentation fault|Bus error|Aborted)"  # the shell, of its child
    r"|slurmstepd: error: "
)
_TRACEBACK = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"(?!KeyboardInterrupt)[A-Za-z_][\w.]*(: |$)")
"""The last line of a traceback."""

_FINISHED = re.compile(r".+\.parquet: (completed|overflow at step \d+)$")
"""What `mine train` prints after a file is written: as the last line of a log, the job wrote all of them."""


@dataclass(frozen=True)
class Job:
    """A job that has begun and not finished.

    state: ``failed``: Snakemake has seen its end, and files of it are missing; or, of a job other than training, its
        log ends with an error. ``begun``: its end has not been seen, and a lock is there: it runs or waits to be tried
        again, unless the pipeline was killed. ``stopped``: its end has not been seen, and there is no lock: the
        pipeline was interrupted or killed with the job in flight.
    last_line: of its log; empty where that is.
    missing: runs of it that are missing; 0 of a job other than training.
    """

    log: Path
    state: str
    last_line: str
    missing: int = 0


def locked(results: Path, experiments: Iterable[str], records: Path) -> bool:
    """Whether one of Snakemake's locks names a file of one of the experiments."""
    folders = tuple(f"{results / name}/" for name in experiments)
    for lock in records.glob("locks/*.lock"):
        try:
            with lock.open(encoding="utf-8") as lines:
                if any(line.startswith(folders) for line in lines):
                    return True
        except FileNotFoundError:  # released in this moment
            continue
    return False


def marked(records: Path) -> set[str] | None:
    """Files whose job has begun and whose end Snakemake has not seen; None where there are no records at all."""
    folder = records / "incomplete"
    if not folder.is_dir():
        return None
    names = set()
    for path in folder.rglob("*"):
        # A long name stands in pieces, each but the last a folder whose name begins with "@".
        text = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            names.add(urlsafe_b64decode(text).decode())
        except ValueError:  # a folder, or no mark
            continue
    return names


def unfinished_training(
    results: Path, name: str, missing: dict[Group, set[int]], marked: set[str] | None, locked: bool
) -> Iterator[Job]:
    """Jobs that were to make missing runs, by their logs; a run without a log was not begun."""
    for group, seeds in missing.items():
        left = set(seeds)
        setting, *cell = group
        logs = (results / "logs" / "train" / name / setting).glob(f"{'_'.join(map(str, cell))}_*.log")
        # Jobs of other sizes (runs_per_job) may have left logs for the same seeds: the latest one counts.
        for log in sorted(logs, key=lambda path: path.stat().st_mtime_ns, reverse=True):
            try:
                mine = left & set(parse_seeds(log.stem.rpartition("_")[2]))
            except UserError:
                continue
            left -= mine
            last = _last_line(_tail(log))
            if not mine or _FINISHED.match(last):
                continue  # a file that was written and is gone is missing, and no job's failure
            run = RUN_PATTERN.format(**dict(zip(GROUP, group, strict=True)), seed=min(mine))
            if marked is None or f"{results / name}/runs/{run}" not in marked:
                state = "failed"
            else:
                state = "begun" if locked else "stopped"
            yield Job(log, state, last, len(mine))


def other_failed_jobs(logs: Path, experiments: Iterable[str], everything: bool) -> Iterator[Job]:
    """Jobs other than training whose log ends with an error: each attempt begins its log anew."""
    paths = []
    for name in experiments:
        paths += [logs / "collect" / f"{name}.log", logs / "optimal" / f"{name}.log"]
        paths += sorted((logs / "figures" / name).glob("*.log"))
    if everything:
        for folder in ("claims", "figures/claims", "frozen"):
            paths += sorted((logs / folder).rglob("*.log"))
    for path in paths:
        lines = _tail(path)
        last = _last_line(lines)
        if _ERROR.match(last) or (_TRACEBACK in lines and _EXCEPTION.match(last)):
            yield Job(path, "failed", last)


def _tail(log: Path) -> list[str]:
    """The last lines of a log that are not blank; none where there is no log."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _TAIL))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip()]


def _last_line(lines: list[str]) -> str:
    return lines[-1] if lines else ""
