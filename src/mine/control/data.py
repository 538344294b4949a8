"""Pairs of an encoder's input with what it is to keep or to lose, fresh at every step.

A run's numbers are what its own generators give, whatever the stack and the estimator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from mine.control.gaussian import Channel, channels
from mine.control.settings import ControlSettings
from mine.engine.seeding import Stream
from mine.engine.sources import BLOCK, Run, product_indices
from mine.gaussian import sample_normals


@dataclass(frozen=True)
class Drawn:
    """x (S, n, k, d), the noise of t (S, n, k, m), and by term what t is paired with, with its product partner.

    of_terms: z (S, n, k, d) of ``y``, ``x`` or ``s``. products: the same in the order of the product pairs; None where
    a critic chooses them.
    """

    x: Tensor
    noise: Tensor
    of_terms: dict[str, Tensor]
    products: dict[str, Tensor | None]


def runs_of(control: ControlSettings, seeds: Sequence[int]) -> list[Run]:
    """A run a seed. Its random numbers depend on seed and dimension: goals, weights and estimators are paired."""
    return [Run(seed, (), (control.dim, 0.0)) for seed in seeds]


class EncoderPairs:
    """The source of every batch that a stack of encoders and their critics train on."""

    def __init__(
        self, control: ControlSettings, runs: Sequence[Run], k: int, product: str, device: torch.device | str
    ) -> None:
        """k: pairs in a batch. product: scheme, see ``mine.engine.sources.product_indices``; or ``shift``."""
        self._control, self._k, self._scheme = control, k, product
        self._data, self._product = (
            [run.generator(stream, device) for run in runs] for stream in (Stream.DATA, Stream.PRODUCT)
        )

    def take(self, n_batches: int) -> Drawn:
        """The next batches."""
        control, shape = self._control, (max(BLOCK, n_batches), self._k)
        x, seen, noise = draw(control, shape, self._data)
        of_terms = {"x": x, **seen}
        products: dict[str, Tensor | None] = {}
        for name in control.terms:
            products[name] = None
            if self._scheme != "shift":
                order = product_indices(self._scheme, *shape, self._product)
                products[name] = of_terms[name].gather(2, order[..., None].expand_as(of_terms[name]))[:, :n_batches]
        return Drawn(
            x[:, :n_batches],
            noise[:, :n_batches],
            {name: of_terms[name][:, :n_batches] for name in control.terms},
            products,
        )


def draw(
    control: ControlSettings, shape: tuple[int, ...], generators: Sequence[Generator]
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Inputs x (S, *shape, d), y and s of it (S, *shape, d), and the noise of t (S, *shape, m); float32."""
    x = sample_normals((*shape, control.dim), generators)
    seen = {name: through(channel, x, generators) for name, channel in channels(control).items()}
    return x, seen, sample_normals((*shape, control.encoder_dim), generators)


def through(channel: Channel, x: Tensor, generators: Sequence[Generator]) -> Tensor:
    """What a channel makes of x (S, *, d): C' x + noise, of the same shape."""
    cross = torch.as_tensor(channel.cross, dtype=x.dtype, device=x.device)
    noise = torch.as_tensor(np.sqrt(1.0 - np.square(channel.correlations)), dtype=x.dtype, device=x.device)
    # Run by run: a product of all of them would be cut up, and so rounded, otherwise.
    known = torch.stack([one.flatten(0, -2) @ cross for one in x]).view_as(x)
    return known + noise * sample_normals(tuple(x.shape[1:]), generators)
