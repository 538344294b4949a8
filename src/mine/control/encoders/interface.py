"""What every kind of encoder offers: a stack in training, and one encoder as it stands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from mine.control.gaussian import Array
from mine.control.monte_carlo import Estimate
from mine.control.settings import ControlSettings
from mine.engine.optimizers import Adam
from mine.engine.sources import Run
from mine.tasks.interface import Task


class Encoder(Protocol):
    """One encoder t = f(x) + unit noise, as it stood when it was asked for."""

    def task(self, term: str) -> Task:
        """(t, z) as a task; z is y, s, or x itself."""

    def estimated(self) -> dict[str, Estimate]:
        """What no closed form gives, estimated: columns of the trace to their values. Empty of a kind that has one."""

    def saved(self) -> Any:
        """Its parameters, as they go into the metadata of a results file."""


class Encoders(ABC):
    """S encoders in training, with an optimiser of their own and a limit on their power.

    Members never mix, and one that has ended stays as it is.

    parameters: (S, P). live: (S,), whether a member still trains.
    """

    parameters: Tensor
    live: Tensor

    @abstractmethod
    def __init__(
        self, control: ControlSettings, runs: Sequence[Run], starts: Sequence[torch.Generator], k: int
    ) -> None:
        """runs, starts: a run and a generator of its initial parameters a member. k: pairs in a batch."""

    @abstractmethod
    def encode(self, x: Tensor, noise: Tensor) -> Tensor:
        """Code t (S, k, m) of x (S, k, d): memory that the next call overwrites."""

    @abstractmethod
    def member(self, place: int) -> Encoder:
        """One of them as it stands; a copy."""

    @abstractmethod
    def kept(self) -> Tensor:
        """What ``exact`` needs of every step, (S, ...); a copy."""

    @abstractmethod
    def as_kept(self, steps: Tensor) -> Array:
        """``kept`` of several steps (steps, S, ...) as ``exact`` takes it, in float64."""

    @abstractmethod
    def exact(self, kept: Array) -> dict[str, Array]:
        """Columns of the trace that a closed form gives, ``power``, ``objective`` and ``mi_*``; kept: a row a step."""

    def update(self, slope: Tensor, step: int) -> Tensor:
        """Ascend, and return the L2 norm of each member's gradient, (S,).

        slope: of what is ascended with respect to the t that was encoded last, (S, k, m).
        """
        gradient = self._pull(slope)
        norm = torch.mul(gradient, gradient, out=self._squared).sum(1).sqrt()
        self.live &= norm.isfinite()
        rates = self.parameters.new_tensor(self._optimizer.rates(step))
        change = self._optimizer.descent(gradient, self._squared, self._state, rates)
        self.parameters -= torch.where(self.live[:, None], change, 0.0)
        self._limit()
        return norm

    def _begin(self, control: ControlSettings, parameters: Tensor) -> None:
        """Take in the settings and the initial parameters (S, P)."""
        self.parameters = parameters
        self.live = torch.ones(len(parameters), dtype=torch.bool, device=parameters.device)
        self._control, self._power = control, control.power
        self._optimizer = Adam(control.encoder_learning_rate)
        self._state = self._optimizer.init(parameters)
        self._squared = torch.empty_like(parameters)

    @abstractmethod
    def _pull(self, slope: Tensor) -> Tensor:
        """Gradient of what is descended with respect to the parameters, (S, P). slope: see ``update``."""

    @abstractmethod
    def _limit(self) -> None:
        """Keep the members within the limit on their power, at the beginning and after every update."""
