"""The critic (statistics network) T(x, z): a multilayer perceptron on the concatenation of x and z.

Critics come in stacks: parameters of S critics are one matrix (S, P), and one batched product evaluates them all.
Members of a stack never mix; a stack of one is a stack like any other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

_aten = torch.ops.aten

# Each in place: what follows a hidden layer, and the derivative, by which a gradient is multiplied; it is a function
# of the activation's output. These are the kernels that autograd would call.
_ACTIVATIONS = {
    "relu": (
        torch.relu_,
        lambda gradient, output: _aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient),
    ),
    "elu": (
        torch.nn.functional.elu_,
        lambda gradient, output: _aten.elu_backward.grad_input(gradient, 1, 1, 1, True, output, grad_input=gradient),
    ),
    "tanh": (
        torch.tanh_,
        lambda gradient, output: _aten.tanh_backward.grad_input(gradient, output, grad_input=gradient),
    ),
}

# Floats in a cache line. MKL rounds a product of odd shape by where its operands lie in one, so every member's
# numbers must lie alike: a member then has the same bits at every place of every stack.
_LINE = 16

Layers = list[Tensor]
"""Weight (S, inputs, outputs) and bias (S, 1, outputs) of each layer in turn."""


@dataclass(frozen=True)
class Architecture:
    """Shape of a critic. dim: d of X and of Z, so that the input has 2d entries."""

    dim: int
    hidden: int
    layers: int
    activation: str

    @property
    def widths(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer, the last of which has one output."""
        sizes = [2 * self.dim, *[self.hidden] * self.layers, 1]
        return list(pairwise(sizes))

    @property
    def n_parameters(self) -> int:
        """Parameters of one critic."""
        return sum(inputs * outputs + outputs for inputs, outputs in self.widths)

    @property
    def row(self) -> int:
        """P, the length of one critic's row: its parameters, then zeros up to a whole cache line."""
        return _whole_lines(self.n_parameters)


def initial_parameters(architecture: Architecture, generators: Sequence[torch.Generator]) -> Tensor:
    """Fresh parameters of one critic per generator, float32 (S, P).

    Weights and biases are uniform within 1/sqrt(inputs) of zero, as torch.nn.Linear makes them.
    """
    device = generators[0].device
    parameters = torch.zeros(len(generators), architecture.row, device=device)
    bounds = torch.cat(
        [
            torch.full((inputs * outputs + outputs,), 1.0 / math.sqrt(inputs), device=device)
            for inputs, outputs in architecture.widths
        ]
    )
    for row, generator in zip(parameters, generators, strict=True):
        unit = torch.rand(architecture.n_parameters, generator=generator, device=device)
        row[: architecture.n_parameters] = (2.0 * unit - 1.0) * bounds
    return parameters


def layers_of(parameters: Tensor, architecture: Architecture) -> Layers:
    """The matrix (S, P) as layers: views that share its memory, in the order in which P lays them out."""
    layers, start = [], 0
    for inputs, outputs in architecture.widths:
        for rows in (inputs, 1):
            layers.append(parameters[:, start : start + rows * outputs].view(-1, rows, outputs))
            start += rows * outputs
    return layers


def critic(layers: Layers, pairs: Tensor, architecture: Architecture, memory: list[Tensor] | None = None) -> Tensor:
    """T on n pairs for each member of a stack.

    pairs: (S, n, 2d), x and z of a pair side by side. memory: one (S, n, units) matrix a hidden layer, in which its
    activations are left, and one more to work in; new memory if not given. Returns (S, n).
    """
    activate, _ = _ACTIVATIONS[architecture.activation]
    values = pairs
    for index in range(architecture.layers):
        weight, bias = layers[2 * index : 2 * index + 2]
        values = activate(torch.baddbmm(bias, values, weight, out=memory[index] if memory else None))
    # One output: a batched product with a single column takes five times as long as multiplying and adding up.
    products = torch.mul(values, layers[-2].mT, out=memory[-1] if memory else values)
    return products.sum(2).add_(layers[-1][:, 0])


class Passes:
    """Forward and backward passes of a stack of critics on n pairs, in memory that is set aside once.

    The backward pass is written out instead of left to autograd, which takes a third longer for the same products
    (benchmarks/README.md); tests hold it against autograd.
    """

    def __init__(self, parameters: Tensor, n: int, architecture: Architecture) -> None:
        """parameters: (S, P); read at every pass, never written."""
        self._architecture = architecture
        self._layers = layers_of(parameters, architecture)
        self.gradient = torch.zeros_like(parameters)
        self._gradients = layers_of(self.gradient, architecture)
        self._hidden = [matrices(parameters, n, architecture.hidden) for _ in range(architecture.layers)]
        self._delta = [matrices(parameters, n, architecture.hidden) for _ in range(2)]

    def forward(self, pairs: Tensor) -> Tensor:
        """T on pairs (S, n, 2d). Returns (S, n)."""
        self._pairs = pairs
        return critic(self._layers, pairs, self._architecture, [*self._hidden, self._delta[0]])

    def backward(self, weights: Tensor) -> Tensor:
        """Gradient of sum_i weights_i T_i with respect to each member's parameters, T as the last forward pass has it.

        weights: (S, n). Returns (S, P): ``self.gradient``, which the next call overwrites.
        """
        _, times_derivative = _ACTIVATIONS[self._architecture.activation]
        delta, spare = self._delta
        weights = weights[:, :, None]
        # The one output, without batched products of a single column.
        torch.sum(torch.mul(self._hidden[-1], weights, out=delta), 1, out=self._gradients[-2][:, :, 0])
        torch.sum(weights, 1, out=self._gradients[-1][:, 0])
        torch.mul(weights, self._layers[-2].mT, out=delta)
        for index in reversed(range(self._architecture.layers)):
            times_derivative(delta, self._hidden[index])
            inputs = self._hidden[index - 1] if index else self._pairs
            torch.bmm(inputs.mT, delta, out=self._gradients[2 * index])
            torch.sum(delta, 1, keepdim=True, out=self._gradients[2 * index + 1])
            if index:
                torch.bmm(delta, self._layers[2 * index].mT, out=spare)
                delta, spare = spare, delta
        return self.gradient


def matrices(like: Tensor, rows: int, columns: int) -> Tensor:
    """Uninitialised memory (S, rows, columns) for the members of ``like`` (S, P), each beginning a cache line."""
    size = rows * columns
    return like.new_empty(len(like), _whole_lines(size))[:, :size].view(-1, rows, columns)


def _whole_lines(floats: int) -> int:
    return math.ceil(floats / _LINE) * _LINE
