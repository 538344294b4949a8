"""A stack's tree of parameters in one matrix, so that an optimiser step is a few operations on all of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mine.estimators.interface import Parameters

# Floats in a cache line. Products round by where their operands lie in one, so every member's must lie alike: a member
# then has the same bits in every stack.
_LINE = 16


class Tree:
    """Parameters as leaves of autograd that lie in ``values`` (S, P): what changes one changes the other."""

    def __init__(self, parameters: Parameters) -> None:
        """parameters: any tree; its numbers are copied."""
        shapes = {name: tensor.shape[1:] for name, tensor in parameters.items()}
        places, end = {}, 0
        for name, shape in shapes.items():
            places[name] = end
            end += math.ceil(shape.numel() / _LINE) * _LINE
        any_one = next(iter(parameters.values()))
        self.values = any_one.new_zeros(len(any_one), end)
        self._gradient = torch.zeros_like(self.values)
        self._places = {name: (places[name], shape) for name, shape in shapes.items()}
        self.leaves = self.views(self.values)
        self._gradients = self.views(self._gradient)
        for name, leaf in self.leaves.items():
            leaf.copy_(parameters[name])
            leaf.requires_grad_()

    def gradient(self, loss: Tensor) -> Tensor:
        """Gradient of the sum of loss (S,), (S, P): memory that the next call overwrites."""
        found = torch.autograd.grad(loss.sum(), list(self.leaves.values()), materialize_grads=True)
        for place, gradient in zip(self._gradients.values(), found, strict=True):
            place.copy_(gradient)
        return self._gradient

    def views(self, matrix: Tensor) -> Parameters:
        """A matrix of the shape of ``values`` as a tree that shares its memory."""
        return {
            name: matrix.detach()[:, start : start + shape.numel()].view(len(matrix), *shape)
            for name, (start, shape) in self._places.items()
        }
