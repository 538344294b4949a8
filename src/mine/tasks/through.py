"""What a fixed task may be seen through, by name: invertible maps of X alone and of Z alone.

Maps of the public tasks are those of Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), with the constants of its
package benchmark-mi 0.1.3; ``helix`` and ``turned`` are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.special import ndtr, ndtri

from mine.tasks.interface import Task
from mine.tasks.maps import ASINH, HALF_CUBE, SAME, Function, Map
from mine.tasks.transformed import Transformed

_HALVINGS = 60
"""Of an interval that is searched: float64 has 53 bits."""

_EDGE = 2.0**-25
"""Half of float32's step below 1. A uniform that was rounded to 1, or turned and rounded to less than 0, is taken for
this far inside, so that its normal score is finite."""

HELIX_TURN, HELIX_RISE = 4.0, 0.3
"""Radians that a step of 1 goes around the helix, and how far it rises; the radius is 1."""


def through(task: Task, by: str) -> Transformed:
    """The task seen through what MAPS calls ``by``."""
    of_x, of_z = MAPS[by](task.dim_x, task.dim_z)
    return Transformed(task, of_x, of_z, by)


def solve(function: Function, values: Tensor, low: float, high: float) -> Tensor:
    """V with function(v) = values, the function being increasing and v between low and high; float64, by halving."""
    values = values.double()
    below, above = torch.full_like(values, low), torch.full_like(values, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (below + above)
        less = function(middle) < values
        below, above = torch.where(less, middle, below), torch.where(less, above, middle)
    return 0.5 * (below + above)


def normal_cdf() -> Map:
    """A normal coordinate made uniform on (0, 1)."""
    return Map(ndtr, lambda u: ndtri(u.double().clamp(_EDGE, 1.0 - _EDGE)))


def wiggly(*waves: tuple[float, float, float]) -> Map:
    """V + the sum of a sin(b v + c) over waves (a, b, c), where that is increasing and moves nothing by 1 or more."""

    def forward(v: Tensor) -> Tensor:
        return v + torch.stack([a * torch.sin(b * v + c) for a, b, c in waves]).sum(0)

    return Map(forward, lambda w: solve(forward, w, -40.0, 40.0))


def two_normals(share: float, first: float, second: float) -> Map:
    """A normal coordinate made share N(first, 1) + (1 - share) N(second, 1), by its distribution function's inverse."""

    def distribution(v: Tensor) -> Tensor:
        return share * ndtr(v - first) + (1.0 - share) * ndtr(v - second)

    def forward(v: Tensor) -> Tensor:
        return solve(distribution, ndtr(v.double()), -15.0, 15.0).to(v.dtype)

    return Map(forward, lambda w: ndtri(distribution(w.double())))


def spiral(dim: int, first: int) -> Map:
    """Coordinates ``first`` and the next one turned by |v|^2 / dim radians; the length stays, so this can be undone."""

    def turn(v: Tensor, sign: float) -> Tensor:
        angle = sign * v.square().sum(-1) / dim
        cosine, sine = angle.cos(), angle.sin()
        a, b = v[..., first], v[..., first + 1]
        both = torch.stack([cosine * a - sine * b, sine * a + cosine * b], -1)
        return torch.cat([v[..., :first], both, v[..., first + 2 :]], -1)

    return Map(lambda v: turn(v, 1.0), lambda w: turn(w.double(), -1.0))


def swiss_roll() -> Map:
    """A coordinate on (0, 1) laid along a spiral in the plane, one and a half turns of it."""

    def forward(u: Tensor) -> Tensor:
        turn = 1.5 * math.pi * (1.0 + 2.0 * u)
        return torch.cat([turn * turn.cos(), turn * turn.sin()], -1) / 21.0

    def inverse(v: Tensor) -> Tensor:
        turn = 21.0 * v.double().square().sum(-1, keepdim=True).sqrt()
        return (turn / (1.5 * math.pi) - 1.0) / 2.0

    return Map(forward, inverse, added=1)


def helix() -> Map:
    """A coordinate laid along a helix in R^3."""

    def forward(v: Tensor) -> Tensor:
        turn = HELIX_TURN * v
        return torch.cat([turn.cos(), turn.sin(), HELIX_RISE * v], -1)

    return Map(forward, lambda w: w.double()[..., 2:] / HELIX_RISE, added=2)


def turned(dim: int) -> Map:
    """R^dim turned by the orthonormal cosine transform, which spreads every coordinate over all."""
    row, column = torch.arange(dim, dtype=torch.float64)[:, None], torch.arange(dim, dtype=torch.float64)
    matrix = math.sqrt(2.0 / dim) * torch.cos(math.pi * row * (column + 0.5) / dim)
    matrix[0] /= math.sqrt(2.0)

    return Map(lambda v: (v.double() @ matrix.to(v.device)).to(v.dtype), lambda w: w.double() @ matrix.T.to(w.device))


_WAVES_OF_X = ((0.4, 1.0, 0.0), (0.2, 1.7, 1.0), (0.03, 3.3, -2.5))
_WAVES_OF_Z = ((-0.4, 0.4, 0.0), (0.17, 1.3, 3.5), (0.02, 4.3, -2.5))

MAPS: dict[str, Callable[[int, int], tuple[Map, Map]]] = {
    "normal-cdf": lambda dim_x, dim_z: (normal_cdf(), normal_cdf()),
    "wiggly": lambda dim_x, dim_z: (wiggly(*_WAVES_OF_X), wiggly(*_WAVES_OF_Z)),
    "half-cube": lambda dim_x, dim_z: (HALF_CUBE, HALF_CUBE),
    "asinh": lambda dim_x, dim_z: (ASINH, ASINH),
    "bimodal": lambda dim_x, dim_z: (two_normals(0.3, 0.0, 5.0), two_normals(0.5, -1.0, 3.0)),
    "swiss-roll": lambda dim_x, dim_z: (swiss_roll(), SAME),
    "spiral": lambda dim_x, dim_z: (spiral(dim_x, 0), spiral(dim_z, 1)),
    "helix": lambda dim_x, dim_z: (helix(), SAME),
    "turned": lambda dim_x, dim_z: (turned(dim_x), turned(dim_z)),
}
"""Names to the maps of X and of Z, made from their dimensions before them."""
