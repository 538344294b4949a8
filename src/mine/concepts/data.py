"""Rows of the concept data sets: inputs x, concepts c and label y.

``xor``: x uniform on the unit square, c = x > 1/2, y = c1 xor c2; the data of the write-up's repository. ``tabular``:
TabularToy of the concept-quality literature (Mahinpei et al. 2021, arXiv 2106.13314): u, v, w normal with pairwise
correlation 1/4, seven functions of them, c their signs, y whether at least two are positive. ``digits``: scikit-learn's
8 x 8 digits, three concepts of the digit, which is the label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mine.concepts.names import DATA, DIGITS, TABULAR, XOR
from mine.errors import UserError

CORRELATION = 0.25
"""Of each two of u, v and w."""

HALF = 0.5
LOOPS = (0, 6, 8, 9)
"""Digits with a closed loop; an open 4 has none, and scikit-learn's mostly are."""


@dataclass(frozen=True)
class Rows:
    """inputs: (n, d) float64. concepts: (n, k) and label: (n,), whole numbers. All concepts, withheld ones too."""

    inputs: np.ndarray
    concepts: np.ndarray
    label: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Rows:
        """Some rows."""
        return Rows(self.inputs[rows], self.concepts[rows], self.label[rows])


def draw(name: str, training: int, held_out: int, seed: int) -> tuple[Rows, Rows]:
    """Training and held-out rows of a data set of ``mine.concepts.names.DATA``, disjoint.

    Of a finite data set the seed shares its rows out. Raises UserError where it has fewer.
    """
    data = DATA[name]
    source = np.random.default_rng([seed, *map(ord, data.base)])
    whole = training + held_out
    if data.finite is not None and whole > data.finite:
        raise UserError(
            f"rows: {training:,} to train on and {held_out:,} held out of {name}, which has {data.finite:,}"
        )
    rows = _MAKERS[data.base](whole, source)
    return rows.take(slice(training)), rows.take(slice(training, None))


def concepts_of_digit(digit: np.ndarray) -> np.ndarray:
    """Even, five or more, has a closed loop: (n, 3) of digits (n,)."""
    return np.stack([digit % 2 == 0, digit >= 5, np.isin(digit, LOOPS)], 1).astype(np.int64)


def label_of(base: str, concepts: np.ndarray) -> np.ndarray:
    """The label (n,) that all concepts (n, k) of ``xor`` or ``tabular`` determine."""
    total = concepts.sum(1)
    return np.asarray(total % 2 if base == XOR else 2 * total > concepts.shape[1], dtype=np.int64)


def _xor(rows: int, source: np.random.Generator) -> Rows:
    x = source.random((rows, 2))
    concepts = (x > HALF).astype(np.int64)
    return Rows(x, concepts, label_of(XOR, concepts))


def _tabular(rows: int, source: np.random.Generator) -> Rows:
    common, own = source.standard_normal((rows, 1)), source.standard_normal((rows, 3))
    hidden = np.sqrt(CORRELATION) * common + np.sqrt(1.0 - CORRELATION) * own
    waves = np.stack([np.sin(hidden) + hidden, np.cos(hidden) + hidden], 2).reshape(rows, 6)
    concepts = (hidden > 0.0).astype(np.int64)
    return Rows(np.column_stack([waves, np.square(hidden).sum(1)]), concepts, label_of(TABULAR, concepts))


def _digits(rows: int, source: np.random.Generator) -> Rows:
    from sklearn.datasets import load_digits

    images, digit = load_digits(return_X_y=True)
    order = source.permutation(len(digit))[:rows]
    return Rows(images[order] / 16.0, concepts_of_digit(digit[order]), digit[order].astype(np.int64))


_MAKERS: dict[str, Callable[[int, np.random.Generator], Rows]] = {XOR: _xor, TABULAR: _tabular, DIGITS: _digits}
