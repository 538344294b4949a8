"""Made tables of frozen critics, every column that the pipeline writes: see ``made`` for the others.

A value is a number or a function of what a row is about. Seeds differ by a factor between 1 - SPREAD and 1 + SPREAD.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

NAN = float("nan")
RHOS, STEPS = (0.85, 0.95), (100, 1000, 3000)
SIZES = (16, 64, 128, 1024)
RATES = (1.0, 0.1, 0.01)
SPREAD = 0.05


def factors(seeds: int) -> np.ndarray:
    return np.linspace(1.0 - SPREAD, 1.0 + SPREAD, seeds)


def critics(seeds: int, rhos: Sequence[float] = RHOS, steps: Sequence[int] = STEPS) -> list[tuple[dict, float]]:
    """Columns of a critic, and its seed's factor."""
    return [
        ({"dim": 5, "rho": rho, "seed": seed, "step": step}, factor)
        for rho, step in product(rhos, steps)
        for seed, factor in enumerate(factors(seeds))
    ]


def made_bias(
    squared, permuted=None, ema=None, variance=lambda rate: 60.0, seeds=10, ess=50_000.0, **axes
) -> pd.DataFrame:
    """``frozen/bias``. squared: squared bias of k. permuted: the same with z permuted. ema: of alpha, at k = 128.

    variance: of alpha, NaN for biased. The true term's squared norm is 50.
    """
    rows = []
    for at, factor in critics(seeds, **axes):
        same = at | {"n_batches": 10_000, "reference_squared": 50.0, "ess": ess}
        for scheme, of_k in (("independent", squared), ("permutation", permuted or squared)):
            for k in SIZES:
                measured = k == 128 and scheme == "independent"
                rows.append(
                    same
                    | {"scheme": scheme, "estimator": "biased", "ema_rate": NAN, "batch_size": k}
                    | {"bias_squared": factor * of_k(k), "variance": variance(NAN) if measured else NAN}
                )
        for rate in RATES if ema else ():
            rows.append(
                same
                | {"scheme": "independent", "estimator": "ema", "ema_rate": rate, "batch_size": 128}
                | {"bias_squared": factor * ema(rate), "variance": variance(rate)}
            )
    return pd.DataFrame(rows)


def made_directions(bias, taylor, seeds=10, ess=50_000.0, taylor_ess=5_000.0, **axes) -> pd.DataFrame:
    """``frozen/directions``. bias, taylor: along a direction, of k."""
    rows = []
    for at, factor in critics(seeds, **axes):
        for name, k in product(("true gradient", "random 1", "random 2"), SIZES):
            rows.append(
                at
                | {"direction": name, "batch_size": k, "bias": factor * bias(k), "bias_se": 0.001}
                | {"taylor": factor * taylor(k), "taylor_covariance": -2.0, "taylor_variance": 1.0}
                | {"taylor_ess": taylor_ess, "reference": 7.0, "ess": ess}
            )
    return pd.DataFrame(rows)


def made_identities(
    covariance=1.0, variance=1.0, seeds=10, n_batches=(250, 8000), spread=SPREAD, **axes
) -> pd.DataFrame:
    """``frozen/identities``. covariance, variance: ratios, with seeds between 1 - spread and 1 + spread of them."""
    rows = []
    for at, factor in critics(seeds, **axes):
        factor = 1.0 + (factor - 1.0) * spread / SPREAD
        for rate, n in product(RATES, n_batches):
            for name in ("true gradient", "random 1"):
                rows.append(
                    at
                    | {"direction": name, "ema_rate": rate, "n_batches": n}
                    | {"covariance_ratio": factor * covariance, "variance_ratio": factor * variance}
                )
    return pd.DataFrame(rows)


def made_lag(lag, noise, seeds=10, rate=0.01, batch=0.5, ess=5_000.0, rhos=RHOS, from_step=0) -> pd.DataFrame:
    """``frozen/lag``. lag, noise, batch: sizes of (v-bar - E) / E, (v - v-bar) / E and (B - E) / E, swinging about 0.

    Noise has the batch's sign in one of two rows, so that they are uncorrelated over a run.
    """
    rows = []
    for rho, (seed, factor) in product(rhos, enumerate(factors(seeds))):
        for place, step in enumerate(range(from_step, 3000, 25)):
            sign, other = (-1.0) ** place, (-1.0) ** (place // 2)
            at_lag, at_noise, at_batch = factor * other * lag, factor * sign * noise, factor * sign * other * batch
            rows.append(
                {"dim": 5, "rho": rho, "seed": seed, "step": step, "ema_rate": rate, "log_expectation": 0.1 * other}
                | {"log_v": 0.1 * other + np.log1p(at_lag + at_noise), "log_mean_exp": 0.1 * other + np.log1p(at_batch)}
                | {"lag": at_lag, "noise": at_noise, "ess": ess, "updates": 5}
                | {"noise_squared": at_noise**2, "batch_squared": at_batch**2, "noise_batch": at_noise * at_batch}
            )
    return pd.DataFrame(rows)
