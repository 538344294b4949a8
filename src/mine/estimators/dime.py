"""f-DIME: train on any f-divergence, and read the log density ratio off at the joint pairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import NEITHER, Loss, Outputs, State
from mine.estimators.jensen_shannon import classification_loss
from mine.estimators.parts import Parts
from mine.estimators.values import mean


@dataclass(frozen=True)
class Dime(OfCritic):
    """The value is E_P[T], T being log dP/dQ where training has succeeded. There is no product term in it.

    divergence: which one training ascends, each written in T, and largest at T = log dP/dQ:
        ``kl``         E_P[T] - E_Q[e^T]
        ``gan``        - E_P[softplus(-T)] - E_Q[softplus(T)]
        ``hellinger``  - E_P[e^(-T/2)] - E_Q[e^(T/2)]
    Source: Letizia, Novello & Tonello 2024 (arXiv:2305.20025) and their code (nicolaNovello/fDIME): J_KL, J_GAN and
    J_HD there, less a constant, with D = e^T, 1 / (1 + e^T) and e^(-T/2). Their networks end in a softplus or a sigmoid
    and give D; here T is the network's own output, as of every other estimator.
    """

    divergence: str
    bound = NEITHER
    value_is = "neither bound: the mean of an estimated log density ratio over joint pairs"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The divergence's variational form, sign changed."""
        joint, product = outputs["joint"], outputs["product"]
        if self.divergence == "gan":
            return Loss(classification_loss(outputs)), state
        if self.divergence == "hellinger":
            return Loss(mean((-0.5 * joint).exp()) + mean((0.5 * product).exp())), state
        return Loss(mean(product.exp()) - mean(joint)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return mean(outputs["joint"])


def build(name: str, parts: Parts) -> Dime:
    """``kl-dime``, ``gan-dime`` or ``hd-dime``."""
    divergence = {"kl-dime": "kl", "gan-dime": "gan", "hd-dime": "hellinger"}[name]
    return Dime(parts.critic(), divergence)
