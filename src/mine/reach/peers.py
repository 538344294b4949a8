"""Other packages, each in an environment of its own, asked as its documentation says.

An environment that cannot be made is no error of ours: its status says why, and so does every row that needs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mine.errors import UserError
from mine.files import whole_files
from mine.reach.rows import start_of_row
from mine.tasks.draws import draw


def make_environment(requirements: Path, folder: Path, status: Path) -> None:
    """A virtual environment with these requirements, and the status of it, a JSON object: python, or why there is none.

    Raises UserError where the status cannot be written.
    """
    python, why = folder / "bin" / "python", None
    for command in (
        [sys.executable, "-m", "venv", "--clear", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements],
    ):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=_environment())
        if done.returncode != 0:
            why = f"cannot be installed: {_last_line(done.stderr or done.stdout)}"
            break
    with whole_files(status) as (stream,):
        stream.write(json.dumps({"python": None if why else str(python.absolute()), "why": why}).encode())


def measured_by_peer(
    method: str,
    task: str,
    rows: int,
    numbers: range,
    *,
    status: Path,
    script: Path,
    report: Callable[[int], object],
) -> Iterator[dict[str, Any]]:
    """A row a draw. status: of ``make_environment``. script: what asks the package, of benchmarks/peers.

    The script is called with the method and a file that holds x and z, and prints a JSON object: value (nats), cpu_s,
    made_with.
    """
    try:
        environment = json.loads(status.read_text())
        python, why = environment["python"], environment["why"]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{status}: not the status of an environment") from None
    for number in numbers:
        report(number)
        row = start_of_row(method, task, rows, number) | {"why": why}
        yield row if why else row | _asked(python, script, method, *draw(task, rows, number))


def _asked(python: str, script: Path, method: str, x: np.ndarray, z: np.ndarray) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder, "samples.npz")
        np.savez(samples, x=x.astype(np.float64), z=z.astype(np.float64))
        command = [python, str(script), method, str(samples)]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if done.returncode != 0:
        return {"why": f"ended with {done.returncode}: {_last_line(done.stderr)}"}
    try:
        found = json.loads(done.stdout.strip().splitlines()[-1])
        answer = {**{name: found[name] for name in ("cpu_s", "made_with")}, "value": float(found["value"])}
    except (ValueError, KeyError, IndexError, TypeError):
        return {"why": f"no answer: {_last_line(done.stdout)}"}
    return answer if np.isfinite(answer["value"]) else {**answer, "value": None, "why": f"value {answer['value']}"}


def _environment() -> dict[str, str]:
    """One thread, as every other method has, and no modules of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return kept | dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
