"""Two instruments that judge critics: the held-out value that a practitioner could compute, and the population value.

Both are Donsker-Varadhan values in nats of one fixed critic, on samples that training never saw, drawn per run and
the same at every evaluation of it. Only the population value is what a lower bound is about: the held-out product
term is a mean of e^T over samples that may never meet the tail that carries it, which its effective sample size shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.gaussian import log_density_ratio, sample_joint, sample_normals
from mine.seeding import Stream, generator

HELDOUT_PAIRS = 10_000
HELDOUT_ROLLS = 10
POPULATION_PAIRS = 20_000
"""Of the joint and of the product distribution, each."""

AT_ONCE = {"cpu": 1, "cuda": 64}
"""Critics that are best judged together, by device. A GPU would wait for the host with one; a CPU gains nothing."""

# One layer's activations of so many rows stay in a core's cache. A GPU takes all rows at once.
_ROWS_ON_CPU = 1_000

Scores = Callable[[Tensor, Tensor], Tensor]
"""T of pairs for each of S critics: x and z, each (S, n, d), to (S, n)."""


@dataclass(frozen=True)
class Evaluation:
    """One critic, judged. Values in nats; an effective sample size is at most the number of samples."""

    mi_heldout: float
    heldout_ess: float
    mi_population: float
    population_ess: float


def evaluate(
    scores: Scores, dim: int, rho: float, seeds: Sequence[int], device: torch.device | str = "cpu"
) -> list[Evaluation]:
    """Judge S critics, each on the evaluation samples of its own run (seed, dim, rho)."""
    sources = [generator(seed, dim, rho, Stream.EVALUATION, device) for seed in seeds]
    with torch.no_grad():
        heldout = _heldout(scores, dim, rho, sources)
        population = _population(scores, dim, rho, sources)
    return [Evaluation(*each) for each in torch.stack([*heldout, *population], 1).tolist()]


def _heldout(scores: Scores, dim: int, rho: float, sources: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """10,000 fresh pairs; product pairs by ten distinct non-zero rolls of z, so that none keeps its own z."""
    x, z = sample_joint((HELDOUT_PAIRS, dim), rho, sources)
    offsets = [
        1 + torch.randperm(HELDOUT_PAIRS - 1, generator=source, device=source.device)[:HELDOUT_ROLLS]
        for source in sources
    ]
    place = torch.arange(HELDOUT_PAIRS, device=x.device)
    product = []
    for offset in torch.stack(offsets, 1):
        rolled = (place - offset[:, None]) % HELDOUT_PAIRS
        product.append(_in_rows(scores, x, z.gather(1, rolled[:, :, None].expand_as(z))))
    return _donsker_varadhan(_in_rows(scores, x, z), torch.cat(product, 1))


def _population(scores: Scores, dim: int, rho: float, sources: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """E_P[T] by joint pairs, E_Q[e^T] by importance sampling from the mixture (P + Q) / 2.

    With r the exact density ratio dP/dQ, Q's density over the mixture's is 2 / (1 + r): for the optimal critic
    e^T = r the summand r 2 / (1 + r) is at most 2, where plain samples of Q have summands without bound.
    """
    x, z = sample_joint((POPULATION_PAIRS, dim), rho, sources)
    x_product = sample_normals((POPULATION_PAIRS, dim), sources)
    z_product = sample_normals((POPULATION_PAIRS, dim), sources)
    joint, product = _in_rows(scores, x, z), _in_rows(scores, x_product, z_product)
    log_ratio = log_density_ratio(torch.cat([x, x_product], 1), torch.cat([z, z_product], 1), rho)
    log_weight = math.log(2.0) - torch.nn.functional.softplus(log_ratio)
    return _donsker_varadhan(joint, torch.cat([joint, product], 1) + log_weight)


def _donsker_varadhan(joint: Tensor, log_summands: Tensor) -> tuple[Tensor, Tensor]:
    """Mean T - log mean of the summands, and the summands' effective sample size (sum w)^2 / sum w^2, each (S,)."""
    log_sum = log_summands.logsumexp(1)
    value = joint.mean(1) - log_sum + math.log(log_summands.shape[1])
    ess = (2.0 * log_sum - (2.0 * log_summands).logsumexp(1)).exp()
    return value, ess


def _in_rows(scores: Scores, x: Tensor, z: Tensor) -> Tensor:
    """T of all pairs (S, n), so many at a time as suits the device, in float64 from here on."""
    rows = _ROWS_ON_CPU if x.device.type == "cpu" else x.shape[1]
    return torch.cat([scores(*pairs) for pairs in zip(x.split(rows, 1), z.split(rows, 1), strict=True)], 1).double()
