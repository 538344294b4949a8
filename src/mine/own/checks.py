"""Everything that is looked at before training: what forbids an estimate, and what a reader of it has to know."""

from __future__ import annotations

from collections.abc import Sequence

from mine.own.alike import alike
from mine.own.columns import Column, Warned, faults_of
from mine.own.faults import Faults
from mine.own.oddities import odd_values
from mine.own.order import in_order, near_copies
from mine.own.relations import relations


def check(x: Sequence[Column], z: Sequence[Column], *, look_at_order: bool = True) -> list[Warned]:
    """What is odd about columns that miss nothing.

    look_at_order: whether rows are to be independent, and so to be looked at as a series and for near copies.

    Raises:
        UserError: constant columns; continuous columns of x that a column of z repeats or is a monotone function of,
            which makes the mutual information infinite. All of them are named.
    """
    faults = Faults()
    faults.add(*faults_of([*x, *z]))
    still = {id(each) for each in (*x, *z) if (each.values == each.values[:1]).all()}
    moving = [[each for each in side if id(each) not in still] for side in (x, z)]
    wrong, warned = alike(*moving) if all(moving) else ([], [])
    faults.add(*wrong)
    faults.settle()
    warned += [*odd_values([*x, *z]), *relations(x, z)]
    if look_at_order:
        warned += [*in_order(x, z), *near_copies(x, z)]
    return warned
