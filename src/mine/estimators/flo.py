"""FLO: contrastive Fenchel-Legendre optimisation, a second network in place of the log."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.engine.networks import Network, Said
from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Critic, Inputs, Loss, Outputs, State
from mine.estimators.parts import Parts


@dataclass(frozen=True)
class Flo(OfCritic):
    """1 - E[ u(x, z) + e^(-u(x, z)) mean_j e^(T(x_j, z) - T(x, z)) ], over joint pairs and other x_j.

    Largest at T = log dP/dQ, to which any function of z may be added, and u = -(pointwise mutual information). The two
    networks share nothing. Source: Guo et al. 2022 (arXiv:2107.01131), the FLO estimator, as in the authors' LossFLO
    (qingguo666/FLO), which contrasts a pair with other z's where this does with other x's.
    """

    u: Critic
    bound = LOWER
    value_is = "lower bound of I in expectation, for any T and u"
    shift_invariant = True

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return self.critic.networks + self.u.networks

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        return self.critic.inputs(x, z, z_product, rolls) | self.u.joint_inputs(x, z)

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Estimator; ``u`` (S, n) as well."""
        return self.critic.read(said, z) | {"u": self.u.read_joint(said)}

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The value, to be ascended in T and in u."""
        return Loss(-self.value(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        u = outputs["u"]
        contrast = (outputs["product"] - (outputs["joint"] + u)[:, :, None]).exp()
        return 1.0 - (u + contrast.mean(2)).mean(1)


def build(name: str, parts: Parts) -> Flo:
    """``flo``."""
    return Flo(parts.critic(), parts.critic("u"))
