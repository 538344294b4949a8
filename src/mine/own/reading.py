"""Columns by name from a reader's file: parquet, text such as csv, npy, npz."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mine.errors import UserError
from mine.own.arrays import npy_table, npz_table
from mine.own.columns import MAX_LEVELS, Column, column, faults_of
from mine.own.dialect import Dialect
from mine.own.faults import Faults
from mine.own.naming import chosen, there_are
from mine.own.table import Table
from mine.own.text import text_table
from mine.own.values import Words, decimal_of

TEXT = (".csv", ".tsv", ".txt", ".dat")
SUFFIXES = (".parquet", *TEXT, ".npy", ".npz")
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Endings that text may have after its own."""

SHEETS = (".xlsx", ".xls", ".ods")


@dataclass(frozen=True)
class Source:
    """A data file. name: without its folder, which is nobody else's business. sha256: of its bytes.

    read_as: how its text turned out to be written; empty of a file that is no text.
    """

    name: str
    sha256: str
    read_as: Mapping[str, Any] = field(default_factory=dict)


def read(
    path: Path, x: str | Sequence[str], z: str | Sequence[str], discrete: str | Sequence[str] = (), **options: Any
) -> tuple[Source, list[Column], list[Column]]:
    """Columns of x and of z: ``read_sides`` of the two."""
    source, sides = read_sides(path, {"x": x, "z": z}, discrete, **options)
    return source, sides["x"], sides["z"]


def read_sides(
    path: Path,
    sides: Mapping[str, str | Sequence[str]],
    discrete: str | Sequence[str] = (),
    *,
    named: Sequence[str] = (),
    dialect: Dialect | None = None,
) -> tuple[Source, dict[str, list[Column]]]:
    """Columns of every side, by the side's name.

    Args:
        path: parquet; text with a header, packed or not; npy (n, width); npz of such arrays.
        sides: columns of each, as ``mine.own.naming.chosen`` takes them: names; of npy, places counted from 0, or
            ranges such as 0-4; of npz, names of arrays, each with all its columns.
        discrete: those of them that hold levels, not amounts.
        named: sides whose columns hold names, of which there may be any number.
        dialect: how a text is written, and which words stand for a missing value.

    Raises:
        UserError: a file that is not there or not readable; or everything that is wrong with its columns, in one line.
    """
    dialect = Dialect() if dialect is None else dialect
    source, table = _opened(path, dialect)
    places, levels = _meant(path, table, sides, discrete)
    free = {name for side in named for name in places.get(side, ())}
    kinds = {name: name in levels for each in places.values() for name in each}
    source, made = _columns(path, table, kinds, free, dialect, source)
    return source, {side: [made[name] for name in each] for side, each in places.items()}


def columns_there(path: Path, dialect: Dialect) -> str:
    """Which columns a file has, as the end of a message. Raises UserError, of a file that cannot be read."""
    return there_are(_opened(path, dialect)[1])


def _meant(
    path: Path, table: Table, sides: Mapping[str, str | Sequence[str]], discrete: str | Sequence[str]
) -> tuple[dict[str, list[str]], set[str]]:
    """Names of each side's columns, and of those that hold levels."""
    faults = Faults()
    places: dict[str, list[str]] = {}
    for side, text in sides.items():
        with faults.gathered():
            places[side] = chosen(table, side, [text] if isinstance(text, str) else list(text))
    taken: dict[str, str] = {}
    for side, names in places.items():
        for name in names:
            if name in taken:
                faults.add(
                    f"column {name!r}: in {taken[name]} and in {side}; what a variable says of itself is its entropy, "
                    "of a continuous one infinite"
                )
            taken.setdefault(name, side)
    levels: set[str] = set()
    texts = [discrete] if isinstance(discrete, str) else list(discrete)
    if any(texts):
        with faults.gathered():
            levels |= set(chosen(table, "discrete", texts))
    if len(places) == len(sides):
        faults.add(*(f"discrete: {name!r} is neither in x nor in z" for name in sorted(levels - set(taken))))
    try:
        faults.settle()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return places, levels


def _columns(
    path: Path, table: Table, levels: Mapping[str, bool], free: set[str], dialect: Dialect, source: Source
) -> tuple[Source, dict[str, Column]]:
    """Columns by name. levels: whether each holds levels. free: those that hold any number of them."""
    try:
        values = table.load(list(levels))
        decimal = dialect.decimal
        if source.read_as:
            amounts = {name: each for name, each in values.items() if not levels[name] and name not in free}
            decimal = decimal or decimal_of(amounts, source.read_as["sep"])
            source = Source(source.name, source.sha256, {**source.read_as, "decimal": decimal})
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # each reader has its own
        raise UserError(f"{path}: not readable ({_reason(error)})") from None
    words = Words(dialect.na, decimal or ".")
    faults, made = Faults(), {}
    for name, discrete in levels.items():
        most = None if name in free else MAX_LEVELS
        with faults.gathered():
            made[name] = column(name, values.pop(name), discrete=discrete or name in free, words=words, most=most)
    if faults:
        faults.add(*faults_of(made.values()))
    faults.settle()
    return source, made


def _opened(path: Path, dialect: Dialect) -> tuple[Source, Table]:
    endings = [ending.lower() for ending in path.suffixes]
    suffix = endings[-2] if endings[-1:] and endings[-1] in PACKED and len(endings) > 1 else "".join(endings[-1:])
    if suffix not in SUFFIXES:
        cure = "save the sheet as csv" if suffix in SHEETS else f"text may be packed ({', '.join(PACKED)})"
        raise UserError(f"{path}: {suffix or 'no suffix'} is unknown; allowed are {', '.join(SUFFIXES)}; {cure}")
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise UserError(f"{path}: no regular file but a pipe or device; save what comes out of it as a file first")
        if suffix in TEXT:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
        else:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        if suffix in TEXT:
            table = text_table(content, suffix, dialect)
        else:
            table = {".npy": npy_table, ".npz": npz_table, ".parquet": _parquet_table}[suffix](path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    return Source(path.name, digest, table.read_as), table


def _parquet_table(path: Path) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        names = file.schema_arrow.names
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"not readable as parquet ({_reason(error)})") from None
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()

    def load(wanted: Sequence[str]) -> dict[str, Any]:
        # A fresh look, since a file that waited may be closed; only what is asked for leaves the disk.
        table = parquet.ParquetFile(path).read(columns=list(wanted))
        return {name: table.column(name).to_pandas() for name in wanted}

    return Table(
        list(dict.fromkeys(names)), load, {name: f"{names.count(name)} columns have this name" for name in twice}
    )


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
