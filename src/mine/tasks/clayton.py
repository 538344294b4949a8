"""Clayton's copula: uniform coordinates that share one gamma frailty, and fall together into the lower corner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import digamma
from torch import Generator, Tensor

from mine.tasks.checks import check_dim
from mine.tasks.interface import OfOneDim
from mine.tasks.stacks import per_run
from mine.tasks.variates import exponentials, gammas


@dataclass(frozen=True)
class Clayton(OfOneDim):
    """(X, Z) of Clayton's copula in 2 dim coordinates, of parameter theta = 2 / halves. See Task."""

    dim: int
    mi: float
    halves: int
    name: str = "clayton"

    @property
    def theta(self) -> float:
        """More is more dependent."""
        return 2.0 / self.halves

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task. (1 + E / W)^(-1 / theta), W ~ Gamma(1 / theta) of all and each coordinate's E of mean 1.

        Source: Marshall and Olkin 1988, Families of Multivariate Distributions, JASA 83.
        """
        frailty = gammas(self.halves, shape, generators)[..., None]
        over = exponentials((*shape, 2 * self.dim), generators) / frailty
        both = per_run(lambda run: (-run.log1p() / self.theta).exp(), over)
        return both[..., : self.dim].contiguous(), both[..., self.dim :].contiguous()

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln c_k is a constant - (1 + theta) sum ln u - (k + 1 / theta) ln(1 + sum(u^-theta - 1))."""
        k, inverse = self.dim, 1.0 / self.theta
        of_x, of_z = ((-self.theta * v.double().log()).expm1().sum(-1) for v in (x, z))
        joint = (2 * k + inverse) * (of_x + of_z).log1p()
        return _constant(k, self.theta) - joint + (k + inverse) * (of_x.log1p() + of_z.log1p())


def of_halves(dim: int, halves: int) -> Clayton:
    """The task of theta = 2 / halves, halves at least 1.

    1 + sum (u^-theta - 1) over k coordinates is 1 + Gamma(k) / Gamma(1 / theta), of mean logarithm
    digamma(k + 1 / theta) - digamma(1 / theta), which gives E[ln c_2d] - 2 E[ln c_d]. At d = 1 that is
    ln(1 + theta) - theta / (1 + theta).
    """
    check_dim(dim)
    theta, inverse = 2.0 / halves, 0.5 * halves

    def term(k: int) -> float:
        return (k + inverse) * float(digamma(k + inverse) - digamma(inverse))

    return Clayton(dim, _constant(dim, theta) - term(2 * dim) + 2.0 * term(dim), halves)


def _constant(dim: int, theta: float) -> float:
    """Of ln c_2d - 2 ln c_d."""
    return sum(math.log1p(j * theta) for j in range(dim, 2 * dim)) - sum(math.log1p(j * theta) for j in range(dim))
