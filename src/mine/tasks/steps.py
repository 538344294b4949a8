"""A level and a number near it: X is discrete, Z continuous, and neighbouring levels overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.errors import UserError
from mine.tasks.interface import OfOneDim
from mine.tasks.variates import categories, uniforms

WIDTH = 2.0


@dataclass(frozen=True)
class Steps(OfOneDim):
    """X one of 0, ..., levels - 1, all equally likely; Z uniform on [X, X + WIDTH). See Task."""

    mi: float
    levels: int
    dim: int = 1
    name: str = "steps"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        x = categories(self.levels, (*shape, 1), generators)
        return x, x + WIDTH * uniforms((*shape, 1), generators)

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln levels, less that of the levels that can have z; minus infinity where x cannot."""
        x, z = x.double()[..., 0], z.double()[..., 0]
        # Rounding may put z on the upper end.
        near = (z >= x) & (z <= x + WIDTH)
        first = (z - WIDTH).floor().add(1.0).clamp_min(0.0)
        last = z.floor().clamp_max(self.levels - 1.0)
        ratio = math.log(self.levels) - (last - first + 1.0).clamp_min(1.0).log()
        return torch.where(near, ratio, -math.inf)


def of_levels(levels: int) -> Steps:
    """The task of at least two levels; I(X; Z) = ln levels - (levels - 1) / levels ln 2.

    Raises UserError for fewer. Source: Gao et al. 2017 (arXiv:1709.06212), Estimating Mutual Information for
    Discrete-Continuous Mixtures, their second experiment.
    """
    if levels < 2:
        raise UserError(f"levels: {levels!r} is not a whole number of at least 2")
    return Steps(math.log(levels) - (levels - 1) / levels * math.log(2.0), levels)
