"""A gamma variable and an exponential one whose rate it is: skewed, and the second with a tail like z^-(theta + 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import digamma
from torch import Generator, Tensor

from mine.tasks.interface import OfOneDim
from mine.tasks.variates import exponentials, gammas


@dataclass(frozen=True)
class GammaExponential(OfOneDim):
    """X ~ Gamma(theta), theta = halves / 2; Z exponential of rate X. See Task."""

    mi: float
    halves: int
    dim: int = 1
    name: str = "gamma-exponential"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x = gammas(self.halves, shape, generators)[..., None]
        return x, exponentials((*shape, 1), generators) / x

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. p(z | x) = x e^(-x z), and p(z) = theta / (1 + z)^(theta + 1)."""
        x, z, theta = x.double()[..., 0], z.double()[..., 0], 0.5 * self.halves
        return x.log() - x * z - math.log(theta) + (theta + 1.0) * z.log1p()


def of_halves(halves: int) -> GammaExponential:
    """The task of theta = halves / 2, halves at least 1; I(X; Z) = digamma(theta + 1) - ln theta.

    Source: Darbellay and Vajda 2000, Entropy expressions for multivariate continuous distributions, IEEE Transactions
    on Information Theory 46.
    """
    theta = 0.5 * halves
    return GammaExponential(float(digamma(theta + 1.0)) - math.log(theta), halves)
