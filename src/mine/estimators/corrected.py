"""A critic that starts from a known log ratio: T = T_known(x, z) + T_learned(x, z).

What is known is an elliptical copula's log ratio (Gaussian or Student-t). Rows carry its features behind what the
network sees, so that a product pair costs one inner product. Where the copula is right nothing is left to learn, and a
network that finds nothing to add adds nothing; where it is wrong, the network learns the difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.engine.networks import Given, Network, Parameters, Said, matrices, say
from mine.estimators.critics import Concat, Separable, off_diagonal
from mine.estimators.interface import Inputs, Looking, Outputs


@dataclass(frozen=True)
class Elliptical:
    """A copula's log ratio from features of rows, whose last is the row's own term.

    Of f of x and g of z, q = f . g without the last: own_x + own_z - q / 2 where ``dof`` is infinite (Gaussian), else
    own_x + own_z - power log(1 + q / dof). width: features of a row.
    """

    width: int
    dof: float
    power: float

    def of_pairs(self, f: Tensor, g: Tensor) -> Tensor:
        """Features (..., n, width) of as many x as z to log ratios (..., n), nats."""
        return self._log_ratio((f[..., :-1] * g[..., :-1]).sum(-1), f[..., -1], g[..., -1])

    def of_all_pairs(self, f: Tensor, g: Tensor) -> Tensor:
        """Features (S, n, width) to log ratios of all pairs (S, n, n), z's row and x's column."""
        n, width = f.shape[1], self.width - 1
        # Aligned, so that a member has the same bits in any stack (mine.engine.networks).
        left, right = (matrices(f, n, width).copy_(each[..., :-1]) for each in (g, f))
        inner = torch.bmm(left, right.mT, out=matrices(f, n, n))
        return self._log_ratio(inner, f[..., -1][:, None, :], g[..., -1:])

    def _log_ratio(self, inner: Tensor, own_x: Tensor, own_z: Tensor) -> Tensor:
        if math.isinf(self.dof):
            return own_x + own_z - 0.5 * inner
        return own_x + own_z - self.power * (1.0 + inner / self.dof).log()


@dataclass(frozen=True)
class Corrected(Looking):
    """``known`` plus a critic. Rows of x and of z end with the features of ``known``, which the critic does not see."""

    critic: Separable | Concat
    known: Elliptical

    @property
    def given(self) -> Given:
        """What says it."""
        return Given("known")

    @property
    def all_pairs(self) -> bool:
        """See Critic."""
        return self.critic.all_pairs

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Critic."""
        return (*self.critic.networks, self.given)

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Critic."""
        seen_x, f = self._parts(x)
        seen_z, g = self._parts(z)
        seen_product = None if z_product is None else self._parts(z_product)[0]
        inputs = self.critic.inputs(seen_x, seen_z, seen_product, rolls)
        if z_product is None or self.all_pairs:
            known = self._known(f, g, rolls)
        else:
            others = self._parts(z_product)[1].unflatten(1, (-1, x.shape[1]))
            of_product = self.known.of_pairs(f[:, None], others)
            known = torch.cat([self.known.of_pairs(f, g)[:, None], of_product], 1).mT
        return inputs | {self.given.name: known}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """See Critic."""
        learned, known = self.critic.read(said, z), self._read(said[self.given.name])
        return {name: learned[name] + known[name] for name in known}

    def pull(self, joint: Tensor, product: Tensor, said: Said) -> Said:
        """See Critic; there is nothing to learn in what is known."""
        return self.critic.pull(joint, product, said)

    def joint_inputs(self, x: Tensor, z: Tensor) -> Inputs:
        """See Critic."""
        (seen_x, f), (seen_z, g) = self._parts(x), self._parts(z)
        return self.critic.joint_inputs(seen_x, seen_z) | {self.given.name: self.known.of_pairs(f, g)}

    def read_joint(self, said: Said) -> Tensor:
        """See Critic."""
        return self.critic.read_joint(said) + said[self.given.name]

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """See Critic."""
        return self.read_joint(say(self.networks, parameters, self.joint_inputs(x, z)))

    def known_outputs(self, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """``joint`` and ``product`` as ``outputs`` has them, of what is known alone."""
        return self._read(self._known(self._parts(x)[1], self._parts(z)[1], rolls))

    def known_joint(self, x: Tensor, z: Tensor) -> Tensor:
        """What is known of joint pairs x (S, n, dx), z (S, n, dz). Returns (S, n)."""
        return self.known.of_pairs(self._parts(x)[1], self._parts(z)[1])

    def _known(self, f: Tensor, g: Tensor, rolls: int) -> Tensor:
        """(S, n, n) of a critic that takes all pairs; else (S, n, 1 + rolls), joint pairs first."""
        if self.all_pairs:
            return self.known.of_all_pairs(f, g)
        return torch.stack([self.known.of_pairs(f.roll(shift, 1), g) for shift in range(rolls + 1)], 2)

    def _read(self, known: Tensor) -> Outputs:
        if self.all_pairs:
            return {"joint": known.diagonal(dim1=1, dim2=2), "product": off_diagonal(known)}
        return {"joint": known[..., 0], "product": known[..., 1:]}

    def _parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return rows[..., : -self.known.width], rows[..., -self.known.width :]
