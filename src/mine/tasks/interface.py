"""What every task offers. Imports nothing of the tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Task:
    """A joint distribution of X and Z whose mutual information is known.

    name: as in ``mine.tasks.TASKS``.
    dim: d of X and of Z.
    mi: exact I(X; Z) in nats.
    log_ratio: x, z (..., dim) to log p(x, z) / (p(x) p(z)) in nats, float64 (...); None where it has no closed form.
    """

    name: str
    dim: int
    mi: float
    log_ratio: Callable[[Tensor, Tensor], Tensor] | None = None

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """Joint pairs of several runs: x and z, each float32 (S, *shape, dim), on the generators' device.

        Run s's pairs are what generator s gives, whatever the stack. What is drawn from a generator does not depend
        on mi: tasks that differ in mi alone turn one seed into the same underlying numbers, and so are paired.
        """
        raise NotImplementedError

    def sample_x(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
        """X alone, (S, *shape, dim)."""
        return self.sample(shape, generators)[0]

    def sample_z(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
        """Z alone, (S, *shape, dim)."""
        return self.sample(shape, generators)[1]
