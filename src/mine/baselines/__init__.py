"""Estimators of mutual information that train nothing, to hold a trained one against.

Each is a function from samples x (n, d_x) and z (n, d_z) to nats, with a line on when its answer is right. A further
baseline is one module here and one line in ``BASELINES``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mine.baselines.cca import canonical_correlation
from mine.baselines.histogram import equally_full_bins
from mine.baselines.ksg import nearest_neighbours


@dataclass(frozen=True)
class Baseline:
    """A baseline and what to make of it.

    function: joint samples x (n, d_x) and z (n, d_z) to an estimate of I(X; Z) in nats; UserError for what it cannot
        judge.
    what_it_is: one line: when it is right.
    max_dim: largest d_x and d_z; None where there is no bound.
    """

    function: Callable[[np.ndarray, np.ndarray], float]
    what_it_is: str
    max_dim: int | None = None


BASELINES = {
    "ksg": Baseline(
        nearest_neighbours,
        "nearest neighbours (Kraskov et al.): right for smooth densities in few dimensions and at few nats; "
        "far too low in many",
    ),
    "cca": Baseline(
        canonical_correlation,
        "an oracle on Gaussian data: knows the family, so only sampling error is left; elsewhere what a Gaussian of "
        "the same covariance would have",
    ),
    "histogram": Baseline(
        equally_full_bins,
        "counts in equally full bins: right for smooth densities at few nats and d = 1; never above the logarithm of "
        "the number of bins",
        max_dim=1,
    ),
}
"""Every baseline by name."""
