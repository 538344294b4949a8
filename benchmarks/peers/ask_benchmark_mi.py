"""benchmark-mi's estimators with their defaults, as its documentation calls them."""

from __future__ import annotations

from functools import partial

import bmi.estimators as estimators
import numpy as np
from asked import answer


def estimate(name: str, x: np.ndarray, z: np.ndarray) -> float:
    options = {} if name in ("KSGEnsembleFirstEstimator", "CCAMutualInformationEstimator") else {"verbose": False}
    return getattr(estimators, name)(**options).estimate(x, z)


NAMES = {
    "bmi-infonce": "InfoNCEEstimator",
    "bmi-mine": "MINEEstimator",
    "bmi-nwj": "NWJEstimator",
    "bmi-dv": "DonskerVaradhanEstimator",
    "bmi-ksg": "KSGEnsembleFirstEstimator",
    "bmi-cca": "CCAMutualInformationEstimator",
}

if __name__ == "__main__":
    answer("benchmark-mi", {method: partial(estimate, name) for method, name in NAMES.items()})
