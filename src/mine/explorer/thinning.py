"""Fewer points of a long curve, none of those that a reader must see left out."""

from __future__ import annotations

import numpy as np


def thin(values: np.ndarray, buckets: int) -> np.ndarray:
    """Indices of the points to keep, rising.

    The curve is cut into ``buckets`` stretches of equal length. Each keeps its smallest and its largest finite value
    and its first non-finite one, so that no spike and no gap is lost; the curve keeps its first point, its last and
    its last finite one. A curve that is no longer than that comes back whole.
    """
    size = values.size
    if size <= 2 * buckets:
        return np.arange(size)
    width = -(-size // buckets)
    padded = np.full(width * buckets, np.nan)
    padded[:size] = values
    stretches = padded.reshape(buckets, width)
    finite = np.isfinite(stretches)
    start = np.arange(buckets) * width
    lowest = np.where(finite, stretches, np.inf).argmin(1) + start
    highest = np.where(finite, stretches, -np.inf).argmax(1) + start
    broken = (~finite).argmax(1) + start
    some = finite.any(1)
    kept = np.concatenate([lowest[some], highest[some], broken[~finite.all(1)], [0, size - 1]])
    ends = np.flatnonzero(np.isfinite(values))[-1:]
    kept = np.unique(np.concatenate([kept, ends]))
    return kept[kept < size]
