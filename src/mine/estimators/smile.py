"""SMILE: the Donsker-Varadhan value with its density ratio clipped."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import NEITHER, Loss, Outputs, State
from mine.estimators.jensen_shannon import classification_loss
from mine.estimators.parts import Parts
from mine.estimators.values import log_mean_exp, mean


@dataclass(frozen=True)
class Smile(OfCritic):
    """E_P[T] - log E_Q[clip(e^T, e^-tau, e^tau)], of a critic trained as a classifier.

    The paper says what is estimated; that the critic is trained as a classifier is what the authors' code does:
    smile_lower_bound of ermongroup/smile-mi-estimator has the gradient of js_fgan_lower_bound. tau: > 0.
    Source: Song & Ermon 2020 (arXiv:1910.06222), I_SMILE.
    """

    tau: float
    bound = NEITHER
    value_is = "neither bound: clipping lowers the variance and biases the value, upward where T exceeds tau"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """See classification_loss."""
        return Loss(classification_loss(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["joint"]) - log_mean_exp(outputs["product"].clamp(-self.tau, self.tau))


def build(name: str, parts: Parts) -> Smile:
    """``smile``."""
    return Smile(parts.critic(), parts.settings.smile_tau)
