"""Density models of z, alone and given x, by affine coupling layers: what DoE by flows is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mine.engine.networks import Constant, Layout, Mlp, Network, Parameters, Said, init, matrices

COUPLINGS = 4
"""Layers of one flow."""
COMPONENTS = 8
"""Normals in the mixture that each coordinate of the base has."""

_LARGEST_LOG_SCALE = 3.0
_SPREAD = 2.0
_ACTIVATIONS = {"relu": torch.relu, "elu": torch.nn.functional.elu, "tanh": torch.tanh}


@dataclass(frozen=True)
class Held(Constant):
    """Perceptrons that see what others said, which nobody knows before they speak: it says their weights instead.

    outputs: numbers of all weights, each matrix beginning a cache line.
    """

    perceptrons: tuple[Mlp, ...] = ()

    @classmethod
    def of(cls, name: str, perceptrons: Sequence[Mlp]) -> Held:
        """perceptrons: at least one."""
        return cls(name, Layout(perceptrons).row, tuple(perceptrons))

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh weights as each perceptron draws its own."""
        return {self.name: Layout(self.perceptrons).matrix(init(self.perceptrons, generators))[:, None]}

    def weights(self, said: Said) -> Parameters:
        """The weights by name."""
        return Layout(self.perceptrons).views(said[self.name][:, 0])


@dataclass(frozen=True)
class Flow:
    """q(z) or q(z | x): coupling layers take z to a base of independent coordinates, each a mixture of normals.

    A coupling layer leaves one half of the coordinates as it is and moves the other by y = z e^s + t, where a network
    of the first half, and of x, gives s and t; the halves take turns. One coordinate has no halves: the flow is its
    base there. Source: Dinh, Sohl-Dickstein & Bengio 2017 (arXiv:1605.08803), equations 7 and 8; their base is one
    standard normal, which could be no other than a normal in one dimension.

    couplings: None for a single coordinate. base: says log weight, location and log scale of each component.
    """

    dim: int
    couplings: Held | None
    base: Mlp | Constant

    @property
    def networks(self) -> tuple[Network, ...]:
        """See ``mine.estimators.interface``."""
        return (self.base,) if self.couplings is None else (self.couplings, self.base)

    def log_density(self, said: Said, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Log q of z (S, n, d), given x (S, n, dx) where it is conditional, in nats. Returns (S, n)."""
        values, log_determinant = self.to_base(said, z, x)
        log_weight, location, log_scale = said[self.base.name].unflatten(-1, (3, self.dim, COMPONENTS)).unbind(2)
        # Apart to begin with: alike components would stay alike.
        location = location + torch.linspace(-_SPREAD, _SPREAD, COMPONENTS, dtype=z.dtype, device=z.device)
        log_scale = _bounded(log_scale, 2.0 * _LARGEST_LOG_SCALE)
        standard = (values[..., None] - location) * (-log_scale).exp()
        each = -0.5 * standard.square() - 0.5 * math.log(2.0 * math.pi) - log_scale
        return (each + log_weight.log_softmax(-1)).logsumexp(-1).sum(-1) + log_determinant

    def to_base(self, said: Said, z: Tensor, x: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Where z (S, n, d) lies in the base (S, n, d), and the log determinant of the way there (S, n)."""
        log_determinant = z.new_zeros(z.shape[:2])
        if self.couplings is None:
            return z, log_determinant
        weights, halves = self.couplings.weights(said), list(z.tensor_split([self.dim // 2], -1))
        for place, perceptron in enumerate(self.couplings.perceptrons):
            kept, moved = place % 2, 1 - place % 2
            seen = halves[kept] if x is None else torch.cat([halves[kept], x], 2)
            log_scale, shift = _heard(perceptron, weights, seen).chunk(2, 2)
            log_scale = _bounded(log_scale, _LARGEST_LOG_SCALE)
            halves[moved] = halves[moved] * log_scale.exp() + shift
            log_determinant = log_determinant + log_scale.sum(2)
        return torch.cat(halves, 2), log_determinant


def marginal_flow(dim: int, hidden: int, layers: int, activation: str) -> Flow:
    """q(z) of z in R^dim. hidden, layers, activation: of its networks."""
    return Flow(dim, _couplings("marginal", dim, 0, hidden, layers, activation), Constant("marginal.base", _base(dim)))


def conditional_flow(dim: int, dim_x: int, hidden: int, layers: int, activation: str) -> Flow:
    """q(z | x) of z in R^dim given x in R^dim_x."""
    base = Mlp("conditional.base", dim_x, _base(dim), hidden, layers, activation)
    return Flow(dim, _couplings("conditional", dim, dim_x, hidden, layers, activation), base)


def _couplings(name: str, dim: int, dim_x: int, hidden: int, layers: int, activation: str) -> Held | None:
    halves = dim // 2, dim - dim // 2
    if halves[0] == 0:
        return None
    perceptrons = [
        Mlp(f"{place}", halves[place % 2] + dim_x, 2 * halves[1 - place % 2], hidden, layers, activation)
        for place in range(COUPLINGS)
    ]
    return Held.of(f"{name}.couplings", perceptrons)


def _base(dim: int) -> int:
    return 3 * dim * COMPONENTS


def _bounded(log_scale: Tensor, largest: float) -> Tensor:
    """Smooth, and e^log_scale can neither overflow nor vanish."""
    return largest * torch.tanh(log_scale / largest)


def _heard(perceptron: Mlp, weights: Parameters, values: Tensor) -> Tensor:
    """What a perceptron of these weights says of values (S, n, inputs); autograd goes through both."""
    for index in range(perceptron.layers + 1):
        weight, bias = (weights[f"{perceptron.name}.{index}.{kind}"] for kind in ("weight", "bias"))
        values = _Affine.apply(values, weight, bias)
        if index < perceptron.layers:
            values = _ACTIVATIONS[perceptron.activation](values)
    return values


class _Affine(torch.autograd.Function):
    """values (S, n, a) @ weight (S, a, b) + bias (S, 1, b).

    Every operand and result begins a cache line, the gradients' too: a member has the same bits in any stack
    (mine.engine.networks).
    """

    @staticmethod
    def forward(context: Any, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        values, weight = _aligned(values), _aligned(weight)
        context.save_for_backward(values, weight)
        return torch.baddbmm(bias, values, weight, out=matrices(values, values.shape[1], weight.shape[2]))

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (values, weight), gradient = context.saved_tensors, _aligned(gradient)
        of_values = torch.bmm(gradient, weight.mT, out=matrices(gradient, *values.shape[1:]))
        of_weight = torch.bmm(values.mT, gradient, out=matrices(gradient, *weight.shape[1:]))
        return of_values, of_weight, gradient.sum(1, keepdim=True)


def _aligned(values: Tensor) -> Tensor:
    return matrices(values, *values.shape[1:]).copy_(values)
