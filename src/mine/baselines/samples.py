"""What every baseline refuses."""

from __future__ import annotations

import numpy as np

from mine.errors import UserError


def checked(x: np.ndarray, z: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Joint samples as float64, x (n, d_x) and z (n, d_z).

    least: smallest n. Raises UserError for another shape, differing or too small n, values that are not finite
    numbers, and a coordinate that never varies.
    """
    x, z = (_numbers(name, values) for name, values in (("x", x), ("z", z)))
    if len(x) != len(z):
        raise UserError(f"x and z: {len(x)} and {len(z)} samples; joint pairs need as many of each")
    check_count(len(x), least)
    for name, values in (("x", x), ("z", z)):
        constant = np.flatnonzero(values.min(0) == values.max(0))
        if len(constant):
            raise UserError(f"{name}: coordinate {constant[0]} has the same value in every sample; leave it out")
    return x, z


def check_count(n: int, least: int) -> None:
    """Raise UserError unless there are that many samples."""
    if n < least:
        raise UserError(f"x and z: {n} samples are too few; at least {least} are needed here")


def _numbers(name: str, values: np.ndarray) -> np.ndarray:
    try:
        values = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError(f"{name}: not an array of numbers") from None
    if values.ndim != 2 or 0 in values.shape:
        raise UserError(f"{name}: shape {values.shape} is not (samples, dimensions)")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise UserError(f"{name}: {values[row, column]} at sample {row}, coordinate {column} is not a finite number")
    return values
