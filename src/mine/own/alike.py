"""Columns that say the same as others, and rows that repeat others, in time linear in the number of columns."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mine.own.columns import Column, Warned

_SHOWN = 4

_BLOCK = 1024
"""Columns that are correlated with as many others at once."""

_STRAIGHT = 1.0 - 1e-12
"""Squared correlation of a straight line that rounding alone has bent."""


@dataclass(frozen=True)
class _Seen:
    """One column. key: equal for columns of which each is a function of the other, monotone or of levels."""

    column: Column
    key: bytes
    different: int


def alike(x: Sequence[Column], z: Sequence[Column]) -> tuple[list[str], list[Warned]]:
    """Faults (infinite mutual information) and warnings. The columns miss nothing and none is constant."""
    seen, repeated = _look([*x, *z])
    of_x, of_z = seen[: len(x)], seen[len(x) :]
    faults, shared = [], []
    for one, other in _pairs(of_x, of_z):
        names = f"{one.column.name!r} of x and {other.column.name!r} of z"
        if not one.column.discrete and 2 * one.different > len(one.column.values):
            faults.append(
                f"columns {names} are the same, or one is a monotone function of the other without noise: the mutual "
                "information of a continuous variable with itself is infinite, and no value is estimated"
            )
        else:
            shared.append(names)
    warned = []
    if shared:
        warned.append(
            Warned(
                "same_column",
                f"{_listed(shared)} hold the same: the mutual information is at least that column's own entropy.",
            )
        )
    for side, columns in (("x", of_x), ("z", of_z)):
        twins = [f"{one.column.name!r} and {other.column.name!r}" for one, other in _pairs(columns, None)]
        if twins:
            warned.append(
                Warned(
                    "duplicate_columns",
                    f"{_listed(twins)} of {side} hold the same, renamed or not: one of them adds nothing.",
                )
            )
    if repeated:
        warned.append(
            Warned(
                "duplicate_rows",
                f"{repeated:,} rows repeat an earlier row in every column: if they are copies, training and test rows "
                "share them and the value is too high; drop copies first.",
            )
        )
    return faults, warned


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return "; ".join(texts[:_SHOWN]) + (f"; and {more:,} more pairs" if more > 0 else "")


def _look(columns: Sequence[Column]) -> tuple[list[_Seen], int]:
    """Every column's key, and how many rows repeat an earlier one.

    No rows do where every column has few values, so that rows meet by themselves.
    """
    import pandas as pd

    seen = []
    rows = np.zeros(len(columns[0].values), dtype=np.uint64)
    for each in columns:
        if each.discrete:
            codes, known = pd.factorize(each.values)  # in order of appearance: the same partition, the same codes
            different, key = len(known), hashlib.sha256(codes.tobytes()).digest()
        else:
            known, codes = np.unique(each.values, return_inverse=True)
            different = len(known)
            key = min(hashlib.sha256(way.tobytes()).digest() for way in (codes, different - 1 - codes))
        seen.append(_Seen(each, key + bytes([each.discrete]), different))
        rows = rows * np.uint64(6364136223846793005) + pd.util.hash_array(codes)
    if all(2 * each.different <= len(rows) for each in seen):
        return seen, 0
    return seen, len(rows) - len(np.unique(rows))


def _pairs(ones: Sequence[_Seen], others: Sequence[_Seen] | None) -> Iterator[tuple[_Seen, _Seen]]:
    """Pairs that hold the same, of two sides, or within one."""
    inside = others is None
    others = ones if others is None else others
    found = set()
    places = defaultdict(list)
    for place, other in enumerate(others):
        places[other.key].append(place)
    for first, one in enumerate(ones):
        found |= {(first, place) for place in places.get(one.key, ()) if not inside or first < place}
    # Rounding can part or join neighbours, so that a straight line is no longer monotone to the last digit.
    found |= {(first, place) for first, place in _straight(ones, others) if not inside or first < place}
    for first, place in sorted(found):
        yield ones[first], others[place]


def _straight(ones: Sequence[_Seen], others: Sequence[_Seen]) -> Iterator[tuple[int, int]]:
    inside = ones is others
    sides = [[place for place, each in enumerate(side) if not each.column.discrete] for side in (ones, others)]
    for start in range(0, len(sides[0]), _BLOCK):
        left = sides[0][start : start + _BLOCK]
        unit = _unit([ones[place].column for place in left])
        for begin in range(start if inside else 0, len(sides[1]), _BLOCK):
            right = sides[1][begin : begin + _BLOCK]
            other = unit if inside and begin == start else _unit([others[place].column for place in right])
            same = (unit.T @ other) ** 2 >= _STRAIGHT
            for first, place in np.argwhere(same):
                yield left[first], right[place]


def _unit(columns: Sequence[Column]) -> np.ndarray:
    """Columns as unit vectors without their mean, (n, columns), whatever their scale."""
    values = np.stack([scaled(each.values) for each in columns], 1)
    values -= values.mean(0)
    return values / np.maximum(np.sqrt((values**2).sum(0)), np.finfo(np.float64).tiny)


def scaled(values: np.ndarray) -> np.ndarray:
    """Values times the power of two that brings the largest to 0.5-1: exact, and squares stay in range."""
    largest = float(np.abs(values).max(initial=0.0))
    return np.ldexp(values, -int(np.frexp(largest)[1])) if largest > 0.0 else values
