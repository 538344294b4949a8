"""Columns of x and of z: what they hold, which rows miss a value, and what cannot be estimated from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mine.errors import UserError
from mine.own.faults import Several
from mine.own.values import Words, levels, numbers, rows_of

_AS_WRITTEN = Words()

_SHOWN = 5

MAX_LEVELS = 1000
"""Of a discrete column: each becomes a column of its own."""

_ONCE = 0.5
"""Share of the rows above which levels of one row each are refused: a number or a name of each row is no level."""


@dataclass(frozen=True)
class Column:
    """One column. values (n,): float64, or the levels of a discrete column as text; name: as the user gave it.

    missing (n,): which rows have no value.
    """

    name: str
    values: np.ndarray
    missing: np.ndarray
    discrete: bool

    def take(self, rows: np.ndarray) -> Column:
        """The column at some rows: indices, or a mask."""
        return Column(self.name, self.values[rows], self.missing[rows], self.discrete)


_IN_PYTHON = MappingProxyType(
    {
        "discrete": "discrete_x or discrete_z",
        "drop-missing": "drop_missing=True",
        "estimator": "estimator=",
        "group": "groups",
        "marginals": "marginals=",
        "na": "NaN in place of ",
        "seed": "random_state",
    }
)
"""What an option of the command is called from Python; the others are fields of ``settings``."""


@dataclass(frozen=True)
class Warned:
    """Something that a reader of the value has to know. code: a stable word for programs; text: one sentence.

    The sentence names options of the command.
    """

    code: str
    text: str

    @property
    def in_python(self) -> str:
        """The sentence with the library's parameters in place of the command's options."""
        return re.sub(r"--([a-z]+(?:-[a-z]+)*)(?:[= ](-?\d[\w.]*|js|normal-scores)(?!\w))?", _parameter, self.text)


def column(
    name: str, values: object, *, discrete: bool, words: Words = _AS_WRITTEN, most: int | None = MAX_LEVELS
) -> Column:
    """A column from any one-dimensional array. words: how text in it is read. most: levels that it may have.

    Raises:
        UserError: text, dates, complex numbers or anything else that is no number in a column that is not discrete;
            infinite values; too many levels.
    """
    import pandas as pd

    series = pd.Series(values).reset_index(drop=True)
    if not discrete:
        return Column(name, *numbers(name, series, words), False)
    text, missing = levels(series, words)
    count = len(np.unique(text[~missing])) if most is not None else 0
    if most is not None and count > most:
        raise UserError(f"column {name!r}: {count:,} levels; a discrete column may have {most:,}")
    return Column(name, text, missing, True)


def faults_of(columns: Iterable[Column]) -> list[str]:
    """What is wrong with each column by itself, beside the rows that it misses: constant, or nothing there."""
    faults = []
    for each in columns:
        there = each.values[~each.missing]
        if len(each.values) and not len(there):
            faults.append(f"column {each.name!r}: no row has a value")
        elif len(there) and (there == there[0]).all():
            faults.append(f"column {each.name!r}: constant ({there[0]}); it has no information, leave it out")
        elif each.discrete and len(there):
            counts = np.unique(there, return_counts=True)[1]
            once = int((counts == 1).sum())
            if once > _ONCE * len(there):
                faults.append(
                    f"column {each.name!r}: {once:,} of its {len(counts):,} levels are seen in one row only, and "
                    "nothing can be learned of those: join levels, or leave it out"
                )
    return faults


def without_missing(
    x: Sequence[Column], z: Sequence[Column], *, drop: bool
) -> tuple[list[Column], list[Column], np.ndarray]:
    """Columns without the rows in which any of them misses a value, and the mask of the rows that stay.

    drop: leave such rows out.

    Raises:
        UserError: x and z of different length; or rows miss a value and ``drop`` is not set.
    """
    lengths = {len(each.values) for each in (*x, *z)}
    if len(lengths) > 1:
        of_x, of_z = (sorted({len(each.values) for each in side}) for side in (x, z))
        raise UserError(f"x has {_counts(of_x)} rows and z has {_counts(of_z)}; each row must be one pair")
    missing = np.logical_or.reduce([each.missing for each in (*x, *z)])
    if missing.any() and not drop:
        lacking = [f"{each.name!r} in {rows_of(each.missing)}" for each in (*x, *z) if each.missing.any()]
        more = f" and {len(lacking) - _SHOWN} more columns" if len(lacking) > _SHOWN else ""
        said = (
            f"missing values: {int(missing.sum()):,} of {len(missing):,} rows lack one, column "
            f"{'; '.join(lacking[:_SHOWN])}{more}; drop these rows with --drop-missing (drop_missing=True), or fill "
            "them in first"
        )
        raise Several([said, *faults_of([*x, *z])])
    keep = ~missing
    return [each.take(keep) for each in x], [each.take(keep) for each in z], keep


def group_of(columns: Sequence[Column], keep: np.ndarray) -> np.ndarray:
    """Whose each of the rows is that stay, as text, of one column or several together.

    Raises:
        UserError: a row of nobody.
    """
    missing = np.logical_or.reduce([each.missing for each in columns]) & keep
    if missing.any():
        raise UserError(
            f"group: column {columns[0].name!r} misses a value in {rows_of(missing)}; each row must have one"
        )
    codes = np.stack([np.unique(each.values[keep], return_inverse=True)[1] for each in columns], 1)
    return np.unique(codes, axis=0, return_inverse=True)[1].ravel()


def _parameter(option: re.Match[str]) -> str:
    name, value = option.groups()
    if name in _IN_PYTHON:
        known = _IN_PYTHON[name]
        return f"{known}{value}" if name == "na" else f"{known}{value!r}" if value else known.removesuffix("=")
    field = name.replace("-", "_")
    return f'settings={{"{field}": {value}}}' if value else f'settings["{field}"]'


def _counts(lengths: Sequence[int]) -> str:
    return " or ".join(f"{length:,}" for length in lengths)


def entropy(columns: Sequence[Column]) -> float | None:
    """Plug-in entropy of discrete columns together, nats; None where one of them is continuous."""
    if not all(each.discrete for each in columns):
        return None
    codes = np.stack([np.unique(each.values, return_inverse=True)[1] for each in columns], 1)
    share = np.unique(codes, axis=0, return_counts=True)[1] / len(codes)
    return float(-(share * np.log(share)).sum())
