"""What training ascends: each objective is a pure piece with explicit state.

An objective sees T on a batch of joint pairs and on a batch of product pairs, each (S, k) for a stack of S critics,
and its own state, and gives back how much each pair's T weighs in the ascended gradient, the Donsker-Varadhan value
of the batch and the next state. Members of a stack never mix.

All objectives here ascend  mean over joint pairs of grad T  -  sum over product pairs of w grad T  and differ in w
alone, so w is what each of them says; tests hold it against autograd of the objective as the write-up prints it.
In the notation of the write-up B_exp is the batch mean of e^T over the product pairs and v its moving average.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mine.settings import TrainingSettings

State = tuple[Tensor, ...]
"""Tensors of shape (S,), one value a member; () where an objective remembers nothing."""


@dataclass(frozen=True)
class BatchValue:
    """What an objective makes of one batch. Of shape (S,) where nothing else is said.

    joint_mean, log_mean_exp: the two terms of the batch's Donsker-Varadhan value in nats, e^T computed as the
        objective computes it.
    product_weights: (S, k), w: the derivative of the ascended objective with respect to T on each product pair,
        sign left out. With respect to T on a joint pair it is 1/k.
    log_ema: log v after this batch, None without a moving average.
    """

    joint_mean: Tensor
    log_mean_exp: Tensor
    product_weights: Tensor
    log_ema: Tensor | None = None

    @property
    def mi_batch(self) -> Tensor:
        """Donsker-Varadhan value of the batch in nats; biased upward, no bound."""
        return self.joint_mean - self.log_mean_exp


class Objective(Protocol):
    """State in, value and state out."""

    def init(self, product_scores: Tensor) -> State:
        """State before the first update; product_scores is T on the first product batch, (S, k)."""
        ...

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[BatchValue, State]:
        """Value of one batch and the state after it."""
        ...


class Biased:
    """The batch Donsker-Varadhan bound with e^T computed as it is written: float32 e^T overflows above T = 88.7.

    mean T - log mean e^T, so that w = e^T / (k B_exp), the softmax of T.
    Source: write-up, the first gradient estimate; Belghazi et al. 2018, Algorithm 1.
    """

    def init(self, product_scores: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[BatchValue, State]:
        """See Objective."""
        exp_scores = product_scores.exp()
        mean_exp = exp_scores.mean(1)
        weights = _divided_mean_weights(exp_scores, mean_exp)
        return BatchValue(joint_scores.mean(1), mean_exp.log(), weights), state


class BiasedStable:
    """The same objective as ``biased`` by log-sum-exp: e^T cannot overflow, T itself may."""

    def init(self, product_scores: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[BatchValue, State]:
        """See Objective."""
        return BatchValue(joint_scores.mean(1), stable_log_mean_exp(product_scores), product_scores.softmax(1)), state


@dataclass(frozen=True)
class Ema:
    """Algorithm 1 with the gradient of the derivation: grad mean T - grad[mean e^T] / v, so that w = e^T / (k v).

    v <- (1 - alpha) v + alpha B_exp before v is used; v is not differentiated. Source: write-up, "v_new" and the
    gradient below it (with its missing 1/n restored); Belghazi et al. 2018, section 3.2.

    as_printed: the second term's numerator is mean(T e^T), as step 5 of the pseudocode prints it, so that
        w = (1 + T) e^T / (k v): a different gradient, kept as an ablation.
    attached: v's share of this batch is differentiated too, as autograd does where v is not detached, so that
        w = (1 - alpha) v_old e^T / (k v^2), v_old before the update: what a forgotten detach trains, an ablation.
    """

    rate: float
    start: str
    as_printed: bool = False
    attached: bool = False

    def init(self, product_scores: Tensor) -> State:
        """V of every member: 1, or the first batch's B_exp."""
        if self.start == "first-batch":
            return (product_scores.exp().mean(1),)
        return (torch.ones_like(product_scores[:, 0]),)

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[BatchValue, State]:
        """See Objective."""
        exp_scores = product_scores.exp()
        mean_exp = exp_scores.mean(1)
        ema = (1.0 - self.rate) * state[0] + self.rate * mean_exp
        weights = _divided_mean_weights(exp_scores, ema)
        if self.as_printed:
            weights = (1.0 + product_scores) * weights
        if self.attached:
            weights = ((1.0 - self.rate) * (state[0] / ema))[:, None] * weights
        return BatchValue(joint_scores.mean(1), mean_exp.log(), weights, ema.log()), (ema,)


@dataclass(frozen=True)
class EmaLog:
    """``ema`` with its state kept as log v: the same gradient, and neither e^T nor v can overflow.

    log v <- log((1 - alpha) v + alpha B_exp) by log-add-exp; w = exp(T - log k - log v), whose sum B_exp / v is at
    most 1/alpha.
    """

    rate: float
    start: str

    def init(self, product_scores: Tensor) -> State:
        """Log v of every member: 0, or the log of the first batch's B_exp."""
        if self.start == "first-batch":
            return (stable_log_mean_exp(product_scores),)
        return (torch.zeros_like(product_scores[:, 0]),)

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[BatchValue, State]:
        """See Objective."""
        log_mean_exp = stable_log_mean_exp(product_scores)
        # With alpha = 1 nothing of the old v is kept, and its weight's log does not exist.
        log_ema = log_mean_exp + math.log(self.rate)
        if self.rate < 1.0:
            log_ema = torch.logaddexp(state[0] + math.log1p(-self.rate), log_ema)
        weights = (product_scores - (log_ema + math.log(product_scores.shape[1]))[:, None]).exp()
        return BatchValue(joint_scores.mean(1), log_mean_exp, weights, log_ema), (log_ema,)


def _divided_mean_weights(exp_scores: Tensor, denominator: Tensor) -> Tensor:
    """Derivative of (mean e^T) / denominator with respect to T, (S, k), by the operations that autograd would do.

    In float32 that decides when a naive run ends: where e^T is subnormal (T below -88), 1 / denominator overflows and
    the gradient with it, although e^T / denominator would not.
    """
    return exp_scores * (denominator.reciprocal() / exp_scores.shape[1])[:, None]


def stable_log_mean_exp(scores: Tensor) -> Tensor:
    """Log mean e^T over the last axis of (S, k), without forming e^T. Returns (S,)."""
    return scores.logsumexp(-1) - math.log(scores.shape[-1])


REGISTRY: dict[str, Callable[[TrainingSettings], Objective]] = {
    "biased": lambda settings: Biased(),
    "biased-stable": lambda settings: BiasedStable(),
    "ema": lambda settings: Ema(settings.ema_rate, settings.ema_init),
    "ema-as-printed": lambda settings: Ema(settings.ema_rate, settings.ema_init, as_printed=True),
    "ema-attached": lambda settings: Ema(settings.ema_rate, settings.ema_init, attached=True),
    "ema-log": lambda settings: EmaLog(settings.ema_rate, settings.ema_init),
}
"""Every objective by the name that ``--variant`` and the configuration use."""
