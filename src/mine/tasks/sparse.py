"""Sparse correlation: two pairs of coordinates carry everything, the others are independent noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.gaussian import log_density_ratio, mutual_information, sample_normals
from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.gaussian import correlation
from mine.tasks.interface import OfOneDim

CORRELATED = 2
"""Coordinates that are correlated, the first ones; 1 at d = 1."""


@dataclass(frozen=True)
class Sparse(OfOneDim):
    """X and Z standard normal in R^d; the first coordinates of Z correlated by rho with the same of X. See Task."""

    dim: int
    mi: float
    rho: float
    name: str = "sparse"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x = sample_normals((*shape, self.dim), generators)
        noise = sample_normals((*shape, self.dim), generators)
        of_x, of_noise = torch.zeros(self.dim, device=x.device), torch.ones(self.dim, device=x.device)
        of_x[:CORRELATED] = self.rho
        of_noise[:CORRELATED] = math.sqrt(1.0 - self.rho * self.rho)
        return x, of_x * x + of_noise * noise

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task."""
        return log_density_ratio(x[..., :CORRELATED], z[..., :CORRELATED], self.rho)


def of_rho(dim: int, rho: float) -> Sparse:
    """The task at -1 < rho < 1. Raises UserError outside, and for a d below 1."""
    check_dim(dim)
    return Sparse(dim, mutual_information(min(CORRELATED, dim), rho), rho)


def sparse(dim: int, mi: float) -> Sparse:
    """The task at 0 <= mi <= 20 nats (10 at d = 1). Raises UserError outside, and for a d below 1.

    Source: Czyz et al. 2023 (arXiv 2306.11078), the 2-pair tasks, without their noise shared by the coordinates.
    """
    check_dim(dim)
    correlated = min(CORRELATED, dim)
    why = f"{correlated} of its coordinates {'is' if correlated == 1 else 'are'} correlated"
    mi = check_mi("sparse", dim, mi, 0.0, MAX_PER_COORDINATE * correlated, why)
    return Sparse(dim, mi, correlation(mi / correlated))
