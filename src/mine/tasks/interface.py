"""What every task offers. Imports nothing of the tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Task(Protocol):
    """A joint distribution of X and Z whose mutual information is known.

    name: as in ``mine.tasks.TASKS``.
    dim: d of X and of Z.
    mi: exact I(X; Z) in nats.
    """

    name: str
    dim: int
    mi: float

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """Joint pairs of several runs: x and z, each float32 (S, *shape, dim), on the generators' device.

        Run s's pairs are what generator s gives, whatever the stack. What is drawn from a generator does not depend
        on mi: tasks that differ in mi alone turn one seed into the same underlying numbers, and so are paired.
        """
        ...
