"""An experiment's epochs in the place of its traces, which are too large to be published: one value an epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mine.curves import quantiles_with_ended
from mine.experiments import canonical_rho

VALUES = {"mi_batch": "mi_mean", "grad_norm": "grad_norm_max"}
"""Quantity of a curve to the column of epochs: as where rows are windows of updates, its mean and its largest."""

_CELL = ["setting", "variant", "dim", "rho"]


def by_run(epochs: pd.DataFrame) -> dict[tuple[Any, ...], pd.DataFrame]:
    """Each run's rows, epochs rising, by (setting, variant, dim, rho in its canonical form, seed)."""
    runs = epochs.sort_values("epoch").groupby([*_CELL, "seed"], sort=False, observed=True)
    return {(str(s), str(v), int(d), canonical_rho(r), int(seed)): rows for (s, v, d, r, seed), rows in runs}


def last_updates(epochs: pd.Series, steps: int, of: int) -> np.ndarray:
    """The last update of each epoch, counted from 0, of a run of so many updates in ``of`` epochs."""
    return ((epochs.to_numpy() + 1) * steps) // of


def curves(epochs: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Median and quartiles over seeds of each cell and quantity, as ``mine collect`` makes curves, a row an epoch."""
    length = summary.groupby(_CELL, observed=True)[["steps", "epochs"]].first()
    parts = []
    for key, runs in epochs.groupby(_CELL, sort=False, observed=True):
        steps, of = (int(number) for number in length.loc[key])
        for quantity, column in VALUES.items():
            table = runs.pivot(index="seed", columns="epoch", values=column)
            values = table.to_numpy(dtype=float)
            q25, median, q75 = quantiles_with_ended(values, (0.25, 0.5, 0.75))
            part = pd.DataFrame({"step": last_updates(table.columns, steps, of), "median": median})
            part = part.assign(quantity=quantity, q25=q25, q75=q75, live_share=np.isfinite(values).mean(axis=0))
            parts.append(part.assign(**dict(zip(_CELL, key, strict=True))))
    return pd.concat(parts, ignore_index=True)
