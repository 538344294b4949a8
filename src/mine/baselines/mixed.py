"""Nearest neighbours for mixed data: amounts against classes, and the same given further classes.

Our own lines on SciPy's neighbour search: scikit-learn's ``mutual_info_classif`` takes one amount at a time, sets what
is below zero to zero, which hides the bias near zero, and has no conditional form.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree
from scipy.special import digamma

from mine.baselines.ksg import NEIGHBOURS
from mine.errors import UserError

_ROUNDING = 1e-14
"""More than what is lost in adding a distance to a coordinate of unit variance, and less than jitter."""

_JITTER = 1e-10
"""Of a standard deviation: parts equal values, as scikit-learn does."""


def jittered(x: np.ndarray) -> np.ndarray:
    """Coordinates (n, d) of unit variance in which no two values are the same. A constant one becomes noise."""
    deviation = x.std(0)
    scaled = x / np.where(deviation > 0.0, deviation, 1.0)
    return np.asarray(scaled + _JITTER * np.random.default_rng(0).standard_normal(x.shape))


def local_class_values(x: np.ndarray, codes: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """What each sample adds to the mean that is I(x; codes), (n,), nats.

    Around each sample, m counts the samples, itself too, nearer than the k-th nearest of its own class, by the largest
    difference of a coordinate: psi(n) + psi(k) - psi(samples of the class) - psi(m). In a class of k samples or fewer
    all others are neighbours; a sample that is alone in its class adds nothing.

    x: (n, d), see ``jittered``. codes: (n,), the class of each. Raises UserError for fewer than two samples.
    Source: Ross 2014 (PLoS ONE 9(2) e87357), eq. 2.
    """
    n = len(x)
    if n < 2:
        raise UserError(f"x and z: {n} samples are too few; at least 2 are needed here")
    found = np.zeros(n)
    radius_of = _radius_on_line if x.shape[1] == 1 else _radius_by_tree
    count = _counter(x)
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        k = min(neighbours, len(members) - 1)
        if k == 0:
            continue
        radius = np.nextafter(radius_of(x[members], k), 0.0)
        found[members] = digamma(n) + digamma(k) - digamma(len(members)) - digamma(count(x[members], radius))
    return found


def local_values_given(x: np.ndarray, codes: np.ndarray, given: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """The same of I(x; codes | given): the samples of each class of ``given`` (n,) by themselves."""
    found = np.zeros(len(x))
    for level in np.unique(given):
        members = np.flatnonzero(given == level)
        if len(members) > 1:
            found[members] = local_class_values(x[members], codes[members], neighbours)
    return found


def _radius_on_line(x: np.ndarray, k: int) -> np.ndarray:
    """Distance of the k-th nearest other sample on a line: k + 1 neighbours in order hold it, wherever they begin."""
    order = np.argsort(x[:, 0], kind="stable")
    values = x[order, 0]
    padded = np.concatenate([np.full(k, -np.inf), values, np.full(k, np.inf)])
    n = len(values)
    best = np.full(n, np.inf)
    for below in range(k + 1):
        low, high = padded[k - below : k - below + n], padded[2 * k - below : 2 * k - below + n]
        best = np.minimum(best, np.maximum(values - low, high - values))
    found = np.empty(n)
    found[order] = best
    return found


def _radius_by_tree(x: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(KDTree(x).query(x, [k + 1], p=np.inf)[0][:, 0])


def _counter(x: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Samples of all x within a radius of points, themselves too."""
    if x.shape[1] > 1:
        tree = KDTree(x)
        return lambda at, radius: np.asarray(tree.query_ball_point(at, radius, p=np.inf, return_length=True))
    line = np.sort(x[:, 0])

    def on_line(at: np.ndarray, radius: np.ndarray) -> np.ndarray:
        # The k-th nearest itself must not be counted, however its distance is rounded.
        values, radius = at[:, 0], np.maximum(radius - _ROUNDING, 0.0)
        right, left = np.searchsorted(line, values + radius, "right"), np.searchsorted(line, values - radius, "left")
        return np.asarray(np.maximum(right - left, 1))

    return on_line
