"""Batches of joint and product samples for a stack of runs.

Two sources of joint pairs: ``stream`` draws fresh pairs for every batch; a whole number n draws n pairs once and
cuts batches from them, as Algorithm 1 of the write-up says. Three product schemes, since they decide the result:
``permutation`` (Algorithm 1's word "shuffling": on average one pair of a batch keeps its own z), ``derangement``
(a roll by a random non-zero offset: none does) and ``independent`` (z drawn anew).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mine.gaussian import sample_joint, sample_normals
from mine.seeding import Stream, generator
from mine.settings import STREAM, TrainingSettings


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
    """Indices of batches cut from n pairs: each epoch is a fresh shuffle, its incomplete last batch left out.

    So a batch never holds the same pair twice.
    """

    def __init__(self, n: int, k: int, generator: torch.Generator) -> None:
        """n: pairs in the data set. k: pairs in a batch, at most n."""
        self._n, self._k, self._generator = n, k, generator
        self._left = torch.empty((0, k), dtype=torch.int64, device=generator.device)

    def take(self, n_batches: int) -> Tensor:
        """The next batches' indices, int64 (n_batches, k)."""
        rows = [self._left]
        while sum(map(len, rows)) < n_batches:
            shuffled = torch.randperm(self._n, generator=self._generator, device=self._generator.device)
            whole = self._n // self._k
            rows.append(shuffled[: whole * self._k].view(whole, self._k))
        batches = torch.cat(rows)
        self._left = batches[n_batches:]
        return batches[:n_batches]


class Batches:
    """The batches of a stack of runs, many drawn at a time, each run's from its own generators.

    Raw random numbers are drawn run by run, and what is made of them is made for the whole stack at once. A run's
    batches do not depend on the stack it is in.
    """

    def __init__(
        self, dim: int, rho: float, seeds: Sequence[int], settings: TrainingSettings, device: torch.device | str
    ) -> None:
        """Generators are made here; in data set mode every run's n pairs are drawn here too."""
        self._dim, self._rho, self._settings = dim, rho, settings

        def generators(stream: Stream) -> list[torch.Generator]:
            return [generator(seed, dim, rho, stream, device) for seed in seeds]

        self._data, self._product = generators(Stream.DATA), generators(Stream.PRODUCT)
        if settings.data != STREAM:
            n, k = int(settings.data), settings.batch_size
            self._x, self._z = sample_joint((n, dim), rho, self._data)
            self._order = [Epochs(n, k, source) for source in generators(Stream.BATCHES)]
            self._product_order = [Epochs(n, k, source) for source in self._product]

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the runs at these places of the stack, in this order."""
        for name, of_runs in vars(self).items():
            if isinstance(of_runs, list):
                setattr(self, name, [of_runs[place] for place in places])
            elif isinstance(of_runs, Tensor):
                setattr(self, name, of_runs[list(places)])

    def take(self, n_batches: int) -> tuple[Tensor, Tensor, Tensor]:
        """The next batches: x, z of the joint pairs, and z of the product pairs (their x is the joint pairs').

        Each (S, n_batches, k, d), float32. Numbers depend on how many batches are taken at once.
        """
        k, product = self._settings.batch_size, self._settings.product
        if self._settings.data == STREAM:
            x, z = sample_joint((n_batches, k, self._dim), self._rho, self._data)
        else:
            order = torch.stack([epochs.take(n_batches) for epochs in self._order])
            x, z = _rows(self._x, order), _rows(self._z, order)
        if product != "independent":
            indices = product_indices(product, n_batches, k, self._product)
            return x, z, z.gather(2, indices[..., None].expand_as(z))
        if self._settings.data == STREAM:
            return x, z, sample_normals((n_batches, k, self._dim), self._product)
        return x, z, _rows(self._z, torch.stack([epochs.take(n_batches) for epochs in self._product_order]))


def _rows(values: Tensor, indices: Tensor) -> Tensor:
    """Each run's own rows of values (S, n, d) at its indices (S, n_batches, k). Returns (S, n_batches, k, d)."""
    flat = indices.flatten(1)[:, :, None].expand(-1, -1, values.shape[2])
    return values.gather(1, flat).view(*indices.shape, values.shape[2])
