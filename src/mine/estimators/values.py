"""Functions of scores that several estimators take.

A kernel may compute the last numbers of a tensor, those that fill no vector register, by other instructions than the
rest, and where a member's numbers fall depends on its neighbours. What is here rounds every number alike wherever it
lies, so that a member has the same bits in any stack; torch's softplus and logaddexp do not.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def log_mean_exp(scores: Tensor) -> Tensor:
    """Log mean e^T over every axis but the first, without forming e^T. Returns (S,)."""
    flat = scores.flatten(1)
    return flat.logsumexp(1) - math.log(flat.shape[1])


def mean(scores: Tensor) -> Tensor:
    """Mean over every axis but the first. Returns (S,)."""
    return scores.flatten(1).mean(1)


def softplus(scores: Tensor) -> Tensor:
    """Log(1 + e^T) of each, without forming e^T."""
    return -logsigmoid(-scores)


def log_add_exp(first: Tensor, second: Tensor) -> Tensor:
    """Log(e^a + e^b) of each pair, without forming either."""
    return torch.maximum(first, second) + (-(first - second).abs()).exp().log1p()


def effective_sample_size(scores: Tensor) -> Tensor:
    """(sum w)^2 / sum w^2 of w = e^T over every axis but the first. Returns (S,)."""
    flat = scores.flatten(1)
    return (2.0 * flat.logsumexp(1) - (2.0 * flat).logsumexp(1)).exp()
