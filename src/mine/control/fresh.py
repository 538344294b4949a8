"""What a fresh critic finds in a finished encoder: the check on an encoder that learnt to fool its own critic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mine.control.encoders.interface import Encoder
from mine.control.settings import ControlSettings
from mine.engine.runs import train_runs
from mine.engine.sources import Run
from mine.estimators import default_critic
from mine.settings import TrainingSettings

FRESH = "ema-log"
"""The fresh critic's objective, the same for every estimator: MINE with the moving average, which cannot overflow."""

_KEY = 1.0
"""Keeps its random numbers apart from those that the encoder was trained with."""


def fresh_values(
    control: ControlSettings,
    encoders: Sequence[Encoder],
    seeds: Sequence[int],
    training: TrainingSettings,
    device: torch.device | str = "cpu",
) -> list[tuple[float | None, float]]:
    """Population and held-out value of I(t; s), nats, of a critic trained on each finished encoder.

    The first is None where the density ratio is not known: of an encoder that is not linear.

    training: of the encoder's critics; the fresh one has their widths and batches, Adam and ``fresh_steps`` updates.
    """
    settings = TrainingSettings(
        steps=control.fresh_steps,
        batch_size=training.batch_size,
        hidden=training.hidden,
        layers=training.layers,
        activation=training.activation,
        product="derangement",
        eval_every=control.fresh_steps,
        term_norms_every=control.fresh_steps,
        record_every=control.fresh_steps,
    )
    runs = [Run(seed, (encoder.task("s"),), (control.dim, _KEY)) for seed, encoder in zip(seeds, encoders, strict=True)]
    results = train_runs(FRESH, default_critic(FRESH), runs, settings, device=device)
    values = []
    for result in results:
        population, heldout = (result.columns[name][-1] for name in ("mi_population", "mi_heldout"))
        values.append((None if np.ma.is_masked(population) else float(population), float(heldout)))
    return values
