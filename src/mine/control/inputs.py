"""The gradient of an estimate with respect to what its networks are given: what an encoder is trained by.

``mine.engine.networks.Passes`` goes back to a network's parameters; these go back to its inputs, in memory of the same
kind, so that a member has the same bits in any stack. Tests hold them against autograd.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mine.engine.networks import _ACTIVATIONS, Constant, Layout, Mlp, Parameters, Said, matrices


class InputPasses:
    """Forward passes of a stack's networks, and backward passes to their inputs."""

    def __init__(self, layout: Layout, parameters: Tensor, inputs: Mapping[str, Tensor]) -> None:
        """parameters: (S, P); read at every pass, never written. inputs: of the shapes that every pass will have."""
        of = layout.views(parameters)
        self._constants = {one.name: of[one.name] for one in layout.networks if isinstance(one, Constant)}
        self._passes = {
            one.name: _OfMlp(one, of, parameters, inputs[one.name].shape[1])
            for one in layout.networks
            if isinstance(one, Mlp)
        }

    def forward(self, inputs: Mapping[str, Tensor]) -> Said:
        """What each network says of its inputs (S, n, inputs)."""
        return {**self._constants, **{name: one.forward(inputs[name]) for name, one in self._passes.items()}}

    def backward(self, gradients: Said) -> dict[str, Tensor]:
        """Gradient with respect to each network's inputs (S, n, inputs): memory that the next call overwrites.

        gradients: with respect to what each network said in the last forward pass.
        """
        return {name: one.backward(gradients[name]) for name, one in self._passes.items()}


class _OfMlp:
    def __init__(self, mlp: Mlp, parameters: Parameters, like: Tensor, n: int) -> None:
        self._mlp, self._parameters = mlp, parameters
        self._inputs, self._gradient = (matrices(like, n, mlp.inputs) for _ in range(2))
        self._hidden = [matrices(like, n, mlp.hidden) for _ in range(mlp.layers)]
        self._delta = [matrices(like, n, mlp.hidden) for _ in range(2)]
        self._last = self._delta[0] if mlp.outputs == 1 else matrices(like, n, mlp.outputs)
        self._of_last = matrices(like, n, mlp.outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        self._inputs.copy_(inputs)
        return self._mlp(self._parameters, self._inputs, [*self._hidden, self._last])

    def backward(self, gradient: Tensor) -> Tensor:
        _, times_derivative = _ACTIVATIONS[self._mlp.activation]
        delta, spare = self._delta
        if self._mlp.outputs == 1:
            torch.mul(gradient, self._weight(self._mlp.layers).mT, out=delta)
        else:
            torch.bmm(self._of_last.copy_(gradient), self._weight(self._mlp.layers).mT, out=delta)
        for index in reversed(range(self._mlp.layers)):
            times_derivative(delta, self._hidden[index])
            torch.bmm(delta, self._weight(index).mT, out=spare if index else self._gradient)
            delta, spare = spare, delta
        return self._gradient

    def _weight(self, index: int) -> Tensor:
        return self._parameters[f"{self._mlp.name}.{index}.weight"]
