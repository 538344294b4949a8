"""Encoders of a stack: t = W x + unit noise, with an optimiser of their own and a limit on their power."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mine.control.gaussian import Array
from mine.control.settings import ControlSettings
from mine.engine.networks import Layout, Parameters, matrices
from mine.engine.optimizers import Adam


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


class Encoders:
    """S encoders. Members never mix, and one that has ended stays as it is.

    parameters: (S, P). live: (S,), whether a member still trains.
    """

    def __init__(self, control: ControlSettings, starts: Sequence[torch.Generator], k: int) -> None:
        """starts: a generator a member. k: pairs in a batch."""
        network = Linear(control.dim, control.encoder_dim)
        layout = Layout([network])  # type: ignore[list-item]
        self.parameters = layout.matrix(network.init(starts))
        self.live = torch.ones(len(starts), dtype=torch.bool, device=self.parameters.device)
        self._power, self._optimizer = control.power, Adam(control.encoder_learning_rate)
        self._state = self._optimizer.init(self.parameters)
        self._gradient, self._squared = torch.zeros_like(self.parameters), torch.empty_like(self.parameters)
        (self._weight,) = layout.views(self.parameters).values()
        (self._of_weight,) = layout.views(self._gradient).values()
        self._x = matrices(self.parameters, k, control.dim)
        self._t, self._of_t = (matrices(self.parameters, k, control.encoder_dim) for _ in range(2))
        self._limit()

    @property
    def weight(self) -> Tensor:
        """W' of every member, (S, d, m); a copy."""
        return self._weight.clone()

    def encode(self, x: Tensor, noise: Tensor) -> Tensor:
        """Code t (S, k, m) of x (S, k, d): memory that the next call overwrites."""
        self._x.copy_(x)
        self._t.copy_(noise)
        return torch.baddbmm(self._t, self._x, self._weight, out=self._t)

    def update(self, slope: Tensor, step: int) -> Tensor:
        """Ascend, and return the L2 norm of each member's gradient, (S,).

        slope: of what is ascended with respect to the t that was encoded last, (S, k, m).
        """
        torch.bmm(self._x.mT, torch.neg(slope, out=self._of_t), out=self._of_weight)
        norm = torch.mul(self._gradient, self._gradient, out=self._squared).sum(1).sqrt()
        self.live &= norm.isfinite()
        rates = self.parameters.new_tensor(self._optimizer.rates(step))
        change = self._optimizer.descent(self._gradient, self._squared, self._state, rates)
        self.parameters -= torch.where(self.live[:, None], change, 0.0)
        self._limit()
        return norm

    def _limit(self) -> None:
        """Put the members whose power is above the limit back onto it."""
        if self._power is not None:
            total = torch.mul(self.parameters, self.parameters, out=self._squared).sum(1, keepdim=True)
            self.parameters *= (self._power / total).sqrt().clamp(max=1.0)


def as_matrices(weight: Tensor) -> Array:
    """W' of members (..., d, m) as W (..., m, d) in float64."""
    return np.swapaxes(weight.detach().cpu().double().numpy(), -1, -2)
