"""MINE and the batch Donsker-Varadhan bound: the objectives of ``mine.objectives`` among the other estimators."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import log_mean_exp, mean
from mine.objectives import BiasedStable, EmaLog, Objective


@dataclass(frozen=True)
class DonskerVaradhan(OfCritic):
    """An objective of ``mine.objectives``, which says how much T of each product pair weighs in the gradient.

    The value is E_P[T] - log E_Q[e^T]. Source: Donsker & Varadhan 1983; Belghazi et al. 2018, section 3.2
    (its eq. 12 is the gradient of a batch).
    """

    objective: Objective
    bound = LOWER
    value_is = "Donsker-Varadhan value: at the population a lower bound of I; from a batch biased upward, no bound"
    shift_invariant = True

    def start(self, outputs: Outputs) -> State:
        """See Estimator."""
        return self.objective.init(outputs["product"].detach().flatten(1))

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """A surrogate whose gradient is the objective's: w is held fixed, as v is in Algorithm 1."""
        product = outputs["product"].flatten(1)
        batch, state = self.objective(outputs["joint"].detach(), product.detach(), state)
        surrogate = (batch.product_weights * product).sum(1) - mean(outputs["joint"])
        return Loss(surrogate, batch.log_ema), state

    def value(self, outputs: Outputs) -> Tensor:
        """Mean T over joint pairs - log mean e^T over product pairs."""
        return mean(outputs["joint"]) - log_mean_exp(outputs["product"])


def build(name: str, parts: Parts) -> DonskerVaradhan:
    """``biased-stable`` or ``ema-log``."""
    settings = parts.settings
    objective = BiasedStable() if name == "biased-stable" else EmaLog(settings.ema_rate, settings.ema_init)
    return DonskerVaradhan(parts.critic(), objective)
