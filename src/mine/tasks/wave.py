"""A relation that no monotone or linear measure sees: a sine of a uniform variable, with normal noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.gaussian import sample_normals
from mine.tasks.interface import OfOneDim
from mine.tasks.stacks import per_run
from mine.tasks.variates import uniforms

NODES, STEP, REACH = 64, 0.02, 10.0
"""Nodes of the sine's law; spacing of the grid of z and how far it goes beyond the sine, in the noise's deviations."""


@dataclass(frozen=True)
class Wave(OfOneDim):
    """X uniform on (0, 1), Z = sin(2 pi periods X) + N(0, deviation^2). See Task."""

    mi: float
    periods: int
    deviation: float
    dim: int = 1
    name: str = "wave"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x = uniforms((*shape, 1), generators)
        sine = per_run(lambda run: torch.sin(2.0 * math.pi * self.periods * run), x)
        return x, sine + self.deviation * sample_normals((*shape, 1), generators)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. The marginal of z as in ``of_deviation``."""
        x, z = x.double()[..., 0], z.double()[..., 0]
        off = (z - torch.sin(2.0 * math.pi * self.periods * x)) / self.deviation
        return -0.5 * off.square() - _log_mean_kernel(z, self.deviation)


def of_deviation(periods: int, deviation: float) -> Wave:
    """The task with noise of a deviation of at least 0.1; how many periods there are changes no information.

    The sine of a uniform angle has the density 1 / (pi sqrt(1 - s^2)), so that p(z) is a mean over Chebyshev's NODES of
    s. I(X; Z) = h(Z) - h(N): h(Z) by the trapezoidal rule on a grid of z.
    """
    reach = 1.0 + REACH * deviation
    z = torch.linspace(-reach, reach, math.ceil(2.0 * reach / (STEP * deviation)) + 1, dtype=torch.float64)
    log_kernel = _log_mean_kernel(z, deviation)
    density = log_kernel.exp() / (deviation * math.sqrt(2.0 * math.pi))
    # h(N) = 1/2 + ln(deviation sqrt(2 pi)), and the same logarithm is in ln p(z).
    mi = -float((density * log_kernel).sum() * (z[1] - z[0])) - 0.5
    return Wave(mi, periods, deviation)


def _log_mean_kernel(z: Tensor, deviation: float) -> Tensor:
    """Ln of the mean of e^(-(z - s)^2 / (2 deviation^2)) over s, z (...)."""
    angles = math.pi * (torch.arange(NODES, dtype=torch.float64, device=z.device) + 0.5) / NODES
    off = (z[..., None] - angles.cos()) / deviation
    return torch.logsumexp(-0.5 * off.square(), -1) - math.log(NODES)
