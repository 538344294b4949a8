"""What an estimator of mutual information is here: networks, and pure functions of what they say, for S runs.

Every tensor's first axis is the member of the stack, and members never mix. An estimator has four steps, so that
training, held-out values and a reader's own loop call the same code:

    inputs  = estimator.inputs(x, z)             what each network sees of a batch of joint pairs
    outputs = estimator.read(said, z)            what its networks said, as scores or densities of pairs
    loss    = estimator.loss(outputs, state)     what training descends, differentiable
    value   = estimator.value(outputs)           the estimate in nats

Outputs of several batches may be joined along their second axis (``join``): a value is then one over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from mine.engine.networks import Network, Parameters, Said, init, say

Outputs = dict[str, Tensor]
"""What is known of n joint pairs. Every tensor is (S, n) or (S, n, m): one row a pair (x_i, z_i).

An estimator with a critic has ``joint`` (S, n), T(x_i, z_i), and ``product`` (S, n, m), T of m product pairs: other
pairs' x with z_i, or x_i with another pair's z.
"""

Inputs = dict[str, Tensor]
"""Network to what it sees, (S, rows, inputs)."""

State = tuple[Tensor, ...]
"""Of shape (S,); () where an estimator remembers nothing."""

LOWER, UPPER, NEITHER = "lower bound", "upper bound", "neither"


@dataclass(frozen=True)
class Loss:
    """What training descends on one batch.

    loss: (S,), differentiable; its gradient is the estimator's, its number need not mean anything.
    log_ema: (S,), log v of MINE's moving average; None for every other estimator.
    """

    loss: Tensor
    log_ema: Tensor | None = None


@dataclass(frozen=True)
class Weights:
    """An estimator's gradient in closed form, where it has one, and what its batch is worth. All but ``product`` (S,).

    product: (S, n, m), derivative of the loss with respect to T of each product pair; of each joint pair it is -1/n.
    joint_mean, log_mean_exp: the two terms of the batch's Donsker-Varadhan value in nats, e^T computed as the
        estimator computes it.
    log_ema: log v after this batch, None without a moving average.
    """

    product: Tensor
    joint_mean: Tensor
    log_mean_exp: Tensor
    log_ema: Tensor | None = None

    @property
    def mi_batch(self) -> Tensor:
        """Donsker-Varadhan value of the batch in nats; biased upward, no bound."""
        return self.joint_mean - self.log_mean_exp


class Critic(Protocol):
    """T(x, z), and the scheme by which product pairs are chosen from a batch of joint pairs."""

    all_pairs: bool
    """Whether a joint pair comes with every other x of its batch (else with as many as ``rolls``)."""
    networks: tuple[Network, ...]

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        ...

    def read(self, said: Said, z: Tensor) -> Outputs:
        """``joint`` (S, n) and ``product`` (S, n, m)."""
        ...

    def pull(self, joint: Tensor, product: Tensor, said: Said) -> Said:
        """A gradient with respect to ``joint`` and ``product`` as one with respect to what the networks said."""
        ...

    def joint_inputs(self, x: Tensor, z: Tensor) -> Inputs:
        """What the networks see where joint pairs alone are asked for."""
        ...

    def read_joint(self, said: Said) -> Tensor:
        """T of them, (S, n)."""
        ...

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """T on joint pairs x (S, n, dx), z (S, n, dz), for who looks at critics. Returns (S, n)."""
        ...


class Estimator(Protocol):
    """One estimator. Adding one takes a file that has this and a line in ``mine.estimators.ESTIMATORS``."""

    bound: str
    """LOWER, UPPER or NEITHER: what the value at the population is of the mutual information, parameters fixed."""
    value_is: str
    """One line: what the value is, and of what it is a bound."""
    shift_invariant: bool
    """Whether T + c has the value of T."""
    critic: Critic | None
    """Its T; None of a density model."""
    closed_form: bool
    """Whether ``weights`` gives its gradient; else autograd takes it from ``loss`` to what the networks said."""
    networks: tuple[Network, ...]

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """What each network sees of joint pairs x (S, n, dx), z (S, n, dz).

        z_product: (S, m n, dz), the z that each x has in its m product pairs, one after the other, for a critic that
        does not take all pairs; without it, x is shifted against z by 1, ..., ``rolls`` rows.
        """
        ...

    def read(self, said: Said, z: Tensor) -> Outputs:
        """What the networks said of these inputs, as outputs. Differentiable."""
        ...

    def start(self, outputs: Outputs) -> State:
        """State before the first update, from the first batch's outputs."""
        ...

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """What training descends, and the state after it."""
        ...

    def weights(self, outputs: Outputs, state: State) -> tuple[Weights, State]:
        """Its gradient in closed form, and the state after it."""
        ...

    def value(self, outputs: Outputs) -> Tensor:
        """The estimate, (S,), nats."""
        ...

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator."""
        ...

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """Inputs, networks and ``read`` in one, for who looks at critics instead of training them."""
        ...


class Looking:
    """What every estimator and critic does alike with its networks."""

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Estimator."""
        return init(self.networks, generators)

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """See Estimator."""
        return self.read(say(self.networks, parameters, self.inputs(x, z, rolls=rolls)), z)


def join(outputs: Sequence[Outputs]) -> Outputs:
    """Outputs of several batches as those of one. Batches must have as many product pairs a joint pair."""
    return {name: torch.cat([each[name] for each in outputs], 1) for name in outputs[0]}
