"""Where training takes its pairs from, for a stack of runs that each have their own stream of random numbers.

A source gives batches: k joint pairs, and the z that each x has in its product pair. How that is chosen is the
setting ``product``: the batch's own z by a random permutation (which leaves one pair in place on average) or by a
derangement (a random non-zero rotation, which leaves none), an ``independent`` draw from the same place as the joint
pairs, or none: with ``shift`` a critic takes x of the row before, a derangement without random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mine.engine.seeding import Stream, generator
from mine.settings import STREAM, TrainingSettings
from mine.tasks.interface import Task

BLOCK = 50
"""Steps whose random numbers are drawn at once, so results depend on it."""


@dataclass(frozen=True)
class Run:
    """One member of a stack: what may differ between members that train together.

    tasks: distribution of the data on each stair in turn; one is no staircase. key: what the seed's random numbers
    depend on besides, dimension and correlation; 0.0 where there is no one correlation, so that stairs and tasks see
    the same underlying numbers. learning_rate: in place of the settings', None for theirs.
    """

    seed: int
    tasks: tuple[Task, ...]
    key: tuple[int, float]
    learning_rate: float | None = None

    def generator(self, stream: Stream, device: torch.device | str = "cpu") -> torch.Generator:
        """The run's random numbers for one use."""
        return generator(self.seed, *self.key, stream, device)


@dataclass(frozen=True)
class Batch:
    """Several batches of each of S runs.

    x, z: of the joint pairs, float32 (S, n_batches, k, d). z_product: of the product pairs, whose x is the joint
    pairs'; None where a critic chooses them. z_again: of product pairs chosen once more; None without a second look.
    sizes: pairs of each batch in turn, at most k; what lies beyond them is padding.
    """

    x: Tensor
    z: Tensor
    z_product: Tensor | None
    z_again: Tensor | None
    sizes: tuple[int, ...]


class Source(Protocol):
    """What training draws from. A run's batches do not depend on the stack that it is in."""

    sizes: tuple[int, ...]
    """Pairs that a batch can have."""

    def starts(self) -> list[torch.Generator]:
        """Random numbers of the initial parameters, a generator a run."""
        ...

    def take(self, n_batches: int) -> Batch:
        """The next batches."""
        ...

    def keep(self, places: Sequence[int]) -> None:
        """Go on with the runs at these places of the stack, in this order."""
        ...


def source_of(runs: Sequence[Run], settings: TrainingSettings, device: torch.device | str) -> Source:
    """The source that the settings name, for a stack of these runs."""
    return (FreshPairs if settings.data == STREAM else DataSet)(runs, settings, device)


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
    """What sources of known distributions share: a generator per run and purpose, and leaving a stack."""

    def __init__(self, runs: Sequence[Run], settings: TrainingSettings, device: torch.device | str) -> None:
        self._runs, self._settings, self._device = list(runs), settings, device
        self._data, self._product = self._generators(Stream.DATA), self._generators(Stream.PRODUCT)
        self._again = self._generators(Stream.SECOND_LOOK)
        self.sizes = tuple({settings.batch_size, settings.short_batch} - {0})

    def starts(self) -> list[torch.Generator]:
        """See Source."""
        return self._generators(Stream.INITIALISATION)

    def _generators(self, stream: Stream) -> list[torch.Generator]:
        return [run.generator(stream, self._device) for run in self._runs]

    def _sample(self, shape: tuple[int, ...], stair: int) -> tuple[Tensor, Tensor]:
        """Joint pairs of each run's stair, x and z (S, *shape, d)."""
        each = [run.tasks[stair].sample(shape, [source]) for run, source in zip(self._runs, self._data, strict=True)]
        x, z = (torch.cat(parts) for parts in zip(*each, strict=True))
        return x, z

    def keep(self, places: Sequence[int]) -> None:
        """See Source."""
        for name, of_runs in vars(self).items():
            if isinstance(of_runs, list):
                setattr(self, name, [of_runs[place] for place in places])
            elif isinstance(of_runs, Tensor):
                setattr(self, name, of_runs[list(places)])

    def _shuffled(self, z: Tensor, sizes: Sequence[int], generators: list[torch.Generator]) -> Tensor | None:
        """Z (S, n_batches, k, d) in the order of the product pairs, each batch shuffled inside itself."""
        scheme, (_, n_batches, k, _) = self._settings.product, z.shape
        if scheme == "shift":
            return None
        indices = product_indices(scheme, n_batches, k, generators)
        for place, size in enumerate(sizes):
            if size < k:
                indices[:, place, :size] = product_indices(scheme, 1, size, generators)[:, 0]
        return z.gather(2, indices[..., None].expand_as(z))


class FreshPairs(_OfRuns):
    """New pairs at every step, ``settings.steps`` of them on each stair; after the last step, one batch more."""

    def __init__(self, runs: Sequence[Run], settings: TrainingSettings, device: torch.device | str) -> None:
        """See source_of."""
        super().__init__(runs, settings, device)
        assert settings.steps is not None, "settings work it out where they are made"
        self._steps, self._taken, self._last = settings.steps, 0, len(runs[0].tasks) - 1

    def take(self, n_batches: int) -> Batch:
        """See Source."""
        k, steps = self._settings.batch_size, self._steps
        first, self._taken = self._taken, self._taken + n_batches
        parts = []
        while first < self._taken:
            stair = min(first // steps, self._last)
            end = self._taken if stair == self._last else min(self._taken, steps * (stair + 1))
            # Whole blocks, so that a run's last batches do not depend on how many are left.
            drawn = max(BLOCK, n_batches) if end - first == n_batches else end - first
            parts.append([part[:, : end - first] for part in self._pairs(drawn, k, stair)])
            first = end
        x, z, *z_product = (torch.cat(each, 1) if len(each) > 1 else each[0] for each in zip(*parts, strict=True))
        sizes = (k,) * n_batches
        z_again = self._shuffled(z, sizes, self._again) if self._settings.second_look else None
        return Batch(x, z, z_product[0] if z_product else None, z_again, sizes)

    def _pairs(self, n_batches: int, k: int, stair: int) -> list[Tensor]:
        """X, z and, where a scheme chooses one, z_product."""
        x, z = self._sample((n_batches, k), stair)
        if self._settings.product == "independent":
            each = zip(self._runs, self._product, strict=True)
            return [x, z, torch.cat([run.tasks[stair].sample_z((n_batches, k), [source]) for run, source in each])]
        shuffled = self._shuffled(z, (k,) * n_batches, self._product)
        return [x, z] if shuffled is None else [x, z, shuffled]


class DataSet(_OfRuns):
    """Epochs of n pairs that every run draws once."""

    def __init__(self, runs: Sequence[Run], settings: TrainingSettings, device: torch.device | str) -> None:
        """Draws every run's data set."""
        super().__init__(runs, settings, device)
        n, k, keep_last = int(settings.data), settings.batch_size, settings.last_batch == "keep"
        self._x, self._z = self._sample((n,), 0)
        self._order = [Epochs(n, k, source, keep_last) for source in self._generators(Stream.BATCHES)]
        self._product_order = [Epochs(n, k, source, keep_last) for source in self._product]
        self._taken = 0

    def take(self, n_batches: int) -> Batch:
        """See Source."""
        # A whole block, so that a run's last batches do not depend on how many are left.
        drawn = max(BLOCK, n_batches)
        order = torch.stack([epochs.take(drawn) for epochs in self._order])
        x, z = _rows(self._x, order), _rows(self._z, order)
        sizes = tuple(self._settings.size_of_batch(self._taken + place) for place in range(drawn))
        self._taken += n_batches
        if self._settings.product == "independent":
            product_order = torch.stack([epochs.take(drawn) for epochs in self._product_order])
            z_product = _rows(self._z, product_order)
        else:
            z_product = self._shuffled(z, sizes, self._product)
        z_again = self._shuffled(z, sizes, self._again) if self._settings.second_look else None
        z_product, z_again = (None if each is None else each[:, :n_batches] for each in (z_product, z_again))
        return Batch(x[:, :n_batches], z[:, :n_batches], z_product, z_again, sizes[:n_batches])


class Rows:
    """Epochs of a reader's rows, the same for every run; each run has batches of its own."""

    def __init__(
        self,
        x: Tensor,
        z: Tensor,
        k: int,
        starts: Sequence[torch.Generator],
        batches: Sequence[torch.Generator],
    ) -> None:
        """X (n, dx), z (n, dz). k: pairs in a batch. starts, batches: random numbers, a generator a run."""
        self._x, self._z, self._starts = x, z, list(starts)
        self._epochs = [Epochs(len(x), k, source) for source in batches]
        self.sizes = (k,)

    def starts(self) -> list[torch.Generator]:
        """See Source."""
        return self._starts

    def take(self, n_batches: int) -> Batch:
        """See Source."""
        order = torch.stack([epochs.take(n_batches) for epochs in self._epochs])
        return Batch(self._x[order], self._z[order], None, None, self.sizes * n_batches)

    def keep(self, places: Sequence[int]) -> None:
        """See Source."""
        self._starts, self._epochs = ([each[place] for place in places] for each in (self._starts, self._epochs))


def _rows(values: Tensor, indices: Tensor) -> Tensor:
    """Each run's own rows of values (S, n, d) at its indices (S, n_batches, k). Returns (S, n_batches, k, d)."""
    flat = indices.flatten(1)[:, :, None].expand(-1, -1, values.shape[2])
    return values.gather(1, flat).view(*indices.shape, values.shape[2])
