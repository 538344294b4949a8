"""Made epochs tables of the experiment `pictures`: runs that follow the published lines, or do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mine import writeup


def make_epochs(
    *,
    shift: float = 0.0,
    norm_factor: float = 1.0,
    ends: dict[float, int | None] = writeup.LAST_EPOCH,
    variants: Sequence[str] = writeup.VARIANTS,
    rhos: Sequence[float] = writeup.RHOS,
    seeds: int = 5,
    epochs: int = writeup.EPOCHS,
    settings: Sequence[str] = ("base",),
) -> pd.DataFrame:
    """A row a run and epoch of runs that scatter about the published lines.

    shift: of all points, nats. norm_factor: of all norms. ends: last epoch of biased at each rho, give or take a few.
    """
    norms = writeup.gradient_norms().set_index(["variant", "rho"])
    trend = writeup.trend().set_index(["variant", "rho"]).sort_index()
    parts = []
    for setting in settings:
        for variant in variants:
            for rho in rhos:
                line = trend.loc[(variant, rho)]
                low, mean, high = norms.loc[(variant, rho), ["min", "mean", "max"]]
                for seed in range(seeds):
                    rng = np.random.default_rng([seed, int(1000 * rho), len(variant)])
                    last = ends.get(rho) if variant == "biased" else None
                    count = epochs if last is None else min(epochs, last + 2 + seed - seeds // 2)
                    epoch = np.arange(count)
                    # A fifth of a nat to either side, so that the published line lies among the runs.
                    aside = 0.2 * (seed - (seeds - 1) / 2) / seeds
                    points = np.interp(epoch, line["epoch"], line["trend_nats"]) + shift + aside
                    points += writeup.SPREAD[variant][rho] * (0.8 + 0.4 * (seed % 2)) * rng.normal(size=count)
                    scatter = np.exp(0.1 * (seed - (seeds - 1) / 2)) * norm_factor
                    # Two epochs at the published extremes, the others at what makes the mean the published one.
                    norm = np.full(count, (count * mean - low - high) / max(count - 2, 1))
                    norm[:2] = low, high
                    if (norm[2:] <= low).any():
                        norm[2:] = mean
                    norm = norm * scatter * np.exp(1e-3 * rng.normal(size=count))
                    if last is not None and count < epochs:
                        points[-1] = norm[-1] = np.nan
                    parts.append(
                        pd.DataFrame(
                            {
                                "experiment": "made",
                                "setting": setting,
                                "variant": variant,
                                "dim": 2,
                                "rho": rho,
                                "seed": 200 + seed,
                                "epoch": epoch,
                                "mi_mean": points,
                                "mi_last": points,
                                "mi_ema_mean": points + 0.5 if variant == "ema" else np.nan,
                                "mi_ema_last": points + 0.5 if variant == "ema" else np.nan,
                                "grad_norm_min": 0.5 * norm,
                                "grad_norm_mean": norm,
                                "grad_norm_max": 2.0 * norm,
                                "grad_norm_last": norm,
                                "grad_norm_unclipped_last": np.nan,
                            }
                        )
                    )
    return pd.concat(parts, ignore_index=True)
