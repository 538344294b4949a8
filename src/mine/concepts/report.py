"""The leakage table in words for a person, and as a JSON object for a program."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from mine.concepts.leakage import Reading, as_row
from mine.concepts.own_table import Leak, Predictions, determined
from mine.concepts.relations import TOGETHER
from mine.errors import escaped
from mine.own.columns import Warned, entropy
from mine.own.order import DEPENDENT_ROWS, NOT_STATIONARY
from mine.own.record import plain
from mine.own.settings import OwnSettings

CONTRACT = 1
"""Raised by one whenever a key of the JSON object changes its meaning."""

SIGNIFICANT = 0.05
_PAIRS = 12
CONDITIONAL_IS = "I(s; w | c): what the prediction s tells of w when the true concept c is known"
DIFFERENCE_IS = "I(s; w) - I(c; w): below 0 where s has lost more of c than leaks"
_HEAD = ("prediction", "tells of", "beyond", "95 % interval", "p", "neighbours", "p", "difference")
_WIDTH = 88
"""Of what is printed, so that a page shows it beside its contents; a table is as wide as its names make it."""


def verdict(found: Sequence[Leak]) -> str:
    """One sentence: what leaks, by either way of measuring."""
    read = [each for each in found if each.critics.p_value is not None or each.neighbours.p_value is not None]
    if not read:
        return "There is no test of any relation, so no verdict."
    if {DEPENDENT_ROWS, NOT_STATIONARY} & {code for each in found for code in each.critics.warnings}:
        return (
            "Rows resemble their neighbours in the file, so that no p holds, and there is no verdict: see the warning."
        )
    leaking = [each for each in read if _significant(each.p) or _significant(each.p_neighbours)]
    if not leaking:
        return (
            f"No leakage found in {len(read)} relations (every corrected p above {SIGNIFICANT:g}). That is no proof "
            "that there is none: docs/concepts.md says how much so many rows can show."
        )
    most = max(leaking, key=_size)
    one = [each for each in leaking if _significant(each.p) != _significant(each.p_neighbours)]
    by_one = f"; {len(one)} of them by one of the two methods only" if one else ""
    return (
        f"Leakage in {len(leaking)} of {len(read)} relations (corrected p at most {SIGNIFICANT:g}){by_one}. The "
        f"largest: {most.predicted} of {most.target}, {_size(most):.3f} nats beyond the true concept."
    )


def render(data: Predictions, found: Sequence[Leak], warned: Sequence[Warned], rows_dropped: int) -> str:
    """What the command prints."""
    of_label = entropy([data.label])
    assert of_label is not None, "a label is discrete"
    dropped = f", {rows_dropped:,} dropped for a missing value" if rows_dropped else ""
    lines = [
        verdict(found),
        "",
        f"{len(data.label.values):,} rows{dropped}; H({data.label.name}) = {of_label:.3f} nats, of which the true "
        f"concepts leave {max(0.0, determined(data)):.3f} open",
        *_entry("beyond", f"{CONDITIONAL_IS}; nats, by critics and by nearest neighbours"),
        *_entry("difference", f"{DIFFERENCE_IS}; nats"),
        *_entry("p", "of the test that s and w are independent given c, corrected for all relations (Holm)"),
        *_explained(data, found),
        "",
        *_table([_HEAD, *(_cells(each) for each in found)]),
    ]
    if data.groups is not None:
        lines += [
            "",
            "Rows that belong together: no test, and no nearest neighbours, which would be of the same subject.",
        ]
    said = [f"{each.predicted} of {each.target}: no reading ({each.critics.why})" for each in found if each.critics.why]
    said += [f"warning: {each.text}" for each in warned] + [f"warning: {text}" for text in _of_readings(found)]
    return "\n".join([*lines, *([""] if said else []), *map(escaped, said)])


def _explained(data: Predictions, found: Sequence[Leak]) -> list[str]:
    """Which prediction is of which concept, and what the table has that needs a word."""
    pairs = [f"{one.name} of {other.name}" for one, other in zip(data.predicted, data.concepts, strict=True)]
    more = f" and {len(pairs) - _PAIRS} more" if len(pairs) > _PAIRS else ""
    lines = [*_entry("predictions", escaped(f"{', '.join(pairs[:_PAIRS])}{more}"))]
    if any(each.relation.kind == TOGETHER for each in found):
        lines += _entry("all", "what all predictions together tell beyond all true concepts together")
    elif len(pairs) > 1:
        lines.append("The concepts determine the label, so that nothing can leak beyond all of them: no line of all.")
    if any((each.critics.conditional or 0.0) < 0.0 or (each.neighbours.conditional or 0.0) < 0.0 for each in found):
        lines += _entry("below 0", "nothing was found: a difference of two estimates, each with an error of its own")
    return lines


def _entry(word: str, meaning: str) -> list[str]:
    """A word and what it means, in as many lines as that takes."""
    return textwrap.wrap(f"{word:13}{meaning}", _WIDTH, subsequent_indent=" " * 13)


def record(
    data: Predictions, found: Sequence[Leak], warned: Sequence[Warned], settings: OwnSettings, source: dict[str, Any]
) -> dict[str, Any]:
    """All of it, ready for JSON: information in nats, what there is not as null."""
    return plain(
        {
            "contract": CONTRACT,
            "verdict": verdict(found),
            "unit": "nats",
            "conditional_is": CONDITIONAL_IS,
            "difference_is": DIFFERENCE_IS,
            "rows": len(data.label.values),
            "label_entropy": entropy([data.label]),
            "left_open_by_concepts": determined(data),
            "relations": [
                {
                    "kind": each.relation.kind,
                    "predicted": each.predicted,
                    "target": each.target,
                    "critics": _reading(each.critics) | {"p_corrected": each.p},
                    "neighbours": _reading(each.neighbours) | {"p_corrected": each.p_neighbours},
                }
                for each in found
            ],
            "warnings": [asdict(each) for each in warned],
            "data": source,
            "settings": settings.to_dict(),
        }
    )


def _reading(reading: Reading) -> dict[str, Any]:
    return as_row(reading) | {"warnings": [{"code": code, "text": text} for code, text in reading.warnings.items()]}


def _significant(p: float | None) -> bool:
    return p is not None and p <= SIGNIFICANT


def _size(leak: Leak) -> float:
    value = leak.critics.conditional if _significant(leak.p) else leak.neighbours.conditional
    return -math.inf if value is None else value


def _cells(leak: Leak) -> tuple[str, ...]:
    critics, neighbours = leak.critics, leak.neighbours
    return (
        leak.predicted,
        leak.target,
        _nats(critics.conditional),
        _interval(critics.low, critics.high),
        _p(leak.p),
        _nats(neighbours.conditional),
        _p(leak.p_neighbours),
        _nats(critics.difference),
    )


def _nats(value: float | None) -> str:
    return "none" if value is None else f"{round(value, 3) + 0.0:.3f}"  # + 0.0: no -0.000


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{_nats(low)} to {_nats(high)}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _of_readings(found: Sequence[Leak]) -> list[str]:
    """Each warning of the critics' readings once, with the relations that have it."""
    texts: dict[str, str] = {}
    where: dict[str, list[str]] = {}
    for each in found:
        for code, text in each.critics.warnings.items():
            texts.setdefault(code, _in_these_letters(code, text))
            where.setdefault(code, []).append(f"{each.predicted} of {each.target}")
    return [
        f"{', '.join(where[code][:3])}{f' and {len(where[code]) - 3} more' if len(where[code]) > 3 else ''}: {text}"
        for code, text in texts.items()
    ]


def _in_these_letters(code: str, text: str) -> str:
    """A warning of an estimate's own, x and z in it, in the letters of this table, and without options it has not."""
    if code == DEPENDENT_ROWS:
        return (
            "Neighbouring rows in the file resemble each other, so p and intervals, which take rows as independent, "
            "are too small. Several rows of one subject need --group; a time series has no test here."
        )
    about, colon, rest = text.partition(": ")
    letters = {"of I(x, c; z)": ("of I(s, c; w)", "s and c"), "of I(c; z)": ("of I(c; w)", "c")}
    if about not in letters:
        return text
    about, first = letters[about]
    return about + colon + re.sub(r"\bz\b", "w", re.sub(r"\bx\b", first, rest))
