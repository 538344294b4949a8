"""Random numbers that are not normal, of several runs: each run's are what its own generator gives, float32."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Generator, Tensor

from mine.gaussian import sample_normals
from mine.tasks.stacks import per_run

LEAST = 1e-16
"""Smallest gamma variate. Float32 normals are exactly 0 about once in 2^24, and what is divided by it stays finite."""


def uniforms(shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
    """Uniform on [0, 1), (S, *shape)."""
    return _filled(shape, generators, lambda run, generator: run.uniform_(generator=generator))


def exponentials(shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
    """Of mean 1, (S, *shape)."""
    return _filled(shape, generators, lambda run, generator: run.exponential_(generator=generator))


def gammas(halves: int, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
    """Of shape parameter halves / 2 and scale 1, (S, *shape): half the sum of so many squared normals."""
    normals = sample_normals((*shape, halves), generators)
    return per_run(lambda run: 0.5 * run.square().sum(-1), normals).clamp_min(LEAST)


def categories(n: int, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
    """Each of 0, ..., n - 1 as often, (S, *shape)."""
    return (uniforms(shape, generators) * n).floor().clamp_max(n - 1)


def poissons(rates: Tensor, generators: Sequence[Generator]) -> Tensor:
    """Counts of mean ``rates`` (S, ...)."""
    counts = [torch.poisson(run, generator=generator) for run, generator in zip(rates, generators, strict=True)]
    return torch.stack(counts)


def _filled(
    shape: tuple[int, ...], generators: Sequence[Generator], fill: Callable[[Tensor, Generator], Tensor]
) -> Tensor:
    result = torch.empty(len(generators), *shape, device=generators[0].device)
    for run, generator in zip(result, generators, strict=True):
        fill(run, generator)
    return result
