"""Dense correlation: every two coordinates of X and Z are correlated alike, each by one factor that all share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Generator, Tensor

from mine.gaussian import sample_normals
from mine.tasks.checks import check_dim
from mine.tasks.interface import OfOneDim


@dataclass(frozen=True)
class Dense(OfOneDim):
    """(X, Z) normal in R^2d, all variances 1 and all correlations rho >= 0. See Task."""

    dim: int
    mi: float
    rho: float
    name: str = "dense"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task. sqrt(rho) times the factor, and noise of each coordinate's own."""
        normals = sample_normals((*shape, 2 * self.dim + 1), generators)
        both = math.sqrt(self.rho) * normals[..., :1] + math.sqrt(1.0 - self.rho) * normals[..., 1:]
        return both[..., : self.dim].contiguous(), both[..., self.dim :].contiguous()

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. R_k's inverse is (I - rho J / (1 + (k - 1) rho)) / (1 - rho), J all ones: only sums stay."""
        of_x, of_z = x.double().sum(-1), z.double().sum(-1)
        joint = (of_x + of_z).square() / _largest(2 * self.dim, self.rho)
        apart = (of_x.square() + of_z.square()) / _largest(self.dim, self.rho)
        return self.mi + 0.5 * self.rho / (1.0 - self.rho) * (joint - apart)


def of_rho(dim: int, rho: float) -> Dense:
    """The task at 0 <= rho < 1; I(X; Z) = ln |R_d| - 1/2 ln |R_2d|, |R_k| = (1 - rho)^(k - 1) (1 + (k - 1) rho).

    Source: Czyz et al. 2023 (arXiv 2306.11078), the dense multinormal tasks.
    """
    check_dim(dim)
    mi = math.log(_largest(dim, rho)) - 0.5 * math.log(_largest(2 * dim, rho)) - 0.5 * math.log1p(-rho)
    return Dense(dim, mi, rho)


def _largest(k: int, rho: float) -> float:
    """Largest eigenvalue of R_k, the k x k matrix of ones on the diagonal and rho beside it."""
    return 1.0 + (k - 1) * rho
