"""Cells of rows that are alike in c, within which z may stand in any order if x and z are independent given c.

Levels of discrete columns are cells as they are, and a permutation within them is exact. Of amounts no two rows are
alike: each level's rows are then cut at the median of their widest column until cells are small, and a permutation
among such neighbours is as good as z's law given c is the same throughout a cell (Kim, Neykov, Balakrishnan &
Wasserman 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mine.own.columns import Column

FEWEST = 5
"""Rows of the smallest cell of neighbours, and of a level that is not worth a word."""

MOST = 256
"""Rows of the largest cell: all of its pairs are scored. A larger level is cut at random, which the test allows."""


@dataclass(frozen=True)
class Cells:
    """Which test rows may be put in each other's place.

    members: indices of each cell's rows. levels: how many levels c has among these rows, 0 without discrete columns.
    small_levels, rows_in_small: levels of fewer than FEWEST rows, and how many rows those hold.
    within: share of the variance of c's amounts that is left within cells, mean over columns; None without amounts.
    """

    members: tuple[np.ndarray, ...]
    levels: int
    small_levels: int
    rows_in_small: int
    within: float | None

    @property
    def exact(self) -> bool:
        """Whether rows of a cell are the same in c."""
        return self.within is None


def cells_of(columns: Sequence[Column], amounts: np.ndarray, source: np.random.Generator) -> Cells:
    """Cells of rows.

    Args:
        columns: c, of these rows.
        amounts: its columns that are no levels on the critic's scale, (n, amounts).
        source: random numbers, for levels of more than MOST rows.
    """
    discrete = [each for each in columns if each.discrete]
    rows = np.arange(len(amounts))
    levels = [rows]
    if discrete:
        codes = np.stack([np.unique(each.values, return_inverse=True)[1] for each in discrete], 1)
        level = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
        order = np.argsort(level, kind="stable")
        levels = np.split(order, np.flatnonzero(np.diff(level[order])) + 1)
    small = [each for each in levels if len(each) < FEWEST]
    cut = [part for each in levels for part in (_neighbours(each, amounts) if amounts.shape[1] else [each])]
    members = [part for each in cut for part in _at_most(each, source)]
    return Cells(
        tuple(members),
        len(levels) if discrete else 0,
        len(small) if discrete else 0,
        sum(map(len, small)) if discrete else 0,
        _within(members, amounts) if amounts.shape[1] else None,
    )


def _neighbours(rows: np.ndarray, amounts: np.ndarray) -> list[np.ndarray]:
    """Rows cut at the median of their widest column, again and again, while both halves have FEWEST rows."""
    if len(rows) < 2 * FEWEST:
        return [rows]
    values = amounts[rows]
    widest = values[:, int((values.max(0) - values.min(0)).argmax())]
    order = np.argsort(widest, kind="stable")
    middle = len(rows) // 2
    return [part for half in (order[:middle], order[middle:]) for part in _neighbours(rows[half], amounts)]


def _at_most(rows: np.ndarray, source: np.random.Generator) -> list[np.ndarray]:
    if len(rows) <= MOST:
        return [rows]
    return np.array_split(source.permutation(rows), -(-len(rows) // MOST))


def _within(members: Sequence[np.ndarray], amounts: np.ndarray) -> float:
    left = sum(((amounts[each] - amounts[each].mean(0)) ** 2).sum(0) for each in members)
    whole = ((amounts - amounts.mean(0)) ** 2).sum(0)
    return float(np.divide(left, whole, out=np.zeros(len(whole)), where=whole > 0.0).mean())


def permuted_means(scores: Sequence[np.ndarray], count: int, source: np.random.Generator) -> tuple[float, np.ndarray]:
    """Mean over rows of the statistic as the rows are, and of ``count`` orders of z within cells, (count,).

    scores: of each cell's pairs, (rows, rows), x and c of the first axis' row with z of the second's. Orders are
    uniform, the given one among them.
    """
    rows = sum(map(len, scores))
    given, sums = 0.0, np.zeros(count)
    for each in scores:
        given += float(np.trace(each))
        orders = source.permuted(np.tile(np.arange(len(each)), (count, 1)), axis=1)
        sums += each[np.arange(len(each)), orders].sum(1)
    return given / rows, sums / rows
