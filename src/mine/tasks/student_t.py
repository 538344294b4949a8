"""Multivariate Student-t: X and Z share one random scale, so they depend on each other even without correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import multivariate_t
from torch import Generator, Tensor

from mine.gaussian import sample_joint, sample_normals
from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.gaussian import correlation
from mine.tasks.interface import OfOneDim
from mine.tasks.stacks import per_run

DOF = 5
"""Degrees of freedom where a mutual information is asked for, our choice: four moments exist, and the tails are still
far from normal."""

_LEAST_SCALE = 1e-8
"""Float32 normals are exactly 0 about once in 2^24: a scale of one of them would make infinite pairs."""


@dataclass(frozen=True)
class StudentT(OfOneDim):
    """(X, Z) ~ t of dof degrees of freedom in R^2d, its dispersion matrix [[I, rho I], [rho I, I]]. See Task."""

    dim: int
    mi: float
    rho: float
    dof: int = DOF
    name: str = "student-t"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task. Normal pairs over sqrt(chi^2 / dof), the chi^2 a sum of dof squared normals."""
        x, z = sample_joint((*shape, self.dim), self.rho, generators)
        scale = per_run(_root_mean_square, sample_normals((*shape, self.dof), generators)).clamp_min(_LEAST_SCALE)
        return x / scale, z / scale

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. From the density of a t in R^k, with lgamma((dof + k) / 2) in its constant."""
        x, z = x.double(), z.double()
        half, rho = 0.5 * (self.dof + self.dim), self.rho
        of_x, of_z = x.square().sum(-1), z.square().sum(-1)
        of_both = (of_x + of_z - 2.0 * rho * (x * z).sum(-1)) / (1.0 - rho * rho)
        constant = math.lgamma(half + 0.5 * self.dim) + math.lgamma(0.5 * self.dof) - 2.0 * math.lgamma(half)
        constant -= 0.5 * self.dim * math.log1p(-rho * rho)
        of_x, of_z, of_both = (torch.log1p(each / self.dof) for each in (of_x, of_z, of_both))
        return constant + half * (of_x + of_z) - (half + 0.5 * self.dim) * of_both


def student_t(dim: int, mi: float) -> StudentT:
    """The task at c <= mi <= 10 d + c nats, c being ``common_scale(dim)``. Raises UserError outside."""
    check_dim(dim)
    common = common_scale(dim)
    why = f"{DOF} degrees of freedom have {common:.6g} nats without any correlation"
    mi = check_mi("student-t", dim, mi, common, common + MAX_PER_COORDINATE * dim, why)
    return StudentT(dim, mi, correlation((mi - common) / dim))


def of_dof(dim: int, dof: int) -> StudentT:
    """The task without correlation, of a whole number of degrees of freedom, at least 1."""
    check_dim(dim)
    return StudentT(dim, common_scale(dim, dof), 0.0, dof)


def common_scale(dim: int, dof: int = DOF) -> float:
    """c(dof, d) = 2 h_d - h_2d in nats, h_k the entropy of a standard t in R^k: I(X; Z) at rho = 0.

    With correlation I(X; Z) = -d/2 ln(1 - rho^2) + c. Source: Arellano-Valle et al. 2013, as used by Czyz et al. 2023
    (arXiv 2306.11078).
    """
    one, both = (float(multivariate_t(shape=np.eye(k), df=dof).entropy()) for k in (dim, 2 * dim))
    return 2.0 * one - both


def _root_mean_square(normals: Tensor) -> Tensor:
    return normals.square().mean(-1, keepdim=True).sqrt()
