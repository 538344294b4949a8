"""The ledger of claims as a table, as Markdown and as a page."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mine.claims import claims
from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED, Verdict, judge
from mine.claims.tables import Tables
from mine.files import whole_files

_STRING, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

LEDGER_COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "number": (_INT, "the claim's place in the ledger"),
    "claim": (_STRING, "the claim's short name"),
    "sentence": (_STRING, "the claim in our words"),
    "place": (_STRING, "where it stands in the write-up"),
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
    "n_seeds": (_INT, "seeds behind it"),
    "verdict": (_STRING, "this finding's verdict"),
    "primary": (_BOOL, "whether it was named beforehand as deciding the claim"),
    "note": (_STRING, "why undecided, or what a reader must know"),
}
"""Name to (type, meaning) of every column of claims.parquet, in file order. One row a finding."""

LEDGER_SCHEMA = pa.schema(
    [pa.field(name, kind, metadata={"meaning": meaning}) for name, (kind, meaning) in LEDGER_COLUMNS.items()]
)

_OF_THE_CLAIM = ("sentence", "place", "test", "rule", "figure")
_SYMBOLS = {HOLDS: "✔", PARTLY: "◐", FAILS: "✘", UNDECIDED: "?"}


def verdicts(tables: Tables, report: Callable[[int, str], None] = lambda done, name: None) -> list[Verdict]:
    """Every claim judged, in order. report: called with how many are done and the name of the last."""
    judged = []
    for number, claim in enumerate(claims(), start=1):
        judged.append(judge(claim, number, tables))
        report(number, claim.name)
    return judged


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


def write_ledger(table: pa.Table, parquet: Path, markdown: Path, page: Path) -> None:
    """Write the three files, all or none. Raises UserError where one cannot be written."""
    frame = table.to_pandas()
    with whole_files(parquet, markdown, page) as (parquet_stream, markdown_stream, page_stream):
        pq.write_table(table, parquet_stream, compression="zstd")
        markdown_stream.write(markdown_text(frame).encode())
        page_stream.write(page_text(frame).encode())


def short_table(ledger: pd.DataFrame) -> str:
    """One line a claim, as a Markdown table. ledger: columns of LEDGER_COLUMNS."""
    lines = ["| | claim | verdict | how it shows |", "|---|---|---|---|"]
    for first, findings in _claims_of(ledger):
        cells = (str(first.number), first.sentence, word(first.claim_verdict), telling(findings))
        lines.append(_markdown_row(cells))
    return "\n".join(lines)


def markdown_text(ledger: pd.DataFrame) -> str:
    """The whole ledger in Markdown: the short table, then each claim with its test, rule and findings."""
    parts = ["# The claims of the write-up, tested", _LEGEND, short_table(ledger)]
    for first, findings in _claims_of(ledger):
        parts.append(f"## {first.number}. {first.sentence}")
        parts.append(f"**{word(first.claim_verdict)}**" + (f": {first.claim_where}" if first.claim_where else ""))
        parts.append(
            f"- Stands in: {first.place}\n- Test: {first.test}\n- Rule: {first.rule}\n- Figure: `{first.figure}`"
        )
        lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
        for row in findings.itertuples():
            lines.append(_markdown_row(_cells(row)))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def page_text(ledger: pd.DataFrame) -> str:
    """The whole ledger as one HTML page that needs nothing beside it."""
    rows = "".join(
        f'<tr class="{_kind(first.claim_verdict)}"><td>{first.number}</td>'
        f'<td><a href="#{first.claim}">{html.escape(first.sentence)}</a></td>'
        f"<td>{word(first.claim_verdict)}</td><td>{html.escape(telling(findings))}</td></tr>"
        for first, findings in _claims_of(ledger)
    )
    body = [
        f"<h1>The claims of the write-up, tested</h1><p>{html.escape(_LEGEND)}</p>",
        _table(("", "claim", "verdict", "how it shows"), rows),
    ]
    for first, findings in _claims_of(ledger):
        where = f": {html.escape(first.claim_where)}" if first.claim_where else ""
        about = (("Stands in", first.place), ("Test", first.test), ("Rule", first.rule), ("Figure", first.figure))
        rows = "".join(_row(_cells(row), row.verdict) for row in findings.itertuples())
        count = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}"
        body.append(
            f'<section id="{first.claim}"><h2>{first.number}. {html.escape(first.sentence)}</h2>'
            f'<p class="{_kind(first.claim_verdict)}"><b>{word(first.claim_verdict)}</b>{where}</p>'
            + "".join(f"<p><b>{name}:</b> {html.escape(text)}</p>" for name, text in about)
            + f"<details><summary>{count}</summary>{_table(_HEAD, rows)}</details></section>"
        )
    return _PAGE.replace("BODY", "\n".join(body))


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
    """A claim's primary findings in a line: how many hold, and the first that agrees with the claim's verdict."""
    decided = findings[findings["primary"] & findings["verdict"].isin((HOLDS, FAILS, PARTLY))]
    if decided.empty:
        return findings["claim_where"].iloc[0]
    agreeing = decided[decided["verdict"] == findings["claim_verdict"].iloc[0]]
    shown = (agreeing if len(agreeing) else decided).iloc[0]
    value = value_text(shown["effect"], shown["low"], shown["high"], shown["level"])
    holding = int(decided["verdict"].isin((HOLDS, PARTLY)).sum())
    left = int(findings["primary"].sum()) - len(decided)
    return (
        f"in {holding} of {len(decided)} primary findings{f' ({left} more cannot be decided)' if left else ''}; "
        f"{shown['cell']}: {shown['quantity']} {value}, {shown['n_seeds']} seeds"
    )


def word(verdict: str) -> str:
    """A claim's verdict with its symbol."""
    return f"{_SYMBOLS[verdict]} {verdict}"


_HEAD = ("cell", "effect", "value [interval]", "seeds", "verdict", "note")


def _claims_of(ledger: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Of each claim in order: its first row, for what stands in all of them, and its findings."""
    for _, findings in ledger.groupby("number", sort=True):
        yield next(findings.itertuples()), findings


def _cells(row: Any) -> tuple[str, ...]:
    """A finding as the cells of _HEAD."""
    value = value_text(row.effect, row.low, row.high, row.level)
    cell = f"{row.cell} (primary)" if row.primary else row.cell
    return cell, row.quantity, value, str(row.n_seeds or "—"), row.verdict, row.note


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _kind(verdict: str) -> str:
    return {HOLDS: "holds", PARTLY: "partly", FAILS: "fails", UNDECIDED: "open"}.get(verdict, "")


def _row(cells: Sequence[str], verdict: str, tag: str = "td") -> str:
    inner = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
    return f'<tr class="{_kind(verdict)}">{inner}</tr>'


def _table(head: Sequence[str], rows: str) -> str:
    return f"<table><thead>{_row(head, '', 'th')}</thead><tbody>{rows}</tbody></table>"


_LEGEND = (
    "Each effect with its interval over seeds: 95 %, or corrected (Bonferroni) over the cells that were not named "
    "beforehand. A verdict follows from the intervals by the rule that stands with the claim; the claim's own from its "
    "primary findings. Cannot be decided: too few seeds, something missing, or an interval that leaves it open. The "
    "rules of claims 2 and 6 to 14 were written with an earlier run of the same cells and seeds in view, those of 3 "
    "and 5 before any measurement, those of 4 partly after."
)

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The claims of the write-up, tested</title>
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
