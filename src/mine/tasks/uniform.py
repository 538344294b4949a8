"""Uniform X with uniform noise added: a bounded density with edges, where nothing is normal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.special import lambertw
from torch import Generator, Tensor

from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.interface import OfOneDim

MIN_PER_COORDINATE = 1e-4
"""Smallest mutual information of a pair of coordinates, nats. The noise is then 5,000 times as wide as X; with much
wider noise float32 would no longer resolve X in the sum."""

_ROUNDING = 2.0**-23


@dataclass(frozen=True)
class Uniform(OfOneDim):
    """X uniform on (0, 1)^d, Z = X + N, N uniform on (-half_width, half_width)^d. See Task."""

    dim: int
    mi: float
    half_width: float
    name: str = "uniform"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x, noise = torch.empty(2, len(generators), *shape, self.dim, device=generators[0].device)
        for run, noise_of_run, generator in zip(x, noise, generators, strict=True):
            run.uniform_(generator=generator)
            noise_of_run.uniform_(generator=generator)
        return x, x + self.half_width * (2.0 * noise - 1.0)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. Minus infinity where some |z_i - x_i| is more than half_width."""
        x, z, eps = x.double(), z.double(), self.half_width
        # z was rounded to float32 after it was made: at the edge it may lie that much outside.
        near = (z - x).abs() <= eps + _ROUNDING * (1.0 + eps)
        overlap = torch.minimum(z + eps, torch.ones_like(z)) - torch.maximum(z - eps, torch.zeros_like(z))
        return torch.where(near, -overlap.clamp_min(_ROUNDING).log(), -math.inf).sum(-1)


def of_half_width(dim: int, half_width: float) -> Uniform:
    """The task with noise of this half-width, more than 0. Raises UserError for a d below 1."""
    check_dim(dim)
    return Uniform(dim, dim * information(half_width), half_width)


def uniform(dim: int, mi: float) -> Uniform:
    """The task at 0.0001 d <= mi <= 10 d nats. Raises UserError outside: no noise of finite width gives 0."""
    check_dim(dim)
    why = "0 would need noise of infinite width"
    mi = check_mi("uniform", dim, mi, MIN_PER_COORDINATE * dim, MAX_PER_COORDINATE * dim, why)
    return Uniform(dim, mi, half_width(mi / dim))


def information(half_width: float) -> float:
    """Mutual information of one pair of coordinates, nats: 1 / (4 eps) for eps >= 1/2, eps - ln(2 eps) below.

    Source: Czyz et al. 2023 (arXiv 2306.11078), the additive noise tasks; from h(X + N) - h(N).
    """
    return 0.25 / half_width if half_width >= 0.5 else half_width - math.log(2.0 * half_width)


def half_width(mi: float) -> float:
    """Half-width eps of the noise at which one pair of coordinates has ``mi`` nats.

    The inverse of ``information``; its second branch is solved by Lambert's W.
    """
    if mi <= 0.5:
        return 0.25 / mi
    return float(-lambertw(-0.5 * math.exp(-mi)).real)
