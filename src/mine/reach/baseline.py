"""What trains nothing: nearest neighbours and canonical correlations (``mine.baselines``)."""

from __future__ import annotations

import numpy as np
import scipy

from mine.baselines.cca import canonical_correlation
from mine.baselines.ksg import nearest_neighbours

BASELINES = {"ksg": nearest_neighbours, "cca": canonical_correlation}


def estimate(x: np.ndarray, z: np.ndarray, seed: int, baseline: str) -> float:
    """Value of one of BASELINES, nats. x: (n, d_x). z: (n, d_z). Neither takes random numbers: seed changes nothing."""
    return BASELINES[baseline](x, z)


def made_with() -> str:
    """Name and version of what does the work."""
    return f"scipy {scipy.__version__}"
