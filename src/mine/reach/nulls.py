"""Data whose two sides are independent of each other, while their rows may not be."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from mine.own.order import AUTO

_WIDTH = 2
"""Columns of a side whose rows are independent."""

_LEVELS = (4, 3)
"""Of x and of z where both are discrete."""

_BURN_IN = 500
_ROWS_OF_GROUP = 10


@dataclass(frozen=True)
class NullData:
    """x and z (rows, columns); discrete: whether they are levels; blocks, groups: what a user says of the rows."""

    x: np.ndarray
    z: np.ndarray
    discrete: bool = False
    blocks: str | None = None
    groups: np.ndarray | None = None


def null_data(kind: str, rows: int, number: int) -> NullData:
    """Draw ``number`` of a kind of ``mine.reach.plan.NULLS``; every draw is independent of the others.

    independent-normal: 2 × 2 columns. independent-heavy: the same of Cauchy's law. independent-discrete: 4 levels and
    3, equally likely. ar1-0.5, ar1-0.9: two stationary series, each x_t = a x_(t-1) + normal noise, tested in blocks
    that the columns show. groups: ten rows a subject, each a normal number of the subject and noise of half its size.
    """
    source = np.random.default_rng([zlib.crc32(kind.encode()), number])
    if kind.startswith("ar1-"):
        noise = source.standard_normal((2, rows + _BURN_IN))
        x, z = lfilter([1.0], [1.0, -float(kind.removeprefix("ar1-"))], noise)[:, _BURN_IN:, None]
        return NullData(x, z, blocks=AUTO)
    if kind == "groups":
        groups = np.arange(rows) // _ROWS_OF_GROUP
        subjects = source.standard_normal((2, groups[-1] + 1))[:, groups]
        x, z = (subjects + 0.5 * source.standard_normal((2, rows)))[..., None]
        return NullData(x, z, groups=groups)
    if kind == "independent-discrete":
        x, z = (source.integers(count, size=(rows, 1)) for count in _LEVELS)
        return NullData(x, z, discrete=True)
    make = source.standard_cauchy if kind == "independent-heavy" else source.standard_normal
    x, z = make((2, rows, _WIDTH))
    return NullData(x, z)
