"""Samples of the frozen-critic work, each kind from a generator of its own.

They depend on the run (seed, dimension, rho), on what they are for and on the critic's step, and on nothing else, so
that a critic's numbers do not depend on which other critics were measured with it. Training saw none of them.
"""

from __future__ import annotations

import math
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from mine.gaussian import log_density_ratio, sample_joint, sample_normals


class Purpose(Enum):
    """What numbers are for. Values are fixed, and none is a value of mine.seeding.Stream."""

    REFERENCE = 100
    MOMENTS = 101
    DIRECTIONS = 102
    INDEPENDENT = 103
    PERMUTATION = 104
    LAG = 105


def source(seed: int, dim: int, rho: float, purpose: Purpose, *more: int) -> torch.Generator:
    """A fresh generator. more: what else its numbers may depend on, such as the critic's step."""
    rho_bits = int(np.float64(rho).view(np.uint64))
    words = np.random.SeedSequence([seed, dim, rho_bits, purpose.value, *more]).generate_state(1, np.uint64)
    generator = torch.Generator()
    generator.manual_seed(int(words[0]))
    return generator


def product_pairs(n: int, dim: int, generator: torch.Generator) -> Tensor:
    """Independent product pairs, float32 (n, 2d): x and z of a pair side by side."""
    return sample_normals((n, 2 * dim), [generator])[0]


def joint_pairs(n: int, dim: int, rho: float, generator: torch.Generator) -> Tensor:
    """Joint pairs, float32 (n, 2d)."""
    x, z = sample_joint((n, dim), rho, [generator])
    return torch.cat([x[0], z[0]], 1)


def permuted_pairs(n: int, k: int, dim: int, rho: float, generator: torch.Generator) -> Tensor:
    """Product pairs as Algorithm 1 makes them: z shuffled within each batch of k joint pairs. float32 (n, 2d)."""
    pairs = joint_pairs(n, dim, rho, generator)
    order = torch.rand(n // k, k, generator=generator).argsort(1) + torch.arange(0, n, k)[:, None]
    return torch.cat([pairs[:, :dim], pairs[order.flatten(), dim:]], 1)


def mixture_pairs(n: int, dim: int, rho: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pairs of the mixture (P + Q) / 2, half of each, and the log of Q's density over the mixture's.

    Returns float32 (n, 2d) and float64 (n,), log 2 / (1 + r) with r = dP/dQ (as mine.evaluation).
    """
    pairs = torch.cat([joint_pairs(n // 2, dim, rho, generator), product_pairs(n - n // 2, dim, generator)])
    log_ratio = log_density_ratio(pairs[:, :dim], pairs[:, dim:], rho)
    return pairs, math.log(2.0) - torch.nn.functional.softplus(log_ratio)


def wide_pairs(n: int, dim: int, rho: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pairs of a mixture with wider parts beside P and Q, and the log of Q's density over the mixture's.

    A quarter each of P, Q, P with its covariance doubled, and the same with 0.8 rho. Second moments of e^T lie farther
    out than joint pairs do: their effective sample size is two to ten times that of (P + Q) / 2 at critics of this
    project. n: a multiple of 4. Returns float32 (n, 2d) and float64 (n,).
    """
    parts = ((rho, 1.0), (0.0, 1.0), (rho, 2.0), (0.8 * rho, 2.0))
    pairs = torch.cat([math.sqrt(scale) * joint_pairs(n // 4, dim, r, generator) for r, scale in parts])
    x, z = pairs[:, :dim].double(), pairs[:, dim:].double()
    squares, products = (x.square() + z.square()).sum(1), (x * z).sum(1)
    # Each part's log density over Q's: a Gaussian with covariance scale [[I, r I], [r I, I]] over a standard one.
    over_q = [
        0.5 * squares
        - (squares - 2.0 * r * products) / (2.0 * scale * (1.0 - r * r))
        - 0.5 * dim * math.log1p(-r * r)
        - dim * math.log(scale)
        for r, scale in parts
    ]
    return pairs, math.log(len(parts)) - torch.stack(over_q).logsumexp(0)
