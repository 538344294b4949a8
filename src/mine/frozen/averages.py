"""Weights by which one pass over many pairs gives the mean over many batches of the gradient's second term.

The second term of a batch is a weighted sum of grad T over its pairs, with weights that follow from T alone: their
softmax for A / B, e^T / (k v) for A / v. So the mean over batches is one weighted sum over all their pairs.
"""

from __future__ import annotations

import numpy as np

BURN_IN = 3.0
"""v starts at its mean; 3 / alpha batches later its variance has come to within e^-6 of what it stays at."""


def softmax(scores: np.ndarray, k: int) -> np.ndarray:
    """Of T (n,) within each batch of k pairs in turn; each batch's weights add up to 1."""
    batches = scores.reshape(-1, k)
    weights = np.exp(batches - batches.max(1, keepdims=True))
    return (weights / weights.sum(1, keepdims=True)).ravel()


def burn_in(rates: np.ndarray) -> np.ndarray:
    """Batches after which v no longer shows where it started, for each rate."""
    return np.where(rates < 1.0, np.ceil(BURN_IN / rates), 0).astype(np.int64)


def moving_average(means: np.ndarray, rates: np.ndarray, start: np.ndarray) -> np.ndarray:
    """V after each of m batches: v <- (1 - alpha) v + alpha B_exp.

    means: B_exp (m,). rates: alpha (r,). start: v before the first, (r,). Returns (m, r).
    Source: write-up, "v_new".
    """
    result, v = np.empty((len(means), len(rates))), start
    for row, mean in zip(result, means, strict=True):
        v = v + rates * (mean - v)
        row[:] = v
    return result
