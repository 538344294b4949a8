"""A class and its features: Z is one of several classes, X normal about the class's centre."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.errors import UserError
from mine.gaussian import sample_normals
from mine.tasks.interface import Task
from mine.tasks.variates import categories

STEP, REACH = 0.05, 9.0
"""Of the grid that the mutual information is summed on: spacing, and how far it goes beyond the centres."""


@dataclass(frozen=True)
class Labels(Task):
    """Z one of 0, ..., classes - 1, all equally likely; X ~ N(centre of Z, I) in R^dim_x. See Task.

    The centres lie on a circle of this radius about 0 in the plane of the first two coordinates, equally far apart.
    """

    dim_x: int
    mi: float
    classes: int
    radius: float
    dim_z: int = 1
    name: str = "labels"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        z = categories(self.classes, shape, generators)
        x = sample_normals((*shape, self.dim_x), generators)
        x[..., :2] += _centres(self.classes, self.radius).to(x)[z.long()]
        return x, z[..., None]

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln P(z | x) + ln classes; by Bayes, as all centres are as far from 0."""
        return _log_ratio(x, _centres(self.classes, self.radius).to(x.device)).gather(-1, z.long())[..., 0]


def of_radius(dim: int, classes: int, radius: float) -> Labels:
    """The task in dim >= 2 dimensions. Raises UserError for a smaller dim.

    I(X; Z) is by symmetry the mean of ln P(z | x) + ln classes over x of class 0, a trapezoidal sum over a grid of the
    plane, STEP apart.
    """
    if dim < 2:
        raise UserError(f"dim: {dim!r} is not a whole number of at least 2")
    centres, reach = _centres(classes, radius), radius + REACH
    grid = torch.linspace(-reach, reach, math.ceil(2.0 * reach / STEP) + 1, dtype=torch.float64)
    x = torch.cartesian_prod(grid, grid)
    density = (-0.5 * (x - centres[0]).square().sum(-1)).exp() / (2.0 * math.pi)
    mi = (density * _log_ratio(x, centres)[:, 0]).sum() * (grid[1] - grid[0]) ** 2
    return Labels(dim, float(mi), classes, radius)


def _centres(classes: int, radius: float) -> Tensor:
    """Float64 (classes, 2)."""
    angles = 2.0 * math.pi * torch.arange(classes, dtype=torch.float64) / classes
    return radius * torch.stack([angles.cos(), angles.sin()], -1)


def _log_ratio(x: Tensor, centres: Tensor) -> Tensor:
    """Of every class, (..., classes)."""
    return torch.log_softmax(x[..., :2].double() @ centres.T, -1) + math.log(len(centres))
