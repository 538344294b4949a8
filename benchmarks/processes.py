"""Commands whose wall time, CPU time and memory are measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """Of one command and all that it waited for: seconds, and the largest process's peak memory in MB."""

    wall: float
    cpu: float
    peak_mb: float


# A process begins with the peak memory of the one that started it, and a benchmark has torch loaded. So a small one
# stands between. What it waited for is told over a pipe, whose number is its first argument.
_BETWEEN = """
import json, os, sys, time

os.set_inheritable(int(sys.argv[1]), False)
begin = time.perf_counter()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(process, 0)
told = [os.waitstatus_to_exitcode(status), time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss]
os.write(int(sys.argv[1]), json.dumps(told).encode())
"""


def measure(command: Sequence[str], log: Path, cwd: Path | None = None) -> Usage:
    """Run a command to its end. log: what it prints goes there. Raises RuntimeError where it fails."""
    reading, writing = os.pipe()
    with log.open("w") as stream, os.fdopen(reading, "rb") as told:
        between = [sys.executable, "-I", "-S", "-c", _BETWEEN, str(writing), *command]
        started = subprocess.Popen(
            between, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, cwd=cwd, pass_fds=[writing]
        )
        os.close(writing)
        answer = told.read()
        started.wait()
    code, wall, cpu, peak_kb = json.loads(answer) if answer else (1, 0.0, 0.0, 0)
    if code:
        lines = log.read_text().strip().splitlines() or [""]
        raise RuntimeError(f"{' '.join(command)}: exit {code}: {lines[-1]}")
    return Usage(wall, cpu, peak_kb / 1000)
