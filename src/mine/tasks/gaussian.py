"""Correlated Gaussians, the toy data of ``mine.gaussian``, by mutual information instead of correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Generator, Tensor

from mine.gaussian import log_density_ratio, mutual_information, sample_joint, sample_normals
from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.interface import OfOneDim


@dataclass(frozen=True)
class Gaussian(OfOneDim):
    """X and Z standard normal in R^d, each coordinate of Z correlated by rho with the same one of X. See Task."""

    dim: int
    mi: float
    rho: float
    name: str = "gaussian"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        return sample_joint((*shape, self.dim), self.rho, generators)

    def sample_x(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
        """See Task."""
        return sample_normals((*shape, self.dim), generators)

    sample_z = sample_x

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task."""
        return log_density_ratio(x, z, self.rho)


def of_rho(dim: int, rho: float) -> Gaussian:
    """The task at -1 < rho < 1. Raises UserError outside, and for a d below 1."""
    return Gaussian(dim, mutual_information(dim, rho), rho)


def gaussian(dim: int, mi: float) -> Gaussian:
    """The task at 0 <= mi <= 10 d nats. Raises UserError outside, and for a d below 1."""
    return gaussian_as("gaussian", dim, mi)


def gaussian_as(name: str, dim: int, mi: float) -> Gaussian:
    """The same under the name of a task that is made of it."""
    check_dim(dim)
    mi = check_mi(name, dim, mi, 0.0, MAX_PER_COORDINATE * dim)
    return Gaussian(dim, mi, correlation(mi / dim), name)


def correlation(mi: float) -> float:
    """Rho >= 0 at which one pair of normal coordinates has ``mi`` nats: sqrt(1 - e^(-2 mi))."""
    return math.sqrt(-math.expm1(-2.0 * mi))
