"""What estimators with one critic T(x, z) have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.estimators.interface import Critic, Outputs, Parameters, State


@dataclass(frozen=True)
class OfCritic:
    """An estimator whose only network is the critic, and which remembers nothing."""

    critic: Critic
    has_critic = True

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Estimator."""
        return self.critic.init(generators)

    def start(self, outputs: Outputs) -> State:
        """See Estimator."""
        return ()

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Estimator."""
        return self.critic.outputs(parameters, x, z, rolls)
