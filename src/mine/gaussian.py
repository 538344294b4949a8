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


def sample_normals(shape: tuple[int, ...], generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Standard normal numbers of several runs, float32 (S, *shape): each run's are what its own generator gives."""
    result = torch.empty(len(generators), *shape, device=generators[0].device)
    for run, generator in zip(result, generators, strict=True):
        run.normal_(generator=generator)
    return result


def sample_joint(
    shape: tuple[int, ...], rho: float | Sequence[float], generators: Sequence[torch.Generator]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Joint pairs of several runs: x and z, each float32 (S, *shape), where ``shape`` ends with d.

    rho: of all runs, or one a run.
    """
    x = sample_normals(shape, generators)
    rhos = [rho] * len(generators) if isinstance(rho, (int, float)) else rho
    of_x, of_noise = (
        x.new_tensor(factors).view(-1, *[1] * len(shape))
        for factors in (rhos, [math.sqrt(1.0 - each * each) for each in rhos])
    )
    return x, of_x * x + of_noise * sample_normals(shape, generators)


def log_density_ratio(x: torch.Tensor, z: torch.Tensor, rho: float) -> torch.Tensor:
    """Log p(x, z) / (p(x) p(z)) in nats: the optimal critic, up to a constant, of every Donsker-Varadhan objective.

    x, z: (..., d). Returns (...) in float64: at rho = 0.99 the quadratic form is divided by 0.02, and float32 would
    lose four of its seven digits there.
    """
    x, z = x.double(), z.double()
    quadratic = rho * rho * (x.square() + z.square()) - 2.0 * rho * x * z
    return mutual_information(x.shape[-1], rho) - quadratic.sum(-1) / (2.0 * (1.0 - rho * rho))
