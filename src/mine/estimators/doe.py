"""DoE: mutual information as a difference of entropies, each bounded by a cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.engine.networks import Network, Said
from mine.estimators.base import OfDensities
from mine.estimators.densities import Conditional, Marginal, log_density
from mine.estimators.interface import NEITHER, Inputs, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class Doe(OfDensities):
    """E_P[log q(z|x)] - E[log q(z)]: H(Z) - H(Z|X) with each entropy's cross-entropy in its place.

    Each density is trained by maximum likelihood. With Gaussian densities the family contains the answer on Gaussian
    data. Source: McAllester & Stratos 2020 (arXiv:1811.04251), the difference of entropies (DoE), with the two families
    of the authors' code (karlstratos/doe).
    """

    marginal: Marginal
    conditional: Conditional
    bound = NEITHER
    value_is = "neither bound: a difference of two upper bounds of entropies"
    shift_invariant = False

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return self.marginal.networks + self.conditional.networks

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        return {self.conditional.network.name: x}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """``conditional`` and ``marginal``, (S, n): log q(z|x) and log q(z) of each pair."""
        of_z = log_density(self.conditional.family, z, *self.conditional.parts(said))
        return {"conditional": of_z, "marginal": self.marginal.log_density(said, z)}

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The two cross-entropies, added up: neither density's parameters are in the other's."""
        return Loss(-mean(outputs["conditional"]) - mean(outputs["marginal"])), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["conditional"]) - mean(outputs["marginal"])


def build(name: str, parts: Parts) -> Doe:
    """``doe-gaussian`` or ``doe-logistic``."""
    family = name.removeprefix("doe-")
    return Doe(parts.marginal(family), parts.conditional(family))
