"""NWJ, the f-divergence bound of the Kullback-Leibler divergence."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class Nwj(OfCritic):
    """E_P[T] - E_Q[e^(T-1)], largest at T = 1 + log dP/dQ.

    Source: Nguyen, Wainwright & Jordan 2010; Poole et al. 2019, I_NWJ. Belghazi et al. 2018 call it MINE-f.
    """

    bound = LOWER
    value_is = "lower bound of I in expectation, for any T; its variance grows with e^I"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The value, to be ascended."""
        return Loss(-self.value(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["joint"]) - mean((outputs["product"] - 1.0).exp())


def build(name: str, parts: Parts) -> Nwj:
    """``nwj``."""
    return Nwj(parts.critic())
