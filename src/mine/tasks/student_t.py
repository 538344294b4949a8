"""Multivariate Student-t: X and Z share one random scale, so they depend on each other even without correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import multivariate_t
from torch import Generator, Tensor

from mine.gaussian import sample_joint, sample_normals
from mine.tasks.checks import MAX_PER_COORDINATE, check_dim, check_mi
from mine.tasks.gaussian import correlation
from mine.tasks.interface import Task
from mine.tasks.stacks import per_run

DOF = 5
"""Degrees of freedom, our choice: four moments exist, and the tails are still far from normal."""


@dataclass(frozen=True)
class StudentT(Task):
    """(X, Z) ~ t of DOF degrees of freedom in R^2d, its dispersion matrix [[I, rho I], [rho I, I]]. See Task."""

    dim: int
    mi: float
    rho: float
    name: str = "student-t"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task. Normal pairs over sqrt(chi^2 / DOF), the chi^2 a sum of DOF squared normals."""
        x, z = sample_joint((*shape, self.dim), self.rho, generators)
        scale = per_run(_root_mean_square, sample_normals((*shape, DOF), generators))
        return x / scale, z / scale


def student_t(dim: int, mi: float) -> StudentT:
    """The task at c <= mi <= 10 d + c nats, c being ``common_scale(dim)``. Raises UserError outside."""
    check_dim(dim)
    common = common_scale(dim)
    why = f"{DOF} degrees of freedom have {common:.6g} nats without any correlation"
    mi = check_mi("student-t", dim, mi, common, common + MAX_PER_COORDINATE * dim, why)
    return StudentT(dim, mi, correlation((mi - common) / dim))


def common_scale(dim: int) -> float:
    """c(DOF, d) = 2 h_d - h_2d in nats, h_k the entropy of a standard t in R^k: I(X; Z) at rho = 0.

    With correlation I(X; Z) = -d/2 ln(1 - rho^2) + c. Source: Arellano-Valle et al. 2013, as used by Czyz et al. 2023
    (arXiv 2306.11078).
    """
    one, both = (float(multivariate_t(shape=np.eye(k), df=DOF).entropy()) for k in (dim, 2 * dim))
    return 2.0 * one - both


def _root_mean_square(normals: Tensor) -> Tensor:
    return normals.square().mean(-1, keepdim=True).sqrt()
