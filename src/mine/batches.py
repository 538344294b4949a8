"""Batches of joint and product samples for one run.

Two sources of joint pairs: ``stream`` draws fresh pairs for every batch; a whole number n draws n pairs once and
cuts batches from them, as Algorithm 1 of the write-up says. Three product schemes, since they decide the result:
``permutation`` (Algorithm 1's word "shuffling": on average one pair of a batch keeps its own z), ``derangement``
(a roll by a random non-zero offset: none does) and ``independent`` (z drawn anew).
"""

from __future__ import annotations

import torch

from mine.gaussian import sample_joint, sample_normal
from mine.seeding import Stream, generator
from mine.settings import STREAM, TrainingSettings


def product_indices(scheme: str, n_batches: int, k: int, generator: torch.Generator) -> torch.Tensor:
    """For each of n_batches batches, which pair's z goes with x_i. Returns int64 (n_batches, k).

    scheme: ``permutation`` or ``derangement``; ``independent`` does not shuffle a batch.
    """
    if scheme == "permutation":
        return torch.rand((n_batches, k), generator=generator, device=generator.device).argsort(dim=1)
    if scheme == "derangement":
        offset = torch.randint(1, k, (n_batches, 1), generator=generator, device=generator.device)
        return (torch.arange(k, device=generator.device) + offset) % k
    raise ValueError(f"{scheme} does not shuffle a batch")


class Epochs:
    """Indices of batches cut from n pairs: each epoch is a fresh shuffle, its incomplete last batch left out.

    So a batch never holds the same pair twice.
    """

    def __init__(self, n: int, k: int, generator: torch.Generator) -> None:
        """n: pairs in the data set. k: pairs in a batch, at most n."""
        self._n, self._k, self._generator = n, k, generator
        self._left = torch.empty((0, k), dtype=torch.int64, device=generator.device)

    def take(self, n_batches: int) -> torch.Tensor:
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
    """The batches of one run, drawn many at a time from the run's own generators."""

    def __init__(self, dim: int, rho: float, seed: int, settings: TrainingSettings, device: torch.device | str) -> None:
        """Generators are made here; in data set mode the n pairs are drawn here too."""
        self._dim, self._rho, self._settings = dim, rho, settings
        self._data = generator(seed, dim, rho, Stream.DATA, device)
        self._product = generator(seed, dim, rho, Stream.PRODUCT, device)
        self._from_stream = settings.data == STREAM
        if not self._from_stream:
            n = int(settings.data)
            self._pairs = sample_joint((n, dim), rho, self._data)
            self._order = Epochs(n, settings.batch_size, generator(seed, dim, rho, Stream.BATCHES, device))
            if settings.product == "independent":
                self._product_order = Epochs(n, settings.batch_size, self._product)

    def take(self, n_batches: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The next batches: x, z of the joint pairs, and z of the product pairs (their x is the joint pairs').

        Each (n_batches, k, d), float32. Numbers depend on how many batches are taken at once.
        """
        k, dim = self._settings.batch_size, self._dim
        if self._from_stream:
            x, z = sample_joint((n_batches, k, dim), self._rho, self._data)
        else:
            rows = self._order.take(n_batches)
            x, z = self._pairs[0][rows], self._pairs[1][rows]
        if self._settings.product != "independent":
            rows = product_indices(self._settings.product, n_batches, k, self._product)
            return x, z, z.gather(1, rows[:, :, None].expand(-1, -1, dim))
        if self._from_stream:
            return x, z, sample_normal((n_batches, k, dim), self._product)
        return x, z, self._pairs[1][self._product_order.take(n_batches)]
