"""Multilayer perceptrons for a stack: batched products on a tree of parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mine.estimators.interface import Parameters

_ACTIVATIONS = {"relu": torch.relu, "elu": torch.nn.functional.elu, "tanh": torch.tanh}


@dataclass(frozen=True)
class Mlp:
    """A perceptron. inputs, outputs: widths; hidden, layers: of its hidden layers; name: prefix of its parameters."""

    name: str
    inputs: int
    outputs: int
    hidden: int
    layers: int
    activation: str

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """Weights and biases uniform within 1/sqrt(inputs) of zero, as torch.nn.Linear makes them."""
        sizes = [self.inputs, *[self.hidden] * self.layers, self.outputs]
        parameters: Parameters = {}
        for index, (inputs, outputs) in enumerate(pairwise(sizes)):
            for kind, rows in (("weight", inputs), ("bias", 1)):
                values = torch.empty(len(generators), rows, outputs, device=generators[0].device)
                for member, generator in zip(values, generators, strict=True):
                    member.uniform_(-1.0 / math.sqrt(inputs), 1.0 / math.sqrt(inputs), generator=generator)
                parameters[f"{self.name}.{index}.{kind}"] = values
        return parameters

    def __call__(self, parameters: Parameters, values: Tensor) -> Tensor:
        """values: (S, n, inputs). Returns (S, n, outputs)."""
        activate = _ACTIVATIONS[self.activation]
        for index in range(self.layers + 1):
            weight, bias = (parameters[f"{self.name}.{index}.{kind}"] for kind in ("weight", "bias"))
            if index:
                values = activate(values)
            if weight.shape[2] == 1:
                # A batched product with a single column takes five times as long as multiplying and adding up.
                values = (values * weight.mT).sum(2, keepdim=True) + bias
            else:
                values = torch.baddbmm(bias, values, weight)
        return values
