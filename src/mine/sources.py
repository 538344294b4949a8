"""Where a stack of runs gets its pairs from: fresh ones at every step, or the epochs of a data set drawn once.

Three product schemes, since they decide the result: ``permutation`` (Algorithm 1's word "shuffling": on average one
pair of a batch keeps its own z), ``derangement`` (a roll by a random non-zero offset: none does) and ``independent``
(z drawn anew; from a data set, the z of a second pass over all of it in another order).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mine.gaussian import sample_joint, sample_normals
from mine.seeding import Stream, generator
from mine.settings import STREAM, TrainingSettings


@dataclass(frozen=True)
class Batch:
    """Several batches of each of S runs.

    x, z: of the joint pairs, z_product: of the product pairs, whose x is the joint pairs'; each float32
    (S, n_batches, k, d). sizes: pairs of each batch in turn, at most k; what lies beyond them is padding.
    """

    x: Tensor
    z: Tensor
    z_product: Tensor
    sizes: tuple[int, ...]


class Source(Protocol):
    """What training draws from. A run's batches do not depend on the stack that it is in."""

    def take(self, n_batches: int) -> Batch:
        """The next batches. Numbers depend on how many are taken at once."""
        ...

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the runs at these places of the stack, in this order."""
        ...


def source_of(
    dim: int, rhos: Sequence[float], seeds: Sequence[int], settings: TrainingSettings, device: torch.device | str
) -> Source:
    """The source that the settings name, for a stack of one run per (rho, seed)."""
    kind = FreshPairs if settings.data == STREAM else DataSet
    return kind(dim, rhos, seeds, settings, device)


def product_indices(scheme: str, n_batches: int, k: int, generators: Sequence[torch.Generator]) -> Tensor:
    """For each of n_batches batches of each run, which pair's z goes with x_i. Returns int64 (S, n_batches, k).

    scheme: ``permutation`` or ``derangement``; ``independent`` does not shuffle a batch. generators: one a run.
    """
    device = generators[0].device
    if scheme == "permutation":
        keys = torch.empty(len(generators), n_batches, k, device=device)
        for run, source in zip(keys, generators, strict=True):
            run.uniform_(generator=source)
        return keys.argsort(dim=2)
    if scheme == "derangement":
        offset = torch.empty(len(generators), n_batches, 1, dtype=torch.int64, device=device)
        for run, source in zip(offset, generators, strict=True):
            run.random_(1, k, generator=source)
        return (torch.arange(k, device=device) + offset) % k
    raise ValueError(f"{scheme} does not shuffle a batch")


class Epochs:
    """Indices of batches cut from n pairs: each epoch is a fresh shuffle, so a batch never holds a pair twice."""

    def __init__(self, n: int, k: int, generator: torch.Generator, keep_last: bool = False) -> None:
        """n: pairs in the data set. k: pairs in a batch, at most n.

        keep_last: keep an epoch's incomplete last batch, filled up with the epoch's first indices; else it is left out.
        """
        self._n, self._k, self._generator = n, k, generator
        self._batches = -(-n // k) if keep_last else n // k
        self._left = torch.empty((0, k), dtype=torch.int64, device=generator.device)

    def take(self, n_batches: int) -> Tensor:
        """The next batches' indices, int64 (n_batches, k)."""
        rows = [self._left]
        while sum(map(len, rows)) < n_batches:
            shuffled = torch.randperm(self._n, generator=self._generator, device=self._generator.device)
            whole = torch.cat([shuffled, shuffled[: self._k]])[: self._batches * self._k]
            rows.append(whole.view(self._batches, self._k))
        batches = torch.cat(rows)
        self._left = batches[n_batches:]
        return batches[:n_batches]


class _OfRuns:
    """What both sources share: a generator per run and purpose, and leaving a stack."""

    def __init__(
        self,
        dim: int,
        rhos: Sequence[float],
        seeds: Sequence[int],
        settings: TrainingSettings,
        device: torch.device | str,
    ) -> None:
        self._dim, self._settings, self._rhos = dim, settings, list(rhos)
        self._runs = [(seed, dim, rho) for seed, rho in zip(seeds, rhos, strict=True)]
        self._device = device
        self._data, self._product = self._generators(Stream.DATA), self._generators(Stream.PRODUCT)

    def _generators(self, stream: Stream) -> list[torch.Generator]:
        return [generator(*run, stream, self._device) for run in self._runs]

    def keep(self, places: Sequence[int]) -> None:
        """See Source."""
        for name, of_runs in vars(self).items():
            if isinstance(of_runs, list):
                setattr(self, name, [of_runs[place] for place in places])
            elif isinstance(of_runs, Tensor):
                setattr(self, name, of_runs[list(places)])

    def _shuffled(self, z: Tensor, sizes: Sequence[int]) -> Tensor:
        """Z (S, n_batches, k, d) in the order of the product pairs, each batch shuffled inside itself."""
        scheme, (_, n_batches, k, _) = self._settings.product, z.shape
        indices = product_indices(scheme, n_batches, k, self._product)
        for place, size in enumerate(sizes):
            if size < k:
                indices[:, place, :size] = product_indices(scheme, 1, size, self._product)[:, 0]
        return z.gather(2, indices[..., None].expand_as(z))


class FreshPairs(_OfRuns):
    """New pairs at every step."""

    def take(self, n_batches: int) -> Batch:
        """See Source."""
        k = self._settings.batch_size
        x, z = sample_joint((n_batches, k, self._dim), self._rhos, self._data)
        sizes = (k,) * n_batches
        if self._settings.product == "independent":
            return Batch(x, z, sample_normals((n_batches, k, self._dim), self._product), sizes)
        return Batch(x, z, self._shuffled(z, sizes), sizes)


class DataSet(_OfRuns):
    """Epochs of n pairs that every run draws once."""

    def __init__(
        self,
        dim: int,
        rhos: Sequence[float],
        seeds: Sequence[int],
        settings: TrainingSettings,
        device: torch.device | str,
    ) -> None:
        """Draws every run's data set."""
        super().__init__(dim, rhos, seeds, settings, device)
        n, k, keep_last = int(settings.data), settings.batch_size, settings.last_batch == "keep"
        self._x, self._z = sample_joint((n, dim), self._rhos, self._data)
        self._order = [Epochs(n, k, source, keep_last) for source in self._generators(Stream.BATCHES)]
        self._product_order = [Epochs(n, k, source, keep_last) for source in self._product]
        self._taken = 0

    def take(self, n_batches: int) -> Batch:
        """See Source."""
        order = torch.stack([epochs.take(n_batches) for epochs in self._order])
        x, z = _rows(self._x, order), _rows(self._z, order)
        sizes = tuple(self._settings.size_of_batch(self._taken + place) for place in range(n_batches))
        self._taken += n_batches
        if self._settings.product != "independent":
            return Batch(x, z, self._shuffled(z, sizes), sizes)
        product_order = torch.stack([epochs.take(n_batches) for epochs in self._product_order])
        return Batch(x, z, _rows(self._z, product_order), sizes)


def _rows(values: Tensor, indices: Tensor) -> Tensor:
    """Each run's own rows of values (S, n, d) at its indices (S, n_batches, k). Returns (S, n_batches, k, d)."""
    flat = indices.flatten(1)[:, :, None].expand(-1, -1, values.shape[2])
    return values.gather(1, flat).view(*indices.shape, values.shape[2])
