"""Jensen-Shannon: a classifier of joint against product pairs, and NWJ's value at its critic."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean, softplus


def classification_loss(outputs: Outputs) -> Tensor:
    """E_P[softplus(-T)] + E_Q[softplus(T)], (S,): twice the cross-entropy of telling joint from product pairs.

    Smallest at T = log dP/dQ, where it is 2 log 2 - 2 JS(P, Q). Source: Nowozin, Cseke & Tomioka 2016, eq. 7, with
    D = 1 / (1 + e^-T); Hjelm et al. 2019 (arXiv:1808.06670), the Jensen-Shannon estimator.
    """
    return mean(softplus(-outputs["joint"])) + mean(softplus(outputs["product"]))


@dataclass(frozen=True)
class JensenShannon(OfCritic):
    """Trained as a classifier; the value is NWJ's at 1 + T, E_P[T] + 1 - E_Q[e^T].

    T estimates log dP/dQ, and NWJ is largest at one more. Source: Poole et al. 2019, I_JS. Their notebook
    (google-research/vbmi) and Song & Ermon's code leave that 1 out, and so end 1/e below I where T is right.
    """

    bound = LOWER
    value_is = "lower bound of I in expectation, for any T; trained on another divergence"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """See classification_loss."""
        return Loss(classification_loss(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["joint"]) + 1.0 - mean(outputs["product"].exp())


def build(name: str, parts: Parts) -> JensenShannon:
    """``js``."""
    return JensenShannon(parts.critic())
