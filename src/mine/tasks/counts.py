"""A rate and the count that is seen of it, which now and then is 0 whatever the rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.tasks.interface import OfOneDim
from mine.tasks.variates import exponentials, poissons, uniforms

TERMS = 200
"""Of a series that falls like 2^-k."""


@dataclass(frozen=True)
class Counts(OfOneDim):
    """X exponential of mean 1; Z is 0 with probability ``share``, else a Poisson count of mean X. See Task."""

    mi: float
    share: float
    dim: int = 1
    name: str = "counts"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x = exponentials((*shape, 1), generators)
        seen = uniforms((*shape, 1), generators) >= self.share
        return x, seen * poissons(x, generators)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. P(z) of the counts alone is 2^-(z + 1)."""
        x, z, share = x.double()[..., 0], z.double()[..., 0], self.share
        counted = torch.special.xlogy(z, x) - x - torch.lgamma(z + 1.0) + (z + 1.0) * math.log(2.0)
        none = torch.log((share + (1.0 - share) * (-x).exp()) / (0.5 * (1.0 + share)))
        return torch.where(z == 0.0, none, counted)


def of_share(share: float) -> Counts:
    """The task at 0 < share < 1.

    Counts alone have I = 2 ln 2 - gamma - sum of 2^-k ln k, of which 1/2 ln 2 - 1/4 is due to zeros. The rest stays, as
    often as counts are seen; zeros now add the integral of g ln(2 g / (1 + share)) over u = e^-x in (0, 1), where g is
    share + (1 - share) u.

    Source: the pair is that of Gao et al. 2017, Estimating Mutual Information for Discrete-Continuous Mixtures, whose
    formula, (1 - share) times the counts' own, would hold if one were told which zeros were counted; the truth is less.
    """
    series = sum(math.log(k) * 2.0**-k for k in range(1, TERMS))
    counts_alone = 2.0 * math.log(2.0) - _EULER - series
    above_zero = counts_alone - (0.5 * math.log(2.0) - 0.25)
    # The antiderivative of g ln g is g^2/2 ln g - g^2/4, and that of u goes 1 - share times slower.
    of_logarithm = (-0.25 - (0.5 * share**2 * math.log(share) - 0.25 * share**2)) / (1.0 - share)
    zeros = of_logarithm - 0.5 * (1.0 + share) * math.log(0.5 * (1.0 + share))
    return Counts((1.0 - share) * above_zero + zeros, share)


_EULER = 0.57721566490153286
