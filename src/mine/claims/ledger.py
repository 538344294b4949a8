"""The ledger of claims as a table, as Markdown and as a page."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mine.claims import claims
from mine.claims.books import WRITE_UP_BOOK, Book
from mine.claims.claim import (
    ASKED_BY,
    FAILS,
    HOLDS,
    NOT_RUN,
    PAPER,
    PARTLY,
    UNDECIDED,
    US,
    Finding,
    Verdict,
    count_of,
    judge,
    overall,
)
from mine.claims.plain import in_plain_words
from mine.claims.tables import Tables
from mine.files import whole_files
from mine.trace import WRITING

_STRING, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

LEDGER_COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "number": (_INT, "the claim's place in the ledger"),
    "claim": (_STRING, "the claim's short name"),
    "sentence": (_STRING, "the claim in our words"),
    "asked_by": (_STRING, "whose claim it is: the write-up's, the repository's that it names, or ours (us)"),
    "place": (_STRING, "where it stands there, or why it is asked"),
    "test": (_STRING, "what is measured"),
    "rule": (_STRING, "how verdicts follow from intervals"),
    "figure": (_STRING, "stem of the figure that shows it, below the figures folder"),
    "claim_verdict": (_STRING, "the claim's verdict over its primary findings"),
    "claim_where": (_STRING, "where it holds, or what is missing"),
    "cell": (_STRING, "where this finding was made"),
    "quantity": (_STRING, "what the effect is, with its unit"),
    "effect": (_FLOAT, "estimate; null where there is none"),
    "low": (_FLOAT, "lower bound of its interval over seeds"),
    "high": (_FLOAT, "upper bound"),
    "level": (_FLOAT, "coverage of the interval; over 0.95 where several cells are corrected"),
    "n_seeds": (_INT, "seeds behind it; settings, of a share of settings"),
    "verdict": (_STRING, "this finding's verdict"),
    "primary": (_BOOL, "whether it was named beforehand as deciding the claim"),
    "note": (_STRING, "why undecided, or what a reader must know"),
}
"""Name to (type, meaning) of every column of claims.parquet, in file order. One row a finding."""

LEDGER_SCHEMA = pa.schema(
    [pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in LEDGER_COLUMNS.items()]
)

KEPT = "of an earlier publication, not measured again"
"""Note of a finding that was taken over."""

HOW = "how a verdict is made, and when its rule was written"

_OF_THE_CLAIM = ("sentence", "asked_by", "place", "test", "rule", "figure")
_SYMBOLS = {HOLDS: "✔", PARTLY: "◐", FAILS: "✘", UNDECIDED: "?", NOT_RUN: "–"}
_MANY = {
    HOLDS: "hold",
    PARTLY: "hold only in part",
    FAILS: "do not hold",
    UNDECIDED: "cannot be decided",
    NOT_RUN: "were not run",
}
_ONE = {verdict: verdict for verdict in _SYMBOLS} | {NOT_RUN: "was not run"}
_WHOSE = {US: "Of {} of our own", PAPER: "Of the papers' {}"}


def verdicts(
    tables: Tables,
    report: Callable[[int, str], None] = lambda done, name: None,
    earlier: pd.DataFrame | None = None,
    book: Book = WRITE_UP_BOOK,
) -> list[Verdict]:
    """Every claim of a ledger judged, in order.

    report: called with how many are done and the name of the last. earlier: an earlier ledger, whose findings stand for
    a claim that needs tables which are not there; each then says so.
    """
    judged = []
    for number, claim in enumerate(claims(book.names), start=1):
        tables.missed.clear()
        verdict = judge(claim, number, tables, book.nothing)
        before = None if earlier is None else earlier[earlier["claim"] == claim.name]
        # An earlier ledger that lacked the tables too has nothing that was measured.
        if tables.missed and before is not None and (before["n_seeds"] > 0).any():
            verdict = _kept(verdict, before)
        judged.append(verdict)
        report(number, claim.name)
    return judged


def _kept(verdict: Verdict, earlier: pd.DataFrame) -> Verdict:
    """The claim with an earlier ledger's findings."""
    found = []
    for row in earlier[[field.name for field in fields(Finding)]].to_dict("records"):
        bounds = {name: None if np.isnan(row[name]) else row[name] for name in ("effect", "low", "high")}
        note = row["note"] if KEPT in row["note"] else "; ".join(part for part in (row["note"], KEPT) if part)
        found.append(Finding(**{**row, **bounds, "note": note}))
    word, where = overall(found)
    return replace(verdict, verdict=word, where=where, findings=found)


def ledger_table(judged: Sequence[Verdict]) -> pa.Table:
    """claims.parquet as it is written."""
    rows = []
    for verdict in judged:
        for found in verdict.findings:
            rows.append(
                {
                    "number": verdict.number,
                    **{name: getattr(verdict.claim, name) for name in _OF_THE_CLAIM},
                    "claim_verdict": verdict.verdict,
                    "claim_where": verdict.where,
                    **vars(found),
                }
            )
    arrays = [pa.array([row[field.name] for row in rows], field.type, from_pandas=True) for field in LEDGER_SCHEMA]
    return pa.Table.from_arrays(arrays, schema=LEDGER_SCHEMA)


def write_ledger(table: pa.Table, parquet: Path, markdown: Path, page: Path, book: Book = WRITE_UP_BOOK) -> None:
    """Write the three files, all or none. Raises UserError where one cannot be written."""
    frame = table.to_pandas()
    with whole_files(parquet, markdown, page) as (parquet_stream, markdown_stream, page_stream):
        pq.write_table(table, parquet_stream, **WRITING)
        markdown_stream.write(markdown_text(frame, book).encode())
        page_stream.write(page_text(frame, book).encode())


def counts(ledger: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Of whose claims how many have which verdict: every one of ASKED_BY to each verdict to a number, 0 for none.

    ledger: columns of LEDGER_COLUMNS. Every count of verdicts in a text is to come from here.
    """
    first = ledger.groupby("number", sort=True)[["asked_by", "claim_verdict"]].first()
    found = {}
    for who in ASKED_BY:
        verdicts_ = first.loc[first["asked_by"] == who, "claim_verdict"]
        found[who] = {verdict: int((verdicts_ == verdict).sum()) for verdict in _SYMBOLS}
    return found


def in_words(ledger: pd.DataFrame) -> list[str]:
    """The counts as a sentence for each asker: "Of the write-up's 11 claims 4 hold and 7 do not hold"."""
    return [_counted(who, of) for who, of in counts(ledger).items() if sum(of.values())]


def _counted(who: str, of: dict[str, int]) -> str:
    n = sum(of.values())
    named = f"{n} claim{'s' if n > 1 else ''}"
    whose = _WHOSE.get(who, f"Of the {who}'s {{}}").format(named)
    parts = [f"{count} {_MANY[verdict] if count > 1 else _ONE[verdict]}" for verdict, count in of.items() if count]
    return f"{whose} {parts[0] if len(parts) == 1 else ', '.join(parts[:-1]) + ' and ' + parts[-1]}"


def short_table(ledger: pd.DataFrame, book: Book = WRITE_UP_BOOK) -> str:
    """One line a claim, as a Markdown table. ledger: columns of LEDGER_COLUMNS."""
    lines = [f"| | claim | {book.who} | verdict | what was found |", "|---|---|---|---|---|"]
    for first, findings in _claims_of(ledger):
        found = in_plain_words(findings) if book.plain else telling(findings)
        cells = (str(first.number), first.sentence, _who(first), word(first.claim_verdict), found)
        lines.append(_markdown_row(cells))
    return "\n".join(lines)


def plain_table(ledger: pd.DataFrame) -> str:
    """One line a claim, as a Markdown table: the claim, its verdict and what was found.

    ledger: columns of LEDGER_COLUMNS.
    """
    lines = ["| | claim | verdict | what was found |", "|---|---|---|---|"]
    for first, findings in _claims_of(ledger):
        cells = (str(first.number), first.sentence, word(first.claim_verdict), in_plain_words(findings))
        lines.append(_markdown_row(cells))
    return "\n".join(lines)


def markdown_text(ledger: pd.DataFrame, book: Book = WRITE_UP_BOOK) -> str:
    """The whole ledger in Markdown: the short table, then each claim with its test, rule and findings."""
    parts = [f"# {book.title}", f"{'. '.join(in_words(ledger))}.", book.legend, short_table(ledger, book)]
    parts += [f'<details markdown="1"><summary>{HOW}</summary>', book.how, "</details>"]
    for first, findings in _claims_of(ledger):
        parts.append(f"## {first.number}. {first.sentence}")
        parts.append(f"**{word(first.claim_verdict)}**" + (f": {first.claim_where}" if first.claim_where else ""))
        parts.append(f"Asked by: {first.asked_by}. Stands in: {first.place}. Its findings: {telling(findings)}.")
        lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
        lines += [_markdown_row(_cells(row)) for row in findings.itertuples()]
        parts.append(f'<details markdown="1"><summary>test, rule and {_counting(findings)}</summary>')
        parts.append(f"- Test: {first.test}\n- Rule: {first.rule}\n- Figure: `{first.figure}`")
        parts += ["\n".join(lines), "</details>"]
    return "\n\n".join(parts) + "\n"


def page_text(ledger: pd.DataFrame, book: Book = WRITE_UP_BOOK) -> str:
    """The whole ledger as one HTML page that needs nothing beside it."""
    rows = "".join(
        f'<tr class="{_kind(first.claim_verdict)}"><td>{first.number}</td>'
        f'<td><a href="#{first.claim}">{html.escape(first.sentence)}</a></td>'
        f"<td>{html.escape(_who(first))}</td><td>{word(first.claim_verdict)}</td><td>{html.escape(telling(findings))}</td></tr>"
        for first, findings in _claims_of(ledger)
    )
    body = [
        f"<h1>{book.title}</h1><p>{html.escape('. '.join(in_words(ledger)))}.</p><p>{html.escape(book.legend)}</p>",
        _table(("", "claim", book.who, "verdict", "how it shows"), rows),
        f"<details><summary>{HOW}</summary><p>{html.escape(book.how)}</p></details>",
    ]
    for first, findings in _claims_of(ledger):
        where = f": {html.escape(first.claim_where)}" if first.claim_where else ""
        about = (
            ("Asked by", first.asked_by),
            ("Stands in", first.place),
            ("Test", first.test),
            ("Rule", first.rule),
            ("Figure", first.figure),
        )
        rows = "".join(_row(_cells(row), row.verdict) for row in findings.itertuples())
        body.append(
            f'<section id="{first.claim}"><h2>{first.number}. {html.escape(first.sentence)}</h2>'
            f'<p class="{_kind(first.claim_verdict)}"><b>{word(first.claim_verdict)}</b>{where}</p>'
            + "".join(f"<p><b>{name}:</b> {html.escape(text)}</p>" for name, text in about)
            + f"<details><summary>{_counting(findings)}</summary>{_table(_HEAD, rows)}</details></section>"
        )
    return _PAGE.replace("TITLE", book.title).replace("BODY", "\n".join(body))


def value_text(effect: float, low: float, high: float, level: float) -> str:
    """``−0.81 [−0.85, −0.77]``, with the level where it is not 95 %; a dash where there is no effect."""
    text = number_text(effect)
    if np.isnan(effect) or (np.isnan(low) and np.isnan(high)):
        return text
    text += f" [{number_text(low)}, {number_text(high)}]"
    return text if abs(level - 0.95) < 1e-9 else f"{text} at {100 * level:.4g} %"


def number_text(value: float) -> str:
    """Three significant figures, a true minus sign, ∞, a dash for nan."""
    if not np.isfinite(value):
        return "—" if np.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.replace("-", "−")


def telling(findings: pd.DataFrame) -> str:
    """A claim's primary findings in a line: how many hold, what is open, and the first that agrees with the verdict.

    Where that one has no number, what it says instead.
    """
    primary = findings[findings["primary"]]
    decided = primary[primary["verdict"].isin((HOLDS, FAILS, PARTLY))]
    if decided.empty:
        return findings["claim_where"].iloc[0]
    agreeing = primary[primary["verdict"] == findings["claim_verdict"].iloc[0]]
    shown = (agreeing if len(agreeing) else decided).iloc[0]
    if math.isnan(shown["effect"]) and shown["note"]:
        value = f": {shown['note']}"
    else:
        value = f" {value_text(shown['effect'], shown['low'], shown['high'], shown['level'])}"
    holding = int(decided["verdict"].isin((HOLDS, PARTLY)).sum())
    left = primary[primary["verdict"] == UNDECIDED]
    # A table that was not made is named: the data have nothing to do with it.
    absent = "; ".join(dict.fromkeys(note for note in left["note"] if ".parquet" in str(note)))
    more = f" ({len(left)} more cannot be decided{f': {absent}' if absent else ''})" if len(left) else ""
    return (
        f"in {holding} of {len(decided)} primary findings{more}; "
        f"{shown['cell']}: {shown['quantity']}{value}, {count_of(shown['quantity'], shown['n_seeds'])}"
    )


def word(verdict: str) -> str:
    """A claim's verdict with its symbol."""
    return f"{_SYMBOLS[verdict]} {verdict}"


_HEAD = ("cell", "effect", "value [interval]", "seeds", "verdict", "note")


def _claims_of(ledger: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Of each claim in order: its first row, for what stands in all of them, and its findings."""
    for _, findings in ledger.groupby("number", sort=True):
        yield next(findings.itertuples()), findings


def _who(first: Any) -> str:
    """Whose claim it is; of a paper's, which paper."""
    return first.place.partition(",")[0] if first.asked_by == PAPER else first.asked_by


def _counting(findings: pd.DataFrame) -> str:
    return f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"


def _cells(row: Any) -> tuple[str, ...]:
    """A finding as the cells of _HEAD."""
    value = value_text(row.effect, row.low, row.high, row.level)
    cell = f"{row.cell} (primary)" if row.primary else row.cell
    # Of seeds, as the head says, or of settings, which is said.
    n = count_of(row.quantity, row.n_seeds).removesuffix(" seeds").removesuffix(" seed") if row.n_seeds else "—"
    return cell, row.quantity, value, n, row.verdict, row.note


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(verdict: str) -> str:
    return {HOLDS: "holds", PARTLY: "partly", FAILS: "fails", UNDECIDED: "open"}.get(verdict, "")


def _row(cells: Sequence[str], verdict: str, tag: str = "td") -> str:
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f'<tr class="{_kind(verdict)}">{inner}</tr>'


def _table(head: Sequence[str], rows: str) -> str:
    return f"<table><thead>{_row(head, '', 'th')}</thead><tbody>{rows}</tbody></table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>TITLE</title>
<style>
:root { color-scheme: light dark; --line: #8885; --holds: #0072b2; --fails: #d55e00; --partly: #b8860b; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.9em; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3em 0.6em; text-align: left; vertical-align: top; }
h2 { margin-top: 2.2em; font-size: 1.15em; }
details { margin: 0.6em 0; } summary { cursor: pointer; }
tr.holds td:first-child, p.holds { border-left: 5px solid var(--holds); padding-left: 0.6em; }
tr.fails td:first-child, p.fails { border-left: 5px solid var(--fails); padding-left: 0.6em; }
tr.partly td:first-child, p.partly { border-left: 5px solid var(--partly); padding-left: 0.6em; }
tr.open td:first-child, p.open { border-left: 5px dotted var(--line); padding-left: 0.6em; }
</style></head><body>
BODY
</body></html>
"""
