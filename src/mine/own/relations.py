"""What pairs of columns show before any training: whole numbers that are names, functions without noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mine.own.alike import scaled
from mine.own.columns import Column, Warned

MAYBE_NAMES = "maybe_names"
"""The warning that whole numbers may be names."""

_PAIRED = 30
"""Columns of a side that are looked at in pairs."""

_FEWEST_LEVELS, _ROWS_A_LEVEL = 8, 5
_SIGNAL = 5.0
"""Variance ratio (F) of level means from which on they are no noise: far beyond chance at eight levels and more."""

_ROUGH = 0.6
"""Von Neumann's ratio of means in the levels' order: near 0 along a smooth curve, 1 in random order, 2 alternating."""

_EXACT, _CLOSE, _GROWTH = 1e-9, 0.02, 6.0
_STEPS = 1, 4
_SHOWN = 4

_SUM, _SUMMED, _SUM_ROWS, _ROWS_A_WEIGHT = 1e-6, 100, 20_000, 10
"""Of sums: the unexplained share of the variance, the most columns, rows that are looked at, and rows a column."""


@dataclass(frozen=True)
class Looked:
    """A column's values (n,) with what every pair asks of them, worked out once: sorting a column is what costs."""

    values: np.ndarray
    discrete: bool = False

    @cached_property
    def scaled(self) -> np.ndarray:
        """The values of ``mine.own.alike.scaled``."""
        return scaled(self.values)

    @cached_property
    def order(self) -> np.ndarray:
        """Rows by their value, equal ones as they stand."""
        return np.argsort(self.values, kind="stable")

    @cached_property
    def unrepeated(self) -> bool:
        """Whether most rows have a value of their own."""
        return bool(2 * len(np.unique(self.values)) > len(self.values))

    @cached_property
    def middle(self) -> float:
        """Width of the middle half of the scaled values."""
        low, high = np.quantile(self.scaled, [0.25, 0.75])
        return float(high - low)

    @cached_property
    def shares(self) -> dict[int, np.ndarray]:
        """How far along the way from the value ``step`` places below to that above each value lies, by step."""
        at = self.scaled[self.order]
        found = {}
        for step in _STEPS:
            before, here, after = at[: -2 * step], at[step:-step], at[2 * step :]
            width = after - before
            found[step] = np.divide(here - before, width, out=np.full_like(width, 0.5), where=width > 0.0)
        return found

    @cached_property
    def levels(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Each row's place among the different values, and how many rows have each; None unless whole and few."""
        if not (self.values == np.round(self.values)).all():
            return None
        at, codes, counts = np.unique(self.values, return_inverse=True, return_counts=True)
        if len(at) < _FEWEST_LEVELS or len(self.values) < _ROWS_A_LEVEL * len(at):
            return None
        return codes, counts

    @cached_property
    def targets(self) -> list[np.ndarray]:
        """What levels of another column are asked to tell apart: ranks, or which rows have each of the first levels."""
        if self.discrete:
            known = np.unique(self.values)[:_FEWEST_LEVELS]
            return [(self.values == level).astype(np.float64) for level in known]
        # Ranks: one far value is one rank, not most of the variance.
        return [np.unique(self.values, return_inverse=True)[1].astype(np.float64)]


def relations(x: Sequence[Column], z: Sequence[Column]) -> list[Warned]:
    """Warnings from pairs of a column of x and one of z, both ways."""
    names, exact = [], []
    sides = [[(each.name, Looked(each.values, each.discrete)) for each in side[:_PAIRED]] for side in (x, z)]
    for (name, one), (other_name, other) in _both_ways(*sides):
        if one.discrete:
            continue
        if name not in names and _are_names(one, other):
            names.append(name)
        if not other.discrete and is_function(one, other):
            exact.append(f"{other_name!r} of {name!r}")
    warned = []
    if names:
        listed = ", ".join(map(repr, names[:_SHOWN]))
        warned.append(
            Warned(
                MAYBE_NAMES,
                f"{listed}: few whole numbers, which the other side tells apart but not by their order: if they are "
                f"names, not amounts, say --discrete {','.join(names)}.",
            )
        )
    exact += [f"{name!r} as a weighted sum of the columns on the other side" for name in sums(x, z)]
    if exact:
        warned.append(
            Warned(
                "noise_free",
                f"A function without any noise that these rows could show: {', '.join(exact[:_SHOWN])}. Of continuous "
                "variables the mutual information is then infinite, and a value says how much so many rows can show.",
            )
        )
    return warned


def sums(x: Sequence[Column], z: Sequence[Column]) -> list[str]:
    """Columns that are a weighted sum of several on the other side: percentages, totals, balances.

    A least-squares fit leaves less than a millionth of the variance, which is 7 nats of Gaussian ones.
    """
    sides = [[each for each in side if not each.discrete] for side in (x, z)]
    found = []
    for side, others in (sides, sides[::-1]):
        if not 2 <= len(others) <= _SUMMED or len(others[0].values) < _ROWS_A_WEIGHT * len(others):
            continue
        rows = slice(_SUM_ROWS)
        matrix = np.stack([_centred(each.values[rows]) for each in others], 1)
        targets = np.stack([_centred(each.values[rows]) for each in side], 1) if side else np.empty((len(matrix), 0))
        left = targets - matrix @ np.linalg.lstsq(matrix, targets, rcond=None)[0]
        share = (left**2).sum(0) / np.maximum((targets**2).sum(0), np.finfo(float).tiny)
        found += [each.name for each, unexplained in zip(side, share, strict=True) if unexplained < _SUM]
    return found


def _centred(values: np.ndarray) -> np.ndarray:
    """Less its mean, and of deviation 1."""
    values = scaled(values)
    values = values - values.mean()
    return values / max(float(values.std()), np.finfo(float).tiny)


_Named = tuple[str, Looked]


def _both_ways(x: Sequence[_Named], z: Sequence[_Named]) -> Iterator[tuple[_Named, _Named]]:
    for one in x:
        for other in z:
            yield one, other
            yield other, one


def _are_names(one: Looked, other: Looked) -> bool:
    """Whether whole numbers have means of the other column that differ, and not smoothly."""
    return one.levels is not None and any(_rough(*one.levels, target) for target in other.targets)


def _rough(codes: np.ndarray, counts: np.ndarray, target: np.ndarray) -> bool:
    means = np.bincount(codes, target) / counts
    levels, rows = len(counts), len(target)
    within = float(((target - means[codes]) ** 2).sum()) / (rows - levels)
    between = float((counts * (means - target.mean()) ** 2).sum()) / (levels - 1)
    if not between > _SIGNAL * within:
        return False
    noise = within / counts
    steps = float((np.diff(means) ** 2 - noise[1:] - noise[:-1]).mean())
    variance = float(means.var(ddof=1) - noise.mean())
    return variance > 0.0 and steps > 2.0 * _ROUGH * variance


def is_function(one: Looked, other: Looked) -> bool:
    """Whether ``other`` follows ``one`` without visible noise: neighbours tell it, and the nearer the better.

    Each value is interpolated from its neighbours in the order of ``one``. What misses by rounding only is a straight
    piece. Else a smooth curve's error grows with the square of the neighbours' distance, and noise does not grow at
    all.
    """
    if not (one.unrepeated and other.unrepeated) or len(one.values) < 50 or not other.middle > 0.0:
        return False
    ordinate = other.scaled[one.order]
    near, far = (_missed(ordinate, step, one.shares[step]) / other.middle for step in _STEPS)
    return near < _EXACT or (near < _CLOSE and far > _GROWTH * near)


def _missed(ordinate: np.ndarray, step: int, share: np.ndarray) -> float:
    line = ordinate[: -2 * step] * (1.0 - share) + ordinate[2 * step :] * share
    return float(np.median(np.abs(ordinate[step:-step] - line)))
