"""Correlated Gaussians seen through invertible functions of X alone and of Z alone, which leave I(X; Z) as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.tasks.gaussian import Gaussian, gaussian_as
from mine.tasks.interface import Task
from mine.tasks.stacks import per_run

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Transformed(Task):
    """X = of_x(X'), Z = of_z(Z') coordinate by coordinate, (X', Z') being the base's. See Task."""

    base: Gaussian
    of_x: Function
    of_z: Function

    @property
    def name(self) -> str:
        """See Task."""
        return self.base.name

    @property
    def dim(self) -> int:
        """See Task."""
        return self.base.dim

    @property
    def mi(self) -> float:
        """See Task."""
        return self.base.mi

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x, z = self.base.sample(shape, generators)
        return per_run(self.of_x, x), per_run(self.of_z, z)


def cubic(dim: int, mi: float) -> Transformed:
    """Z = Z'^3, X as it is. 0 <= mi <= 10 d nats, else UserError.

    Source: Song and Ermon 2020 (arXiv 1910.06222), the cubic task, after Poole et al. 2019 (arXiv 1905.06922).
    """
    return Transformed(gaussian_as("cubic", dim, mi), _same, _cube)


def half_cube(dim: int, mi: float) -> Transformed:
    """Each v becomes v sqrt(|v|), in X and in Z, which makes the tails longer.

    0 <= mi <= 10 d nats, else UserError.
    Source: Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), the half-cube tasks.
    """
    return Transformed(gaussian_as("half-cube", dim, mi), _half_cube, _half_cube)


def asinh(dim: int, mi: float) -> Transformed:
    """Inverse hyperbolic sine of both, which makes the tails shorter. 0 <= mi <= 10 d nats, else UserError.

    Source: Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), the asinh tasks.
    """
    return Transformed(gaussian_as("asinh", dim, mi), torch.asinh, torch.asinh)


def _same(v: Tensor) -> Tensor:
    return v


def _cube(v: Tensor) -> Tensor:
    return v * v * v


def _half_cube(v: Tensor) -> Tensor:
    return v * v.abs().sqrt()
