"""CLUB: a contrastive upper bound, where the conditional density is known."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.engine.networks import Network, Said
from mine.estimators.base import OfDensities
from mine.estimators.critics import off_diagonal
from mine.estimators.densities import Conditional, log_density
from mine.estimators.interface import UPPER, Inputs, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class Club(OfDensities):
    """E_P[log q(z|x)] - E_Q[log q(z|x)] with q trained by maximum likelihood.

    An upper bound of I only for q(z|x) = p(z|x), the true conditional; of a learned q it need not be one. E_Q is taken
    over other x's only; the paper's sample estimate has a z's own x among them, which makes it (n - 1) / n of this.
    Source: Cheng et al. 2020, I_CLUB and, with a learned q, I_vCLUB; the authors' mi_estimators.py (Linear95/CLUB).
    """

    conditional: Conditional
    bound = UPPER
    value_is = "upper bound of I with the true conditional q(z|x) only; of a learned one it need not be"
    shift_invariant = False

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return self.conditional.networks

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        return {self.conditional.network.name: x}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """``conditional`` (S, n): log q(z_i|x_i); ``others`` (S, n, n - 1): log q(z_i|x_j) of every other x."""
        location, log_scale = self.conditional.parts(said)
        of_all = log_density(self.conditional.family, z[:, :, None], location[:, None], log_scale[:, None])
        return {"conditional": of_all.diagonal(dim1=1, dim2=2), "others": off_diagonal(of_all)}

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The cross-entropy of q(z|x)."""
        return Loss(-mean(outputs["conditional"])), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["conditional"]) - mean(outputs["others"])


def build(name: str, parts: Parts) -> Club:
    """``club``, with a Gaussian q(z|x)."""
    return Club(parts.conditional("gaussian"))
