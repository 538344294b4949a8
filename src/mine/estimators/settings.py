"""What a run of an estimator is: its cell and its settings, with the range of each. Nothing here imports torch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from mine.errors import UserError
from mine.settings import ACTIVATIONS, EMA_INITS, MOST

SEPARABLE, CONCAT, DENSITY = "separable", "concat", "density"
CRITICS = (SEPARABLE, CONCAT, DENSITY)
"""``density``: no critic T(x, z) but a model of densities (DoE, CLUB)."""


@dataclass(frozen=True)
class EstimatorSettings:
    """Settings of one run of an estimator. Construction checks every value and raises UserError.

    steps: updates at each mutual information of the staircase.
    batch_size: joint pairs in a batch, k. Product pairs: all k (k - 1) others with a separable critic, k with concat.
    learning_rate: of the optimiser, per update.
    optimizer: ``adam`` (betas 0.9 and 0.999, eps 1e-8) or ``sgd``.
    grad_clip: largest L2 norm of an applied gradient; None does not clip.
    hidden, layers, activation: units of a hidden layer, how many, and what follows each, of every network.
    embedding: dimension of the space that a separable critic maps x and z into.
    ema_rate, ema_init: MINE's moving average, see ``mine.settings``.
    smile_tau: log of the largest e^T that SMILE lets through.
    alpha: of the alpha-interpolated bound; 1 is InfoNCE.
    average: decay of the exponential moving average of the parameters that held-out values are taken at; 0 takes the
        parameters themselves.
    eval_every: updates between held-out values; one more stands on the last row of every stair.
    """

    steps: int = 4000
    batch_size: int = 64
    learning_rate: float = 5e-4
    optimizer: str = "adam"
    grad_clip: float | None = None
    hidden: int = 256
    layers: int = 2
    activation: str = "relu"
    embedding: int = 32
    ema_rate: float = 0.01
    ema_init: str = "one"
    smile_tau: float = 5.0
    alpha: float = 0.01
    average: float = 0.0
    eval_every: int = 1000

    def __post_init__(self) -> None:
        """Check every value."""
        for name in ("steps", "hidden", "layers", "embedding", "eval_every"):
            _check_int(name, getattr(self, name), 1)
        _check_int("batch_size", self.batch_size, 3)
        _check_number("learning_rate", self.learning_rate, 0.0, 10.0, low_open=True)
        _check_number("ema_rate", self.ema_rate, 0.0, 1.0, low_open=True)
        _check_number("smile_tau", self.smile_tau, 0.0, math.inf, low_open=True, high_open=True)
        _check_number("alpha", self.alpha, 0.0, 1.0)
        _check_number("average", self.average, 0.0, 1.0, high_open=True)
        if self.grad_clip is not None:
            _check_number("grad_clip", self.grad_clip, 0.0, math.inf, low_open=True, high_open=True)
        for name, allowed in (("optimizer", ("adam", "sgd")), ("ema_init", EMA_INITS), ("activation", ACTIVATIONS)):
            check_choice(name, getattr(self, name), allowed)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EstimatorSettings:
        """Settings from a mapping; an unknown key raises UserError, which lists the known ones."""
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                raise UserError(f"estimator setting {key!r} is unknown; known are {', '.join(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, as they go into the metadata of a results file."""
        return asdict(self)


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless value is among those allowed."""
    if value not in allowed:
        raise UserError(f"{name}: {value!r} is unknown; allowed are {', '.join(allowed)}")


def _check_int(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UserError(f"{name}: {value!r} is not a whole number of at least {low}")
    if value > MOST[name]:
        raise UserError(f"{name}: {value!r} is not a whole number of at most {MOST[name]:,}")


def _check_number(
    name: str, value: Any, low: float, high: float, *, low_open: bool = False, high_open: bool = False
) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    good = good and (value > low if low_open else value >= low)
    good = good and (value < high if high_open else value <= high)
    if not good:
        interval = f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
        raise UserError(f"{name}: {value!r} is not a number in {interval}")
