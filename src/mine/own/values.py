"""What stands in a column, as float64 or as levels: words for missing values, decimal signs, what is no number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mine.errors import UserError

MISSING = frozenset(
    (
        "",
        "NA",
        "N/A",
        "n/a",
        "<NA>",
        "#N/A",
        "#NA",
        "NaN",
        "nan",
        "-nan",
        "-NaN",
        "NULL",
        "null",
        "None",
        "1.#QNAN",
        "1.#IND",
    )
)
"""Words that stand for a missing value in a column of numbers. In one of levels only the empty one does."""

EXACT = 2**53
"""Beyond it float64 cannot tell all whole numbers apart."""

_SHOWN_ROWS = 5
_FEW_WORDS = 3
_FOOTER = 3
_PROBED = 20_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)

_OF_DATES = "turn it into numbers first, such as days since the first"
_TIME = r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?\s?([ap]m)?(\s?(Z|UTC|[+-]\d{2}:?\d{2}))?"
_DAY = r"\d{4}(?P<y>[-/.])\d{1,2}(?P=y)\d{1,2}|\d{1,2}(?P<d>[-/.])\d{1,2}(?P=d)\d{2,4}|\d{1,2}[- ][a-z]{3,9}[- ]\d{2,4}"
_CURES = {
    re.compile(rf"({_DAY})([T ]{_TIME})?|{_TIME}", re.IGNORECASE): _OF_DATES,
    re.compile(r"[+-]?\d+\.?\d*d[+-]?\d+", re.IGNORECASE): "write its exponent with E for D",
    re.compile(r"\(\W*\d[\d.,' ]*\)|\d[\d.,' ]*-"): "write negative numbers with a minus first",
    # A number, after a sign or three letters of a currency, or before a unit; neither a hexadecimal one nor 10-20.
    re.compile(r"(?!0x)(?=.*[^\d.,' +-])(\W*|[A-Z]{3}\s)\d[\d.,' ]*(\D.*)?"): (
        "leave off its unit or sign (kg, $, <) if it is an amount; name the column as discrete if its values are levels"
    ),
}
"""What to do with text that is no number, by its form; the first that fits."""


@dataclass(frozen=True)
class Words:
    """How text in a column is read. na: further words for a missing value. decimal: the decimal sign."""

    na: tuple[str, ...] = ()
    decimal: str = "."


def decimal_of(columns: Mapping[str, Any], sep: str) -> str:
    """The decimal sign of numbers as text: a comma where some value can mean nothing else.

    Raises:
        UserError: values that say different things, or that all fit both, such as ``1,304``.
    """
    told: dict[str, str] = {}
    open_ones: list[str] = []
    for name, series in columns.items():
        text = series.astype(str)
        with_comma = text[text.str.contains(",", regex=False)]
        if not len(with_comma):
            continue
        for value in {*with_comma[:_PROBED], *text[text.str.contains(".", regex=False)][:_PROBED]}:
            sign = _decimal_sign(value.strip().rstrip("%").strip())
            if sign:
                told.setdefault(sign, f"{value!r} in column {name!r}")
            elif sign == "" and "," in value:
                open_ones.append(f"{value!r} in column {name!r}")
    if len(told) == 2:
        raise UserError(f"{told['.']} has a decimal point and {told[',']} a decimal comma; say which with --decimal")
    if open_ones and not told:
        raise UserError(
            f"{open_ones[0]} can be a thousand or a fraction; say --decimal . where commas part thousands, --decimal , "
            "where they part fractions"
        )
    return next(iter(told), ".")


def _decimal_sign(text: str) -> str | None:
    """``.`` or ``,`` where only that can be the decimal sign; empty where both can; None of what is no number."""
    fits = [sign for sign in ".," if _plain(text, sign) is not None]
    return None if not fits else "" if len(fits) == 2 else fits[0]


def _plain(text: str, decimal: str) -> str | None:
    """A number's text with a point and without grouping; None where it is no number with this decimal sign."""
    text = text.replace("−", "-").replace("\u00a0", " ").replace("\u202f", " ")
    group = "," if decimal == "." else "."
    whole, sign, fraction = text.partition(decimal)
    for mark in (group, " ", "'"):
        if mark in whole:
            if not re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+", whole):
                return None
            whole = whole.replace(mark, "")
            break
    plain = whole + ("." + fraction if sign else "")
    return plain if _NUMBER.fullmatch(plain) else None


def levels(series: Any, words: Words) -> tuple[np.ndarray, np.ndarray]:
    """Levels as text and which rows miss one, (n,) each. Text is a level as it stands, but for the blanks around it."""
    missing = series.isna().to_numpy(dtype=bool)
    # A whole number read as 1.0 because another row misses its value is the level 1 still.
    text = series.astype(object).where(~missing, "").map(_level).to_numpy(dtype=str)
    return text, missing | (text == "") | np.isin(text, list(words.na))


def _level(value: object) -> str:
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def numbers(name: str, series: Any, words: Words) -> tuple[np.ndarray, np.ndarray]:
    """A column as float64 and which rows miss a value, (n,) each.

    Raises:
        UserError: something that is no number, with its rows and the cure; whole numbers that float64 would merge.
    """
    import pandas as pd

    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if len(series.cat.categories) else object)
    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    _refuse_kind(name, series)
    missing = series.isna().to_numpy(dtype=bool)
    if pd.api.types.is_object_dtype(series.dtype) or pd.api.types.is_string_dtype(series.dtype):
        values, missing, wrong = _of_text(series, missing, words)
        if wrong.any():
            raise UserError(_not_numbers(name, series, wrong))
    else:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if series.dtype.kind in "iu" and len(values) and np.nanmax(np.abs(values)) >= EXACT:
            exact = series[~missing]
            if exact.nunique() > len(np.unique(values[~missing])):
                raise UserError(
                    f"column {name!r}: whole numbers beyond 2^53, of which float64 cannot tell some apart; subtract "
                    "the smallest first, or name the column as discrete if they are names"
                )
    for word in words.na:
        if _NUMBER.fullmatch(word):
            missing = missing | (values == float(word))
    infinite = np.isinf(values) & ~missing
    if infinite.any():
        raise UserError(f"column {name!r}: infinite in {rows_of(infinite)}; only finite numbers have a density")
    return np.where(missing, np.nan, values), missing


def _refuse_kind(name: str, series: Any) -> None:
    import pandas as pd

    kind = series.dtype
    if pd.api.types.is_complex_dtype(kind):
        raise UserError(f"column {name!r}: {kind} is not numeric; give real and imaginary parts as two columns")
    if isinstance(kind, pd.PeriodDtype):
        raise UserError(
            f"column {name!r}: {kind} is not numeric; turn it into numbers first, .dt.year or .astype('int64')"
        )
    if pd.api.types.is_datetime64_any_dtype(kind) or kind.kind in "mM":
        raise UserError(f"column {name!r}: {kind} is not numeric; {_OF_DATES}")
    if pd.api.types.is_object_dtype(kind):
        there = series[~series.isna()]
        first = there.iloc[0] if len(there) else None
        if isinstance(first, (list, tuple, np.ndarray, dict, set)):
            raise UserError(
                f"column {name!r}: each row holds a {type(first).__name__}, not a number; make a column of each of its "
                "places first, such as np.stack(column)"
            )


def _of_text(series: Any, missing: np.ndarray, words: Words) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, missing rows and rows that are no number, of text and of mixed objects."""
    import pandas as pd

    text = series.where(~missing, "").astype(str).str.strip()
    missing = missing | text.isin([*MISSING, *words.na]).to_numpy(dtype=bool)
    values = np.full(len(text), np.nan)
    if words.decimal == ".":
        plain = pd.to_numeric(text.where(~missing, "nan"), errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        values = np.where(missing, np.nan, plain)
    rest = np.flatnonzero(np.isnan(values) & ~missing)
    if len(rest):
        left = text.iloc[rest]
        percent = left.str.endswith("%").to_numpy(dtype=bool)
        if percent.all() and len(rest) == (~missing).sum():
            left = left.str.rstrip("% ")
        elif _truth(left) is not None and len(rest) == (~missing).sum():
            left = _truth(left)
        parsed = [_plain(each, words.decimal) for each in left]
        values[rest] = [np.nan if each is None else float(each) for each in parsed]
        if percent.all():
            values[rest] /= 100.0
    return values, missing, np.isnan(values) & ~missing


def _truth(text: Any) -> Any | None:
    """``True`` and ``False`` as 1 and 0, where there is nothing else."""
    lower = text.str.lower()
    return lower.map({"true": "1", "false": "0"}) if lower.isin(["true", "false"]).all() else None


def _not_numbers(name: str, series: Any, wrong: np.ndarray) -> str:
    found = series[wrong]
    words = list(dict.fromkeys(str(each).strip() for each in found.iloc[:_PROBED]))
    at = np.flatnonzero(wrong)
    if at[0] == len(series) - len(at) and len(at) <= _FOOTER and 2 * len(at) < len(series):
        cure = f"if that is a footer, say --skip-footer {len(at)}"
    elif most := _mostly(words):
        cure = most
    elif len(words) <= _FEW_WORDS and 2 * len(at) < len(series):
        options = " ".join(f"--na {word!r}" for word in words)
        cure = f"if it stands for a missing value, say {options}; name the column as discrete if its values are levels"
    else:
        cure = "name the column as discrete if its values are levels"
    return f"column {name!r}: {str(found.iloc[0])!r} in {rows_of(wrong)} is not a number; {cure}"


def _mostly(words: Sequence[str]) -> str:
    """What to do where most values are dates, or numbers with a sign or unit; nothing where they are neither."""
    kinds = Counter(next((cure for form, cure in _CURES.items() if form.fullmatch(word)), "") for word in words)
    cure, count = kinds.most_common(1)[0]
    return cure if 2 * count > len(words) else ""


def rows_of(mask: np.ndarray) -> str:
    """``row 3`` or ``12 rows (1, 2, 3, 4, 5, ...)``, counted from 1."""
    at = [str(row) for row in np.flatnonzero(mask)[:_SHOWN_ROWS] + 1]
    count = int(mask.sum())
    if count == 1:
        return f"row {at[0]}"
    return f"{count:,} rows ({', '.join(at)}{', ...' if count > _SHOWN_ROWS else ''})"
