"""What an estimator of mutual information is here: pure functions on a tree of parameters, for a stack of S runs.

Every tensor's first axis is the member of the stack, and members never mix. An estimator has three steps, so that
training, held-out values and a reader's own loop call the same code:

    parameters = estimator.init(generators)            fresh networks
    outputs    = estimator.outputs(parameters, x, z)   what the networks say of a batch of joint pairs
    loss       = estimator.loss(outputs, state)        what training descends, differentiable
    value      = estimator.value(outputs)              the estimate in nats

Outputs of several batches may be joined along their second axis (``join``): a value is then one over all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Parameters = dict[str, Tensor]
"""Name to tensor (S, ...); a name is a path like ``critic.x.0.weight``."""

Outputs = dict[str, Tensor]
"""What networks say of n joint pairs. Every tensor is (S, n) or (S, n, m): one row a pair (x_i, z_i).

An estimator with a critic has ``joint`` (S, n), T(x_i, z_i), and ``product`` (S, n, m), T of m product pairs: other
pairs' x with z_i.
"""

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


class Critic(Protocol):
    """T(x, z), and the scheme by which product pairs are chosen from a batch of joint pairs."""

    all_pairs: bool
    """Whether a joint pair comes with every other x of its batch (else with as many as ``rolls``)."""

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator."""
        ...

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """T on joint pairs x (S, n, dx), z (S, n, dz). Returns (S, n)."""
        ...

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """``joint`` (S, n) and ``product`` (S, n, m). rolls: product pairs a joint pair, where not all are taken."""
        ...


class Estimator(Protocol):
    """One estimator. Adding one takes a file that has this and a line in ``mine.estimators.ESTIMATORS``."""

    bound: str
    """LOWER, UPPER or NEITHER: what the value at the population is of the mutual information, parameters fixed."""
    value_is: str
    """One line: what the value is, and of what it is a bound."""
    shift_invariant: bool
    """Whether T + c has the value of T."""
    has_critic: bool
    """Whether outputs hold a critic's ``joint`` and ``product``; a density model's do not."""

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Fresh parameters, one member a generator."""
        ...

    def start(self, outputs: Outputs) -> State:
        """State before the first update, from the first batch's outputs."""
        ...

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """What the networks say of joint pairs x (S, n, dx), z (S, n, dz)."""
        ...

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """What training descends, and the state after it."""
        ...

    def value(self, outputs: Outputs) -> Tensor:
        """The estimate, (S,), nats."""
        ...


def join(outputs: Sequence[Outputs]) -> Outputs:
    """Outputs of several batches as those of one. Batches must have as many product pairs a joint pair."""
    return {name: torch.cat([each[name] for each in outputs], 1) for name in outputs[0]}
