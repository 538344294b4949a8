"""The nearest-neighbour estimator of Kraskov, Stoegbauer and Grassberger, their first algorithm.

Our own lines on SciPy's neighbour search: scikit-learn's estimator takes one-dimensional variables only, and of the
packages that take more none is both maintained and under a licence like this project's (docs/tasks.md).
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from scipy.special import digamma

from mine.baselines.samples import checked
from mine.errors import UserError

NEIGHBOURS = 3
"""The usual number, of least bias (and most spread)."""

TREE_DIM = 6
"""Largest d_x + d_z for which k-d trees are searched. With more, all distances are computed: trees of 10,000 samples
took more than ten times as long at d_x = d_z = 20."""

BLOCK = 2**22
"""Distances held at a time where all are computed: 32 MiB."""


def nearest_neighbours(x: np.ndarray, z: np.ndarray, neighbours: int = NEIGHBOURS) -> float:
    """psi(k) + psi(n) - mean(psi(n_x + 1) + psi(n_z + 1)), in nats; may be negative.

    Around each sample, n_x and n_z count the other samples nearer in x and in z alone than the k-th nearest in both,
    by the largest difference of a coordinate. Coordinates are scaled to unit variance first, as scikit-learn does.

    x: (n, d_x). z: (n, d_z). neighbours: k >= 1. Raises UserError as ``checked`` does, for n <= k, and where k + 1
    samples are the same: such variables have no density.
    Source: Kraskov et al. 2004 (arXiv cond-mat/0305641), eq. 8.
    """
    return float(local_values(x, z, neighbours).mean())


def local_values(x: np.ndarray, z: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """What each sample adds to the mean that ``nearest_neighbours`` is, (n,), nats. Arguments and errors as there."""
    if isinstance(neighbours, bool) or not isinstance(neighbours, int) or neighbours < 1:
        raise UserError(f"neighbours: {neighbours!r} is not a whole number of at least 1")
    x, z = checked(x, z, neighbours + 1)
    x, z = x / x.std(0), z / z.std(0)
    counts = by_trees if x.shape[1] + z.shape[1] <= TREE_DIM else by_distances
    near_x, near_z = counts(x, z, neighbours)
    # The nearest neighbour of a sample is itself: a radius of 0 leaves not even that one nearer.
    if near_x.min() == 0:
        raise UserError(f"x and z: {neighbours + 1} samples are the same; nearest neighbours need continuous variables")
    local: np.ndarray = digamma(neighbours) + digamma(len(x)) - digamma(near_x) - digamma(near_z)
    return local


def by_trees(x: np.ndarray, z: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """n_x + 1 and n_z + 1 of every sample, each (n,); 0 where the k-th nearest is no distance away."""
    both = np.hstack([x, z])
    radius = KDTree(both).query(both, [neighbours + 1], p=np.inf)[0][:, 0]
    # The search is for "at most", and wanted is "less than"; below 0 nothing is found.
    nearer = np.nextafter(radius, -np.inf)
    near_x, near_z = (KDTree(part).query_ball_point(part, nearer, p=np.inf, return_length=True) for part in (x, z))
    return near_x, near_z


def by_distances(x: np.ndarray, z: np.ndarray, neighbours: int) -> tuple[np.ndarray, np.ndarray]:
    """The same from all n^2 distances, a block of samples at a time."""
    n = len(x)
    near_x, near_z = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    rows = max(1, BLOCK // n)
    for block in (slice(start, start + rows) for start in range(0, n, rows)):
        of_x, of_z = (cdist(part[block], part, "chebyshev") for part in (x, z))
        radius = np.partition(np.maximum(of_x, of_z), neighbours, axis=1)[:, neighbours, None]
        near_x[block], near_z[block] = ((part < radius).sum(1) for part in (of_x, of_z))
    return near_x, near_z
