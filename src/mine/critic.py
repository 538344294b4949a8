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

_ACTIVATIONS = {"relu": torch.relu, "elu": torch.nn.functional.elu, "tanh": torch.tanh}

Layers = list[torch.Tensor]
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
        """P, the parameters of one critic."""
        return sum(inputs * outputs + outputs for inputs, outputs in self.widths)


def initial_parameters(architecture: Architecture, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Fresh parameters of one critic per generator, float32 (S, P).

    Weights and biases are uniform within 1/sqrt(inputs) of zero, as torch.nn.Linear makes them.
    """
    members = []
    for generator in generators:
        unit = torch.rand(architecture.n_parameters, generator=generator, device=generator.device)
        bounds = torch.cat(
            [
                torch.full((inputs * outputs + outputs,), 1.0 / math.sqrt(inputs), device=generator.device)
                for inputs, outputs in architecture.widths
            ]
        )
        members.append((2.0 * unit - 1.0) * bounds)
    return torch.stack(members)


def layers_of(parameters: torch.Tensor, architecture: Architecture) -> Layers:
    """The matrix (S, P) as layers: views that share its memory, in the order in which P lays them out."""
    layers, start = [], 0
    for inputs, outputs in architecture.widths:
        for rows in (inputs, 1):
            layers.append(parameters[:, start : start + rows * outputs].view(-1, rows, outputs))
            start += rows * outputs
    return layers


def critic(layers: Layers, pairs: torch.Tensor, architecture: Architecture) -> torch.Tensor:
    """T on n pairs for each member of a stack.

    pairs: (S, n, 2d), x and z of a pair side by side. Returns (S, n).
    """
    activation = _ACTIVATIONS[architecture.activation]
    values = pairs
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        values = activation(torch.baddbmm(bias, values, weight))
    return torch.baddbmm(layers[-1], values, layers[-2]).squeeze(-1)
