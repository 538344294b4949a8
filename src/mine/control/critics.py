"""A stack of critics that also say how their estimate changes with what they are shown."""

from __future__ import annotations

import torch
from torch import Tensor

from mine.control.inputs import InputPasses
from mine.engine.networks import Said
from mine.engine.stack import Stack
from mine.estimators.interface import State


class Critics(Stack):
    """Critics of one term of what an encoder is trained for: x of a pair is t, which the encoder made.

    They are updated as every stack is.
    """

    def update(self, size: int, step: int, term_norms: bool = False) -> None:
        """See Stack."""
        self._before: State = tuple(each.clone() for each in self._state)
        super().update(size, step, term_norms)

    def slope(self, size: int) -> Tensor:
        """Gradient of the estimate of the last batch with respect to its x, (S, k, dx), by the critics as they are now.

        The estimate is the estimator's value. Where an estimator corrects its gradient, this is the corrected one: of
        MINE's moving average that of mean T - mean(e^T) / v, v held fixed as in Algorithm 1, with what v was before
        this batch moved on by it once.
        """
        memory = self._memory[size]
        x = memory.x.detach().requires_grad_()
        inputs = self._estimator.inputs(x, memory.z, memory.z_product)
        given = {name: each.detach() for name, each in inputs.items()}
        if not hasattr(self, "_to_inputs"):
            self._to_inputs = InputPasses(self._layout, self.parameters, given)
        of_inputs = self._to_inputs.backward(self._of_value(self._to_inputs.forward(given), memory.z))
        # A network that is shown z alone, as one half of a separable critic, tells the encoder nothing.
        through = [name for name in of_inputs if inputs[name].requires_grad]
        (gradient,) = torch.autograd.grad([inputs[name] for name in through], x, [of_inputs[name] for name in through])
        return gradient

    def _of_value(self, said: Said, z: Tensor) -> Said:
        """Gradient of the estimate with respect to what the networks said."""
        if self._estimator.closed_form:
            critic, outputs = self._estimator.critic, self._estimator.read(said, z)
            assert critic is not None, "a gradient in closed form is one with respect to a critic's scores"
            weights, _ = self._estimator.weights(outputs, self._before)
            joint = torch.full_like(outputs["joint"], 1.0 / outputs["joint"].shape[1])
            return critic.pull(joint, -weights.product, said)
        leaves = {name: each.detach().requires_grad_() for name, each in said.items()}
        value = self._estimator.value(self._estimator.read(leaves, z))
        found = torch.autograd.grad(value.sum(), list(leaves.values()), materialize_grads=True)
        return dict(zip(leaves, found, strict=True))
