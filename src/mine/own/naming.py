"""Which columns a reader means: names with blanks and commas, places, arrays, ranges."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence

from mine.errors import UserError, escaped
from mine.own.faults import Faults
from mine.own.table import Table

_SHOWN = 12
_MOST_COLUMNS = 100_000


def chosen(table: Table, option: str, texts: Sequence[str]) -> list[str]:
    """Names of the columns that an option's texts mean, in their order.

    A text is a column's name as it is, or several with commas between. Of those one that holds a comma stands in double
    quotes, or as it is where that can mean nothing else. ``first-last`` are all columns from one to another, an array's
    name all of its columns.

    Raises:
        UserError: all that is wrong with them, together.
    """
    faults = Faults()
    names: list[str] = []
    for text in texts:
        with faults.gathered():
            for word in _words(table, option, text):
                with faults.gathered():
                    names += _columns_of(table, option, word)
    for name in dict.fromkeys(name for name in names if names.count(name) > 1) if len(set(names)) < len(names) else ():
        faults.add(f"{option}: column {name!r} is named twice")
    faults.add(*(f"{option}: {name!r}: {table.bad[name]}" for name in names if name in table.bad))
    faults.settle()
    return names


def _words(table: Table, option: str, text: str) -> list[str]:
    known = {*table.names, *table.arrays}
    if text in known or text.strip() in known:
        return [text if text in known else text.strip()]
    try:
        quoted = next(csv.reader([text], skipinitialspace=True, strict=True), [""]) if '"' in text else None
    except csv.Error as error:
        raise UserError(f"{option}: {text!r}: {error}") from None
    if quoted is not None:
        return [word.strip() for word in quoted]
    pieces = text.split(",")
    ways = _ways(pieces, known) if any("," in name for name in known) else []
    if len(ways) > 1:
        raise UserError(
            f"{option}: {text!r} can be read as {' and as '.join(map(repr, ways[:2]))}; put names that hold a comma in "
            "double quotes"
        )
    return ways[0] if ways else [piece.strip() for piece in pieces]


def _ways(pieces: Sequence[str], known: set[str]) -> list[list[str]]:
    """At most two ways in which pieces, joined by commas again, are all names."""
    if not pieces:
        return [[]]
    ways: list[list[str]] = []
    for end in range(1, len(pieces) + 1):
        word = ",".join(pieces[:end]).strip()
        if word in known and len(ways) < 2:
            ways += [[word, *rest] for rest in _ways(pieces[end:], known)]
    return ways[:2]


def _columns_of(table: Table, option: str, word: str) -> list[str]:
    if word in table.arrays:
        if word in table.bad:
            raise UserError(f"{option}: {word!r}: {table.bad[word]}")
        return list(table.arrays[word])
    if word in table.names:
        return [word]
    places = {name: place for place, name in enumerate(table.names)}
    for at in (at for at, sign in enumerate(word) if sign == "-"):
        first, last = word[:at].strip(), word[at + 1 :].strip()
        if first in places and last in places:
            if places[first] > places[last]:
                raise UserError(f"{option}: {word!r} runs backwards; {last!r} stands before {first!r} in the file")
            return list(table.names[places[first] : places[last] + 1])
    near = difflib.get_close_matches(word, [*table.names, *table.arrays][:_MOST_COLUMNS], 1, 0.75) if word else []
    like = f" (did you mean {near[0]!r}?)" if near else ""
    raise UserError(f"{option}: {word!r} is no column{like}; {there_are(table)}")


def there_are(table: Table) -> str:
    """The first names of a table's columns, as the end of a message."""
    known = ", ".join([*table.names][:_SHOWN]) + (", ..." if len(table.names) > _SHOWN else "")
    return f"there are {escaped(known)}" + (f"; {table.hint}" if table.hint else "")
