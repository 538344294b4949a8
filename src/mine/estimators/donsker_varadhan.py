"""MINE's objectives and the batch Donsker-Varadhan bound: one value, and a gradient each.

All objectives here ascend  mean over joint pairs of grad T  -  sum over product pairs of w grad T  and differ in w
alone, so w is what each of them says; tests hold it against autograd of the objective as the write-up prints it.
In the notation of the write-up B_exp is the batch mean of e^T over the product pairs and v its moving average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Outputs, State, Weights
from mine.estimators.parts import Parts
from mine.estimators.values import log_add_exp, log_mean_exp, mean


class Objective(Protocol):
    """State in, weights and state out. Scores are T on a batch, (S, k)."""

    def init(self, product_scores: Tensor) -> State:
        """State before the first update, from the first batch."""
        ...

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[Weights, State]:
        """What one batch is worth, w of its product pairs (S, k), and the state after it."""
        ...


class Biased:
    """The batch Donsker-Varadhan bound with e^T computed as it is written: float32 e^T overflows above T = 88.7.

    mean T - log mean e^T, so that w = e^T / (k B_exp), the softmax of T.
    Source: write-up, the first gradient estimate; Belghazi et al. 2018, Algorithm 1.
    """

    def init(self, product_scores: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[Weights, State]:
        """See Objective."""
        exp_scores = product_scores.exp()
        mean_exp = exp_scores.mean(1)
        weights = _divided_mean_weights(exp_scores, mean_exp)
        return Weights(weights, joint_scores.mean(1), mean_exp.log()), state


class BiasedStable:
    """The same objective as ``biased`` by log-sum-exp: e^T cannot overflow, T itself may."""

    def init(self, product_scores: Tensor) -> State:
        """Nothing to remember."""
        return ()

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[Weights, State]:
        """See Objective."""
        return Weights(product_scores.softmax(1), joint_scores.mean(1), log_mean_exp(product_scores)), state


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

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[Weights, State]:
        """See Objective."""
        exp_scores = product_scores.exp()
        mean_exp = exp_scores.mean(1)
        ema = (1.0 - self.rate) * state[0] + self.rate * mean_exp
        weights = _divided_mean_weights(exp_scores, ema)
        if self.as_printed:
            weights = (1.0 + product_scores) * weights
        if self.attached:
            weights = ((1.0 - self.rate) * (state[0] / ema))[:, None] * weights
        return Weights(weights, joint_scores.mean(1), mean_exp.log(), ema.log()), (ema,)


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
            return (log_mean_exp(product_scores),)
        return (torch.zeros_like(product_scores[:, 0]),)

    def __call__(self, joint_scores: Tensor, product_scores: Tensor, state: State) -> tuple[Weights, State]:
        """See Objective."""
        of_batch = log_mean_exp(product_scores)
        # With alpha = 1 nothing of the old v is kept, and its weight's log does not exist.
        log_ema = of_batch + math.log(self.rate)
        if self.rate < 1.0:
            log_ema = log_add_exp(state[0] + math.log1p(-self.rate), log_ema)
        weights = (product_scores - (log_ema + math.log(product_scores.shape[1]))[:, None]).exp()
        return Weights(weights, joint_scores.mean(1), of_batch, log_ema), (log_ema,)


def _divided_mean_weights(exp_scores: Tensor, denominator: Tensor) -> Tensor:
    """Derivative of (mean e^T) / denominator with respect to T, (S, k), by the operations that autograd would do.

    In float32 that decides when a naive run ends: where e^T is subnormal (T below -88), 1 / denominator overflows and
    the gradient with it, although e^T / denominator would not.
    """
    return exp_scores * (denominator.reciprocal() / exp_scores.shape[1])[:, None]


@dataclass(frozen=True)
class DonskerVaradhan(OfCritic):
    """An objective, which says how much T of each product pair weighs in the gradient.

    The value is E_P[T] - log E_Q[e^T]. Source: Donsker & Varadhan 1983; Belghazi et al. 2018, section 3.2
    (its eq. 12 is the gradient of a batch).
    """

    objective: Objective
    closed_form = True
    bound = LOWER
    value_is = "Donsker-Varadhan value: at the population a lower bound of I; from a batch biased upward, no bound"
    shift_invariant = True

    def start(self, outputs: Outputs) -> State:
        """See Estimator."""
        return self.objective.init(outputs["product"].flatten(1))

    def weights(self, outputs: Outputs, state: State) -> tuple[Weights, State]:
        """See Estimator."""
        product = outputs["product"]
        batch, state = self.objective(outputs["joint"], product.flatten(1), state)
        return replace(batch, product=batch.product.view(product.shape)), state

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """A surrogate whose gradient is the objective's: w is held fixed, as v is in Algorithm 1."""
        batch, state = self.weights({name: scores.detach() for name, scores in outputs.items()}, state)
        surrogate = (batch.product * outputs["product"]).flatten(1).sum(1) - mean(outputs["joint"])
        return Loss(surrogate, batch.log_ema), state

    def value(self, outputs: Outputs) -> Tensor:
        """Mean T over joint pairs - log mean e^T over product pairs, without forming e^T."""
        return mean(outputs["joint"]) - log_mean_exp(outputs["product"])


def build(name: str, parts: Parts) -> DonskerVaradhan:
    """One of MINE's objectives, by its name."""
    rate, start = parts.settings.ema_rate, parts.settings.ema_init
    objectives: dict[str, Objective] = {
        "biased": Biased(),
        "biased-stable": BiasedStable(),
        "ema": Ema(rate, start),
        "ema-as-printed": Ema(rate, start, as_printed=True),
        "ema-attached": Ema(rate, start, attached=True),
        "ema-log": EmaLog(rate, start),
    }
    return DonskerVaradhan(parts.critic(), objectives[name])
