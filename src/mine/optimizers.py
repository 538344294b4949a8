"""Gradient ascent for a stack of critics: a pair of functions with explicit state, on one matrix (S, P).

torch.optim steps a list of tensors of one model; a stack needs members that can leave, which indexing a matrix does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.settings import TrainingSettings

State = tuple[Tensor, ...]
"""Tensors of shape (S, P)."""


@dataclass(frozen=True)
class Adam:
    """Adam as torch.optim.Adam computes it (betas 0.9 and 0.999, eps 1e-8). Source: Kingma & Ba 2015, Algorithm 1."""

    learning_rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def init(self, parameters: Tensor) -> State:
        """First and second moments, zero."""
        return torch.zeros_like(parameters), torch.zeros_like(parameters)

    def ascent(self, gradient: Tensor, state: State, step: int) -> Tensor:
        """What to add to the parameters, (S, P); moments in ``state`` are updated in place. step: 1-based."""
        first, second = state
        first.lerp_(gradient, 1.0 - self.beta1)
        second.mul_(self.beta2).addcmul_(gradient, gradient, value=1.0 - self.beta2)
        denominator = second.sqrt().div_(math.sqrt(1.0 - self.beta2**step)).add_(self.eps)
        return (first / denominator).mul_(self.learning_rate / (1.0 - self.beta1**step))


@dataclass(frozen=True)
class Sgd:
    """Plain gradient ascent."""

    learning_rate: float

    def init(self, parameters: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def ascent(self, gradient: Tensor, state: State, step: int) -> Tensor:
        """What to add to the parameters, (S, P)."""
        return gradient * self.learning_rate


Optimizer = Adam | Sgd

REGISTRY: dict[str, Callable[[TrainingSettings], Optimizer]] = {
    "adam": lambda settings: Adam(settings.learning_rate),
    "sgd": lambda settings: Sgd(settings.learning_rate),
}
