"""Reading the runs of a benchmark, with every check that a results file must pass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mine.divergence import overflow_step
from mine.errors import UserError
from mine.estimators.planning import StairsCell, cells, settings_of_benchmark, stairs_of
from mine.runs import check_place, said_by_path
from mine.settings import TrainingSettings
from mine.trace import Trace, check_rows, read_trace


@dataclass(frozen=True)
class StairsFile:
    """One results file and the run that it must hold. mis: mutual information of each stair, nats."""

    path: Path
    cell: StairsCell
    mis: tuple[float, ...]
    settings: TrainingSettings


def planned_files(folder: Path, benchmark: dict[str, Any]) -> list[StairsFile]:
    """The runs that a benchmark of the configuration names, in its order. No file is opened.

    Raises UserError where a run's file is missing (says how many, and the first).
    """
    mis, settings = tuple(stairs_of(benchmark)), settings_of_benchmark(benchmark)
    files = [StairsFile(folder / cell.path, cell, mis, settings) for cell in cells(benchmark)]
    missing = [file.path for file in files if not file.path.is_file()]
    if missing:
        raise UserError(f"{missing[0]}: missing ({len(missing)} of the grid's {len(files)} runs are)")
    return files


def file_of(path: Path, metadata: dict[str, Any]) -> StairsFile:
    """The run that a file's metadata says it holds.

    Raises UserError where they name no run of this version, or the path says another.
    """
    try:
        cell = StairsCell(**metadata["cell"])
        mis = tuple(map(float, metadata["mi"]))
        file = StairsFile(path, cell, mis, TrainingSettings.from_dict(metadata["settings"]))
    except (UserError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: metadata names no run of this version ({error})") from None
    if not mis:
        raise UserError(f"{path}: metadata names no run of this version (mi is empty)")
    check_place(path, said_by_path(path), cell.__dict__)
    return file


def read_stairs(file: StairsFile) -> Trace:
    """Read one run and hold it against what path and grid say, and against itself.

    Raises UserError, naming the file: not readable, another run than expected, rows that are not steps 1, 2, ..., or
    an outcome that the rows contradict.
    """
    trace = read_trace(file.path)
    held = file_of(file.path, trace.metadata)
    for name in ("cell", "mis", "settings"):
        found, expected = getattr(held, name), getattr(file, name)
        if found != expected:
            raise UserError(f"{file.path}: holds {found}, the grid says {expected}; delete it and run again")
    last = file.settings.steps * len(file.mis)
    steps = trace.frame["step"].to_numpy()
    if len(steps) == 0 or not np.array_equal(steps, np.arange(1, len(steps) + 1)):
        raise UserError(f"{file.path}: its rows are not the steps 1, 2, ... of a run")
    # The very last row measures the last stair's critic; it has no update of its own.
    stairs = np.minimum((steps - 1) // file.settings.steps, len(file.mis) - 1)
    check_rows(file.path, trace.frame, file.cell.seed, np.array(file.mis)[stairs])
    found, outcome = overflow_step(trace.frame, last), trace.metadata.get("outcome")
    whole = outcome == "completed" and found is None and steps[-1] == last + 1
    cut = outcome == "overflow" and found is not None and found == steps[-1] <= last + 1
    if not (found == trace.metadata.get("overflow_step") and (whole or cut)):
        raise UserError(
            f"{file.path}: says {outcome!r} (overflow at {trace.metadata.get('overflow_step')}), but its rows "
            f"end at step {steps[-1]} of {last} + 1 with the first non-finite value at {found}"
        )
    return trace
