"""Pairs that are now and then rounded to atoms: X and Z each have a density and atoms at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.errors import UserError
from mine.gaussian import log_density_ratio as log_normal_ratio
from mine.gaussian import mutual_information, sample_normals
from mine.tasks.interface import OfOneDim
from mine.tasks.variates import uniforms


@dataclass(frozen=True)
class Atoms(OfOneDim):
    """One half of the pairs normal of correlation rho; of the other half X and Z are 1 or -1. See Task.

    The two signs are the same with probability ``same``, and either is as likely.
    """

    mi: float
    rho: float
    same: float
    dim: int = 1
    name: str = "atoms"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        normals = sample_normals((*shape, 2), generators)
        half, sign, alike = (uniforms((*shape, 3), generators) < normals.new_tensor([0.5, 0.5, self.same])).unbind(-1)
        x, noise = normals.unbind(-1)
        z = self.rho * x + math.sqrt(1.0 - self.rho * self.rho) * noise
        atom_x = 2.0 * sign - 1.0
        atom_z = torch.where(alike, atom_x, -atom_x)
        return torch.where(half, atom_x, x)[..., None], torch.where(half, atom_z, z)[..., None]

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln 2 more than that of the pair's own half; minus infinity of an atom and a number that is none.

        A normal number that float32 rounds to an atom, one in some ten million, is taken for one.
        """
        x, z = x.double(), z.double()
        atom_x, atom_z = (x.abs() == 1.0)[..., 0], (z.abs() == 1.0)[..., 0]
        alike = x.new_tensor([2.0 * (1.0 - self.same), 2.0 * self.same]).log()[(x == z)[..., 0].long()]
        own = torch.where(atom_x, alike, log_normal_ratio(x, z, self.rho))
        return torch.where(atom_x == atom_z, math.log(2.0) + own, -math.inf)


def of_rho(rho: float, same: float) -> Atoms:
    """The task at -1 < rho < 1 and 0 < same < 1, and UserError otherwise.

    Both sides tell which half a pair is of: I(X; Z) is ln 2, and the mean of what the halves have.

    Source: Gao et al. 2017 (arXiv:1709.06212), Estimating Mutual Information for Discrete-Continuous Mixtures, their
    first experiment, at rho = same = 0.9.
    """
    for name, value, least in (("rho", rho, -1), ("same", same, 0)):
        if not least < value < 1:
            raise UserError(f"{name}: {value!r} is not a number between {least} and 1")
    signs = math.log(2.0) + same * math.log(same) + (1.0 - same) * math.log(1.0 - same)
    return Atoms(math.log(2.0) + 0.5 * mutual_information(1, rho) + 0.5 * signs, rho, same)
