"""Data and settings that tests of mine.own share."""

from __future__ import annotations

import math

import numpy as np

from mine.own.columns import column

QUICK = {"initialisations": 2, "permutations": 99, "max_updates": 200, "patience": 4}
"""Settings under which an estimate takes a fraction of a second."""


def gaussian(rows, dim, rho, seed=0):
    """x and z, (rows, dim) each, of mutual information -dim/2 ln(1 - rho^2)."""
    source = np.random.default_rng(seed)
    x, noise = source.standard_normal((2, rows, dim))
    return x, rho * x + math.sqrt(1.0 - rho**2) * noise


def columns(array, name="x"):
    return [column(f"{name}{place}", values, discrete=False) for place, values in enumerate(array.T)]


def turned(side, speed):
    """Rows (n, d), turned in the plane of the first two columns by ``speed`` times the squared length of all.

    A bijection, so that it changes no information.
    """
    angle = speed * (side**2).sum(1, keepdims=True)
    plane, others = side[:, :2], side[:, 2:]
    return np.hstack([np.cos(angle) * plane + np.sin(angle) * plane[:, ::-1] * [-1.0, 1.0], others])


def turned_pairs(rows, seed=0):
    """x and z, (rows, 8) each, whose first two columns correlate by 0.8 before each side is turned."""
    x, z = gaussian(rows, 8, 0.8, seed)
    z[:, 2:] = np.random.default_rng([seed, 1]).standard_normal((rows, 6))
    return tuple(turned(side, 0.12) for side in (x, z))
