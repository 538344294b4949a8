"""Invertible functions of X alone or of Z alone, which leave I(X; Z) and the density ratio as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Map:
    """Forward: one run's values (..., d) to (..., d + added). Inverse: back, of float64 values."""

    forward: Function
    inverse: Function
    added: int = 0


def _same(v: Tensor) -> Tensor:
    return v


def _cube(v: Tensor) -> Tensor:
    return v * v * v


def _cube_root(v: Tensor) -> Tensor:
    return v.sign() * v.abs().pow(1.0 / 3.0)


def _half_cube(v: Tensor) -> Tensor:
    return v * v.abs().sqrt()


def _two_thirds(v: Tensor) -> Tensor:
    return v.sign() * v.abs().pow(2.0 / 3.0)


SAME = Map(_same, _same)
CUBE = Map(_cube, _cube_root)
HALF_CUBE = Map(_half_cube, _two_thirds)
ASINH = Map(torch.asinh, torch.sinh)
