"""Which code a run of an estimator depends on, as a hash. Imports no torch."""

from __future__ import annotations

from mine.estimators.names import ESTIMATORS
from mine.provenance import statements_hash
from mine.tasks import module_of

_REGISTRIES = ("estimators", "estimators.names", "tasks")
"""A further estimator or task is a line there, which changes no result."""


def stairs_code_hash(variant: str, task: str) -> str:
    """SHA-256 of the source, docstrings left out, that a run of this estimator on this task depends on.

    The loop, the estimator's own file and the task's, which are imported by name only. Another estimator's file is not
    among them, so a change there leaves this one's results fresh.
    """
    own = f"estimators.{ESTIMATORS[variant].module}", f"tasks.{module_of(task)}"
    return statements_hash("estimators.training", "estimators.parts", *own, without=_REGISTRIES)
