"""The alpha-interpolated bound: from NWJ's kind of bound to InfoNCE's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.estimators.interface import LOWER, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.tuba import WithBaseline
from mine.estimators.values import log_add_exp


@dataclass(frozen=True)
class Interpolated(WithBaseline):
    """1 + E[T(x_1, z) - log b] - E[e^T(x_1, z') / b'], b = alpha m(z; x_1..x_K) + (1 - alpha) a(z).

    m is the mean of e^T(x_k, z) over K x's: in the first term x_1 belongs to z, in the second none of them does.
    K is the batch size less one, since a batch has so many x's that do not belong to a z. alpha = 1 is InfoNCE of K
    pairs, alpha = 0 is TUBA. alpha: in [0, 1]. Source: Poole et al. 2019, I_alpha. Their notebook averages the first
    term over which of the other x's is left out, here it is the last: the same in expectation.
    """

    alpha: float
    bound = LOWER
    value_is = "lower bound of I in expectation, and never above 1 + log(K / alpha)"
    shift_invariant = False

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """The value, to be ascended in T and in a."""
        return Loss(-self.value(outputs)), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        joint, product, log_a = outputs["joint"], outputs["product"], outputs["log_baseline"]
        log_count = math.log(product.shape[2])
        log_m = product.logsumexp(2) - log_count
        with_own = torch.cat([joint[:, :, None], product[:, :, :-1]], 2).logsumexp(2) - log_count
        first = joint - self._log_b(with_own, log_a)
        second = (log_m - self._log_b(log_m, log_a)).exp()
        return 1.0 + first.mean(1) - second.mean(1)

    def _log_b(self, log_m: Tensor, log_a: Tensor) -> Tensor:
        if self.alpha == 0.0:
            return log_a
        if self.alpha == 1.0:
            return log_m
        return log_add_exp(log_m + math.log(self.alpha), log_a + math.log1p(-self.alpha))


def build(name: str, parts: Parts) -> Interpolated:
    """``interpolated``."""
    return Interpolated(parts.critic(), parts.baseline(), parts.settings.alpha)
