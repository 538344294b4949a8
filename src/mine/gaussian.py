"""The toy data of the write-up and everything that is known about it exactly.

X and Z in R^d are standard normal, each coordinate of Z correlated with the same coordinate of X by rho and with
nothing else: covariance [[I, rho I], [rho I, I]].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from mine.errors import UserError
from mine.settings import check_rho


def mutual_information(dim: int, rho: float) -> float:
    """Exact I(X; Z) = -d/2 ln(1 - rho^2), in nats.

    dim: d >= 1. rho: -1 < rho < 1. Raises UserError outside these ranges.
    Source: write-up, "Toy Dataset"; from 1/2 ln(|Sigma_X| |Sigma_Z| / |Sigma|).
    """
    check_rho(rho)
    if dim < 1:
        raise UserError(f"dim: {dim!r} is not a whole number of at least 1")
    # log1p keeps the digits of a small rho.
    return -0.5 * dim * math.log1p(-rho * rho)


def sample_normal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers, float32, on the generator's device."""
    return torch.randn(shape, generator=generator, device=generator.device)


def sample_normals(shape: tuple[int, ...], generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Standard normal numbers of several runs, float32 (S, *shape): each run's are what its own generator gives."""
    result = torch.empty(len(generators), *shape, device=generators[0].device)
    for run, generator in zip(result, generators, strict=True):
        run.normal_(generator=generator)
    return result


def correlate(x: torch.Tensor, noise: torch.Tensor, rho: float) -> torch.Tensor:
    """Z, jointly normal with x: rho x + sqrt(1 - rho^2) noise, with noise standard normal of the shape of x."""
    return rho * x + math.sqrt(1.0 - rho * rho) * noise


def sample_joint(shape: tuple[int, ...], rho: float, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Joint pairs: x and z, each of ``shape`` = (..., d), float32."""
    x = sample_normal(shape, generator)
    return x, correlate(x, sample_normal(shape, generator), rho)


def log_density_ratio(x: torch.Tensor, z: torch.Tensor, rho: float) -> torch.Tensor:
    """Log p(x, z) / (p(x) p(z)) in nats: the optimal critic, up to a constant, of every Donsker-Varadhan objective.

    x, z: (..., d). Returns (...) in float64: at rho = 0.99 the quadratic form is divided by 0.02, and float32 would
    lose four of its seven digits there.
    """
    x, z = x.double(), z.double()
    quadratic = rho * rho * (x.square() + z.square()) - 2.0 * rho * x * z
    return mutual_information(x.shape[-1], rho) - quadratic.sum(-1) / (2.0 * (1.0 - rho * rho))
