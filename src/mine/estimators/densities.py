"""Density models of z, alone and given x, whose coordinates are independent: what DoE and CLUB are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.engine.networks import Constant, Mlp, Network, Said
from mine.estimators.values import softplus

_LARGEST_LOG_SCALE = 10.0


def log_density(family: str, z: Tensor, location: Tensor, log_scale: Tensor) -> Tensor:
    """Log density in nats of z (..., d) with independent coordinates, summed over d. Returns (...).

    family: ``gaussian`` (log_scale: log of the standard deviation) or ``logistic`` (log of s in Var = (pi s)^2 / 3).
    """
    standard = (z - location) * (-log_scale).exp()
    if family == "gaussian":
        each = -0.5 * standard.square() - 0.5 * math.log(2.0 * math.pi)
    else:
        each = -standard - 2.0 * softplus(-standard)
    return (each - log_scale).sum(-1)


@dataclass(frozen=True)
class Conditional:
    """q(z | x): location and log scale of each coordinate of z are a network's outputs."""

    network: Mlp
    family: str

    @property
    def networks(self) -> tuple[Network, ...]:
        """See ``mine.estimators.interface``."""
        return (self.network,)

    def parts(self, said: Said) -> tuple[Tensor, Tensor]:
        """Location and log scale given each x, each (S, n, dz)."""
        location, log_scale = said[self.network.name].chunk(2, 2)
        # Smooth where it matters, and e^log_scale can neither overflow nor vanish.
        return location, _LARGEST_LOG_SCALE * torch.tanh(log_scale / _LARGEST_LOG_SCALE)


@dataclass(frozen=True)
class Marginal:
    """q(z): location and log scale of each coordinate are parameters, 0 to begin with."""

    dim: int
    family: str

    @property
    def networks(self) -> tuple[Network, ...]:
        """See ``mine.estimators.interface``."""
        return Constant("marginal.location", self.dim), Constant("marginal.log_scale", self.dim)

    def log_density(self, said: Said, z: Tensor) -> Tensor:
        """Log q(z) of z (S, n, dz). Returns (S, n)."""
        return log_density(self.family, z, said["marginal.location"], said["marginal.log_scale"])
