"""Mixtures of normals: one pair of coordinates is made by one of several components, the others are noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.gaussian import sample_normals
from mine.tasks.checks import check_dim
from mine.tasks.interface import OfOneDim
from mine.tasks.variates import categories

STEP, REACH = 0.04, 9.0
"""Of the grid that the mutual information is summed on: spacing, and how far it goes beyond the outermost means."""

Component = tuple[float, float, float]
"""Mean of x, mean of z, their correlation; both variances are 1."""


@dataclass(frozen=True)
class Mixture(OfOneDim):
    """The first coordinates of X and Z are a pair of one component, all equally likely; the rest N(0, 1). See Task."""

    dim: int
    mi: float
    components: tuple[Component, ...]
    name: str = "mixture"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        which = categories(len(self.components), shape, generators).long()
        x, z = sample_normals((2, *shape, self.dim), generators).unbind(1)
        mean_x, mean_z, rho = x.new_tensor(self.components)[which].unbind(-1)
        first = torch.arange(self.dim, device=x.device) == 0
        of_pair = mean_z + rho * x[..., 0] + (1.0 - rho * rho).sqrt() * z[..., 0]
        return x + first * mean_x[..., None], torch.where(first, of_pair[..., None], z)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task."""
        return _log_ratio(self.components, x[..., 0].double(), z[..., 0].double())


def of_components(dim: int, *components: Component) -> Mixture:
    """The task in R^dim, its correlations between -1 and 1.

    I(X; Z) is the sum of p ln(p / (p_x p_z)) over a grid of the plane of the pair, STEP apart and REACH beyond the
    means: a trapezoidal sum of a smooth function that vanishes at its ends. Half the step changes no digit of 1e-9.
    """
    check_dim(dim)
    means = torch.tensor(components, dtype=torch.float64)[:, :2]
    low, high = float(means.min()) - REACH, float(means.max()) + REACH
    grid = torch.linspace(low, high, math.ceil((high - low) / STEP) + 1, dtype=torch.float64)
    x, z = torch.meshgrid(grid, grid, indexing="ij")
    log_joint = torch.logsumexp(_log_densities(components, x, z), 0) - math.log(len(components))
    summands = log_joint.exp() * _log_ratio(components, x, z)
    return Mixture(dim, float(summands.sum() * (grid[1] - grid[0]) ** 2), components)


def _log_ratio(components: Sequence[Component], x: Tensor, z: Tensor) -> Tensor:
    """Of the pair alone, x and z (...)."""
    joint = torch.logsumexp(_log_densities(components, x, z), 0)
    apart = [
        torch.logsumexp(torch.stack([-0.5 * (v - component[side]).square() for component in components]), 0)
        for side, v in enumerate((x, z))
    ]
    return joint + math.log(2.0 * math.pi) + math.log(len(components)) - apart[0] - apart[1]


def _log_densities(components: Sequence[Component], x: Tensor, z: Tensor) -> Tensor:
    """Of each component, (components, ...)."""
    values = []
    for mean_x, mean_z, rho in components:
        a, b, rest = x - mean_x, z - mean_z, 1.0 - rho * rho
        quadratic = (a * a - 2.0 * rho * a * b + b * b) / rest
        values.append(-0.5 * quadratic - math.log(2.0 * math.pi) - 0.5 * math.log(rest))
    return torch.stack(values)
