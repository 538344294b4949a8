"""Tables of text: csv and its kin, as they come from spreadsheets, R, instruments and other countries."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mine.errors import UserError
from mine.own.dialect import SEPARATORS, Dialect, is_number, separator, split
from mine.own.table import Table

COMPRESSED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"
}  # fmt: skip
"""First bytes of a compressed file, and its kind."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 1 << 16
_BLOCK = 1 << 24
_SHOWN_ROWS = 3


@dataclass(frozen=True)
class _Body:
    """Rows below a header, utf-8. comments: lines left out. names: of the columns, in order."""

    rows: bytes
    names: list[str]
    sep: str
    comments: int
    headless: bool


def text_table(content: bytes, suffix: str, dialect: Dialect) -> Table:
    """Columns of a text file, each value as text.

    Args:
        content: the file's bytes, compressed or not.
        suffix: of its name, which decides where tab and another sign both fit.
        dialect: what the user said of it.

    Raises:
        UserError: not readable as text, no rows, or a separator or encoding that has to be said.
    """
    content, compression = _unpacked(content)
    text, encoding = _decoded(content, dialect.encoding)
    told = re.match(rb"sep=([,;\t|])\n", text, re.IGNORECASE)  # Excel's own word on the separator, no row
    if told:
        text, dialect = text[told.end() :], replace(dialect, sep=dialect.sep or told[1].decode())
    body = _body(text, suffix, dialect)
    twice = [name for name, count in Counter(body.names).items() if count > 1]
    read_as: dict[str, Any] = {"sep": body.sep, "encoding": encoding, "compression": compression}
    if told:
        read_as["sep_line"] = told[0].decode().strip()
    if body.comments:
        read_as["comment_lines"] = body.comments
    hint = (
        "line 1 holds a number: if it is no header, say --no-header and count columns from 0" if body.headless else ""
    )
    return Table(
        list(dict.fromkeys(body.names)),
        lambda names: _load(body, names),
        {name: f"{body.names.count(name)} columns have this name; rename them" for name in twice},
        read_as=read_as,
        hint=hint,
    )


def _unpacked(content: bytes) -> tuple[bytes, str | None]:
    kind = next((kind for start, kind in COMPRESSED.items() if content.startswith(start)), None)
    try:
        if kind == "zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if len(archive.namelist()) != 1:
                    raise UserError(f"a zip archive of {len(archive.namelist())} files; allowed is one")
                return archive.read(archive.namelist()[0]), kind
        if kind == "zstd":
            import pyarrow as pa

            with pa.input_stream(pa.BufferReader(content), compression="zstd") as stream:
                return stream.read(), kind
    except (OSError, zipfile.BadZipFile, RuntimeError, zlib.error) as error:
        raise UserError(f"not readable as {kind} ({error})") from None
    unpack = {"gzip": gzip.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress}.get(kind or "")
    try:
        return (unpack(content) if unpack else content), kind
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"not readable as {kind} ({error})") from None


def _decoded(content: bytes, encoding: str | None) -> tuple[bytes, str]:
    """The text as utf-8, with lines that end in a line feed, and the encoding that it was in."""
    known = encoding or next((name for mark, name in _BOMS if content.startswith(mark)), None) or _utf_16(content)
    try:
        decoded = content.decode(known or "utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        word = re.split(rb"[,;\t\r\n]", content[max(0, error.start - 20) : error.start + 20])
        before = re.split(rb"[,;\t\r\n]", content[max(0, error.start - 20) : error.start])[-1]
        shown = next((each for each in word if each.startswith(before + content[error.start : error.start + 1])), b"")
        guess = f" ({shown.decode('latin-1')!r} if it is latin-1)" if shown else ""
        said = f"not {known or 'utf-8'}: byte 0x{content[error.start]:02x} in line {line}{guess}"
        raise UserError(f"{said}; say --encoding, such as latin-1, cp1252 or utf-16") from None
    except UnicodeError as error:
        raise UserError(f"not {known}: {error}; say --encoding") from None
    if "\0" in decoded[:_SAMPLE_BYTES]:
        raise UserError("holds zero bytes, so it is no text; or say --encoding, such as utf-16")
    decoded = decoded.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return decoded.encode(), known or "utf-8"


def _utf_16(content: bytes) -> str | None:
    """UTF-16 without a mark: in plain text every other byte is zero."""
    sample = content[:_SAMPLE_BYTES]
    zeros = [sample[start::2].count(0) / max(1, len(sample) // 2) for start in (0, 1)]
    if max(zeros) < 0.4 or min(zeros) > 0.05:
        return None
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _body(text: bytes, suffix: str, dialect: Dialect) -> _Body:
    comments = [line.decode() for line in re.findall(rb"(?m)^#[^\n]*", text[:_SAMPLE_BYTES])]
    dropped = 0
    if b"#" in text:
        text, dropped = re.subn(rb"(?m)^#[^\n]*\n?", b"", text)
    text = text.strip(b"\n")
    if dialect.footer:
        text = b"\n".join(text.split(b"\n")[: -dialect.footer])
    lines = [line for line in text[:_SAMPLE_BYTES].decode(errors="ignore").split("\n") if line.strip()]
    lines = lines[: -1 if len(text) > _SAMPLE_BYTES else None][:_SAMPLE_LINES]
    if not lines:
        raise UserError("empty: no header and no rows")
    sep = dialect.sep or separator(lines, suffix)
    rows = split(lines, sep)
    first = rows[0]
    numeric = any(is_number(field) for field in first)
    width = Counter(map(len, rows)).most_common(1)[0][0]
    if sep == " ":
        text = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", re.sub(rb"[ \t]+", b" ", text))
    elif any(re.search(re.escape(sep) + r' +"', line) for line in lines):
        text = re.sub(re.escape(sep.encode()) + rb' +"', sep.encode() + b'"', text)  # blanks before a quote
    names = None
    if not dialect.header:
        names = [str(place) for place in range(width)]
    elif numeric and comments:
        # NumPy's savetxt writes its header as a comment.
        told = split([comments[-1].lstrip("# ")], sep) if len(comments) == dropped else []
        names = told[0] if told and len(told[0]) == width and not any(map(is_number, told[0])) else None
    if names is None:
        names, text, numeric = first, _below(text, sep), numeric
        text = text.lstrip(b"\n")
    else:
        numeric = False
    if not text:
        raise UserError("no rows below the header")
    body_width = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    return _Body(text, _named(names, body_width, rows), sep, dropped, numeric)


def _below(text: bytes, sep: str) -> bytes:
    """What follows the header, whose quoted names may hold line ends."""
    end, quotes = 0, 0
    while True:
        end = text.find(b"\n", end)
        quotes = text.count(b'"', 0, end if end >= 0 else len(text))
        if end < 0:
            return b""
        if quotes % 2 == 0:
            return text[end + 1 :]
        end += 1


def _named(names: list[str], width: int, rows: Sequence[Sequence[str]]) -> list[str]:
    """Names of all columns that rows have: one that is empty throughout has an empty name.

    Raises:
        UserError: rows have one more field than the header, and it is not an empty last one.
    """
    if width == len(names) + 1:
        if any(row[-1] for row in rows[1:] if len(row) == width):
            raise UserError(
                f"rows have {width} fields and the header {len(names)}: if the first are names of rows, give their "
                "column a name in the header"
            )
        return [*names, ""]
    return names


def _load(body: _Body, names: Sequence[str]) -> dict[str, Any]:
    """Values of some columns, as text.

    Raises:
        UserError: rows with other numbers of fields than the header.
    """
    import pyarrow as pa
    from pyarrow import csv

    places = [str(place) for place in range(len(body.names))]
    wanted = {name: places[body.names.index(name)] for name in names}
    wrong: list[Any] = []

    def keep(row: Any) -> str:
        wrong.append(row)
        return "skip"

    try:
        table = csv.read_csv(
            pa.BufferReader(body.rows),
            csv.ReadOptions(column_names=places, use_threads=False, block_size=_BLOCK),
            csv.ParseOptions(delimiter=body.sep, newlines_in_values=b'"' in body.rows, invalid_row_handler=keep),
            csv.ConvertOptions(
                include_columns=list(wanted.values()),
                column_types=dict.fromkeys(wanted.values(), pa.string()),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        raise UserError(
            f"not readable as {SEPARATORS[body.sep]}-separated text ({str(error).splitlines()[0]})"
        ) from None
    if wrong:
        raise UserError(_uneven(wrong, len(table) + len(wrong)))
    return {name: table.column(place).to_pandas() for name, place in wanted.items()}


def _uneven(wrong: Sequence[Any], rows: int) -> str:
    first = wrong[0]
    at = ", ".join(str(row.number) for row in wrong[:_SHOWN_ROWS]) + (", ..." if len(wrong) > _SHOWN_ROWS else "")
    shown = first.text if len(first.text) <= 40 else first.text[:40] + "..."
    what = f"row {at} has" if len(wrong) == 1 else f"{len(wrong):,} rows ({at}) have"
    footer = all(row.number > rows - len(wrong) for row in wrong)
    cure = f"if that is a footer, say --skip-footer {len(wrong)}" if footer else "mend them, or say --sep"
    return (
        f"{what} {first.actual_columns} field{'s' * (first.actual_columns != 1)} where there are "
        f"{first.expected_columns} columns ({shown!r}); {cure}"
    )
