"""The unstated settings, each with the values that are tried; and settings drawn from them.

The values are what a reader would try: sizes and rates common in MINE implementations, and those that earlier probes
found to come near. Widths and data sets are bounded by what a run may cost (COST).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mine.experiments import training_options
from mine.settings import EPOCH, MOST, TrainingSettings
from mine.writeup import DIM

SPACE: dict[str, tuple[Any, ...]] = {
    "data": (250, 500, 1000, 2000),
    "batch_size": (8, 10, 16, 20, 25, 32, 50, 64, 100, 128),
    "hidden": (16, 32, 64, 128),
    "layers": (1, 2, 3),
    "optimizer": ("adam", "adamw"),
    "product": ("permutation", "derangement", "independent"),
    "last_batch": ("drop", "keep"),
    "learning_rate": (0.0003, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02),
    "ema_rate": (0.001, 0.01, 0.1, 0.5),
}
"""Name to values in order, so that a neighbour is one place away."""

FIRST_EMA_RATES = (0.01, 0.1, 0.5)
"""Those that every setting is tried with; 0.001 as a neighbour only, because v then hardly leaves its start."""

COST = 5e6
"""Largest number of multiplications of a forward pass over all pairs of an epoch."""

BATCHES = (4, 128)
"""Fewest and most whole batches in an epoch: in the pictures' first epoch values are 0.3 to 1.2 nats already."""

FAR = MOST["eval_every"]
"""Updates between measurements that a search does without."""

_PROBED = (
    {"data": 1000, "batch_size": 25, "hidden": 64, "layers": 1, "product": "derangement"},
    {"data": 1000, "batch_size": 32, "hidden": 64, "layers": 1, "product": "independent"},
    {"data": 500, "batch_size": 10, "hidden": 64, "layers": 1, "product": "derangement"},
    {"data": 500, "batch_size": 8, "hidden": 64, "layers": 1, "product": "permutation"},
    {"data": 2000, "batch_size": 64, "hidden": 32, "layers": 3, "product": "derangement"},
    {"data": 250, "batch_size": 16, "hidden": 128, "layers": 1, "product": "derangement"},
)
"""Shapes that earlier probes named as near; they are among the shapes of every search."""

CLIPS = (1.0, 10.0)
DEPARTED_RATES = (0.9, 0.99)
"""alpha the wrong way round: 0.1 and 0.01 as the share that is kept."""


@dataclass(frozen=True)
class Setting:
    """One way to train.

    ema_rate: None for the biased objective alone. objective, grad_clip: a departure of the code from Algorithm 1: what
    the EMA's runs ascend, and the largest norm of an applied gradient.
    """

    data: int = 1000
    batch_size: int = 25
    hidden: int = 64
    layers: int = 1
    optimizer: str = "adam"
    product: str = "permutation"
    last_batch: str = "drop"
    learning_rate: float = 0.001
    ema_rate: float | None = None
    objective: str = "ema"
    grad_clip: float | None = None

    @property
    def name(self) -> str:
        """Every value in a word, unique."""
        parts = [f"{field.name}={getattr(self, field.name)}" for field in fields(self)]
        return ",".join(parts)

    @property
    def of_biased(self) -> Setting:
        """What of it the biased objective knows."""
        return replace(self, ema_rate=None, objective="ema")

    @property
    def possible(self) -> bool:
        """Whether it can be trained at all, and at a cost that the space allows."""
        whole, rest = divmod(self.data, self.batch_size)
        if not BATCHES[0] <= whole <= BATCHES[1] or self.cost > COST:
            return False
        if self.last_batch == "keep" and rest == 0:
            return False  # the same as dropping
        return not (self.last_batch == "keep" and rest == 1 and self.product == "derangement")

    @property
    def cost(self) -> float:
        """Multiplications of a forward pass over all pairs of an epoch."""
        units = 2 * DIM * self.hidden + (self.layers - 1) * self.hidden**2 + self.hidden
        return float(units * self.data)

    def training(self, epochs: int) -> TrainingSettings:
        """The settings of its runs."""
        return TrainingSettings(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=self.optimizer,
            ema_rate=self.ema_rate or TrainingSettings.ema_rate,
            grad_clip=self.grad_clip,
            hidden=self.hidden,
            layers=self.layers,
            data=self.data,
            last_batch=self.last_batch,
            product=self.product,
            record_every=EPOCH,
            eval_every=FAR,
            term_norms_every=FAR,
        )

    def command(self, epochs: int) -> str:
        """Its options of ``mine train``."""
        return training_options(self.training(epochs))


def shapes(count: int, seed: int = 0) -> list[Setting]:
    """``count`` settings that differ in more than their rates: the probed ones, then drawn at random, all possible."""
    found = dict.fromkeys(Setting(**probed) for probed in _PROBED)
    generator = np.random.default_rng([20261125, seed])
    names = [name for name in SPACE if name not in ("learning_rate", "ema_rate")]
    while len(found) < count:
        drawn = Setting(**{name: _draw(generator, name) for name in names})
        if drawn.possible:
            found[drawn] = None
    return list(found)[:count]


def plausible(count: int) -> list[Setting]:
    """``count`` settings drawn at random from the whole space, alpha among it; never looked at beforehand."""
    generator = np.random.default_rng([20261125, 1])
    found: dict[Setting, None] = {}
    while len(found) < count:
        drawn = Setting(**{name: _draw(generator, name) for name in SPACE})
        if drawn.possible:
            found[drawn] = None
    return list(found)


def neighbours(setting: Setting) -> Iterator[tuple[str, Setting]]:
    """Every possible setting that differs in one value, one place away in SPACE; and the name of what differs."""
    for name, values in SPACE.items():
        if getattr(setting, name) is None:
            continue
        place = values.index(getattr(setting, name))
        ordered = not isinstance(values[0], str)
        for other in (place - 1, place + 1) if ordered else range(len(values)):
            if 0 <= other < len(values) and other != place:
                near = replace(setting, **{name: values[other]})
                if near.possible:
                    yield name, near


def departures(setting: Setting) -> Iterator[Setting]:
    """What an author could plausibly have written in place of Algorithm 1, at this setting."""
    for objective in ("ema-as-printed", "ema-attached"):
        for rate in FIRST_EMA_RATES[:2]:
            yield replace(setting, objective=objective, ema_rate=rate)
    for rate in DEPARTED_RATES:
        yield replace(setting, ema_rate=rate)
    for clip in CLIPS:
        yield replace(setting, grad_clip=clip)


def _draw(generator: np.random.Generator, name: str) -> Any:
    return SPACE[name][generator.integers(len(SPACE[name]))]
