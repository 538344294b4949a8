"""Density models of z, alone and given x, whose coordinates are independent: what DoE and CLUB are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from mine.estimators.interface import Parameters
from mine.estimators.networks import Mlp

FAMILIES = ("gaussian", "logistic")

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

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator."""
        return self.network.init(generators)

    def parts(self, parameters: Parameters, x: Tensor) -> tuple[Tensor, Tensor]:
        """Location and log scale given x (S, n, dx), each (S, n, dz)."""
        location, log_scale = self.network(parameters, x).chunk(2, 2)
        # Smooth where it matters, and e^log_scale can neither overflow nor vanish.
        return location, _LARGEST_LOG_SCALE * torch.tanh(log_scale / _LARGEST_LOG_SCALE)


@dataclass(frozen=True)
class Marginal:
    """q(z): location and log scale of each coordinate are parameters."""

    dim: int
    family: str

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Location 0 and scale 1, whatever the generators."""
        device = generators[0].device
        zeros = torch.zeros(len(generators), 1, self.dim, device=device)
        return {"marginal.location": zeros, "marginal.log_scale": zeros.clone()}

    def log_density(self, parameters: Parameters, z: Tensor) -> Tensor:
        """Log q(z) of z (S, n, dz). Returns (S, n)."""
        return log_density(self.family, z, parameters["marginal.location"], parameters["marginal.log_scale"])
