"""What a row of estimates.parquet says before anything is measured."""

from __future__ import annotations

from typing import Any

from mine.reach.methods import TASKS, set_of
from mine.tasks import fixed_task

NOTHING: dict[str, Any] = dict.fromkeys(("value", "low", "high", "p_value", "warnings", "cpu_s", "why", "made_with"))


def start_of_row(method: str, task: str, rows: int, number: int) -> dict[str, Any]:
    """A row of ``mine.reach.tables.ESTIMATES`` with nothing measured yet."""
    return {
        "method": method,
        "task": task,
        "group": TASKS[task].group,
        "set": set_of(task),
        "rows": rows,
        "draw": number,
        "mi_true": fixed_task(task).mi,
        **NOTHING,
    }
