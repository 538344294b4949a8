"""How a reader's file is written: what a person says of it, and what can be seen from a few of its lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mine.errors import UserError

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}
"""What may stand between fields. Space means any number of blanks and tabs."""

_NUMBER = re.compile(r"[+\-−]?(\d[\d.,'\u00a0]*|\.\d+)([eE][+-]?\d+)?\s?%?")


@dataclass(frozen=True)
class Dialect:
    """How a text file is written; None is to be seen from the file. Construction checks and raises UserError.

    sep: sign between fields, or its name (``tab``, ``semicolon``). decimal: ``.`` or ``,``. encoding: of the text, as
    Python names it. na: further words that stand for a missing value, in every kind of file. header: whether the first
    line names the columns; otherwise they are named by place, from 0. footer: lines at the end that are no rows.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] = ()
    header: bool = True
    footer: int = 0

    def __post_init__(self) -> None:
        """Check every value; a separator's name becomes its sign."""
        if self.sep is not None:
            by_name = {name: sign for sign, name in SEPARATORS.items()} | {"\\t": "\t"}
            sep = by_name.get(self.sep, self.sep)
            if sep not in SEPARATORS:
                allowed = ", ".join(f"{sign} ({name})" if sign.strip() else name for sign, name in SEPARATORS.items())
                raise UserError(f"sep: {self.sep!r} is unknown; allowed are {allowed}")
            object.__setattr__(self, "sep", sep)
        if self.decimal not in (None, ".", ","):
            raise UserError(f"decimal: {self.decimal!r} is unknown; allowed are '.' and ','")
        if self.sep is not None and self.sep == self.decimal:
            raise UserError(f"decimal: {self.decimal!r} is the separator as well; the two must differ")
        if self.encoding is not None:
            try:
                "".encode(codecs.lookup(self.encoding).name)
            except (LookupError, ValueError):
                raise UserError(
                    f"encoding: {self.encoding!r} is unknown to Python; common ones are utf-8, latin-1, cp1252, utf-16"
                ) from None
        if isinstance(self.footer, bool) or not isinstance(self.footer, int) or not 0 <= self.footer <= 1000:
            raise UserError(f"skip_footer: {self.footer!r} is not a whole number from 0 to 1000")


def separator(lines: Sequence[str], suffix: str) -> str:
    """The sign between the fields of a few lines, the first of them a header.

    A sign qualifies that gives nine rows in ten the same number of fields, two at least, and the header as many, or one
    more or fewer (a comma at each line's end, names of rows without a heading).

    Raises:
        UserError: several signs qualify equally.
    """
    exact, near = [], []
    for sign in SEPARATORS:
        counts = [len(fields) for fields in split(lines, sign)]
        if len(counts) < 2:
            continue
        common, times = Counter(counts[1:]).most_common(1)[0]
        if common >= 2 and times >= 0.9 * (len(counts) - 1) and abs(counts[0] - common) <= 1:
            (exact if counts[0] == common else near).append(sign)
    if " " in exact and len(exact) > 1:  # "a, b" has blanks too
        exact.remove(" ")
    if suffix == ".tsv" and "\t" in exact:
        return "\t"
    if len(exact) > 1:
        named = " and ".join(SEPARATORS[sign] for sign in exact)
        raise UserError(f"{named} both cut its lines into equal numbers of fields; say which with --sep")
    found = exact or [sign for sign in near if sign != " "]
    return found[0] if found else ","


def split(lines: Sequence[str], sign: str) -> list[list[str]]:
    """Fields of lines, without the blanks around them; lines without any are left out."""
    if sign == " ":
        # As shells do: quotes hold a field together, and any run of blanks parts two.
        lines = [re.sub(r"[ \t]+", " ", line.strip()) for line in lines]
    rows = csv.reader(lines, delimiter=sign, skipinitialspace=True)
    try:
        return [[field.strip() for field in row] for row in rows if any(field.strip() for field in row) or len(row) > 1]
    except csv.Error as error:
        raise UserError(f"line {rows.line_num}: {error}") from None


def is_number(text: str) -> bool:
    """Whether a field looks like a number in any country's manner."""
    return _NUMBER.fullmatch(text) is not None
