"""Invertible maps of X alone or of Z alone: they leave I(X; Z) as it is, and the density ratio at mapped points.

Each is applied to one run's values (..., d). Maps of the public tasks are those of Czyz et al. 2023, "Beyond Normal"
(arXiv 2306.11078), with the constants of its package benchmark-mi 0.1.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.special import ndtr, ndtri

Function = Callable[[Tensor], Tensor]

_HALVINGS = 60
"""Of an interval that is searched: float64 has 53 bits."""

_EDGE = 2.0**-25
"""Half of float32's step below 1. A uniform that was rounded to 1, or turned and rounded to less than 0, is taken for
this far inside, so that its normal score is finite."""


@dataclass(frozen=True)
class Map:
    """forward: (..., d) to (..., d + added). inverse: back, in float64, of values that ``forward`` gave."""

    forward: Function
    inverse: Function
    added: int = 0


def solve(function: Function, values: Tensor, low: float, high: float) -> Tensor:
    """V with function(v) = values, the function being increasing and v between low and high; float64, by halving."""
    values = values.double()
    below, above = torch.full_like(values, low), torch.full_like(values, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (below + above)
        less = function(middle) < values
        below, above = torch.where(less, middle, below), torch.where(less, above, middle)
    return 0.5 * (below + above)


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


def _normal_score(u: Tensor) -> Tensor:
    return ndtri(u.double().clamp(_EDGE, 1.0 - _EDGE))


def _wiggle_x(v: Tensor) -> Tensor:
    return v + 0.4 * torch.sin(v) + 0.2 * torch.sin(1.7 * v + 1.0) + 0.03 * torch.sin(3.3 * v - 2.5)


def _wiggle_z(v: Tensor) -> Tensor:
    return v - 0.4 * torch.sin(0.4 * v) + 0.17 * torch.sin(1.3 * v + 3.5) + 0.02 * torch.sin(4.3 * v - 2.5)


def _unwiggled(wiggle: Function) -> Function:
    """Both wiggles are increasing, and move nothing by as much as 1."""
    return lambda w: solve(wiggle, w, -40.0, 40.0)


SAME = Map(_same, _same)
CUBE = Map(_cube, _cube_root)
HALF_CUBE = Map(_half_cube, _two_thirds)
ASINH = Map(torch.asinh, torch.sinh)
NORMAL_CDF = Map(ndtr, _normal_score)
WIGGLY_X = Map(_wiggle_x, _unwiggled(_wiggle_x))
WIGGLY_Z = Map(_wiggle_z, _unwiggled(_wiggle_z))


def two_normals(share: float, first: float, second: float) -> Map:
    """A normal coordinate made share N(first, 1) + (1 - share) N(second, 1), by its distribution function's inverse."""

    def distribution(v: Tensor) -> Tensor:
        return share * ndtr(v - first) + (1.0 - share) * ndtr(v - second)

    def forward(v: Tensor) -> Tensor:
        return solve(distribution, ndtr(v.double()), -15.0, 15.0).to(v.dtype)

    return Map(forward, lambda w: ndtri(distribution(w.double())))


def spiral(dim: int, first: int) -> Map:
    """Coordinates ``first`` and the next one turned by |v|^2 / dim radians; the length stays, so this can be undone."""
    turned = slice(first, first + 2)

    def turn(v: Tensor, sign: float) -> Tensor:
        angle = sign * v.square().sum(-1) / dim
        cosine, sine = angle.cos(), angle.sin()
        a, b = v[..., turned].unbind(-1)
        return torch.cat(
            [v[..., :first], torch.stack([cosine * a - sine * b, sine * a + cosine * b], -1), v[..., first + 2 :]], -1
        )

    return Map(lambda v: turn(v, 1.0), lambda w: turn(w.double(), -1.0))


def _roll(u: Tensor) -> Tensor:
    turn = 1.5 * math.pi * (1.0 + 2.0 * u)
    return torch.cat([turn * turn.cos(), turn * turn.sin()], -1) / 21.0


def _unroll(v: Tensor) -> Tensor:
    return ((21.0 * v.double().square().sum(-1, keepdim=True).sqrt()) / (1.5 * math.pi) - 1.0) / 2.0


SWISS_ROLL = Map(_roll, _unroll, added=1)
"""A uniform coordinate along a spiral in the plane, one and a half turns of it."""
