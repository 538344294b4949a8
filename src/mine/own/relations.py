"""What pairs of columns show before any training: whole numbers that are names, functions without noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mine.own.alike import scaled
from mine.own.columns import Column, Warned

_PAIRED = 30
"""Columns of a side that are looked at in pairs."""

_FEWEST_LEVELS, _ROWS_A_LEVEL = 8, 5
_SIGNAL = 5.0
"""Variance ratio (F) of level means from which on they are no noise: far beyond chance at eight levels and more."""

_ROUGH = 0.6
"""Von Neumann's ratio of means in the levels' order: near 0 along a smooth curve, 1 in random order, 2 alternating."""

_EXACT, _CLOSE, _GROWTH = 1e-9, 0.02, 6.0
_SHOWN = 4


def relations(x: Sequence[Column], z: Sequence[Column]) -> list[Warned]:
    """Warnings from pairs of a column of x and one of z, both ways."""
    names, exact = [], []
    for one, other in _both_ways(x[:_PAIRED], z[:_PAIRED]):
        if one.discrete:
            continue
        if one.name not in names and _are_names(one.values, other):
            names.append(one.name)
        if not other.discrete and is_function(one.values, other.values):
            exact.append(f"{other.name!r} of {one.name!r}")
    warned = []
    if names:
        listed = ", ".join(map(repr, names[:_SHOWN]))
        warned.append(
            Warned(
                "maybe_names",
                f"{listed}: few whole numbers, which the other side tells apart but not by their order: if they are "
                f"names, not amounts, say --discrete {','.join(names)}.",
            )
        )
    if exact:
        warned.append(
            Warned(
                "noise_free",
                f"A function without any noise that these rows could show: {', '.join(exact[:_SHOWN])}. Of continuous "
                "variables the mutual information is then infinite, and a value says how much so many rows can show.",
            )
        )
    return warned


def _both_ways(x: Sequence[Column], z: Sequence[Column]) -> Iterator[tuple[Column, Column]]:
    for one in x:
        for other in z:
            yield one, other
            yield other, one


def _are_names(values: np.ndarray, other: Column) -> bool:
    """Whether whole numbers have means of the other column that differ, and not smoothly."""
    if not (values == np.round(values)).all():
        return False
    at, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    if len(at) < _FEWEST_LEVELS or len(values) < _ROWS_A_LEVEL * len(at):
        return False
    if other.discrete:
        known = np.unique(other.values)[:_FEWEST_LEVELS]
        targets = [(other.values == level).astype(np.float64) for level in known]
    else:
        # Ranks: one far value is one rank, not most of the variance.
        targets = [np.unique(other.values, return_inverse=True)[1].astype(np.float64)]
    return any(_rough(codes, counts, target) for target in targets)


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


def is_function(values: np.ndarray, other: np.ndarray) -> bool:
    """Whether ``other`` follows ``values`` without visible noise: neighbours tell it, and the nearer the better.

    Each value is interpolated from its neighbours in the order of ``values``. What misses by rounding only is a
    straight piece. Else a smooth curve's error grows with the square of the neighbours' distance, and noise does not
    grow at all.
    """
    if min(2 * len(np.unique(each)) - len(each) for each in (values, other)) <= 0 or len(values) < 50:
        return False
    order = np.argsort(values, kind="stable")
    at, ordinate = scaled(values)[order], scaled(other)[order]
    low, high = np.quantile(ordinate, [0.25, 0.75])
    if not high > low:
        return False
    near, far = (_missed(at, ordinate, step) / (high - low) for step in (1, 4))
    return near < _EXACT or (near < _CLOSE and far > _GROWTH * near)


def _missed(at: np.ndarray, ordinate: np.ndarray, step: int) -> float:
    before, here, after = at[: -2 * step], at[step:-step], at[2 * step :]
    width = after - before
    share = np.divide(here - before, width, out=np.full_like(width, 0.5), where=width > 0.0)
    line = ordinate[: -2 * step] * (1.0 - share) + ordinate[2 * step :] * share
    return float(np.median(np.abs(ordinate[step:-step] - line)))
