"""FLO: contrastive Fenchel-Legendre optimisation, a second network in place of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Critic, Loss, Outputs, Parameters, State
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

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Estimator."""
        return self.critic.init(generators) | self.u.init(generators)

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Estimator; ``u`` (S, n) as well."""
        return self.critic.outputs(parameters, x, z, rolls) | {"u": self.u.joint(parameters, x, z)}

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
