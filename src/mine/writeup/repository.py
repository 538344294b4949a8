"""What the two notebooks of the author's repository print: facts, read off their outputs.

The repository, github.com/ahabisaax/MINE, has a Gaussian check and an XOR task, both of the biased objective, one run
each. A printed value is an epoch's mean, of every 50th epoch from the first on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

EVERY = 50
"""Epochs between two printed values."""


@dataclass(frozen=True)
class Printed:
    """One notebook. experiment: of the configuration, which has its settings. said: its README's word, nats.

    values: printed, nats. column: of the table of epochs, what a printed value is a mean of. batch: pairs in a batch.
    """

    experiment: str
    what: str
    said: float
    values: tuple[float, ...]
    column: str
    batch: int


GAUSSIAN = Printed(
    "repository-gaussian",
    "d = 1, ρ = 0.8",
    0.50,
    (0.4830, 0.5012, 0.4993, 0.5018, 0.5032, 0.5070, 0.5087, 0.5136, 0.5089, 0.4972),
    "mi_mean",
    128,
)
XOR = Printed(
    "repository-xor",
    "XOR, inputs and label",
    0.69,
    (
        *(0.4951, 0.6522, 0.6442, 0.6355, 0.6278, 0.6470, 0.6279, 0.6405, 0.6396, 0.6391),
        *(0.6316, 0.6293, 0.6323, 0.6360, 0.6409, 0.6387, 0.6448, 0.6452, 0.6417, 0.6340),
    ),
    "mi_again_mean",
    64,
)
BY_EXPERIMENT = {each.experiment: each for each in (GAUSSIAN, XOR)}


def beside(printed: Printed, epochs: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Ours and the printed values at the epochs that both have, the first left out, in which values rise too fast.

    epochs: a table of epochs. Returns a row an epoch and a column a seed, and the printed values (epochs,), nats.
    """
    ours = epochs.pivot(index="epoch", columns="seed", values=printed.column)
    at = [EVERY * place for place in range(1, len(printed.values)) if EVERY * place in ours.index]
    return ours.loc[at], np.array(printed.values[1 : len(at) + 1])


def among(ours: pd.DataFrame, theirs: np.ndarray) -> str:
    """How many of the printed values lie among ours, in words. Both as ``beside`` gives them."""
    inside = int(((ours.min(axis=1) <= theirs) & (theirs <= ours.max(axis=1))).sum())
    return f"{inside} of {len(theirs)} printed values lie between the smallest and the largest of ours"
