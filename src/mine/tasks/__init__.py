"""Tasks with known mutual information: distributions of (X, Z) to judge an estimator by.

A family of tasks is asked for by its name, the dimension d of X and of Z and the mutual information it is to have; its
parameter (correlation, width of the noise) follows from them. A fixed task has one distribution, and is asked for by
its name alone. A further family is one module here and one line in ``_FACTORIES``; a further fixed task is one entry
of a list of ``FixedTask``.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from mine.errors import UserError
from mine.tasks.concepts import CONCEPTS
from mine.tasks.further import FURTHER
from mine.tasks.interface import Task
from mine.tasks.mixed import MIXED
from mine.tasks.public import PUBLIC

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
"""A family's name to the factory that makes a task from dim and mi, written module:function."""

TASKS = tuple(_FACTORIES)
"""Names of the families, in order."""

FIXED = {task.name: task for task in (*PUBLIC, *FURTHER, *CONCEPTS, *MIXED)}
"""Fixed tasks by name, in order."""


def make_task(name: str, dim: int, mi: float) -> Task:
    """The task of this family that has the mutual information asked for.

    name: one of TASKS. dim: d >= 1, of X and of Z. mi: I(X; Z) in nats, within the task's range at this d.
    Raises UserError for an unknown name, a d below 1 and an mi that the task cannot have, naming its range.
    """
    if name not in _FACTORIES:
        raise UserError(f"task: {name!r} is unknown; allowed are {', '.join(TASKS)}")
    return _function(_FACTORIES[name])(dim, mi)


def fixed_task(name: str) -> Task:
    """The fixed task of this name, one of FIXED. Raises UserError for an unknown name."""
    if name not in FIXED:
        raise UserError(f"task: {name!r} is unknown; allowed are {', '.join(FIXED)}")
    entry = FIXED[name]
    task = _function(entry.factory)(*entry.arguments)
    for by in entry.through:
        task = _function("through:through")(task, by)
    return replace(task, name=name)


def modules_of(name: str) -> tuple[str, ...]:
    """The modules below ``mine.tasks`` that make the task of this name, one of TASKS or of FIXED."""
    return FIXED[name].modules if name in FIXED else (_FACTORIES[name].split(":")[0],)


def _function(place: str):
    module, function = place.split(":")
    return getattr(import_module(f"mine.tasks.{module}"), function)


__all__ = ["FIXED", "TASKS", "Task", "fixed_task", "make_task", "modules_of"]
