"""Columns of what a Python program holds: arrays, masked or not, frames, series, tensors, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mine.errors import UserError
from mine.own.columns import Column, column, group_of, without_missing
from mine.own.faults import Faults

_SHOWN = 12


def columns_of(values: Any, side: str, discrete: Any = (), names: Sequence[str] | None = None) -> list[Column]:
    """Columns of an array, frame, series or tensor.

    Args:
        values: of shape (n,) or (n, columns); a frame; a structured array; anything with ``to_pandas``.
        side: ``x`` or ``z``, for names and messages.
        discrete: which hold levels: names, places from 0, a mask of all columns, or True for all. A dtype of categories
            adds to them, but not to False or to a frozenset, which is the places that a model was fitted with.
        names: of the columns that a model was fitted to. Where ``values`` have names too, columns are matched by them.

    Raises:
        UserError: no rows and columns, other names than those fitted to, a discrete column that is not there; or what
            is wrong with each column, all of them together.
    """
    import pandas as pd

    frame = _frame(values, side)
    if frame.empty:
        raise UserError(f"{side}: {frame.shape[0]} rows of {frame.shape[1]} columns; at least one of each is needed")
    found = [str(name) for name in frame.columns]
    twice = sorted({name for name in found if found.count(name) > 1}) if len(set(found)) < len(found) else []
    if twice:
        raise UserError(f"{side}: several columns are named {', '.join(map(repr, twice[:_SHOWN]))}; rename them")
    if names is not None and names_of(values) is not None and found != list(names):
        frame = frame.iloc[:, _places(found, names, side)]
        found = list(names)
    levels = _levels(discrete, frame.columns, side)
    if discrete is not False and not isinstance(discrete, frozenset):
        levels |= {place for place, kind in enumerate(frame.dtypes) if isinstance(kind, pd.CategoricalDtype)}
    faults, made = Faults(), []
    for place, name in enumerate(found):
        with faults.gathered():
            made.append(column(name, frame.iloc[:, place], discrete=place in levels))
    faults.settle()
    return made


def sides_of(
    given: Mapping[str, tuple[Any, Any, Sequence[str] | None]], groups: Any = None, *, drop: bool = False
) -> tuple[list[list[Column]], np.ndarray | None]:
    """Columns of every side, the same rows of each, and whose each row is.

    Args:
        given: values, discrete columns and known names (see ``columns_of``) of ``x``, of ``z``, and of more.
        groups: (n,), whose each row is, or None.
        drop: leave out rows that miss a value.

    Raises:
        UserError: what is wrong with each side, all of it together; sides of different length; missing values.
    """
    names = list(given)
    for name in names[1:]:
        check_rows(given[names[0]][0], given[name][0], f"{names[0].upper()} and {name.upper()}")
    faults, sides = Faults(), []
    for name, (values, discrete, known) in given.items():
        with faults.gathered():
            sides.append(columns_of(values, name, discrete, known))
    faults.settle()
    rows = len(sides[0][0].values)
    for name, side in zip(names[2:], sides[2:], strict=True):
        if len(side[0].values) != rows:
            raise UserError(f"{names[0]} has {rows:,} rows and {name} has {len(side[0].values):,}; allowed is one each")
    left, z, keep = without_missing([each for side in (sides[0], *sides[2:]) for each in side], sides[1], drop=drop)
    ends = np.cumsum([len(side) for side in (sides[0], *sides[2:])])[:-1]
    first, *more = (list(part) for part in _cut(left, ends))
    if groups is None:
        return [first, z, *more], None
    of_rows = column("groups", groups, discrete=True, most=None)
    if len(of_rows.values) != rows:
        raise UserError(f"groups: {len(of_rows.values):,} for {rows:,} rows")
    return [first, z, *more], group_of([of_rows], keep)


def _cut(columns: Sequence[Column], ends: Sequence[int]) -> list[Sequence[Column]]:
    bounds = [0, *ends, len(columns)]
    return [columns[start:stop] for start, stop in pairwise(bounds)]


def names_of(values: Any) -> list[str] | None:
    """Names of a frame's columns where all of them are text, else None, as in scikit-learn."""
    import pandas as pd

    if isinstance(values, pd.Series):
        return [values.name] if isinstance(values.name, str) else None
    if hasattr(values, "to_pandas"):
        values = values.to_pandas()
    names = list(getattr(values, "columns", ()))
    return names if names and all(isinstance(name, str) for name in names) else None


def check_rows(x: Any, z: Any, which: str = "X and Z") -> None:
    """Raise UserError where frames have the same labels of rows in another order: rows are paired by their place.

    which: what the two are called.
    """
    import pandas as pd

    if not all(isinstance(each, (pd.DataFrame, pd.Series)) for each in (x, z)):
        return
    if (
        len(x) == len(z)
        and not x.index.equals(z.index)
        and x.index.is_unique
        and x.index.sort_values().equals(z.index.sort_values())
    ):
        first, last = which.split(" and ")
        raise UserError(
            f"{which}: the same row labels in another order, and row i of one is paired with row i of the other; "
            f"align them first, {last}.loc[{first}.index], or drop the labels, {last}.reset_index(drop=True)"
        )


def _frame(values: Any, side: str) -> Any:
    import pandas as pd
    import torch

    if isinstance(values, torch.Tensor):
        values = _of_tensor(values, side)
    if hasattr(values, "collect") and not hasattr(values, "to_pandas"):
        raise UserError(f"{side}: {type(values).__name__} has no rows yet; pass {side}.collect()")
    if hasattr(values, "to_pandas"):
        values = values.to_pandas()
    if isinstance(values, pd.DataFrame):
        return values
    if isinstance(values, pd.Series):
        return values.to_frame(values.name if values.name not in (None, "") else side)
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise UserError(f"{side}: a sparse matrix of shape {values.shape}; pass {side}.toarray()")
    if isinstance(values, dict):
        raise UserError(f"{side}: a dictionary; pass pandas.DataFrame({side})")
    array = _of_mask(values) if isinstance(values, np.ma.MaskedArray) else _array(values, side)
    if array.dtype.names:
        return pd.DataFrame(
            {name: list(array[name]) if array[name].ndim > 1 else array[name] for name in array.dtype.names}
        )
    if array.dtype.kind == "V":
        raise UserError(f"{side}: raw bytes ({array.dtype}); pass numbers, such as {side}.astype('float32')")
    if array.ndim not in (1, 2) or array.size == 0:
        cure = f"; reshape it, {side}.reshape(len({side}), -1)" if array.ndim > 2 and array.size else ""
        raise UserError(f"{side}: shape {array.shape}; allowed are (rows,) and (rows, columns), not empty{cure}")
    array = array[:, None] if array.ndim == 1 else array
    return pd.DataFrame(array, columns=[f"{side}[{place}]" for place in range(array.shape[1])])


def _of_tensor(tensor: Any, side: str) -> np.ndarray:
    import torch

    if tensor.layout is not torch.strided:
        raise UserError(f"{side}: a sparse tensor of shape {tuple(tensor.shape)}; pass {side}.to_dense()")
    if tensor.dtype.is_floating_point and tensor.dtype.itemsize < 4:
        tensor = tensor.float()  # exact, and NumPy has no bfloat16
    return tensor.detach().resolve_conj().resolve_neg().cpu().numpy()


def _of_mask(array: np.ma.MaskedArray) -> np.ndarray:
    """Masked entries miss their value."""
    if array.dtype.kind in "biuf":
        return array.astype(np.float64).filled(np.nan)
    filled = np.array(array.data, dtype=object)
    filled[np.ma.getmaskarray(array)] = None
    return filled


def _array(values: Any, side: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        cause = "rows of different lengths" if "inhomogeneous" in str(error) else str(error).splitlines()[0]
        raise UserError(f"{side}: {cause}; pass an array (rows, columns)") from None
    if array.dtype == object and array.ndim == 1 and len(array) and isinstance(array[0], (list, tuple, np.ndarray)):
        raise UserError(f"{side}: each row holds a {type(array[0]).__name__}; pass an array, numpy.stack({side})")
    return array


def _places(found: Sequence[str], names: Sequence[str], side: str) -> list[int]:
    """Where each fitted column stands."""
    lacking = [name for name in names if name not in set(found)]
    new = [name for name in found if name not in set(names)]
    if lacking or new:
        parts = [
            f"{word} {', '.join(map(repr, each[:_SHOWN]))}"
            for word, each in (("lacks", lacking), ("adds", new))
            if each
        ]
        raise UserError(f"{side}: other columns than those of fit: it {' and '.join(parts)}; rename them as they were")
    at = {name: place for place, name in enumerate(found)}
    return [at[name] for name in names]


def _levels(discrete: Any, labels: Any, side: str) -> set[int]:
    """Places of the columns that hold levels."""
    option, count = f"discrete_{side}", len(labels)
    if discrete is None or discrete is False:
        return set()
    if discrete is True:
        return set(range(count))
    if isinstance(discrete, frozenset):
        return {place for place in discrete if place < count}
    asked = (
        [discrete] if isinstance(discrete, (str, int, np.integer)) else list(np.asarray(discrete, dtype=object).ravel())
    )
    if asked and all(isinstance(each, (bool, np.bool_)) for each in asked):
        if len(asked) != count:
            raise UserError(f"{option}: a mask of {len(asked)} for {count} columns of {side}")
        return {place for place, each in enumerate(asked) if each}
    known = {label: place for place, label in enumerate(labels)} | {
        str(label): place for place, label in enumerate(labels)
    }
    found, faults = set(), Faults()
    for each in asked:
        each = each.item() if isinstance(each, np.generic) else each
        if each in known and not isinstance(each, bool):
            found.add(known[each])
        elif isinstance(each, int) and not isinstance(each, bool) and 0 <= each < count:
            found.add(each)
        else:
            faults.add(f"{option}: {each!r} is no column; {side} has {', '.join(map(str, labels[:_SHOWN]))}")
    faults.settle()
    return found
