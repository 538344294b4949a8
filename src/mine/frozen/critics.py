"""The file of critics that training leaves: ``mine train --checkpoints ... --critics FILE``, one a run.

A numpy archive (.npz) of three arrays and no Python objects: ``steps`` (n,), numbers of updates in rising order;
``parameters`` (n, P) float32, the critic after so many updates; ``metadata``, one JSON text: the run's cell, settings,
outcome, packages and code hash, as in its trace. A run that overflowed has only the steps that it got to.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mine.errors import UserError
from mine.files import whole_files
from mine.settings import CONCAT, Cell, TrainingSettings

if TYPE_CHECKING:
    from mine.engine.networks import Mlp

CONTRACT = 1
"""Raised by one whenever an array or a metadata key changes its meaning."""


@dataclass(frozen=True)
class Critics:
    """Critics of one run, read back.

    steps: int64 (n,), updates done, rising. parameters: float32 (n, P).
    metadata: of the run, with its cell and settings.
    """

    path: Path
    steps: np.ndarray
    parameters: np.ndarray
    metadata: dict[str, Any]

    @property
    def cell(self) -> Cell:
        """The run's place in the grid."""
        return Cell(**self.metadata["cell"])

    @property
    def settings(self) -> TrainingSettings:
        """What it was trained with."""
        return TrainingSettings.from_dict(self.metadata["settings"])

    @property
    def network(self) -> Mlp:
        """T on x and z side by side."""
        from mine.engine.networks import Mlp

        settings = self.settings
        return Mlp("critic", 2 * self.cell.dim, 1, settings.hidden, settings.layers, settings.activation)

    def at(self, step: int) -> np.ndarray:
        """The critic after ``step`` updates, (P,). Raises UserError, naming the step, where it was not saved."""
        place = np.flatnonzero(self.steps == step)
        if place.size == 0:
            overflow = self.metadata.get("overflow_step")
            why = f"; the run overflowed at step {overflow}" if overflow is not None else ""
            raise UserError(f"{self.path}: no critic after {step} updates{why}; it has {_listed(self.steps)}")
        return self.parameters[place[0]]


def parse_steps(name: str, text: str, steps: int | None = None) -> list[int]:
    """Numbers of updates from "100,1000,3000", rising.

    name: what the list is called in errors. steps: updates of the run, where they are known.
    Raises UserError, naming the value and the range, where one is not a number of updates or stands twice.
    """
    found: list[int] = []
    for part in (part.strip() for part in text.split(",")):
        if not part.isdecimal() or (steps is not None and int(part) > steps):
            range_ = f"from 1 to {steps}" if steps is not None else "of at least 1"
            raise UserError(f"{name}: {part!r} is not a number of updates {range_} (0: the fresh critic)")
        if int(part) in found:
            raise UserError(f"{name}: {int(part)} stands twice")
        found.append(int(part))
    return sorted(found)


def write_critics(path: Path, checkpoints: dict[int, np.ndarray], metadata: dict[str, Any]) -> None:
    """Write one run's critics whole or not at all.

    checkpoints: updates to parameters (P,). Raises UserError when the path cannot be written.
    """
    steps = sorted(checkpoints)
    parameters = np.stack([checkpoints[step] for step in steps]) if steps else np.zeros((0, 0), dtype=np.float32)
    text = json.dumps({"critics_contract": CONTRACT, **metadata}, sort_keys=True)
    with whole_files(path) as (stream,):
        np.savez(stream, steps=np.array(steps, dtype=np.int64), parameters=parameters, metadata=np.array(text))


def read_critics(path: Path) -> Critics:
    """Read one run's critics.

    Raises UserError, naming the file, when it is missing, cut short, not a file of critics, or of another contract.
    """
    try:
        # Opened here: numpy leaves the file open where it is no archive.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ("steps", "parameters", "metadata")}
    except KeyError as error:
        raise UserError(f"{path}: not a file of critics ({error.args[0]})") from None
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        # A single array (.npy) has no names to close or to ask for.
        detail = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path}: not a readable file of critics ({detail})") from None
    steps, parameters = arrays["steps"], arrays["parameters"]
    metadata = _metadata(path, arrays["metadata"])
    if steps.ndim != 1 or steps.dtype.kind not in "iu" or (np.diff(steps) <= 0).any() or (steps < 0).any():
        raise UserError(f"{path}: steps are not whole numbers in rising order")
    if parameters.dtype != np.float32 or parameters.ndim != 2 or len(parameters) != len(steps):
        raise UserError(f"{path}: parameters are not one row of float32 numbers a step")
    if not np.isfinite(parameters).all():
        raise UserError(f"{path}: a critic has parameters that are not finite")
    critics = Critics(path, steps.astype(np.int64), parameters, metadata)
    try:
        expected = sum(rows * columns for rows, columns in critics.network.shapes.values())
    except (UserError, KeyError, TypeError) as error:
        raise UserError(f"{path}: metadata without a usable cell and settings ({error})") from None
    if critics.cell.critic != CONCAT:
        raise UserError(f"{path}: critics of kind {critics.cell.critic!r}; only {CONCAT!r} ones can be looked at here")
    if len(parameters) and parameters.shape[1] != expected:
        raise UserError(f"{path}: critics of {parameters.shape[1]} parameters, its settings say {expected}")
    return critics


def _metadata(path: Path, text: np.ndarray) -> dict[str, Any]:
    try:
        metadata = json.loads(str(text))
    except json.JSONDecodeError:
        raise UserError(f"{path}: not a file of critics (metadata is not JSON)") from None
    if not isinstance(metadata, dict) or metadata.get("critics_contract") != CONTRACT:
        found = metadata.get("critics_contract") if isinstance(metadata, dict) else None
        raise UserError(f"{path}: critics of contract {found!r}, this version reads {CONTRACT}; train again")
    return metadata


def _listed(steps: Sequence[int]) -> str:
    """Steps for an error: all of a few, else the first, the last and how many."""
    if len(steps) == 0:
        return "none"
    if len(steps) <= 6:
        return ", ".join(str(step) for step in steps)
    return f"{len(steps)} from {steps[0]} to {steps[-1]}"
