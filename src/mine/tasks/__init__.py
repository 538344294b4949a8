"""Tasks with known mutual information: distributions of (X, Z) to judge an estimator by.

A task is asked for by its name, the dimension d of X and of Z and the mutual information it is to have; its parameter
(correlation, width of the noise) follows from them. A further task is one module here and one line in ``_FACTORIES``.
"""

from __future__ import annotations

from importlib import import_module

from mine.errors import UserError
from mine.tasks.interface import Task

# Modules by name, loaded when a task is made: a command line that only lists the names needs no torch.
_FACTORIES = {
    "gaussian": "gaussian:gaussian",
    "cubic": "transformed:cubic",
    "half-cube": "transformed:half_cube",
    "asinh": "transformed:asinh",
    "student-t": "student_t:student_t",
    "uniform": "uniform:uniform",
    "sparse": "sparse:sparse",
}
"""A task's name to the factory that makes it from dim and mi, written module:function."""

TASKS = tuple(_FACTORIES)
"""Names of the tasks, in order."""


def make_task(name: str, dim: int, mi: float) -> Task:
    """The task of this name that has the mutual information asked for.

    name: one of TASKS. dim: d >= 1, of X and of Z. mi: I(X; Z) in nats, within the task's range at this d.
    Raises UserError for an unknown name, a d below 1 and an mi that the task cannot have, naming its range.
    """
    if name not in _FACTORIES:
        raise UserError(f"task: {name!r} is unknown; allowed are {', '.join(TASKS)}")
    module, factory = _FACTORIES[name].split(":")
    return getattr(import_module(f"mine.tasks.{module}"), factory)(dim, mi)


def module_of(name: str) -> str:
    """The module below ``mine.tasks`` that makes the task of this name, one of TASKS."""
    return _FACTORIES[name].split(":")[0]


__all__ = ["TASKS", "Task", "make_task", "module_of"]
