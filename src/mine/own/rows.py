"""Which rows belong together, and how they are split, resampled and put in other orders so that they stay together.

Rows that are each a draw of their own may stand in any order. Rows of a time series resemble their neighbours, and rows
of one subject each other: a part of the data, a resample and a permuted order then have to move whole stretches or
whole subjects, or else they are compared with data of another kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from mine.errors import UserError

MIN_GROUPS = 8
"""Fewest groups of validation rows, and of test rows."""

MIN_STRETCHES = 5
"""Fewest stretches of validation rows, and of test rows."""


class Rows(Protocol):
    """How rows belong together. Of the held-out rows, ``start`` and ``stop`` bound those that are scored at once."""

    def split(self, counts: Sequence[int], source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Indices of training, validation and test rows, about as many as ``counts``; what must lie between is in none.

        Raises:
            UserError: too little in a part.
        """

    def folds(
        self, count: int, counts: Sequence[int], source: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """``count`` such splits whose test rows together are every row once; ``counts``: about those of one split.

        Raises:
            UserError: too little in a part.
        """

    def take(self, part: np.ndarray) -> Rows:
        """The same of some of the rows, in their order."""

    def weights(self, start: int, stop: int, resamples: int, source: np.random.Generator) -> np.ndarray:
        """How often each row is drawn in bootstrap resamples, (resamples, stop - start)."""

    def orders(self, start: int, stop: int, count: int, source: np.random.Generator) -> np.ndarray:
        """Orders of z beside x as it is, (count, stop - start), as likely as the given one without dependence."""

    def most_orders(self, rows: int) -> int | None:
        """How many orders there are of rows that are all scored at once; None where they are without number."""


@dataclass(frozen=True)
class Independent:
    """Each row is a draw of its own."""

    def split(self, counts: Sequence[int], source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Rows at random."""
        return tuple(np.split(source.permutation(sum(counts)), np.cumsum(counts)[:-1]))

    def folds(
        self, count: int, counts: Sequence[int], source: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Rows at random; the validation rows of a split are the test rows of the next."""
        parts = np.array_split(source.permutation(sum(counts)), count)
        return [(others[counts[1] :], others[: counts[1]], test) for test, others in _each_and_others(parts)]

    def take(self, part: np.ndarray) -> Independent:
        """The same."""
        return self

    def weights(self, start: int, stop: int, resamples: int, source: np.random.Generator) -> np.ndarray:
        """Each row as likely as every other."""
        rows = stop - start
        return source.multinomial(rows, np.full(rows, 1.0 / rows), size=resamples)

    def orders(self, start: int, stop: int, count: int, source: np.random.Generator) -> np.ndarray:
        """Uniform random derangements."""
        return derangements(count, stop - start, source)

    def most_orders(self, rows: int) -> int | None:
        """Without number."""
        return None


INDEPENDENT = Independent()


def derangements(count: int, rows: int, source: np.random.Generator) -> np.ndarray:
    """Uniform random derangements, (count, rows): permutations that leave no row in its place.

    A permutation is one with probability of about 1/e, so those that are not are drawn anew.
    """
    orders = np.empty((count, rows), dtype=np.int64)
    left = np.arange(count)
    while len(left):
        orders[left] = source.permuted(np.tile(np.arange(rows), (len(left), 1)), axis=1)
        left = left[(orders[left] == np.arange(rows)).any(1)]
    return orders


def _each_and_others(parts: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each part with all others as one, those behind it first."""
    return [(part, np.concatenate([*parts[at + 1 :], *parts[:at]])) for at, part in enumerate(parts)]


@dataclass(frozen=True)
class Stretches:
    """Rows in time order, of which those ``length`` rows apart no longer resemble each other."""

    length: int

    def split(self, counts: Sequence[int], source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Three stretches in time order, training first, with ``length`` rows left out between them."""
        bounds = np.cumsum([0, *counts])
        parts = [np.arange(low, high) for low, high in pairwise(bounds)]
        return self._enough([part[self.length * (place > 0) :] for place, part in enumerate(parts)])

    def folds(
        self, count: int, counts: Sequence[int], source: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Test stretches one behind the other; the validation stretch behind, of the last before; the rest trains.

        ``length`` rows are left out wherever two parts meet.
        """
        rows = np.arange(sum(counts))
        found = []
        for test in np.array_split(rows, count):
            start = test[-1] + 1 + self.length
            if start + counts[1] > len(rows):
                start = max(0, test[0] - self.length - counts[1])
            validation = rows[start : start + counts[1]]
            validation = validation[self._apart(validation, test)]
            training = rows[self._apart(rows, test) & self._apart(rows, validation)]
            found.append(self._enough([training, validation, test]))
        return found

    def _apart(self, rows: np.ndarray, stretch: np.ndarray) -> np.ndarray:
        """Whether each row is more than ``length`` rows from a stretch."""
        return (rows < stretch[0] - self.length) | (rows > stretch[-1] + self.length)

    def _enough(self, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        training, validation, test = parts
        least = MIN_STRETCHES * self.length
        if min(len(validation), len(test)) < least:
            raise UserError(
                f"blocks: {self.length} rows each; validation and test rows are {len(validation):,} and {len(test):,} "
                f"and must be at least {least:,}, {MIN_STRETCHES} blocks: give shorter blocks or more rows"
            )
        return training, validation, test

    def take(self, part: np.ndarray) -> Stretches:
        """The same."""
        return self

    def weights(self, start: int, stop: int, resamples: int, source: np.random.Generator) -> np.ndarray:
        """Stretches of ``length`` rows with replacement, the last followed by the first (Politis and Romano 1992)."""
        rows = stop - start
        length = min(self.length, rows)
        drawn = source.integers(0, rows, size=(resamples, -(-rows // length)))
        edges = np.zeros((resamples, 2 * rows + 1), dtype=np.int64)
        which = np.arange(resamples)[:, None]
        np.add.at(edges, (which, drawn), 1)
        np.add.at(edges, (which, drawn + length), -1)
        covered = edges.cumsum(1)[:, : 2 * rows]
        return covered[:, :rows] + covered[:, rows:]

    def orders(self, start: int, stop: int, count: int, source: np.random.Generator) -> np.ndarray:
        """Shifts of z along x, its end put before its start.

        Each side keeps its own resemblances, and of two stationary series that are independent every shift is as
        likely. Small shifts belong to them: without them the given order would stand out. All shifts, each once, where
        as many are asked for (``most_orders``).
        """
        rows = stop - start
        shifts = np.arange(1, rows) if count == rows - 1 else source.integers(1, rows, size=count)
        return (np.arange(rows) + shifts[:, None]) % rows

    def most_orders(self, rows: int) -> int | None:
        """All shifts."""
        return rows - 1


@dataclass(frozen=True)
class Groups:
    """Rows of one subject belong together, and subjects are draws of their own. codes (n,): whose each row is."""

    codes: np.ndarray

    def split(self, counts: Sequence[int], source: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Whole groups at random, in parts of about the asked sizes."""
        order = source.permutation(self.codes.max() + 1)
        return self._rows_of(self._cut(order, np.cumsum(counts)[:-1]))

    def folds(
        self, count: int, counts: Sequence[int], source: np.random.Generator
    ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Whole groups at random, in parts of about the asked sizes; each group is once among the test rows."""
        order = source.permutation(self.codes.max() + 1)
        parts = self._cut(order, len(self.codes) * np.arange(1, count) / count)
        found = []
        for test, others in _each_and_others(parts):
            validation, training = self._cut(others, [counts[1]])
            found.append(self._rows_of([training, validation, test]))
        return found

    def _cut(self, groups: np.ndarray, edges: Sequence[float]) -> list[np.ndarray]:
        """Groups one behind the other, cut near the row that each edge counts."""
        sizes = np.bincount(self.codes)[groups]
        return np.split(groups, np.searchsorted(np.cumsum(sizes) - sizes / 2.0, edges))

    def _rows_of(self, parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of the groups of training, validation and test, those of a group side by side."""
        training, validation, test = parts
        if min(len(validation), len(test)) < MIN_GROUPS or not len(training):
            raise UserError(
                f"group: {self.codes.max() + 1:,} groups, of which validation and test rows have {len(validation)} and "
                f"{len(test)}; each must have at least {MIN_GROUPS}"
            )
        place = np.full(self.codes.max() + 1, -1)
        place[np.concatenate(parts)] = np.arange(sum(map(len, parts)))
        rows = np.argsort(place[self.codes], kind="stable")
        cuts = np.cumsum([np.isin(self.codes, part).sum() for part in parts])[:-1]
        training, validation, test = np.split(rows, cuts)
        return training, validation, test

    def take(self, part: np.ndarray) -> Groups:
        """Of these rows."""
        return Groups(self.codes[part])

    def weights(self, start: int, stop: int, resamples: int, source: np.random.Generator) -> np.ndarray:
        """Whole groups with replacement."""
        codes = np.unique(self.codes[start:stop], return_inverse=True)[1]
        count = codes.max() + 1
        return source.multinomial(count, np.full(count, 1.0 / count), size=resamples)[:, codes]

    def orders(self, start: int, stop: int, count: int, source: np.random.Generator) -> np.ndarray:
        """Groups of z in random orders, beside those of x as they are; each group's own rows in a random order."""
        codes = np.unique(self.codes[start:stop], return_inverse=True)[1]
        ranks = source.permuted(np.tile(np.arange(codes.max() + 1.0), (count, 1)), axis=1)
        return np.argsort(ranks[:, codes] + source.random((count, len(codes))), axis=1)

    def most_orders(self, rows: int) -> int | None:
        """Without number."""
        return None
