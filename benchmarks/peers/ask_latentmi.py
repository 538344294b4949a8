"""latentmi with its defaults, as its page calls it: the mean of the pointwise values that are numbers.

The page writes ``lmi.lmi``, which version 0.1.3 calls ``lmi.estimate``.
"""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import torch
from asked import answer
from latentmi import lmi


def estimate(x: np.ndarray, z: np.ndarray) -> float:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - it splits by that
    with contextlib.redirect_stdout(sys.stderr):  # it prints every epoch
        pointwise, _, _ = lmi.estimate(x, z)
    return float(np.nanmean(pointwise))


if __name__ == "__main__":
    torch.set_num_threads(1)
    answer("latentmi", {"latentmi": estimate})
