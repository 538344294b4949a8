"""Critics T(x, z) with their product scheme: separable with all pairs, concatenated with shifted pairs.

Rows of a batch are exchangeable, so a shift by a number of rows is a derangement like any other: no pair keeps its
own partner.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.errors import UserError
from mine.estimators.interface import Outputs, Parameters
from mine.estimators.networks import Mlp


@dataclass(frozen=True)
class Separable:
    """T(x, z) = f(x) . g(z), two networks into one space: T of all pairs of a batch for the price of its rows.

    Source: the separable critic of Poole et al. 2019 and of the notebook they published (google-research/vbmi).
    """

    f: Mlp
    g: Mlp
    all_pairs = True

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Critic."""
        return self.f.init(generators) | self.g.init(generators)

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """See Critic."""
        return (self.f(parameters, x) * self.g(parameters, z)).sum(2)

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Critic; every other x of the batch goes with each z, whatever ``rolls``."""
        scores = torch.bmm(self.g(parameters, z), self.f(parameters, x).mT)
        return {"joint": scores.diagonal(dim1=1, dim2=2), "product": off_diagonal(scores)}


@dataclass(frozen=True)
class Concat:
    """T(x, z) = one network on x and z side by side; product pairs by shifting x by 1, ..., ``rolls`` rows.

    The network is the joint critic of Poole et al. 2019 (ConcatCritic in their notebook), who take all pairs. As many
    product pairs as joint ones, by a derangement, are what Letizia, Novello & Tonello 2024 (arXiv:2305.20025) take.
    """

    network: Mlp
    all_pairs = False

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Critic."""
        return self.network.init(generators)

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """See Critic."""
        return self.network(parameters, torch.cat([x, z], 2))[:, :, 0]

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Critic."""
        if not 1 <= rolls < x.shape[1]:
            raise UserError(
                f"rolls: {rolls} is not a number of shifts from 1 to {x.shape[1] - 1}, one less than the pairs"
            )
        shifted = [x, *(x.roll(shift, 1) for shift in range(1, rolls + 1))]
        pairs = torch.cat([torch.cat([each, z], 2) for each in shifted], 1)
        scores = self.network(parameters, pairs)[:, :, 0].view(len(x), rolls + 1, x.shape[1])
        return {"joint": scores[:, 0], "product": scores[:, 1:].mT}


def off_diagonal(matrix: Tensor) -> Tensor:
    """Every row (S, n, n) without its own column. Returns (S, n, n - 1)."""
    members, n, _ = matrix.shape
    # Leaving out the first entry, the diagonal is every (n + 1)th.
    rows = matrix.reshape(members, -1)[:, 1:].view(members, n - 1, n + 1)[:, :, :-1]
    return rows.reshape(members, n, n - 1)
