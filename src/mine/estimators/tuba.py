"""TUBA: NWJ with a learned baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, Parameters, State
from mine.estimators.networks import Mlp
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class WithBaseline(OfCritic):
    """A critic and a network for log a(z), ``log_baseline`` (S, n) of the outputs."""

    baseline: Mlp

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Estimator."""
        return self.critic.init(generators) | self.baseline.init(generators)

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Estimator."""
        outputs = self.critic.outputs(parameters, x, z, rolls)
        return outputs | {"log_baseline": self.baseline(parameters, z)[:, :, 0]}


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
        return 1.0 + mean(outputs["joint"] - log_a) - mean((outputs["product"] - log_a[:, :, None]).exp())


def build(name: str, parts: Parts) -> Tuba:
    """``tuba``."""
    return Tuba(parts.critic(), parts.baseline())
