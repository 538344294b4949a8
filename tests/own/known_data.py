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
