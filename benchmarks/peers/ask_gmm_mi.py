"""gmm-mi with its defaults, as its page calls it: the mean over its bootstrap. One column a side."""

from __future__ import annotations

import numpy as np
from asked import answer
from gmm_mi.mi import EstimateMI


def estimate(x: np.ndarray, z: np.ndarray) -> float:
    mean, _ = EstimateMI().fit_estimate(np.hstack([x, z]))
    return float(mean)


if __name__ == "__main__":
    answer("gmm-mi", {"gmm-mi": estimate})
