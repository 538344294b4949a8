"""Gradients of T of one critic over many pairs, in the sums that frozen-critic work needs.

The gradient of T at pair i with respect to a layer's weights is (the layer's input)_i (delta_i)^T, where delta_i is the
derivative of T_i with respect to the layer's outputs. The deltas are worked out once for a set of pairs; each sum is
then one matrix product a layer. Tests hold every one against autograd.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mine.engine.networks import Mlp, Parameters, matrices
from mine.frozen.critics import Critics

# A gradient with respect to what follows a hidden layer, times the derivative, a function of its output, as in
# mine.engine.networks.
_TIMES_DERIVATIVE = {
    "relu": lambda gradient, output: gradient * (output > 0.0),
    "elu": lambda gradient, output: gradient * output.clamp(max=0.0).add_(1.0),
    "tanh": lambda gradient, output: gradient * (1.0 - output.square()),
}


class FrozenCritic:
    """One critic with fixed parameters. ``scores`` looks at pairs; the sums are over the pairs it looked at last."""

    def __init__(self, parameters: Tensor, network: Mlp) -> None:
        """parameters: (P,), without the zeros that fill up a row of a stack."""
        self._network, self._parameters = network, parameters[None]
        self._named = views(self._parameters, network)
        self._weights = [weight[0] for weight in list(self._named.values())[0::2]]
        self._memory: list[Tensor] = []
        self._deltas: list[Tensor] = []

    @classmethod
    def of(cls, critics: Critics, step: int) -> FrozenCritic:
        """The critic of a file after ``step`` updates. Raises UserError where it has none."""
        return cls(torch.from_numpy(critics.at(step).copy()), critics.network)

    @property
    def n_parameters(self) -> int:
        """P."""
        return self._parameters.shape[1]

    def scores(self, pairs: Tensor) -> Tensor:
        """T of pairs (n, 2d). Returns (n,), in the parameters' precision."""
        n, hidden = len(pairs), self._network.hidden
        if not self._memory or self._memory[0].shape[1] != n:
            self._memory = [matrices(self._parameters, n, hidden) for _ in range(self._network.layers + 1)]
        values = self._network(self._named, pairs[None], self._memory)[0, :, 0]
        self._inputs = [pairs, *[memory[0] for memory in self._memory[:-1]]]
        self._deltas = []
        return values

    def weighted(self, weights: Tensor) -> Tensor:
        """sum_i weights_is grad T_i for each of S weightings at once. weights: (n, S). Returns (S, P)."""
        result = weights.new_empty(weights.shape[1], self.n_parameters)
        layers = list(views(result, self._network).values())
        for index, (inputs, delta) in enumerate(self._hidden()):
            torch.mm(weights.T, delta, out=layers[2 * index + 1][:, 0])
            for place, column in enumerate(weights.T):
                # The narrower of the two is scaled.
                if inputs.shape[1] < delta.shape[1]:
                    torch.mm((inputs * column[:, None]).T, delta, out=layers[2 * index][place])
                else:
                    torch.mm(inputs.T, delta * column[:, None], out=layers[2 * index][place])
        layers[-2][:, :, 0] = weights.T @ self._inputs[-1]
        layers[-1][:, 0, 0] = weights.sum(0)
        return result

    def squared_norms(self, weights: Tensor, k: int) -> Tensor:
        """Squared L2 norm of sum_i weights_i grad T_i over each batch of k pairs in turn.

        weights: (n,). Returns (n / k,).
        """
        weights = weights[:, None]
        total = weights.view(-1, k).sum(1).square()
        total += (self._inputs[-1] * weights).view(len(total), k, -1).sum(1).square().sum(1)
        for inputs, delta in self._hidden():
            scaled = (delta * weights).view(len(total), k, -1)
            total += scaled.sum(1).square().sum(1)
            total += torch.bmm(inputs.view(len(total), k, -1).mT, scaled).square_().sum((1, 2))
        return total

    def along(self, directions: Tensor) -> Tensor:
        """Directional derivatives grad T_i . u for each of U directions (U, P). Returns (n, U)."""
        layers = list(views(directions, self._network).values())
        result = self._inputs[-1] @ layers[-2][:, :, 0].T + layers[-1][:, 0, 0]
        for index, (inputs, delta) in enumerate(self._hidden()):
            weight, bias = layers[2 * index : 2 * index + 2]
            for place in range(len(directions)):
                result[:, place] += torch.addmm(bias[place], inputs, weight[place]).mul_(delta).sum(1)
        return result

    def _hidden(self) -> list[tuple[Tensor, Tensor]]:
        """Inputs and deltas of each hidden layer, in order."""
        if not self._deltas:
            derivative = _TIMES_DERIVATIVE[self._network.activation]
            delta = derivative(self._weights[-1].T, self._inputs[-1])
            self._deltas = [delta]
            for index in range(self._network.layers - 1, 0, -1):
                delta = derivative(delta @ self._weights[index].T, self._inputs[index])
                self._deltas.insert(0, delta)
        return list(zip(self._inputs[:-1], self._deltas, strict=True))


def views(packed: Tensor, network: Mlp) -> Parameters:
    """Rows (S, P) of parameters, one after the other, as parameters by name that share their memory."""
    named, start = {}, 0
    for name, (rows, columns) in network.shapes.items():
        named[name] = packed[:, start : start + rows * columns].view(len(packed), rows, columns)
        start += rows * columns
    return named


def as_array(values: Tensor) -> np.ndarray:
    """Float64 copy."""
    return values.double().numpy()
