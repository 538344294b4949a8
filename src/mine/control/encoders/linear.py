"""Linear encoders t = W x + unit noise: the kind whose information has a closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from mine.control.data import draw
from mine.control.encoders.interface import Encoders
from mine.control.gaussian import Array, channels, information, mi_of, mi_of_input, objective, power
from mine.control.monte_carlo import Estimate
from mine.control.settings import ControlSettings
from mine.engine.networks import Layout, Parameters, matrices
from mine.engine.sources import Run
from mine.tasks.interface import Task


@dataclass(frozen=True)
class Linear:
    """A layer without a bias, which would move t and change no mutual information. inputs: d; outputs: m."""

    inputs: int
    outputs: int
    name: str = "encoder"

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Its one parameter, W' (d, m)."""
        return {f"{self.name}.weight": (self.inputs, self.outputs)}

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator: uniform within 1/sqrt(d) of zero, as torch.nn.Linear."""
        values = torch.empty(len(generators), self.inputs, self.outputs, device=generators[0].device)
        for member, generator in zip(values, generators, strict=True):
            member.uniform_(-1.0 / math.sqrt(self.inputs), 1.0 / math.sqrt(self.inputs), generator=generator)
        return {f"{self.name}.weight": values}


class LinearEncoders(Encoders):
    """See Encoders. A member whose tr(W W') is above the limit after an update is put back onto it."""

    def __init__(
        self, control: ControlSettings, runs: Sequence[Run], starts: Sequence[torch.Generator], k: int
    ) -> None:
        """See Encoders."""
        network = Linear(control.dim, control.encoder_dim)
        layout = Layout([network])  # type: ignore[list-item]
        self._begin(control, layout.matrix(network.init(starts)))
        self._gradient = torch.zeros_like(self.parameters)
        (self._weight,) = layout.views(self.parameters).values()
        (self._of_weight,) = layout.views(self._gradient).values()
        self._x = matrices(self.parameters, k, control.dim)
        self._t, self._of_t = (matrices(self.parameters, k, control.encoder_dim) for _ in range(2))
        self._limit()

    def encode(self, x: Tensor, noise: Tensor) -> Tensor:
        """See Encoders."""
        self._x.copy_(x)
        self._t.copy_(noise)
        return torch.baddbmm(self._t, self._x, self._weight, out=self._t)

    def member(self, place: int) -> LinearEncoder:
        """See Encoders."""
        return LinearEncoder(self._control, as_matrices(self._weight[place]).copy())

    def kept(self) -> Tensor:
        """W' of every member, (S, d, m)."""
        return self._weight.clone()

    def as_kept(self, steps: Tensor) -> Array:
        """W, (steps, S, m, d)."""
        return as_matrices(steps)

    def exact(self, kept: Array) -> dict[str, Array]:
        """See Encoders: all of them, by the closed form."""
        found = information(self._control, kept)
        of_terms = {f"mi_{name}": values for name, values in found.items()}
        return {"power": power(kept), "objective": objective(self._control, found)} | of_terms

    def _pull(self, slope: Tensor) -> Tensor:
        torch.bmm(self._x.mT, torch.neg(slope, out=self._of_t), out=self._of_weight)
        return self._gradient

    def _limit(self) -> None:
        if self._power is not None:
            total = torch.mul(self.parameters, self.parameters, out=self._squared).sum(1, keepdim=True)
            self.parameters *= (self._power / total).sqrt().clamp(max=1.0)


@dataclass(frozen=True)
class LinearEncoder:
    """See Encoder. weight: W (m, d)."""

    control: ControlSettings
    weight: Array

    def task(self, term: str) -> Task:
        """See Encoder."""
        return EncodedPairs(self.control, self.weight, term)

    def estimated(self) -> dict[str, Estimate]:
        """Nothing: ``LinearEncoders.exact`` has it all."""
        return {}

    def saved(self) -> list[list[float]]:
        """W, m lists of d numbers."""
        return self.weight.tolist()


class EncodedPairs(Task):
    """(t, z) of one finished linear encoder as a task with known mutual information: z is y, s, or x itself."""

    name = "encoded"

    def __init__(self, control: ControlSettings, encoder: Array, term: str) -> None:
        """encoder: W (m, d). term: what t is paired with."""
        self._control, self._encoder, self._term = control, encoder, term
        self.dim_x, self.dim_z = encoder.shape
        self._channel = None if term == "x" else channels(control)[term]
        self.mi = float(mi_of_input(encoder) if self._channel is None else mi_of(encoder, self._channel))
        cross = encoder if self._channel is None else encoder @ self._channel.cross
        of_t = encoder @ encoder.T + np.eye(self.dim_x)
        joint = np.block([[of_t, cross], [cross.T, np.eye(self.dim_z)]])
        apart = np.zeros_like(joint)
        apart[: self.dim_x, : self.dim_x], apart[self.dim_x :, self.dim_x :] = np.linalg.inv(of_t), np.eye(self.dim_z)
        self._form = apart - np.linalg.inv(joint)

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x, seen, noise = draw(self._control, shape, generators)
        weight = torch.as_tensor(self._encoder.T, dtype=x.dtype, device=x.device)
        return x @ weight + noise, x if self._channel is None else seen[self._term]

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task: of jointly normal variables."""
        both = torch.cat([x, z], -1).double()
        form = torch.as_tensor(self._form, device=both.device)
        return self.mi + 0.5 * ((both @ form) * both).sum(-1)


def as_matrices(weight: Tensor) -> Array:
    """W' of members (..., d, m) as W (..., m, d) in float64."""
    return np.swapaxes(weight.detach().cpu().double().numpy(), -1, -2)
