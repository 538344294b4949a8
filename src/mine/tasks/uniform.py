"""Uniform X with uniform noise added: a bounded density with edges, where nothing is normal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.special import lambertw
from torch import Generator, Tensor

from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.interface import Task

MIN_PER_COORDINATE = 1e-4
"""Smallest mutual information of a pair of coordinates, nats. The noise is then 5,000 times as wide as X; with much
wider noise float32 would no longer resolve X in the sum."""


@dataclass(frozen=True)
class Uniform(Task):
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


def uniform(dim: int, mi: float) -> Uniform:
    """The task at 0.0001 d <= mi <= 10 d nats. Raises UserError outside: no noise of finite width gives 0."""
    check_dim(dim)
    why = "0 would need noise of infinite width"
    mi = check_mi("uniform", dim, mi, MIN_PER_COORDINATE * dim, MAX_PER_COORDINATE * dim, why)
    return Uniform(dim, mi, half_width(mi / dim))


def half_width(mi: float) -> float:
    """Half-width eps of the noise at which one pair of coordinates has ``mi`` nats.

    I(X; Z) = 1 / (4 eps) for eps >= 1/2 and eps - ln(2 eps) below; the second is solved by Lambert's W.
    Source: Czyz et al. 2023 (arXiv 2306.11078), the additive noise tasks; from h(X + N) - h(N).
    """
    if mi <= 0.5:
        return 0.25 / mi
    return float(-lambertw(-0.5 * math.exp(-mi)).real)
