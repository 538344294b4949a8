"""Mutual information by canonical correlations: exact for Gaussian variables, whatever their covariance."""

from __future__ import annotations

import numpy as np
from scipy.linalg import subspace_angles

from mine.baselines.samples import check_count, checked


def canonical_correlation(x: np.ndarray, z: np.ndarray) -> float:
    """-1/2 sum ln(1 - rho_i^2) over the sample's canonical correlations, in nats.

    They are the cosines of the angles between the spaces that the centred columns of x and of z span. On Gaussian data
    the estimate is d_x d_z / (2 n) too high on average, to first order and whatever the covariance, with a variance of
    sum rho_i^2 / n. Where z is linear in x it is as large as rounding lets it, some 35 nats a coordinate, or inf.

    x: (n, d_x). z: (n, d_z). Raises UserError as ``checked`` does, and for n <= d_x + d_z, where any two
    such spaces meet.
    Source: Kay 1992; Bjoerck and Golub 1973 for the angles (scipy.linalg.subspace_angles).
    """
    x, z = checked(x, z, 3)
    check_count(len(x), x.shape[1] + z.shape[1] + 1)
    sines = np.sin(subspace_angles(x - x.mean(0), z - z.mean(0)))
    with np.errstate(divide="ignore"):
        return float(-np.log(sines).sum())
