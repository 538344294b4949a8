"""The ledger: what a verdict over findings says, and that table, Markdown and page hold the same."""

from __future__ import annotations

import html
import math
import re

import pyarrow.parquet as pq
import pytest

from mine.claims import ledger
from mine.claims.claim import (
    HOLDS,
    REPORTED,
    UNDECIDED,
    Claim,
    Finding,
    judge,
    undecided,
)
from mine.errors import UserError


def found(verdict, primary=True, cell="a", note=""):
    return Finding(cell, "share", 0.5, 0.4, 0.6, 10, verdict, primary, 0.95, note)


def claim_of(findings, name="made"):
    return Claim(name, "A | sentence <b>.", "somewhere", "a test", "a rule", "figures/made", findings)


@pytest.fixture
def table():
    verdicts = [
        judge(claim_of(lambda tables: [found(HOLDS), found(REPORTED, primary=False, note="x | y")], "one"), 1, None),
        judge(claim_of(lambda tables: [undecided("all", "", "nothing there", primary=True)], "two"), 2, None),
    ]
    return ledger.ledger_table(verdicts)


def test_every_finding_is_a_row_with_its_claim(table):
    frame = table.to_pandas()
    assert frame["claim"].tolist() == ["one", "one", "two"]
    assert frame["claim_verdict"].tolist() == [HOLDS, HOLDS, UNDECIDED]
    assert frame["primary"].tolist() == [True, False, True]
    assert math.isnan(frame["effect"].iloc[2])
    assert table.schema == ledger.LEDGER_SCHEMA


def test_markdown_and_page_hold_every_finding(table):
    frame = table.to_pandas()
    markdown, page = ledger.markdown_text(frame), ledger.page_text(frame)
    assert markdown.count("0.5 [0.4, 0.6]") == 3  # two findings, and the short table's line
    assert r"x \| y" in markdown
    assert r"| 1 | A \| sentence" in ledger.short_table(frame)
    assert "nothing there" in markdown
    assert page.count("0.5 [0.4, 0.6]") == 3
    assert html.escape("A | sentence <b>.") in page
    assert "sentence <b>" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)  # nothing beside it


def test_three_files_or_none(tmp_path, table):
    paths = [tmp_path / f"claims.{kind}" for kind in ("parquet", "md", "html")]
    ledger.write_ledger(table, *paths)
    assert pq.read_table(paths[0]).equals(table)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        ledger.write_ledger(table, tmp_path / "other.parquet", tmp_path / "other.md", tmp_path / "folder.html")
    assert not (tmp_path / "other.parquet").exists()


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((-0.8123, -0.851, -0.77, 0.95), "−0.812 [−0.851, −0.77]"),
        ((1234.5, 12.0, math.inf, 0.99), "1,234 [12, ∞] at 99 %"),
        ((0.5, math.nan, math.nan, 0.95), "0.5"),
        ((math.nan, math.nan, math.nan, 0.95), "—"),
    ],
)
def test_values_in_words(numbers, text):
    assert ledger.value_text(*numbers) == text
