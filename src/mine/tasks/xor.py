"""Two concepts and the label that is their exclusive or: data of the concept-model literature.

X is uniform on the unit square, the concepts are c = 1[x > 1/2] and the label is y = c_1 xor c_2. So the label follows
from the inputs or from both concepts, and one concept alone says nothing about it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from mine.tasks.interface import Task
from mine.tasks.variates import uniforms


@dataclass(frozen=True)
class Xor(Task):
    """Z is the label, 0 or 1; X what is ``seen`` of the inputs. See Task.

    seen: from inputs (..., 2) to x (..., dim_x). told: from x to the label, (...); None where x does not tell it.
    """

    dim_x: int
    mi: float
    seen: Callable[[Tensor], Tensor]
    told: Callable[[Tensor], Tensor] | None
    dim_z: int = 1
    name: str = "xor"

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        inputs = uniforms((*shape, 2), generators)
        return self.seen(inputs), _label(inputs > 0.5)[..., None]

    def log_ratio(self, x: Tensor, z: Tensor) -> Tensor:
        """See Task. ln 2 where z is the label that x tells, -inf where it is the other; 0 where x tells nothing."""
        if self.told is None:
            return x.new_zeros(x.shape[:-1], dtype=torch.float64)
        ratio = x.new_tensor([-math.inf, math.log(2.0)], dtype=torch.float64)
        return ratio[(self.told(x) == z[..., 0]).long()]


def inputs() -> Xor:
    """X the inputs: I(x; y) = H(y) = ln 2."""
    return Xor(2, math.log(2.0), lambda inputs: inputs, lambda x: _label(x > 0.5))


def concepts() -> Xor:
    """X both concepts, 0 or 1: I(c; y) = ln 2."""
    return Xor(2, math.log(2.0), _concepts, lambda x: _label(x > 0.5))


def first_concept() -> Xor:
    """X the first concept alone: I(c_1; y) = 0."""
    return Xor(1, 0.0, lambda inputs: _concepts(inputs)[..., :1], None)


def _concepts(inputs: Tensor) -> Tensor:
    return (inputs > 0.5).float()


def _label(concepts: Tensor) -> Tensor:
    """Exclusive or of two concepts, bool (..., 2) to 0.0 or 1.0 (...)."""
    return (concepts[..., 0] != concepts[..., 1]).float()
