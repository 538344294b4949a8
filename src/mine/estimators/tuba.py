"""TUBA: NWJ with a learned baseline."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mine.engine.networks import Mlp, Network, Said
from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Inputs, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class WithBaseline(OfCritic):
    """A critic and a network for log a(z), ``log_baseline`` (S, n) of the outputs.

    ``log_baseline_product`` (S, n, m): the same of the product pairs, where they have a z of their own.
    """

    baseline: Mlp

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return (*self.critic.networks, self.baseline)

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        of_z = z if z_product is None or self.critic.all_pairs else torch.cat([z, z_product], 1)
        return self.critic.inputs(x, z, z_product, rolls) | {self.baseline.name: of_z}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Estimator."""
        log_a, n = said[self.baseline.name], z.shape[1]
        outputs = self.critic.read(said, z) | {"log_baseline": log_a[:, :n, 0]}
        if log_a.shape[1] == n:
            return outputs
        return outputs | {"log_baseline_product": log_a[:, n:].view(len(log_a), -1, n).mT}


@dataclass(frozen=True)
class Tuba(WithBaseline):
    """1 + E_P[T - log a(z)] - E_Q[e^T / a(z)]. With a = e it is NWJ.

    Source: Poole et al. 2019, I_TUBA, after Barber & Agakov 2003.
    """

    bound = LOWER
    value_is = "lower bound of I in expectation, for any T and a > 0"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The value, to be ascended in T and in a."""
        return Loss(-self.value(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        log_a = outputs["log_baseline"]
        of_product = outputs.get("log_baseline_product", log_a[:, :, None])
        return 1.0 + mean(outputs["joint"] - log_a) - mean((outputs["product"] - of_product).exp())


def build(name: str, parts: Parts) -> Tuba:
    """``tuba``."""
    return Tuba(parts.critic(), parts.baseline())
