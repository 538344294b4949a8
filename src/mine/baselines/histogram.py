"""Counts in bins, for one-dimensional variables."""

from __future__ import annotations

import numpy as np

from mine.baselines.samples import checked
from mine.errors import UserError


def equally_full_bins(x: np.ndarray, z: np.ndarray, bins: int | None = None) -> float:
    """Mutual information of the bins that x and z fall into, in nats: at most ln(bins), and never negative.

    The bins of each variable hold equally many samples, so that an increasing function of x or of z changes nothing.
    Two errors work against each other: bins that are too wide lose information, and n samples in bins^2 cells show
    (bins - 1)^2 / (2 n) nats too many on average, to first order, where there is no dependence.

    x, z: (n, 1). bins: of each variable, at least 2; the cube root of n, rounded, where it is None.
    Raises UserError as ``checked`` does, and for more than one dimension.
    Source: Miller 1955 for the bias.
    """
    x, z = checked(x, z, 8)
    dim = max(x.shape[1], z.shape[1])
    if dim > 1:
        raise UserError(f"dim: {dim} is too many for a histogram, which takes x and z of dimension 1")
    if bins is None:
        bins = round(np.cbrt(len(x)))
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise UserError(f"bins: {bins!r} is not a whole number of at least 2")
    # Here, so that the other baselines do without scikit-learn, which is an extra.
    from sklearn.metrics import mutual_info_score

    inner = np.arange(1, bins) / bins
    of_x, of_z = (np.searchsorted(np.quantile(values, inner), values[:, 0], side="right") for values in (x, z))
    return float(mutual_info_score(of_x, of_z))
