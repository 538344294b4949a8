"""What every task offers. Imports nothing of the tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor


class Task:
    """A joint distribution of X and Z whose mutual information is known.

    name: as in ``mine.tasks.TASKS`` or ``mine.tasks.FIXED``.
    dim_x, dim_z: dimension of X and of Z.
    mi: exact I(X; Z) in nats.
    log_ratio: x (..., dim_x) and z (..., dim_z) to log p(x, z) / (p(x) p(z)) in nats, float64 (...); None where it is
        not known. Of a discrete variable p is the probability.
    """

    name: str
    dim_x: int
    dim_z: int
    mi: float
    log_ratio: Callable[[Tensor, Tensor], Tensor] | None = None

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """Joint pairs of several runs, float32 on the generators' device: x (S, *shape, dim_x), z (S, *shape, dim_z).

        Run s's pairs are what generator s gives, whatever the stack. What is drawn from a generator does not depend
        on mi: tasks that differ in mi alone turn one seed into the same underlying numbers, and so are paired.
        """
        raise NotImplementedError

    def sample_x(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
        """X alone, (S, *shape, dim_x)."""
        return self.sample(shape, generators)[0]

    def sample_z(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> Tensor:
        """Z alone, (S, *shape, dim_z)."""
        return self.sample(shape, generators)[1]


class OfOneDim(Task):
    """A task whose X and Z have the same dimension ``dim``."""

    dim: int

    @property
    def dim_x(self) -> int:
        """See Task."""
        return self.dim

    @property
    def dim_z(self) -> int:
        """See Task."""
        return self.dim
