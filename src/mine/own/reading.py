"""Columns by name from a reader's file: parquet, csv, npy, npz."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mine.errors import UserError
from mine.own.columns import Column, column

SUFFIXES = (".parquet", ".csv", ".npy", ".npz")


@dataclass(frozen=True)
class Source:
    """A data file. name: without its folder, which is nobody else's business. sha256: of its bytes."""

    name: str
    sha256: str


def read(path: Path, x: str, z: str, discrete: str = "") -> tuple[Source, list[Column], list[Column]]:
    """Columns of x and of z.

    Args:
        path: parquet or csv with a header; npy (n, width); npz of such arrays.
        x: columns, comma-separated: names; of npy, places counted from 0, or ranges such as 0-4; of npz, names of
            arrays, each with all its columns.
        z: the same.
        discrete: those of them that hold levels, not amounts.

    Raises:
        UserError: a file that is not there or not readable, a column that is not there or named twice, or a column
            whose values are no numbers.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"{path}: {path.suffix or 'no suffix'} is unknown; allowed are {', '.join(SUFFIXES)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    table = _load(path)
    sides = {"x": _choose(path, table, "x", x), "z": _choose(path, table, "z", z)}
    both = set(sides["x"]) & set(sides["z"])
    if both:
        raise UserError(
            f"column {min(both)!r}: in x and in z; what a variable says of itself is its entropy, of a continuous one "
            "infinite"
        )
    levels = set(_choose(path, table, "discrete", discrete)) if discrete else set()
    unused = levels - {*sides["x"], *sides["z"]}
    if unused:
        raise UserError(f"discrete: {min(unused)!r} is neither in x nor in z")
    made = {
        side: [column(name, table[name], discrete=name in levels) for name in names] for side, names in sides.items()
    }
    return Source(path.name, hashlib.sha256(content).hexdigest()), made["x"], made["z"]


def _load(path: Path) -> dict[str, object]:
    """Every column of the file by name."""
    import pandas as pd

    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            return {name: each for array in arrays for name, each in _of_array(path, arrays[array], array).items()}
        if path.suffix.lower() == ".npy":
            return _of_array(path, np.load(path, allow_pickle=False), "")
        frame = pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except UserError:
        raise
    except Exception as error:  # each reader has its own
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: not readable as {path.suffix[1:].lower()} ({reason})") from None
    frame.columns = frame.columns.map(str)
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise UserError(f"{path}: two columns are named {twice[0]!r}")
    return {name: frame[name] for name in frame.columns}


def _of_array(path: Path, array: np.ndarray, name: str) -> dict[str, np.ndarray]:
    where = f"{path}: array {name!r}" if name else str(path)
    if array.ndim not in (1, 2):
        raise UserError(f"{where} has {array.ndim} axes; allowed are rows, or rows and columns")
    columns = array[:, None] if array.ndim == 1 else array
    if name and array.ndim == 1:
        return {name: array}
    return {f"{name}[{place}]" if name else str(place): columns[:, place] for place in range(columns.shape[1])}


def _choose(path: Path, table: dict[str, object], option: str, text: str) -> list[str]:
    """Names of the columns that an option's text means."""
    chosen: list[str] = []
    for word in [text] if text in table else text.split(","):
        word = word.strip()
        found = _columns_of(table, word)
        if not found:
            known = ", ".join(list(table)[:12]) + (", ..." if len(table) > 12 else "")
            raise UserError(f"{option}: {word!r} is no column of {path}; it has {known}")
        chosen += found
    twice = [name for name in chosen if chosen.count(name) > 1]
    if twice:
        raise UserError(f"{option}: column {twice[0]!r} is named twice")
    return chosen


def _columns_of(table: dict[str, object], word: str) -> Sequence[str]:
    if word in table:
        return [word]
    of_array = [name for name in table if re.fullmatch(re.escape(word) + r"\[\d+\]", name)] if word else []
    places = re.fullmatch(r"(\d+)-(\d+)", word)
    if not of_array and places:
        span = [str(place) for place in range(int(places[1]), int(places[2]) + 1)]
        return span if all(name in table for name in span) else []
    return of_array
