"""Exact information between concepts and label, nats: by enumeration, and of ``tabular`` by orthant probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import combinations, product

import numpy as np

from mine.concepts.data import CORRELATION, concepts_of_digit, label_of
from mine.concepts.names import DATA, TABULAR, XOR


@cache
def joint(name: str) -> np.ndarray:
    """P(c1, ..., ck, y) of all concepts of a data set and its label, an axis each.

    Of ``digits`` the shares of its rows, which is what rows are drawn from.
    """
    data = DATA[name]
    table = np.zeros((2,) * len(data.every) + (data.classes,))
    if data.base in (XOR, TABULAR):
        for signs in product((0, 1), repeat=len(data.every)):
            chance = 0.25 if data.base == XOR else orthant(signs, CORRELATION)
            table[(*signs, int(label_of(data.base, np.array([signs]))[0]))] = chance
        return table
    from sklearn.datasets import load_digits

    digit = load_digits(return_X_y=True)[1]
    np.add.at(table, (*concepts_of_digit(digit).T, digit), 1.0 / len(digit))
    return table


def orthant(signs: Sequence[int], correlation: float) -> float:
    """P of these signs (1: positive) of up to three normal variables, each two of one correlation.

    1/2^n + sum of asin(correlation of a pair with its signs) / (2^(n-1) pi); Sheppard 1899, and for three the same by
    inclusion and exclusion.
    """
    n = len(signs)
    turned = [2 * sign - 1 for sign in signs]
    pairs = sum(math.asin(correlation * one * other) for one, other in combinations(turned, 2))
    return 0.5**n + pairs / (2 ** (n - 1) * math.pi)


def places(name: str, of: str | int | Sequence[int]) -> tuple[int, ...]:
    """Axes of ``joint``: "label", "concepts" (those that a model is given), or places of concepts."""
    if isinstance(of, str):
        return (len(DATA[name].every),) if of == "label" else tuple(range(DATA[name].kept))
    return (of,) if isinstance(of, int) else tuple(of)


def information(name: str, one: str | int | Sequence[int], other: str | int | Sequence[int]) -> float:
    """I(one; other); see ``places``."""
    a, b = places(name, one), places(name, other)
    return entropy(name, a) + entropy(name, b) - entropy(name, sorted({*a, *b}))


def entropy(name: str, of: str | int | Sequence[int]) -> float:
    """H of some axes together."""
    table = joint(name)
    kept = places(name, of)
    chances = table.sum(tuple(axis for axis in range(table.ndim) if axis not in kept)).ravel()
    chances = chances[chances > 0.0]
    return float(-(chances * np.log(chances)).sum())
