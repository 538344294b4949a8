"""Each column on a scale of its own: normal scores, so that units, tails and far-out values do not matter.

A strictly increasing map of one column changes no mutual information, and so nothing has to be known of the column's
distribution. The map is learned from the training rows alone. What it cannot tell apart is said: other rows beyond the
training rows' smallest and largest value are put there, which can only lose information.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from mine.errors import UserError
from mine.own.columns import Column, Warned
from mine.own.encoding import Encoding
from mine.own.settings import NONE, NORMAL_SCORES

FEW_VALUES = 20
"""Distinct training values below which a column of numbers is one of few values; of two there is nothing to say."""

BIG_ATOM = 0.1
"""Share of the training rows from which on one value is a big atom."""

MUCH_CLAMPED = 0.01
"""Share of the other rows, beyond what rows of one law have, from which on clamping is worth a warning."""

_SHOWN = 4


@dataclass(frozen=True)
class Scores:
    """Normal scores of one column. at (m,): its training values, sorted, each once; score (m,): of each.

    A value that several rows share has their average rank. Between training values the map is a straight line.
    """

    at: np.ndarray
    score: np.ndarray

    @classmethod
    def of(cls, training: np.ndarray) -> Scores:
        """From training values (n,), finite. The score of rank r of n is the normal quantile of (r - 1/2) / n."""
        at, first = np.unique(training, return_index=True)
        return cls(at, ndtri((rankdata(training)[first] - 0.5) / len(training)))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Scores of any values, (n,); beyond the training values that of the nearest."""
        # Halves, so that two values at the ends of float64's range have a finite difference; not of the smallest
        # numbers, which would meet.
        unit = 2.0 if np.abs(self.at).max() > 1.0 else 1.0
        at, asked = self.at / unit, np.clip(values, self.at[0], self.at[-1]) / unit
        below = np.maximum(np.searchsorted(self.at, values, side="right") - 1, 0)
        above = np.minimum(below + 1, len(at) - 1)
        # A share of the way: the slope of two neighbours near the smallest number is beyond float64.
        width = at[above] - at[below]
        share = np.divide(asked - at[below], width, out=np.zeros(len(asked)), where=width > 0.0)
        return self.score[below] + share * (self.score[above] - self.score[below])

    def outside(self, values: np.ndarray) -> np.ndarray:
        """Which values are clamped, (n,)."""
        return (values < self.at[0]) | (values > self.at[-1])


@dataclass(frozen=True)
class Side:
    """How one side, x or z, becomes the numbers that a critic sees.

    scores: of each column that is mapped, else None. encoding: of the mapped columns. training: how many rows
    it was learned from.
    """

    scores: tuple[Scores | None, ...]
    encoding: Encoding
    training: int

    @classmethod
    def of(cls, columns: Sequence[Column], training: np.ndarray, kind: str) -> Side:
        """From the training rows (indices). Levels have no order and stay. kind: of ``mine.own.settings.MARGINALS``."""
        scores = tuple(
            Scores.of(each.values[training]) if kind == NORMAL_SCORES and not each.discrete else None
            for each in columns
        )
        encoding = Encoding.of(_mapped(columns, scores), training)
        if kind == NONE:
            as_they_are = encoding.amounts
            encoding = replace(
                encoding,
                mean=np.where(as_they_are, 0.0, encoding.mean),
                scale=np.where(as_they_are, 1.0, encoding.scale),
            )
        return cls(scores, encoding, len(training))

    def __call__(self, columns: Sequence[Column]) -> np.ndarray:
        """Rows as the critic takes them, float32 (n, width).

        Raises:
            UserError: other columns or levels than those of ``of``, or a value that float32 does not have.
        """
        with np.errstate(over="ignore"):
            encoded = self.encoding(_mapped(columns, self.scores))
        lost = ~np.isfinite(encoded).all(0)
        if lost.any():
            name = self.encoding.encoded_names[int(lost.argmax())]
            raise UserError(
                f"column {name!r}: a value is beyond {np.finfo(np.float32).max:.1e}, on the scale that a critic sees; "
                "say --marginals normal-scores"
            )
        return encoded

    @property
    def discrete(self) -> tuple[int, ...]:
        """Places of the columns that hold levels."""
        return tuple(place for place, known in enumerate(self.encoding.levels) if known is not None)

    def amounts(self, encoded: np.ndarray) -> np.ndarray:
        """The columns of ``encoded`` that are no levels, float64."""
        return encoded[:, self.encoding.amounts].astype(np.float64)

    def clamped(self, columns: Sequence[Column], rows: np.ndarray) -> np.ndarray:
        """Which of these rows have a value beyond the training rows', (len(rows),)."""
        outside = np.zeros(len(rows), dtype=bool)
        for each, scores in zip(columns, self.scores, strict=True):
            if scores is not None:
                outside |= scores.outside(each.values[rows])
        return outside

    @property
    def clamped_expected(self) -> float:
        """Share of fresh rows of the same law of which some value is beyond the training rows', at most."""
        return 2.0 * sum(scores is not None for scores in self.scores) / (self.training + 1)


def _mapped(columns: Sequence[Column], scores: Sequence[Scores | None]) -> list[Column]:
    """More or fewer columns than scores are left for the encoding to refuse."""
    mapped = [
        each if one is None else replace(each, values=one(each.values))
        for each, one in zip(columns, scores, strict=False)
    ]
    return [*mapped, *columns[len(mapped) :]]


def clamping(
    sides: Sequence[Side], columns: Sequence[Sequence[Column]], rows: np.ndarray
) -> tuple[float, list[Warned]]:
    """Share of these rows of which any value was clamped, with a word where that is more than rows of one law have."""
    outside = np.logical_or(*(side.clamped(each, rows) for side, each in zip(sides, columns, strict=True)))
    share, expected = float(outside.mean()), min(1.0, sum(side.clamped_expected for side in sides))
    if share <= expected + MUCH_CLAMPED + 3.0 * math.sqrt(expected / len(rows)):
        return share, []
    return share, [
        Warned(
            "clamped",
            f"{share:.1%} of the rows judged lie beyond the training rows' smallest or largest values and were put "
            f"there, where rows like them would be {expected:.1%}: rows are not alike, and the value is too low.",
        )
    ]


def odd_columns(columns: Sequence[Column], training: np.ndarray) -> list[Warned]:
    """A word on columns of numbers that have few values, or one value in many rows."""
    few, atoms = [], []
    for each in columns:
        if each.discrete:
            continue
        at, counts = np.unique(each.values[training], return_counts=True)
        if 2 < len(at) < FEW_VALUES:
            few.append(each.name)
        elif len(at) >= FEW_VALUES and counts.max() >= BIG_ATOM * len(training):
            atoms.append(f"{each.name!r} is {at[counts.argmax()]:g} in {counts.max() / len(training):.0%} of the rows")
    warned = []
    if few:
        warned.append(
            Warned(
                "few_values",
                f"Fewer than {FEW_VALUES} values: {_listed(list(map(repr, few)))}. Each is one place on the scale; if "
                "they are names, not amounts, --discrete learns from each of them apart.",
            )
        )
    if atoms:
        warned.append(
            Warned(
                "big_atom",
                f"One value in many rows: {_listed(atoms)}. It is one place on the scale; if it stands for something "
                "else than an amount (a code for missing, a limit of detection), say so in a column of its own.",
            )
        )
    return warned


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
