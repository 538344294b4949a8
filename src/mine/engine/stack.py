"""Runs that train together, and one update of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mine.engine.networks import Layout, Passes, Said
from mine.engine.record import MEASURED
from mine.estimators.values import log_mean_exp, mean

if TYPE_CHECKING:
    from mine.engine.optimizers import Optimizer
    from mine.estimators.interface import Estimator, Inputs, Outputs, State, Weights


class _Memory:
    """What an update on batches of k pairs reads, set aside once: x, z and z_product of a batch."""

    def __init__(self, x: Tensor, z: Tensor, z_product: Tensor | None) -> None:
        self.x, self.z = torch.empty_like(x), torch.empty_like(z)
        self.z_product = None if z_product is None else torch.empty_like(z_product)
        self._passes: Passes | None = None

    @property
    def passes(self) -> Passes:
        """Those of the networks that have spoken."""
        assert self._passes is not None, "no network has spoken yet"
        return self._passes

    def say(self, layout: Layout, parameters: Tensor, inputs: Inputs) -> Said:
        """What the networks say of the batch, in memory that is set aside at the first call."""
        if self._passes is None:
            self._passes = Passes(layout, parameters, inputs)
        return self._passes.forward(inputs)

    def load(self, x: Tensor, z: Tensor, z_product: Tensor | None) -> None:
        self.x.copy_(x)
        self.z.copy_(z)
        if self.z_product is not None:
            self.z_product.copy_(z_product)


class Stack:
    """S runs of one estimator: every tensor's first axis is the member.

    An update reads the batch that was loaded and ``rates`` (the optimiser's numbers of this step for each member,
    (3, S, 1)), changes the rest in place, and leaves what it saw in ``measured`` (S-vectors in the order of MEASURED).
    With a gradient in closed form it does the same operations on the same memory every time, so a GPU can replay it.

    parameters: (S, P). averaged: (S, P), their exponential moving average, None where none is asked for.
    live: (S,), whether a member still trains.
    """

    def __init__(
        self,
        estimator: Estimator,
        optimizer: Optimizer,
        parameters: Tensor,
        *,
        grad_clip: float | None = None,
        average: float = 0.0,
        measures: bool = True,
    ) -> None:
        """average: decay of the moving average, 0 for none. measures: whether batch values are worked out at all."""
        self._estimator, self._optimizer, self._layout = estimator, optimizer, Layout(estimator.networks)
        self._grad_clip, self._average, self._measures = grad_clip, average, measures
        members = len(parameters)
        self.parameters = parameters
        self.averaged = parameters.clone() if average else None
        self.live = torch.ones(members, dtype=torch.bool, device=parameters.device)
        self.rates = parameters.new_zeros(3, members, 1)
        self.measured = parameters.new_zeros(len(MEASURED), members)
        self._optimizer_state = optimizer.init(parameters)
        self._state: State = ()
        self._memory: dict[int, _Memory] = {}
        self._squared = torch.empty_like(parameters)
        self._not_measured = parameters.new_full((members,), torch.nan)

    @classmethod
    def fresh(cls, estimator: Estimator, optimizer: Optimizer, starts: Sequence[torch.Generator], **how: Any) -> Stack:
        """A stack of initial parameters, one member a generator. how: see ``__init__``."""
        return cls(estimator, optimizer, Layout(estimator.networks).matrix(estimator.init(starts)), **how)

    @property
    def judged(self) -> Tensor:
        """(S, P), the parameters that instruments look at."""
        return self.parameters if self.averaged is None else self.averaged

    def load(self, x: Tensor, z: Tensor, z_product: Tensor | None) -> None:
        """Take in a batch of k pairs, x and z and z_product (S, k, d)."""
        size = x.shape[1]
        if size not in self._memory:
            self._memory[size] = _Memory(x, z, z_product)
        self._memory[size].load(x, z, z_product)

    def start(self, size: int) -> None:
        """Set the estimator's state from the first batch, of ``size`` pairs, that was loaded."""
        memory = self._memory[size]
        self._state = self._estimator.start(self._read(memory, self._say(memory)))

    def update(self, size: int, step: int, term_norms: bool = False) -> None:
        """One step of gradient descent on the loaded batch. term_norms: measure both terms' gradients too."""
        memory = self._memory[size]
        pull = self._closed_form if self._estimator.closed_form else self._by_autograd
        gradients, measured, terms = pull(memory, term_norms)
        for name, term in terms.items():
            measured[name] = self._norm(memory.passes.backward(term))

        gradient = memory.passes.backward(gradients)
        norm = self._norm(gradient)
        if self._grad_clip is not None:
            measured["grad_norm_unclipped"] = norm
            gradient *= (self._grad_clip / norm).clamp(max=1.0)[:, None]
            norm = self._norm(gradient)
        measured["grad_norm"] = norm

        # Zero times a number that is not finite is nan, which equals nothing. A float32 norm is finite only where
        # every squared entry is, and such a gradient cannot make a parameter non-finite; so a member stays at its
        # last finite parameters once it has ended.
        self.live &= measured.get("mi_batch", norm) * 0.0 == norm * 0.0
        change = self._optimizer.descent(gradient, self._squared, self._optimizer_state, self.rates)
        if self._optimizer.weight_decay:
            change = change + self.rates[2] * self.parameters
        self.parameters -= torch.where(self.live[:, None], change, 0.0)
        if self.averaged is not None:
            # As Adam's moments: an average that started at the initialisation would remember it for long.
            self.averaged.lerp_(self.parameters, max(1.0 - self._average, 1.0 / step))
        self._keep(measured)

    def look(self, size: int) -> None:
        """Measure the members as they are on the loaded batch, without an update."""
        memory = self._memory[size]
        outputs = self._read(memory, self._say(memory))
        if self._estimator.closed_form:
            weights, self._state = self._estimator.weights(outputs, self._state)
            measured = self._of_weights(weights, outputs)
        else:
            measured = self._of_outputs(outputs)
        self.live &= measured["mi_batch"].isfinite()
        self._keep(measured)

    def value(self, size: int) -> Tensor:
        """The estimator's value of the loaded batch by the members as they are, (S,) nats; nothing is measured."""
        memory = self._memory[size]
        return self._estimator.value(self._read(memory, self._say(memory)))

    def survivors(self, places: list[int]) -> Stack:
        """A stack of the members at these places."""
        stack = Stack(
            self._estimator,
            self._optimizer,
            self.parameters[places],
            grad_clip=self._grad_clip,
            average=self._average,
            measures=self._measures,
        )
        stack._optimizer_state = tuple(tensor[places] for tensor in self._optimizer_state)
        stack._state = tuple(tensor[places] for tensor in self._state)
        if self.averaged is not None:
            stack.averaged = self.averaged[places]
        return stack

    def _say(self, memory: _Memory) -> Said:
        inputs = self._estimator.inputs(memory.x, memory.z, memory.z_product)
        return memory.say(self._layout, self.parameters, inputs)

    def _read(self, memory: _Memory, said: Said) -> Outputs:
        return self._estimator.read(said, memory.z)

    def _closed_form(self, memory: _Memory, term_norms: bool) -> tuple[Said, dict[str, Tensor], dict[str, Said]]:
        """Gradient with respect to what the networks said, what was seen, and the gradient of each term."""
        critic, said = self._estimator.critic, self._say(memory)
        assert critic is not None, "a gradient in closed form is one with respect to a critic's scores"
        outputs = self._read(memory, said)
        weights, state = self._estimator.weights(outputs, self._state)
        for old, new in zip(self._state, state, strict=True):
            old.copy_(new)
        joint = torch.full_like(outputs["joint"], -1.0 / outputs["joint"].shape[1])
        terms = {}
        if term_norms:
            terms["grad_norm_joint"] = critic.pull(joint, torch.zeros_like(weights.product), said)
            terms["grad_norm_product"] = critic.pull(torch.zeros_like(joint), weights.product, said)
        return critic.pull(joint, weights.product, said), self._of_weights(weights, outputs), terms

    def _by_autograd(self, memory: _Memory, term_norms: bool) -> tuple[Said, dict[str, Tensor], dict[str, Said]]:
        """The same; autograd goes from the loss to what the networks said, never through them."""
        leaves = {name: each.detach().requires_grad_() for name, each in self._say(memory).items()}
        outputs = self._read(memory, leaves)
        loss, state = self._estimator.loss(outputs, self._state)
        names, tensors = list(leaves), list(leaves.values())
        terms = {}
        if term_norms and self._estimator.critic is not None:
            scores = outputs["joint"], outputs["product"]
            of_scores = torch.autograd.grad(loss.loss.sum(), scores, retain_graph=True, materialize_grads=True)
            for name, score, of_score in zip(("grad_norm_joint", "grad_norm_product"), scores, of_scores, strict=True):
                found = torch.autograd.grad(score, tensors, of_score, retain_graph=True, materialize_grads=True)
                terms[name] = _detached(names, found)
        found = torch.autograd.grad(loss.loss.sum(), tensors, materialize_grads=True)
        self._state = state
        seen = {name: each.detach() for name, each in outputs.items()} if self._measures else {}
        return _detached(names, found), self._of_outputs(seen), terms

    def _of_weights(self, weights: Weights, outputs: Outputs) -> dict[str, Tensor]:
        if not self._measures:
            return {}
        measured = {
            "joint_mean": weights.joint_mean,
            "log_mean_exp": weights.log_mean_exp,
            "mi_batch": weights.mi_batch,
            "product_max": outputs["product"].flatten(1).amax(1),
        }
        return measured if weights.log_ema is None else measured | {"log_ema": weights.log_ema}

    def _of_outputs(self, outputs: Outputs) -> dict[str, Tensor]:
        if not outputs:
            return {}
        measured = {"mi_batch": self._estimator.value(outputs)}
        if self._estimator.critic is not None:
            measured |= {
                "joint_mean": mean(outputs["joint"]),
                "log_mean_exp": log_mean_exp(outputs["product"]),
                "product_max": outputs["product"].flatten(1).amax(1),
            }
        return measured

    def _norm(self, gradient: Tensor) -> Tensor:
        """L2 norm of each member's gradient, (S,); leaves the squares in memory, where the optimiser finds them."""
        return torch.mul(gradient, gradient, out=self._squared).sum(1).sqrt()

    def _keep(self, measured: dict[str, Tensor]) -> None:
        torch.stack([measured.get(name, self._not_measured) for name in MEASURED], out=self.measured)


def _detached(names: Sequence[str], gradients: Sequence[Tensor]) -> Said:
    """Gradients by name. Torch 2.4 lets some of them ask for gradients of their own."""
    return {name: each.detach() for name, each in zip(names, gradients, strict=True)}
