"""Two instruments that judge a critic: the held-out value that a practitioner could compute, and the population value.

Both are Donsker-Varadhan values in nats of one fixed critic, on samples that training never saw, drawn per run and
the same at every evaluation of it. Only the population value is what a lower bound is about: the held-out product
term is a mean of e^T over samples that may never meet the tail that carries it, which its effective sample size shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.gaussian import log_density_ratio, sample_joint, sample_normal
from mine.seeding import Stream, generator

HELDOUT_PAIRS = 10_000
HELDOUT_ROLLS = 10
POPULATION_PAIRS = 20_000
"""Of the joint and of the product distribution, each."""

# One layer's activations of so many rows stay in a core's cache. A GPU takes all rows at once.
_ROWS_ON_CPU = 1_000

Scores = Callable[[Tensor, Tensor], Tensor]
"""T of pairs: x (n, d) and z (n, d) to (n,)."""


@dataclass(frozen=True)
class Evaluation:
    """One critic, judged. Values in nats; an effective sample size is at most the number of samples."""

    mi_heldout: float
    heldout_ess: float
    mi_population: float
    population_ess: float


def evaluate(scores: Scores, dim: int, rho: float, seed: int, device: torch.device | str = "cpu") -> Evaluation:
    """Judge the critic ``scores`` on the evaluation samples of the run (seed, dim, rho)."""
    source = generator(seed, dim, rho, Stream.EVALUATION, device)
    with torch.no_grad():
        mi_heldout, heldout_ess = _heldout(scores, dim, rho, source)
        mi_population, population_ess = _population(scores, dim, rho, source)
    return Evaluation(mi_heldout, heldout_ess, mi_population, population_ess)


def _heldout(scores: Scores, dim: int, rho: float, source: torch.Generator) -> tuple[float, float]:
    """10,000 fresh pairs; product pairs by ten distinct non-zero rolls of z, so that none keeps its own z."""
    x, z = sample_joint((HELDOUT_PAIRS, dim), rho, source)
    offsets = 1 + torch.randperm(HELDOUT_PAIRS - 1, generator=source, device=source.device)[:HELDOUT_ROLLS]
    product = torch.cat([_in_rows(scores, x, z.roll(int(offset), 0)) for offset in offsets])
    return _donsker_varadhan(_in_rows(scores, x, z), product)


def _population(scores: Scores, dim: int, rho: float, source: torch.Generator) -> tuple[float, float]:
    """E_P[T] by joint pairs, E_Q[e^T] by importance sampling from the mixture (P + Q) / 2.

    With r the exact density ratio dP/dQ, Q's density over the mixture's is 2 / (1 + r): for the optimal critic
    e^T = r the summand r 2 / (1 + r) is at most 2, where plain samples of Q have summands without bound.
    """
    x, z = sample_joint((POPULATION_PAIRS, dim), rho, source)
    x_product = sample_normal((POPULATION_PAIRS, dim), source)
    z_product = sample_normal((POPULATION_PAIRS, dim), source)
    joint, product = _in_rows(scores, x, z), _in_rows(scores, x_product, z_product)
    log_ratio = log_density_ratio(torch.cat([x, x_product]), torch.cat([z, z_product]), rho)
    log_weight = math.log(2.0) - torch.nn.functional.softplus(log_ratio)
    return _donsker_varadhan(joint, torch.cat([joint, product]) + log_weight)


def _donsker_varadhan(joint: Tensor, log_summands: Tensor) -> tuple[float, float]:
    """Mean T - log mean of the summands, and the summands' effective sample size (sum w)^2 / sum w^2."""
    log_sum = log_summands.logsumexp(0)
    value = joint.mean() - log_sum + math.log(len(log_summands))
    ess = (2.0 * log_sum - (2.0 * log_summands).logsumexp(0)).exp()
    return value.item(), ess.item()


def _in_rows(scores: Scores, x: Tensor, z: Tensor) -> Tensor:
    """T of all pairs, so many at a time as suits the device, in float64 from here on."""
    rows = _ROWS_ON_CPU if x.device.type == "cpu" else len(x)
    return torch.cat([scores(*pairs) for pairs in zip(x.split(rows), z.split(rows), strict=True)]).double()
