"""What a task's factory refuses, and the one limit that all tasks share."""

from __future__ import annotations

import math
from typing import Any

from mine.errors import UserError

MAX_PER_COORDINATE = 10.0
"""Largest mutual information of a pair of dependent coordinates, nats. What tells Z from X is then about 1e-4 wide,
which is a thousand steps of float32; with much more, rounding would be part of the distribution."""


def check_dim(dim: Any) -> None:
    """Raise UserError unless dim is a whole number of at least 1."""
    if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
        raise UserError(f"dim: {dim!r} is not a whole number of at least 1")


def check_mi(name: str, dim: int, mi: Any, low: float, high: float, why: str = "") -> float:
    """Mi as a float. Raises UserError unless low <= mi <= high, nats; ``why`` says where a bound comes from.

    A bound as the message writes it, ten digits, is taken for the bound itself.
    """
    good = isinstance(mi, (int, float)) and not isinstance(mi, bool) and math.isfinite(mi)
    if not (good and float(f"{low:.10g}") <= mi <= float(f"{high:.10g}")):
        place = f"the range of task {name} at dim {dim}" + (f": {why}" if why else "")
        raise UserError(f"mi: {mi!r} is not in [{low:.10g}, {high:.10g}] nats, {place}")
    return min(max(float(mi), low), high)
