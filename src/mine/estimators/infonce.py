"""InfoNCE: which of K x's belongs to this z?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, State
from mine.estimators.parts import Parts


@dataclass(frozen=True)
class InfoNce(OfCritic):
    """Mean over pairs of log( e^T(x_i, z_i) / mean over K of e^T(x_j, z_i) ), x_i itself among the K.

    K is the batch size. Source: van den Oord, Li & Vinyals 2018 (arXiv:1807.03748), the InfoNCE loss; Poole et al.
    2019, I_NCE, with the log K that makes a bound of it.
    """

    bound = LOWER
    value_is = "lower bound of I in expectation, and never above log K, K being the batch size"
    shift_invariant = True

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The value, to be ascended."""
        return Loss(-self.value(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        joint = outputs["joint"]
        all_of_row = torch.cat([joint[:, :, None], outputs["product"]], 2)
        return (joint - all_of_row.logsumexp(2)).mean(1) + math.log(all_of_row.shape[2])


def build(name: str, parts: Parts) -> InfoNce:
    """``infonce``."""
    return InfoNce(parts.critic())
