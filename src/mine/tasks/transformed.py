"""Tasks seen through invertible functions of X alone and of Z alone, which leave I(X; Z) as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Generator, Tensor

from mine.tasks import maps
from mine.tasks.gaussian import gaussian_as
from mine.tasks.interface import Task
from mine.tasks.maps import Map
from mine.tasks.stacks import per_run


@dataclass(frozen=True)
class Transformed(Task):
    """X = of_x(X'), Z = of_z(Z'), (X', Z') being the base's. See Task."""

    base: Task
    of_x: Map
    of_z: Map
    name: str

    @property
    def dim_x(self) -> int:
        """See Task."""
        return self.base.dim_x + self.of_x.added

    @property
    def dim_z(self) -> int:
        """See Task."""
        return self.base.dim_z + self.of_z.added

    @property
    def mi(self) -> float:
        """See Task."""
        return self.base.mi

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x, z = self.base.sample(shape, generators)
        return per_run(self.of_x.forward, x), per_run(self.of_z.forward, z)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. The base's at the points that were mapped: a change of variables cancels in the ratio."""
        assert self.base.log_ratio is not None, "only tasks that know their density ratio are transformed"
        return self.base.log_ratio(self.of_x.inverse(x.double()), self.of_z.inverse(z.double()))


def cubic(dim: int, mi: float) -> Transformed:
    """Z = Z'^3, X as it is. 0 <= mi <= 10 d nats, else UserError.

    Source: Song and Ermon 2020 (arXiv 1910.06222), the cubic task, after Poole et al. 2019 (arXiv 1905.06922).
    """
    return Transformed(gaussian_as("cubic", dim, mi), maps.SAME, maps.CUBE, "cubic")


def half_cube(dim: int, mi: float) -> Transformed:
    """Each v becomes v sqrt(|v|), in X and in Z, which makes the tails longer.

    0 <= mi <= 10 d nats, else UserError.
    Source: Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), the half-cube tasks.
    """
    return Transformed(gaussian_as("half-cube", dim, mi), maps.HALF_CUBE, maps.HALF_CUBE, "half-cube")


def asinh(dim: int, mi: float) -> Transformed:
    """Inverse hyperbolic sine of both, which makes the tails shorter. 0 <= mi <= 10 d nats, else UserError.

    Source: Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), the asinh tasks.
    """
    return Transformed(gaussian_as("asinh", dim, mi), maps.ASINH, maps.ASINH, "asinh")
