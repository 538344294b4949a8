"""The true second term of a frozen critic's gradient and the moments that the write-up's expansion needs.

Both by importance sampling with exact densities, since e^T is large where joint pairs lie, and there plain product
samples almost never fall: the first from (P + Q) / 2, the moments, of which the second lie farther out, from a mixture
with wider parts as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from mine.frozen.gradients import FrozenCritic, as_array
from mine.frozen.sampling import mixture_pairs, wide_pairs

PILOT = 8192
"""Pairs that set the scale of e^T, so that its numbers are tame; they enter nothing else."""

Report = Callable[[int], None]
"""Called with the number of pairs that were just done."""


@dataclass(frozen=True)
class Reference:
    """The true second term h* = E_Q[e^T grad T] / E_Q[e^T].

    halves: float64 (2, P), from two independent halves of the samples. log_expectation: log E_Q[e^T].
    ess: effective sample size (sum w)^2 / sum w^2 of both halves together, w = e^T dQ / d(mixture).
    A ratio of two means has a bias of about 1 / ess of itself.
    """

    halves: np.ndarray
    log_expectation: float
    ess: float

    @property
    def squared(self) -> float:
        """Squared norm of h* as the inner product of the halves, which noise does not lift."""
        return float(self.halves[0] @ self.halves[1])

    @property
    def direction(self) -> np.ndarray:
        """h* / |h*|, (P,)."""
        mean = self.halves.mean(0)
        return mean / np.linalg.norm(mean)


def reference(
    critic: FrozenCritic, dim: int, rho: float, n: int, rows: int, source: torch.Generator, report: Report
) -> Reference:
    """Measure h*. n: pairs of each half, taken ``rows`` at a time."""
    pairs, log_weight = mixture_pairs(PILOT, dim, rho, source)
    shift = float((critic.scores(pairs).double() + log_weight).logsumexp(0)) - math.log(PILOT)
    halves, total, squared = np.zeros((2, critic.n_parameters)), np.zeros(2), 0.0
    for half in range(2):
        for taken in range(0, n, rows):
            pairs, log_weight = mixture_pairs(min(rows, n - taken), dim, rho, source)
            weight = (critic.scores(pairs).double() + log_weight - shift).exp()
            halves[half] += as_array(critic.weighted(weight.float()[:, None])[0])
            total[half] += float(weight.sum())
            squared += float(weight.square().sum())
            report(len(pairs))
    log_expectation = shift + math.log(total.sum() / (2 * n))
    return Reference(halves / total[:, None], log_expectation, float(total.sum() ** 2 / squared))


@dataclass(frozen=True)
class Moments:
    """Moments of one product pair, with e^T in units of E_Q[e^T], along U directions d = grad T . u.

    reference, reference_se: h* . u and its standard error, (U,). variance: Var(e^T). covariance: Cov(e^T d, e^T), (U,).
    ess: effective sample size of the second moments' weights, e^2T dQ / d(mixture); less than the reference's.
    """

    reference: np.ndarray
    reference_se: np.ndarray
    variance: float
    covariance: np.ndarray
    ess: float

    def taylor(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The write-up's second-order prediction of the bias of A / B in a batch of k, its two terms, each (U,).

        -Cov(A, B) / mu_B^2 and mu_A Var(B) / mu_B^3, the moments of a batch mean being those of one pair over k.
        Source: write-up, the expansion of E[A / B].
        """
        return -self.covariance / k, self.reference * self.variance / k


def moments(
    critic: FrozenCritic,
    directions: np.ndarray,
    log_expectation: float,
    dim: int,
    rho: float,
    n: int,
    rows: int,
    source: torch.Generator,
    report: Report,
) -> Moments:
    """Measure moments along directions (U, P) by n pairs, ``rows`` at a time, none of which the directions came from.

    log_expectation: log E_Q[e^T], near enough to keep e^T tame; the moments do not depend on it.
    """
    units = torch.from_numpy(directions.astype(np.float32))
    first, second, second_squared = 0.0, 0.0, 0.0
    first_d, second_d, spread = (np.zeros(len(directions)) for _ in range(3))
    spread_d, spread_dd = np.zeros(len(directions)), np.zeros(len(directions))
    for taken in range(0, n, rows):
        pairs, log_weight = wide_pairs(min(rows, n - taken), dim, rho, source)
        scores = as_array(critic.scores(pairs)) - log_expectation
        along, log_weight = as_array(critic.along(units)), log_weight.numpy()
        weight, weight2 = np.exp(scores + log_weight), np.exp(2.0 * scores + log_weight)
        first, first_d = first + weight.sum(), first_d + weight @ along
        second, second_d = second + weight2.sum(), second_d + weight2 @ along
        second_squared += np.square(weight2).sum()
        # sum w^2 (d - h)^2 in pieces, since h is known at the end.
        spread = spread + np.square(weight).sum()
        spread_d, spread_dd = spread_d + np.square(weight) @ along, spread_dd + np.square(weight) @ np.square(along)
        report(len(pairs))
    h = first_d / first
    error = np.sqrt(np.maximum(spread_dd - 2.0 * h * spread_d + h * h * spread, 0.0)) / first
    mean = first / n
    variance = second / n - mean * mean
    covariance = second_d / n - mean * first_d / n
    return Moments(h, error, variance / mean**2, covariance / mean**2, float(second**2 / second_squared))
