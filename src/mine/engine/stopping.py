"""When training ends: after so many updates, or when the validation rows have not got better for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mine.engine.sources import BLOCK


class Stopping(Protocol):
    """A rule that ends training. Updates are counted from 1."""

    @property
    def planned(self) -> int:
        """Updates at most. A step beyond them is a look at a batch without an update."""
        ...

    def next_block(self, done: int) -> int:
        """How many steps follow before ``over`` is asked again, at least 1."""
        ...

    def over(self, done: int, parameters: Tensor, live: Tensor) -> bool:
        """Whether training ends after ``done`` steps. parameters: (S, P), those that are judged; live: (S,)."""
        ...


@dataclass(frozen=True)
class FixedUpdates:
    """So many updates, and a look at the critic that they end with."""

    planned: int

    def next_block(self, done: int) -> int:
        """See Stopping."""
        return min(BLOCK, self.planned + 1 - done)

    def over(self, done: int, parameters: Tensor, live: Tensor) -> bool:
        """See Stopping."""
        return done > self.planned


class Patience:
    """Ends when no member's criterion has got better for ``patience`` looks, and keeps each member's best parameters.

    best: (S,) float64, the criterion of the kept critic, lower is better. kept: (S, P). kept_at: (S,), its update.
    ended: whether training ended by itself, not by ``planned``.
    """

    def __init__(self, criterion: Callable[[int, Tensor], Tensor], every: int, patience: int, planned: int) -> None:
        """criterion: of parameters (S, P) after so many updates, (S,) float64. every: updates between two looks."""
        self._criterion, self._every, self._patience = criterion, every, patience
        self.planned, self.ended = planned, False
        self.kept = self.kept_at = self.best = torch.empty(0)

    def next_block(self, done: int) -> int:
        """See Stopping."""
        return min(self._every, self.planned - done)

    def over(self, done: int, parameters: Tensor, live: Tensor) -> bool:
        """See Stopping."""
        criterion = self._criterion(done, parameters)
        if not done:
            self.kept, self.best = parameters.clone(), torch.full_like(criterion, torch.inf)
            self.kept_at = torch.zeros_like(criterion, dtype=torch.int64)
        better = criterion < self.best
        self.best = torch.where(better, criterion, self.best)
        self.kept[better], self.kept_at[better] = parameters[better], done
        patient = done - int(self.kept_at.max()) < self._patience * self._every
        self.ended = not patient or not bool(live.any())
        return self.ended or done >= self.planned
