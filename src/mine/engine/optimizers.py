"""Gradient descent for a stack of critics: a pair of functions with explicit state, on one matrix (S, P).

torch.optim steps a list of tensors of one model; a stack needs members that can leave, which indexing a matrix does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.settings import TrainingSettings

State = tuple[Tensor, ...]
"""Tensors of shape (S, P)."""

Rates = tuple[float, float, float]
"""What of a step depends on its number, and the share of the parameters that it takes away."""


@dataclass(frozen=True)
class Adam:
    """Adam as torch.optim.Adam computes it (betas 0.9 and 0.999, eps 1e-8). Source: Kingma & Ba 2015, Algorithm 1.

    weight_decay: as in torch.optim.AdamW, a multiple of the learning rate taken off the parameters at each update.
    """

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0

    def init(self, parameters: Tensor) -> State:
        """First and second moments, zero."""
        return torch.zeros_like(parameters), torch.zeros_like(parameters)

    def rates(self, step: int) -> Rates:
        """The numbers a, b, c of update ``step`` (1-based), which is first / (a sqrt(second) + b) - c parameters."""
        factor = (1.0 - self.beta1**step) / self.learning_rate
        root = math.sqrt(1.0 - self.beta2**step)
        return factor / root, factor * self.eps, self.learning_rate * self.weight_decay

    def descent(self, gradient: Tensor, squared: Tensor, state: State, rates: Tensor) -> Tensor:
        """What to take off the parameters, (S, P), besides the decay; moments in ``state`` are updated in place.

        squared: the gradient's squares, overwritten by the result. rates: ``rates(step)`` as a tensor, (3,) for all
        members or (3, S, 1) for each its own.
        """
        first, second = state
        first.lerp_(gradient, 1.0 - self.beta1)
        second.lerp_(squared, 1.0 - self.beta2)
        denominator = torch.sqrt(second, out=squared).mul_(rates[0]).add_(rates[1])
        return torch.div(first, denominator, out=denominator)


@dataclass(frozen=True)
class Sgd:
    """Plain gradient descent."""

    learning_rate: float
    weight_decay: float = 0.0

    def init(self, parameters: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def rates(self, step: int) -> Rates:
        """The learning rate at every step."""
        return self.learning_rate, 0.0, 0.0

    def descent(self, gradient: Tensor, squared: Tensor, state: State, rates: Tensor) -> Tensor:
        """What to take off the parameters, (S, P)."""
        return torch.mul(gradient, rates[0], out=squared)


Optimizer = Adam | Sgd


def of(settings: TrainingSettings) -> Optimizer:
    """The optimiser that the settings name."""
    if settings.optimizer == "sgd":
        return Sgd(settings.learning_rate)
    # Loshchilov & Hutter 2019: the decay acts on the parameters, not through the gradient. 0.01 is torch's default.
    return Adam(settings.learning_rate, weight_decay=0.01 if settings.optimizer == "adamw" else 0.0)
