"""Commands whose wall time, CPU time and memory are measured."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Of one command and all that it waited for: seconds, and the largest process's peak memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


def measure(command: Sequence[str], log: Path, cwd: Path | None = None) -> Usage:
    """Run a command to its end. log: what it prints goes there. Raises RuntimeError where it fails."""
    begin = time.perf_counter()
    with log.open("w") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=cwd)
        _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        lines = log.read_text().strip().splitlines() or [""]
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}: {lines[-1]}")
    return Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)
