"""Gaussian data seen through an encoder, and the exact mutual information of what comes out.

x is white in R^d. y = C_y' x + noise, where C_y has the canonical correlations along orthonormal directions, and s
likewise; t = W x + unit noise. Everything here is float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from mine.control.settings import ControlSettings

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """What a variable v of d unit-variance coordinates knows of white x: v_i has rho_i with x along direction i.

    correlations: (d,), in (0, 1). directions: (d, d), orthonormal columns.
    """

    correlations: Array
    directions: Array

    @cached_property
    def cross(self) -> Array:
        """Covariance of x with v, (d, d)."""
        return self.directions * self.correlations

    @cached_property
    def conditional(self) -> Array:
        """Covariance of x given v, (d, d): I - C C'."""
        return np.eye(len(self.correlations)) - self.cross @ self.cross.T


def basis(dim: int) -> Array:
    """Orthonormal columns (d, d) that are no axes, so that an optimiser that goes along axes has no advantage.

    The cosines of the discrete cosine transform (type II).
    """
    row, column = np.arange(dim)[:, None] + 0.5, np.arange(dim)[None, :]
    cosines = np.cos(math.pi * row * column / dim)
    return cosines / np.linalg.norm(cosines, axis=0)


def turned(directions: Array, degrees: float) -> Array:
    """Directions with the i-th and the (d + 1 - i)-th turned towards each other by an angle."""
    result, angle, dim = directions.copy(), math.radians(degrees), directions.shape[1]
    for first in range(dim // 2):
        one, other = directions[:, first], directions[:, dim - 1 - first]
        result[:, first] = math.cos(angle) * one + math.sin(angle) * other
        result[:, dim - 1 - first] = math.cos(angle) * other - math.sin(angle) * one
    return result


@cache
def channels(control: ControlSettings) -> dict[str, Channel]:
    """The channels of y and, where there is one, of s."""
    directions = basis(control.dim)
    found = {"y": Channel(np.array(control.correlations), directions)}
    if control.sensitive is not None:
        found["s"] = Channel(np.array(control.sensitive), turned(directions, control.angle))
    return found


def mi_of_input(encoder: Array) -> Array:
    """I(x; t) = 1/2 ln |I + W W'| in nats, (...). encoder: W (..., m, d)."""
    eye = np.eye(encoder.shape[-2])
    return 0.5 * np.linalg.slogdet(eye + encoder @ np.swapaxes(encoder, -1, -2))[1]


def mi_of(encoder: Array, channel: Channel) -> Array:
    """I(t; v) = 1/2 ln |I + W W'| - 1/2 ln |I + W S W'| in nats, (...), S the covariance of x given v.

    encoder: W (..., m, d).
    """
    eye, given = np.eye(encoder.shape[-2]), encoder @ channel.conditional @ np.swapaxes(encoder, -1, -2)
    return mi_of_input(encoder) - 0.5 * np.linalg.slogdet(eye + given)[1]


def information(control: ControlSettings, encoder: Array) -> dict[str, Array]:
    """I(t; y), I(x; t) and, where there is an s, I(t; s) of linear encoders (..., m, d), by ``y``, ``x`` and ``s``."""
    return {"x": mi_of_input(encoder)} | {name: mi_of(encoder, one) for name, one in channels(control).items()}


def objective(control: ControlSettings, of_terms: dict[str, Array]) -> Array:
    """What the encoder ascends, nats: the weighted sum of its terms. of_terms: a value of each."""
    total = np.zeros(())
    for name, weight in zip(control.terms, control.weights, strict=True):
        total = total + weight * of_terms[name]
    return total


def power(encoder: Array) -> Array:
    """E|Wx|^2 = tr(W W'), (...)."""
    return np.square(encoder).sum((-1, -2))
