"""What the write-up's two pictures show, as numbers: read off the author's figures, never off ours.

Source of both tables: the figures "MI Estimation" and "Distribution of Gradient Norms" on the author's project page
(PAGE), digitised. The trend is the picture's smoothed line at every second epoch, good to 0.03 nats; the norms are the
lowest, mean and highest line of each violin, good to 3 %. Everything is of d = 2: the legends print the truths 1.28,
1.66, 2.33 and 3.92 nats. All information in nats; epochs count from 0, as the picture's axis does.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import pandas as pd

PAGE = "https://github.com/ahabisaax/ahabisaax.github.io"
"""Where the write-up is published (project page "Mutual Information Neural Estimators", 26 June 2025)."""

REPOSITORY = "https://github.com/ahabisaax/MINE"
"""The author's code, which has the biased objective only and none of the runs behind the pictures."""

DIM = 2
RHOS = (0.85, 0.9, 0.95, 0.99)
VARIANTS = ("biased", "ema")
EPOCHS = 500

LAST_EPOCH = {0.85: None, 0.9: None, 0.95: 156, 0.99: 33}
"""Last epoch of biased's thin line at each rho; None where it goes on to the end. Those of the EMA all do."""

SPREAD = {
    "biased": dict(zip(RHOS, (0.22, 0.45, 0.94, 1.5), strict=True)),
    "ema": dict(zip(RHOS, (0.16, 0.20, 0.29, 0.44), strict=True)),
}
"""Standard deviation of the thin lines, nats; read by eye, good to a quarter."""

SIGMA = 2.0
"""Width of the Gaussian that smooths the trend, epochs: where biased ends its trend stops eight epochs before, the
radius at which SciPy's ``gaussian_filter1d`` cuts off a Gaussian of this width."""


@cache
def trend() -> pd.DataFrame:
    """The smoothed lines: columns rho, variant, epoch, trend_nats."""
    return _read("estimate_trend.csv")


@cache
def gradient_norms() -> pd.DataFrame:
    """The violins' lines: columns rho, variant, min, mean, max (L2 over all parameters)."""
    return _read("gradient_norm.csv")


def _read(name: str) -> pd.DataFrame:
    with resources.files("mine.writeup").joinpath(name).open(encoding="utf-8") as stream:
        return pd.read_csv(stream)
