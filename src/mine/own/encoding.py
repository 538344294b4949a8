"""From columns to the numbers that a critic sees: one-hot levels and standard scores, both as the training rows say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mine.errors import UserError
from mine.own.columns import Column

FAR = 20.0
"""Standard deviations from the median beyond which a value is worth a warning, by the middle half of the rows."""


@dataclass(frozen=True)
class Encoding:
    """How one side, x or z, is encoded. names: of its columns; levels: of each discrete column, else None.

    mean, scale (width,): of the encoded training rows; scale is 1 where those are constant, see ``constant``.
    """

    names: tuple[str, ...]
    levels: tuple[tuple[str, ...] | None, ...]
    mean: np.ndarray
    scale: np.ndarray
    constant: np.ndarray

    @property
    def amounts(self) -> np.ndarray:
        """Which encoded columns are amounts, not levels, (width,)."""
        return np.concatenate([[True] if known is None else [False] * len(known) for known in self.levels])

    @property
    def encoded_names(self) -> list[str]:
        """A name of each encoded column: the column's, or ``column=level``."""
        pairs = zip(self.names, self.levels, strict=True)
        return [each for name, known in pairs for each in ([name] if known is None else [f"{name}={k}" for k in known])]

    @classmethod
    def of(cls, columns: Sequence[Column], training: np.ndarray) -> Encoding:
        """Levels from all rows, since they say nothing of the other side; mean and scale from the training rows."""
        names = tuple(each.name for each in columns)
        levels = tuple(tuple(np.unique(each.values).tolist()) if each.discrete else None for each in columns)
        raw = _raw(columns, levels)[training]
        # In units of a power of two, exact, so that no square of a value leaves float64's range.
        exponent = np.frexp(np.abs(raw).max(0))[1]
        scale = np.ldexp(np.ldexp(raw, -exponent).std(0), exponent)
        mean = np.ldexp(np.ldexp(raw, -exponent).mean(0), exponent)
        # A constant's deviation is rounding, not zero.
        constant = (raw == raw[0]).all(0) | (scale == 0.0)
        return cls(names, levels, mean, np.where(constant, 1.0, scale), constant)

    def __call__(self, columns: Sequence[Column]) -> np.ndarray:
        """Encoded rows, float32 (n, width).

        Raises:
            UserError: other columns than those of the training rows, or a level that they did not have.
        """
        if len(columns) != len(self.names):
            raise UserError(f"columns: {len(columns)} given, and the critic was trained on {len(self.names)}")
        for each, levels in zip(columns, self.levels, strict=True):
            new = set(each.values.tolist()) - set(levels) if levels is not None else ()
            if new:
                raise UserError(f"column {each.name!r}: level {min(new)!r} was not among those trained on")
        # Halves, so that values at the two ends of float64's range have a finite difference.
        half = _raw(columns, self.levels) / 2.0 - self.mean / 2.0
        return (half / (self.scale / 2.0)).astype(np.float32)


def _raw(columns: Sequence[Column], levels: Sequence[tuple[str, ...] | None]) -> np.ndarray:
    parts = [
        each.values[:, None] if known is None else (each.values[:, None] == np.array(known)).astype(np.float64)
        for each, known in zip(columns, levels, strict=True)
    ]
    return np.concatenate(parts, 1)
