"""Networks for a stack of runs: their parameters on one matrix, forward passes, and backward passes written out.

Parameters of S runs are one matrix (S, P) and one batched product evaluates a layer of all of them. Members of a stack
never mix; a stack of one is a stack like any other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

Parameters = dict[str, Tensor]
"""Name to tensor (S, rows, columns); a name is a path like ``critic.0.weight``."""

Said = dict[str, Tensor]
"""Network to what it says of its inputs, (S, n, outputs); of a ``Constant`` (S, 1, outputs)."""

_aten = torch.ops.aten

# Each in place: what follows a hidden layer, and the derivative, by which a gradient is multiplied; it is a function
# of the activation's output. These are the kernels that autograd would call.
_ACTIVATIONS: dict[str, tuple[Callable[..., Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
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


@dataclass(frozen=True)
class Mlp:
    """A multilayer perceptron. inputs, outputs: widths; hidden, layers: of its hidden layers.

    name: prefix of its parameters, and what it is called by.
    """

    name: str
    inputs: int
    outputs: int
    hidden: int
    layers: int
    activation: str

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Parameter to its rows and columns, weight (inputs, outputs) and bias (1, outputs) of each layer in turn."""
        shapes = {}
        for index, (inputs, outputs) in enumerate(pairwise([self.inputs, *[self.hidden] * self.layers, self.outputs])):
            shapes[f"{self.name}.{index}.weight"] = inputs, outputs
            shapes[f"{self.name}.{index}.bias"] = 1, outputs
        return shapes

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator: uniform within 1/sqrt(inputs) of zero, as torch.nn.Linear."""
        parameters, bound = {}, 0.0
        for name, (rows, columns) in self.shapes.items():
            if name.endswith("weight"):
                bound = 1.0 / math.sqrt(rows)
            values = torch.empty(len(generators), rows, columns, device=generators[0].device)
            for member, generator in zip(values, generators, strict=True):
                member.uniform_(-bound, bound, generator=generator)
            parameters[name] = values
        return parameters

    def __call__(self, parameters: Parameters, values: Tensor, memory: Sequence[Tensor] = ()) -> Tensor:
        """What it says of values (S, n, inputs), (S, n, outputs).

        memory: one (S, n, hidden) matrix a hidden layer, in which its activations are left, and one more: to work in
        (S, n, hidden) with one output, else for what it says (S, n, outputs). New memory, which autograd can go
        through, where it is left out.
        """
        activate, _ = _ACTIVATIONS[self.activation]
        for index in range(self.layers):
            weight, bias = (parameters[f"{self.name}.{index}.{kind}"] for kind in ("weight", "bias"))
            values = activate(torch.baddbmm(bias, values, weight, out=memory[index] if memory else None))
        weight, bias = (parameters[f"{self.name}.{self.layers}.{kind}"] for kind in ("weight", "bias"))
        if self.outputs == 1:
            # A batched product with a single column takes five times as long as multiplying and adding up.
            products = torch.mul(values, weight.mT, out=memory[-1] if memory else None)
            return products.sum(2, keepdim=True) + bias
        return torch.baddbmm(bias, values, weight, out=memory[-1] if memory else None)


@dataclass(frozen=True)
class Constant:
    """Numbers that no input changes, zero to begin with: ``outputs`` of them."""

    name: str
    outputs: int

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """See Mlp."""
        return {self.name: (1, self.outputs)}

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Zero, whatever the generators."""
        return {self.name: torch.zeros(len(generators), 1, self.outputs, device=generators[0].device)}


@dataclass(frozen=True)
class Given:
    """What a critic knows without learning it: it says what it sees, and has no parameters."""

    name: str

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """See Mlp."""
        return {}

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Nothing, whatever the generators."""
        return {}


Network = Mlp | Constant | Given


def init(networks: Sequence[Network], generators: Sequence[torch.Generator]) -> Parameters:
    """Fresh parameters of all networks, one member a generator."""
    return {name: values for network in networks for name, values in network.init(generators).items()}


def say(networks: Sequence[Network], parameters: Parameters, inputs: Mapping[str, Tensor]) -> Said:
    """What every network says of its inputs (S, n, inputs). Autograd can go through."""
    return {network.name: _say(network, parameters, inputs) for network in networks}


def _say(network: Network, parameters: Parameters, inputs: Mapping[str, Tensor]) -> Tensor:
    if isinstance(network, Constant):
        return parameters[network.name]
    return inputs[network.name] if isinstance(network, Given) else network(parameters, inputs[network.name])


class Layout:
    """Where the parameters of several networks lie in a row of P numbers, each beginning a cache line."""

    def __init__(self, networks: Sequence[Network]) -> None:
        """Places follow from the networks alone."""
        self.networks = tuple(networks)
        self._places: dict[str, tuple[int, tuple[int, int]]] = {}
        self.row = 0
        for network in networks:
            for name, (rows, columns) in network.shapes.items():
                self._places[name] = self.row, (rows, columns)
                self.row += _whole_lines(rows * columns)

    @property
    def n_parameters(self) -> int:
        """Parameters of one member, without the zeros between them."""
        return sum(rows * columns for _, (rows, columns) in self._places.values())

    def views(self, matrix: Tensor) -> Parameters:
        """A matrix (S, P) as parameters by name that share its memory."""
        return {
            name: matrix[:, start : start + rows * columns].view(len(matrix), rows, columns)
            for name, (start, (rows, columns)) in self._places.items()
        }

    def matrix(self, parameters: Parameters) -> Tensor:
        """Parameters by name as a matrix of their own, (S, P)."""
        any_one = next(iter(parameters.values()))
        matrix = any_one.new_zeros(len(any_one), self.row)
        for name, view in self.views(matrix).items():
            view.copy_(parameters[name])
        return matrix

    def packed(self, matrix: Tensor) -> Tensor:
        """A matrix (S, P) without the zeros between parameters, (S, n_parameters)."""
        return torch.cat([view.flatten(1) for view in self.views(matrix).values()], 1)

    def spread(self, packed: Tensor) -> Tensor:
        """``packed`` undone: (S, n_parameters) to (S, P)."""
        matrix, start = packed.new_zeros(len(packed), self.row), 0
        for view in self.views(matrix).values():
            size = view[0].numel()
            view.copy_(packed[:, start : start + size].view_as(view))
            start += size
        return matrix


class Passes:
    """Forward and backward passes of a stack's networks, in memory that is set aside once.

    The backward pass is written out instead of left to autograd, which takes a third longer for the same products
    (benchmarks/README.md); tests hold it against autograd.
    """

    def __init__(self, layout: Layout, parameters: Tensor, inputs: Mapping[str, Tensor]) -> None:
        """parameters: (S, P); read at every pass, never written. inputs: of the shapes that every pass will have."""
        self.gradient = torch.zeros_like(parameters)
        of, gradients = layout.views(parameters), layout.views(self.gradient)
        self._passes: dict[str, _OfMlp | _OfConstant | _OfGiven] = {}
        for network in layout.networks:
            if isinstance(network, Mlp):
                rows = inputs[network.name].shape[1]
                self._passes[network.name] = _OfMlp(network, of, gradients, parameters, rows)
            elif isinstance(network, Constant):
                self._passes[network.name] = _OfConstant(of[network.name], gradients[network.name])
            else:
                self._passes[network.name] = _OfGiven()

    def forward(self, inputs: Mapping[str, Tensor]) -> Said:
        """What each network says of its inputs (S, n, inputs)."""
        return {name: one.forward(inputs.get(name)) for name, one in self._passes.items()}

    def backward(self, gradients: Said) -> Tensor:
        """Gradient with respect to the parameters, (S, P): memory that the next call overwrites.

        gradients: with respect to what each network said in the last forward pass.
        """
        for name, one in self._passes.items():
            if not isinstance(one, _OfGiven):
                one.backward(gradients[name])
        return self.gradient


class _OfGiven:
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


class _OfConstant:
    def __init__(self, values: Tensor, gradient: Tensor) -> None:
        self._values, self._gradient = values, gradient

    def forward(self, inputs: None) -> Tensor:
        return self._values

    def backward(self, gradient: Tensor) -> None:
        self._gradient.copy_(gradient)


class _OfMlp:
    """Passes of one perceptron on n rows."""

    def __init__(self, mlp: Mlp, parameters: Parameters, gradients: Parameters, like: Tensor, n: int) -> None:
        self._mlp, self._parameters, self._gradients = mlp, parameters, gradients
        self._inputs = matrices(like, n, mlp.inputs)
        self._hidden = [matrices(like, n, mlp.hidden) for _ in range(mlp.layers)]
        self._delta = [matrices(like, n, mlp.hidden) for _ in range(2)]
        self._last = self._delta[0] if mlp.outputs == 1 else matrices(like, n, mlp.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs.copy_(inputs)
        return self._mlp(self._parameters, self._inputs, [*self._hidden, self._last])

    def backward(self, gradient: Tensor) -> None:
        mlp = self._mlp
        _, times_derivative = _ACTIVATIONS[mlp.activation]
        delta, spare = self._delta
        if mlp.outputs > 1 and gradient.is_contiguous():
            gradient = matrices(gradient, gradient.shape[1], mlp.outputs).copy_(gradient)
        weight, of_weight, of_bias = self._layer(mlp.layers)
        if mlp.outputs == 1:
            # The one output, without batched products of a single column.
            torch.sum(torch.mul(self._hidden[-1], gradient, out=delta), 1, out=of_weight[:, :, 0])
            torch.sum(gradient, 1, out=of_bias[:, 0])
            torch.mul(gradient, weight.mT, out=delta)
        else:
            torch.bmm(self._hidden[-1].mT, gradient, out=of_weight)
            torch.sum(gradient, 1, keepdim=True, out=of_bias)
            torch.bmm(gradient, weight.mT, out=delta)
        for index in reversed(range(mlp.layers)):
            weight, of_weight, of_bias = self._layer(index)
            times_derivative(delta, self._hidden[index])
            inputs = self._hidden[index - 1] if index else self._inputs
            torch.bmm(inputs.mT, delta, out=of_weight)
            torch.sum(delta, 1, keepdim=True, out=of_bias)
            if index:
                torch.bmm(delta, weight.mT, out=spare)
                delta, spare = spare, delta

    def _layer(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Weight of a layer, and where its gradient and its bias's go."""
        weight, bias = (f"{self._mlp.name}.{index}.{kind}" for kind in ("weight", "bias"))
        return self._parameters[weight], self._gradients[weight], self._gradients[bias]


def matrices(like: Tensor, rows: int, columns: int) -> Tensor:
    """Uninitialised memory (S, rows, columns) for the members of ``like`` (S, P), each beginning a cache line."""
    size = rows * columns
    return like.new_empty(len(like), _whole_lines(size))[:, :size].view(-1, rows, columns)


def _whole_lines(floats: int) -> int:
    return math.ceil(floats / _LINE) * _LINE
