"""Odd values of single columns: codes for missing values, values far from all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mine.own.alike import scaled
from mine.own.columns import Column, Warned

CODES = frozenset(float(f"{sign}{'9' * count}") for sign in ("", "-") for count in range(2, 8)) | {
    -1.0, -9.0, -32768.0, 32767.0, 65535.0, 1e20, -1e20, 1e30, -1e30
}  # fmt: skip
"""Numbers that files often use for a missing value."""

_FEW = 5
_PEELED = 3
_TAIL = 20
_SURPRISE = 1e-3
"""Chance, by the column's own tail, below which a gap between far values is none of that tail's."""

_APART, _FAR = 3.0, 20.0
_SHOWN = 4


def odd_values(columns: Sequence[Column]) -> list[Warned]:
    """A word on values that may be no amounts. The columns miss nothing."""
    codes, far = [], []
    for each in columns:
        if each.discrete:
            continue
        found = missing_codes(each.values)
        codes += [(each.name, value, count) for value, count in found]
        rest = each.values[~np.isin(each.values, [value for value, _ in found])] if found else each.values
        far += [(each.name, value, rest) for value in far_values(rest)]
    warned = []
    if codes:
        told = [f"{value:g} stands {count:,} times in {name!r}" for name, value, count in codes]
        options = " ".join(f"--na={value:g}" for value in dict.fromkeys(value for _, value, _ in codes))
        warned.append(
            Warned(
                "missing_code",
                f"{_listed(told)}, far from everything else there: a code for a missing value? If so, say {options} "
                "--drop-missing.",
            )
        )
    if far:
        told = []
        for name, value, rest in far:
            others = rest[~np.isin(rest, [each for known, each, _ in far if known == name])]
            told.append(f"{value:g} in {name!r} (the others lie between {others.min():g} and {others.max():g})")
        warned.append(Warned("far_out", f"A value lies far from all others: {_listed(told)}. A slip, or another unit?"))
    return warned


def missing_codes(values: np.ndarray) -> list[tuple[float, int]]:
    """Values at either end that repeat and lie farther from the rest than the rest is wide, with their count."""
    at, counts = np.unique(values, return_counts=True)
    found = []
    for end in (0, -1):
        left, often = at, counts
        for _ in range(_PEELED):
            value, count = left[end], int(often[end])
            left, often = (left[1:], often[1:]) if end == 0 else (left[:-1], often[:-1])
            # The other end may be a code as well.
            inner = left[:-1] if end == 0 else left[1:]
            known = value in CODES
            if len(inner) < 2 + (not known) * (_FEW - 2) or count < 2:
                break
            nearest, width = left[end], float(inner[-1] / 2.0 - inner[0] / 2.0)
            if not abs(value / 2.0 - nearest / 2.0) > width > 0.0:
                break
            found.append((float(value), count))
    return found


def far_values(values: np.ndarray) -> list[float]:
    """At most three values that the column's own tail does not explain.

    A tail whose order statistics have Hill's index a (Hill 1975) leaves a gap of a ratio above r between neighbours
    with chance r^-a. So a heavy-tailed column may have far values, and one that is not may not.
    """
    if len(values) <= _TAIL + _PEELED:
        return []
    given, values = values, scaled(values)
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    distance = np.abs(values - middle)
    order = np.argpartition(distance, -(_TAIL + _PEELED))[-(_TAIL + _PEELED) :]
    order = order[np.argsort(-distance[order])]
    far = distance[order]
    for count in range(_PEELED, 0, -1):
        next_one, tail = far[count], far[count : count + _TAIL]
        if not far[count - 1] > max(_APART * next_one, _FAR * (high - low)) or not high > low or not tail[-1] > 0.0:
            continue
        spread = float(np.log(tail / tail[-1]).mean())
        if spread == 0.0 or (far[count - 1] / next_one) ** (-1.0 / spread) < _SURPRISE:
            return [float(given[place]) for place in order[:count]]
    return []


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
