"""What estimators with one critic T(x, z) have in common."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.engine.networks import Network, Said
from mine.estimators.interface import Critic, Inputs, Looking, Outputs, State


@dataclass(frozen=True)
class OfCritic(Looking):
    """An estimator whose only network is the critic, and which remembers nothing."""

    critic: Critic
    closed_form = False

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return self.critic.networks

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        return self.critic.inputs(x, z, z_product, rolls)

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Estimator."""
        return self.critic.read(said, z)

    def start(self, outputs: Outputs) -> State:
        """See Estimator."""
        return ()


class OfDensities(Looking):
    """An estimator without a critic, which remembers nothing."""

    critic = None
    closed_form = False

    def start(self, outputs: Outputs) -> State:
        """See Estimator."""
        return ()
