"""Critics T(x, z) with their product scheme: separable with all pairs, concatenated with given, shifted or all pairs.

Rows of a batch are exchangeable, so a shift by a number of rows is a derangement like any other: no pair keeps its
own partner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mine.engine.networks import Mlp, Network, Parameters, Said, matrices, say
from mine.errors import UserError
from mine.estimators.interface import Inputs, Looking, Outputs


class _Critic(Looking):
    """What both critics do alike."""

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """T on joint pairs x (S, n, dx), z (S, n, dz). Returns (S, n)."""
        return self.read_joint(say(self.networks, parameters, self.joint_inputs(x, z)))


@dataclass(frozen=True)
class Separable(_Critic):
    """T(x, z) = f(x) . g(z), two networks into one space: T of all pairs of a batch for the price of its rows.

    Source: the separable critic of Poole et al. 2019 and of the notebook they published (google-research/vbmi).
    """

    f: Mlp
    g: Mlp
    all_pairs = True

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Critic."""
        return self.f, self.g

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Critic; every other x of the batch goes with each z, whatever ``z_product`` and ``rolls``."""
        return self.joint_inputs(x, z)

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Critic."""
        scores = _AllPairs.apply(said[self.f.name], said[self.g.name])
        return {"joint": scores.diagonal(dim1=1, dim2=2), "product": off_diagonal(scores)}

    def pull(self, joint: Tensor, product: Tensor, said: Said) -> Said:
        """See Critic."""
        n = joint.shape[1]
        scores = matrices(joint, n, n)
        scores.diagonal(dim1=1, dim2=2).copy_(joint)
        scores.flatten(1)[:, 1:].view(-1, n - 1, n + 1)[:, :, :-1].copy_(product.view(-1, n - 1, n))
        f, g = _pull(scores, said[self.f.name], said[self.g.name])
        return {self.f.name: f, self.g.name: g}

    def joint_inputs(self, x: Tensor, z: Tensor) -> Inputs:
        """See Critic."""
        return {self.f.name: x, self.g.name: z}

    def read_joint(self, said: Said) -> Tensor:
        """See Critic."""
        return (said[self.f.name] * said[self.g.name]).sum(2)


@dataclass(frozen=True)
class Concat(_Critic):
    """T(x, z) = one network on x and z side by side; as many product pairs as joint ones, or ``rolls`` times as many.

    The network is the joint critic of Poole et al. 2019 (ConcatCritic in their notebook), who take all pairs. As many
    product pairs as joint ones, by a derangement, are what Letizia, Novello & Tonello 2024 (arXiv:2305.20025) take.
    """

    network: Mlp
    all_pairs = False

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Critic."""
        return (self.network,)

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Critic."""
        pairs = [torch.cat([x, z], 2)]
        if z_product is not None:
            pairs.append(torch.cat([x.repeat(1, z_product.shape[1] // x.shape[1], 1), z_product], 2))
        elif not 1 <= rolls < x.shape[1]:
            raise UserError(
                f"rolls: {rolls} is not a number of shifts from 1 to {x.shape[1] - 1}, one less than the pairs"
            )
        else:
            pairs += [torch.cat([x.roll(shift, 1), z], 2) for shift in range(1, rolls + 1)]
        return {self.network.name: torch.cat(pairs, 1)}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Critic."""
        scores = said[self.network.name]
        scores = scores.view(len(scores), -1, z.shape[1])
        return {"joint": scores[:, 0], "product": scores[:, 1:].mT}

    def pull(self, joint: Tensor, product: Tensor, said: Said) -> Said:
        """See Critic."""
        scores = torch.cat([joint[:, None], product.mT], 1)
        return {self.network.name: scores.view(len(scores), -1, 1)}

    def joint_inputs(self, x: Tensor, z: Tensor) -> Inputs:
        """See Critic."""
        return {self.network.name: torch.cat([x, z], 2)}

    def read_joint(self, said: Said) -> Tensor:
        """See Critic."""
        return said[self.network.name][:, :, 0]


@dataclass(frozen=True)
class ConcatAll(Concat):
    """The concatenated critic with all pairs of a batch, as Poole et al. 2019 take them: n^2 scores for n rows."""

    all_pairs = True

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Critic; every other x of the batch goes with each z, whatever ``z_product`` and ``rolls``."""
        return super().inputs(x, z, rolls=x.shape[1] - 1)


class _AllPairs(torch.autograd.Function):
    """f (S, n, e) and g (S, n, e) to T of all pairs (S, n, n), z's row and x's column, as torch.bmm of both.

    MKL rounds a product of odd shape by where its result lies, so every result begins a cache line, the gradients'
    too: a member has the same bits in any stack.
    """

    @staticmethod
    def forward(context: Any, f: Tensor, g: Tensor) -> Tensor:
        context.save_for_backward(f, g)
        return _product(g, f.mT)

    @staticmethod
    def backward(context: Any, scores: Tensor) -> tuple[Tensor, Tensor]:
        return _pull(scores, *context.saved_tensors)


def _pull(scores: Tensor, f: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """A gradient with respect to T of all pairs as those with respect to f and to g."""
    return _product(g.mT, scores).mT, _product(scores, f)


def _product(left: Tensor, right: Tensor) -> Tensor:
    return torch.bmm(left, right, out=matrices(left, left.shape[1], right.shape[2]))


def off_diagonal(matrix: Tensor) -> Tensor:
    """Every row (S, n, n) without its own column. Returns (S, n, n - 1)."""
    members, n, _ = matrix.shape
    # Leaving out the first entry, the diagonal is every (n + 1)th.
    rows = matrix.reshape(members, -1)[:, 1:].view(members, n - 1, n + 1)[:, :, :-1]
    return rows.reshape(members, n, n - 1)
