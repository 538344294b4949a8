"""Finding and reading the runs of one experiment, with every check that a results file must pass."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mine.divergence import overflow_step
from mine.engine.record import Windows
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.experiments import BASE_SETTING, canonical_rho, expand, said_of_mi, settings_of, truth_of
from mine.settings import CRITICS, Cell, TrainingSettings
from mine.tasks import FIXED, TASKS
from mine.trace import Trace, check_rows, read_metadata, read_trace

_TASKS = (*TASKS, *FIXED)
_LEVELS = ("setting", "critic", "variant", "task", "dim", "rho", "mi", "seed")


@dataclass(frozen=True)
class RunFile:
    """One results file and the run that it must hold."""

    path: Path
    setting: str
    cell: Cell
    training: TrainingSettings

    @property
    def group(self) -> tuple[Any, ...]:
        """The cell that seeds are pooled over, see CELL_COLUMNS of ``mine.columns``, without the seed."""
        cell = self.cell
        return self.setting, cell.critic, cell.variant, cell.task, cell.dim, cell.rho, cell.mi

    @property
    def updates(self) -> int:
        """Updates of the whole run: ``training.steps`` on each stair."""
        assert self.training.steps is not None, "settings work it out where they are made"
        return self.training.steps * self.cell.stairs

    def truth_at(self, steps: np.ndarray) -> np.ndarray:
        """Exact mutual information of the data at these steps, nats; the last row's look is at the last stair's."""
        stairs = np.minimum((steps - 1) // (self.updates // self.cell.stairs), self.cell.stairs - 1)
        return np.array(self.cell.truths)[stairs]


def planned_runs(folder: Path, experiment: dict[str, Any]) -> tuple[list[RunFile], list[Path]]:
    """The runs that an experiment of the configuration names, and the files in the folder beyond them.

    Args:
        folder: an experiment's runs folder.
        experiment: its part of the configuration, checked: grid, training and settings.

    Returns:
        Runs in the order of the grid, seeds rising, cells of experiments given by rho sorted by dim and rho; and
        other *.parquet files below the folder, sorted. No file is opened.

    Raises:
        UserError: a value out of range, or a run's file is missing (says how many, and the first).
    """
    runs = [RunFile(folder / run.path, run.setting, run.cell, run.training) for run in expand(experiment)]
    settings, variants = list(settings_of(experiment)), list(experiment["grid"]["variant"])
    runs.sort(key=lambda run: _order(run, settings, variants))
    _refuse_repeats(runs)
    missing = [run.path for run in runs if not run.path.is_file()]
    if missing:
        raise UserError(f"{missing[0]}: missing ({len(missing)} of the grid's {len(runs)} runs are)")
    wanted = {run.path for run in runs}
    return runs, [path for path in sorted(folder.rglob("*.parquet")) if path not in wanted]


def found_runs(folder: Path) -> list[RunFile]:
    """Every *.parquet below a folder, the cell taken from its metadata.

    The name of the setting stands in the path only (``setting=NAME``); ``base`` where the path has none.

    Returns:
        Runs sorted by setting (name), variant (as ``mine.estimators.names``), dim, rho and seed.

    Raises:
        UserError: no file, one that cannot be read, one whose path says another cell than its metadata, two
            files of one run, or one setting's name on different settings.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of runs")
    runs = []
    for path in sorted(folder.rglob("*.parquet")):
        metadata = read_metadata(path)
        cell, training = _cell_and_settings(path, metadata)
        said = said_by_path(path.relative_to(folder))
        check_place(path, said, cell.to_dict())
        runs.append(RunFile(path, said.get("setting", BASE_SETTING), cell, training))
    if not runs:
        raise UserError(f"{folder}: holds no *.parquet")
    names = sorted({run.setting for run in runs})
    runs.sort(key=lambda run: _order(run, names, list(ESTIMATORS)))
    _refuse_repeats(runs)
    first: dict[str, RunFile] = {}
    for run in runs:
        other = first.setdefault(run.setting, run)
        if difference := _difference(run.training, other.training):
            name, value, expected = difference
            raise UserError(
                f"{run.path}: trained with {name} {value}, another run of setting {run.setting!r} "
                f"with {name} {expected} ({other.path})"
            )
    return runs


def run_of(path: Path, metadata: dict[str, Any]) -> RunFile:
    """The run that a single file holds. Raises UserError where its metadata names none, or its path another."""
    cell, training = _cell_and_settings(path, metadata)
    check_place(path, said_by_path(path), cell.to_dict())
    return RunFile(path, BASE_SETTING, cell, training)


def check_place(path: Path, said: dict[str, str], cell: dict[str, Any]) -> None:
    """Raise UserError where a path (``seed=3``) says another cell than the file holds."""
    for name, value in cell.items():
        if value is None:
            continue
        holds = _in_path(name, value)
        if said.get(name, holds) != holds:
            raise UserError(f"{path}: holds a run of {name} {holds}, its path says {name} {said[name]}")


def _in_path(name: str, value: Any) -> str:
    """A cell's value as it stands in paths."""
    if name == "rho":
        return canonical_rho(value)
    return said_of_mi(value) if name == "mi" else str(value)


def read_run(run: RunFile) -> Trace:
    """Read one run and hold it against what path and grid say, and against itself.

    Raises:
        UserError: naming the file: not readable, another cell or other settings than expected, rows that are
            not its updates or windows of updates, or an outcome that the rows contradict.
    """
    trace = read_trace(run.path)
    cell, training = _cell_and_settings(run.path, trace.metadata)
    if cell != run.cell:
        raise UserError(f"{run.path}: holds {_say(cell)}, its place is that of {_say(run.cell)}")
    if difference := _difference(training, run.training):
        name, value, expected = difference
        raise UserError(f"{run.path}: trained with {name} {value}, the grid says {expected}; delete it and run again")
    steps = trace.frame["step"].to_numpy()
    check_rows(run.path, trace.frame, cell.seed, run.truth_at(steps))
    updates = run.updates
    windows = Windows(updates, training.window)
    last = min(int(steps[-1]), updates + 1)
    if last < 1 or not np.array_equal(steps, windows.ends(last)):
        what = "the steps 1, 2, ... of a run" if windows.width == 1 else f"windows of {windows.width} updates of a run"
        raise UserError(f"{run.path}: its rows are not {what}")
    found, outcome = overflow_step(trace.frame, updates), trace.metadata.get("outcome")
    consistent = found == trace.metadata.get("overflow_step") and (
        (outcome == "completed" and found is None and steps[-1] == updates + 1)
        or (outcome == "overflow" and found == steps[-1] <= updates + 1)
    )
    if not consistent:
        raise UserError(
            f"{run.path}: says {outcome!r} (overflow at {trace.metadata.get('overflow_step')}), but its rows "
            f"end at step {steps[-1]} of {updates} + 1 with the first non-finite value at {found}"
        )
    return trace


def _cell_and_settings(path: Path, metadata: dict[str, Any]) -> tuple[Cell, TrainingSettings]:
    try:
        return Cell(**metadata["cell"]), TrainingSettings.from_dict(metadata["settings"])
    except (UserError, KeyError, TypeError) as error:
        raise UserError(f"{path}: metadata names no run of this version ({error})") from None


def said_by_path(relative: Path) -> dict[str, str]:
    """What a path says of a run: name to value, of folders and a file like ``dim=5/seed=3.parquet``."""
    parts = [*relative.parts[:-1], relative.stem]
    pairs = [part.split("=", 1) for part in parts if "=" in part]
    return {name: value for name, value in pairs if name in _LEVELS}


def _order(run: RunFile, settings: list[str], variants: list[str]) -> tuple[Any, ...]:
    cell = run.cell
    place = (
        settings.index(run.setting),
        CRITICS.index(cell.critic),
        variants.index(cell.variant),
        _TASKS.index(cell.task),
    )
    return *place, cell.dim, -1.0 if cell.rho is None else cell.rho, cell.mi or (), cell.seed


def _refuse_repeats(runs: list[RunFile]) -> None:
    for one, other in itertools.pairwise(runs):
        if (one.group, one.cell.seed) == (other.group, other.cell.seed):
            raise UserError(f"{other.path}: the same run as {one.path}")


def _difference(one: TrainingSettings, other: TrainingSettings) -> tuple[str, Any, Any] | None:
    if one == other:
        return None
    expected = other.to_dict()
    for name, value in one.to_dict().items():
        if value != expected[name]:
            return name, value, expected[name]
    return None


def _say(cell: Cell) -> str:
    parts = (
        f"{cell.variant} ({cell.critic})",
        f"task {cell.task}",
        f"dim {cell.dim}",
        truth_of(cell).replace("=", " "),
    )
    return ", ".join([*parts, f"seed {cell.seed}"])
