"""A noisy manifold: X and Z are two noisy views of one point of the unit circle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import i0e
from torch import Generator, Tensor

from mine.errors import UserError
from mine.gaussian import sample_normals
from mine.tasks.interface import OfOneDim
from mine.tasks.stacks import per_run
from mine.tasks.variates import uniforms

NODES, REACH = 96, 9.0
"""Of the quadrature: nodes in each direction, and how many deviations of the noise it goes beyond the circle."""


@dataclass(frozen=True)
class Circle(OfOneDim):
    """X = (cos A, sin A, 0, ...) + noise and Z the same of one A, uniform, with noise of its own. See Task.

    deviation: of the noise in each of the ``dim`` coordinates.
    """

    dim: int
    mi: float
    deviation: float
    name: str = "circle"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        angle = 2.0 * math.pi * uniforms(shape, generators)
        point = per_run(lambda run: torch.stack([run.cos(), run.sin()], -1), angle)
        x, z = (self.deviation * sample_normals((2, *shape, self.dim), generators)).unbind(1)
        x[..., :2] += point
        z[..., :2] += point
        return x.contiguous(), z.contiguous()

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln I_0(|x + z| / s^2) - ln I_0(|x| / s^2) - ln I_0(|z| / s^2) of the plane's coordinates."""
        x, z = x[..., :2].double(), z[..., :2].double()
        both, of_x, of_z = ((v.square().sum(-1).sqrt() / self.deviation**2) for v in (x + z, x, z))
        return _log_i0(both) - _log_i0(of_x) - _log_i0(of_z)


def of_deviation(dim: int, deviation: float) -> Circle:
    """The task in R^dim, dim >= 2, with noise of this deviation. Raises UserError for a smaller dim.

    The density of a view is a normal one about each point of the circle, averaged over its angle, which is where the
    Bessel function I_0 comes from. I(X; Z) is the mean of the log ratio over the lengths r and s of the views' plane
    parts and the angle between them, of density r s e^(-(r^2 + s^2 + 2) / 2 v) I_0(|x + z| / v) / (2 pi v^2), v the
    noise's variance: by Gauss and Legendre over the lengths, by the trapezoidal rule over the angle.
    """
    if dim < 2:
        raise UserError(f"dim: {dim!r} is not a whole number of at least 2")
    variance, reach = deviation**2, REACH * deviation
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    low, high = max(0.0, 1.0 - reach), 1.0 + reach
    lengths, weights = 0.5 * (low + high) + 0.5 * (high - low) * nodes, 0.5 * (high - low) * weights
    r, s = lengths[:, None, None], lengths[:, None]
    angles = 2.0 * math.pi * np.arange(NODES) / NODES
    both = np.sqrt(np.maximum(r * r + s * s + 2.0 * r * s * np.cos(angles), 0.0)) / variance
    bessel_r, bessel_s = _log_bessel(r / variance), _log_bessel(s / variance)
    log_both = _log_bessel(both)
    log_density = np.log(r * s) - (r * r + s * s + 2.0) / (2.0 * variance) + log_both
    density = np.exp(log_density) / (2.0 * math.pi * variance**2)
    mean = (density * (log_both - bessel_r - bessel_s)).mean(2) * 2.0 * math.pi
    return Circle(dim, float(weights @ mean @ weights), deviation)


def _log_i0(v: Tensor) -> Tensor:
    return torch.special.i0e(v).log() + v


def _log_bessel(v: np.ndarray) -> np.ndarray:
    return np.log(i0e(v)) + v
