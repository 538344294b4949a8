"""Columns of x and of z: what they hold, which rows miss a value, and what cannot be estimated from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mine.errors import UserError

_SHOWN_ROWS = 5

MAX_LEVELS = 1000
"""Of a discrete column: each becomes a column of its own."""


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


@dataclass(frozen=True)
class Warned:
    """Something that a reader of the value has to know. code: a stable word for programs; text: one sentence."""

    code: str
    text: str


def column(name: str, values: object, *, discrete: bool) -> Column:
    """A column from any one-dimensional array.

    Raises:
        UserError: text, dates, complex numbers or anything else that is no number in a column that is not discrete;
            infinite values; more than MAX_LEVELS levels.
    """
    import pandas as pd

    series = pd.Series(values).reset_index(drop=True)
    missing = series.isna().to_numpy()
    if discrete:
        # A whole number read as 1.0 because another row misses its value is the level 1 still.
        levels = series.where(~missing, None).map(_level, na_action="ignore")
        count = levels.nunique()
        if count > MAX_LEVELS:
            raise UserError(f"column {name!r}: {count:,} levels; a discrete column may have {MAX_LEVELS:,}")
        return Column(name, levels.fillna("").to_numpy(dtype=str), missing, True)
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if len(series.cat.categories) else object)
    kind = series.dtype
    if pd.api.types.is_complex_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind) or kind.kind in "mM":
        raise UserError(f"column {name!r}: {kind} is not numeric; turn it into numbers first")
    numbers = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(numbers) & ~missing
    if wrong.any():
        raise UserError(
            f"column {name!r}: {str(series[wrong.argmax()])!r} in {_rows(wrong)} is not a number; "
            "name the column as discrete if its values are levels"
        )
    infinite = np.isinf(numbers)
    if infinite.any():
        raise UserError(f"column {name!r}: infinite in {_rows(infinite)}; only finite numbers have a density")
    return Column(name, numbers, missing, False)


def _level(value: object) -> str:
    return str(int(value)) if isinstance(value, (float, np.floating)) and float(value).is_integer() else str(value)


def _rows(mask: np.ndarray) -> str:
    """``row 3`` or ``12 rows (1, 2, 3, 4, 5, ...)``, counted from 1."""
    at = [str(row) for row in np.flatnonzero(mask)[:_SHOWN_ROWS] + 1]
    count = int(mask.sum())
    if count == 1:
        return f"row {at[0]}"
    return f"{count:,} rows ({', '.join(at)}{', ...' if count > _SHOWN_ROWS else ''})"


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
        worst = [f"{each.name!r} in {_rows(each.missing)}" for each in (*x, *z) if each.missing.any()]
        raise UserError(
            f"missing values: {int(missing.sum()):,} of {len(missing):,} rows lack one, column {'; '.join(worst)}; "
            "drop these rows with --drop-missing (drop_missing=True), or fill them in first"
        )
    keep = ~missing
    return [each.take(keep) for each in x], [each.take(keep) for each in z], keep


def _counts(lengths: Sequence[int]) -> str:
    return " or ".join(f"{length:,}" for length in lengths)


def check(x: Sequence[Column], z: Sequence[Column]) -> list[Warned]:
    """What is wrong or odd with columns that miss nothing.

    Raises:
        UserError: a constant column; a continuous column of x that a column of z repeats or is a monotone function of,
            which makes the mutual information infinite.
    """
    for each in (*x, *z):
        if len(each.values) and (each.values == each.values[0]).all():
            raise UserError(f"column {each.name!r}: constant ({each.values[0]}); it has no information, leave it out")
    warned = []
    for one in x:
        for other in z:
            if _same(one, other):
                names = f"{one.name!r} of x and {other.name!r} of z"
                if not one.discrete and 2 * len(np.unique(one.values)) > len(one.values):
                    raise UserError(
                        f"columns {names} are the same, or one is a monotone function of the other without noise: the "
                        "mutual information of a continuous variable with itself is infinite, and no value is estimated"
                    )
                warned.append(
                    Warned(
                        "same_column",
                        f"{names} hold the same: the mutual information is at least that column's own entropy.",
                    )
                )
    for side, columns in (("x", x), ("z", z)):
        for place, one in enumerate(columns):
            for other in columns[place + 1 :]:
                if _same(one, other):
                    warned.append(
                        Warned(
                            "duplicate_columns",
                            f"{one.name!r} and {other.name!r} of {side} hold the same, renamed or not: one of them "
                            "adds nothing.",
                        )
                    )
    doubled = _doubled([*x, *z])
    if doubled:
        warned.append(
            Warned(
                "duplicate_rows",
                f"{doubled:,} rows repeat an earlier row in every column: if they are copies, training and test rows "
                "share them and the value is too high; drop copies first.",
            )
        )
    return warned


def _same(one: Column, other: Column) -> bool:
    """Whether each is a function of the other: levels renamed, or a monotone function without any noise."""
    if one.discrete or other.discrete:
        if one.discrete != other.discrete:
            return False
        # The same partition of rows, whatever the levels are called.
        pairs = {*zip(one.values.tolist(), other.values.tolist(), strict=True)}
        return len(pairs) == len(set(one.values.tolist())) == len(set(other.values.tolist()))
    codes = [np.unique(each.values, return_inverse=True)[1] for each in (one, other)]
    if (codes[0] == codes[1]).all() or (codes[0] == codes[1].max() - codes[1]).all():
        return True
    # Rounding can part or join neighbours, so that a straight line is no longer monotone to the last digit.
    centred = [each.values - each.values.mean() for each in (one, other)]
    product = float(centred[0] @ centred[1])
    return product**2 >= (1.0 - 1e-12) * float(centred[0] @ centred[0]) * float(centred[1] @ centred[1])


def _doubled(columns: Sequence[Column]) -> int:
    """Rows that repeat an earlier one; 0 where every column has few values, so that rows meet by themselves."""
    codes = np.stack([np.unique(each.values, return_inverse=True)[1] for each in columns], 1)
    if all(2 * (codes[:, place].max() + 1) <= len(codes) for place in range(codes.shape[1])):
        return 0
    return len(codes) - len(np.unique(codes, axis=0))


def entropy(columns: Sequence[Column]) -> float | None:
    """Plug-in entropy of discrete columns together, nats; None where one of them is continuous."""
    if not all(each.discrete for each in columns):
        return None
    codes = np.stack([np.unique(each.values, return_inverse=True)[1] for each in columns], 1)
    share = np.unique(codes, axis=0, return_counts=True)[1] / len(codes)
    return float(-(share * np.log(share)).sum())
