"""Means that several estimators take over product pairs."""

from __future__ import annotations

import math

from torch import Tensor


def log_mean_exp(scores: Tensor) -> Tensor:
    """Log mean e^T over every axis but the first, without forming e^T. Returns (S,)."""
    flat = scores.flatten(1)
    return flat.logsumexp(1) - math.log(flat.shape[1])


def mean(scores: Tensor) -> Tensor:
    """Mean over every axis but the first. Returns (S,)."""
    return scores.flatten(1).mean(1)


def effective_sample_size(scores: Tensor) -> Tensor:
    """(sum w)^2 / sum w^2 of w = e^T over every axis but the first. Returns (S,)."""
    flat = scores.flatten(1)
    return (2.0 * flat.logsumexp(1) - (2.0 * flat).logsumexp(1)).exp()
