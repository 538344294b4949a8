"""The ledger: what a verdict over findings says, and that table, Markdown and page hold the same."""

from __future__ import annotations

import html
import math
import re

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mine.claims import ledger
from mine.claims.claim import (
    BROKEN,
    CHECKED,
    FAILS,
    HOLDS,
    PARTLY,
    REPORTED,
    UNDECIDED,
    Claim,
    Finding,
    Missing,
    finding,
    judge,
    overall,
    undecided,
)
from mine.claims.tables import Tables
from mine.errors import UserError
from mine.statistics import Interval


def found(verdict, primary=True, cell="a", note=""):
    return Finding(cell, "share", 0.5, 0.4, 0.6, 10, verdict, primary, 0.95, note)


def claim_of(findings, name="made"):
    return Claim(name, "A | sentence <b>.", "somewhere", "a test", "a rule", "figures/made", findings)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([FAILS, FAILS], FAILS),
        ([HOLDS, FAILS], PARTLY),
        ([HOLDS, FAILS, UNDECIDED], PARTLY),
        ([HOLDS, UNDECIDED], UNDECIDED),
        ([FAILS, UNDECIDED], UNDECIDED),
        ([HOLDS, REPORTED, CHECKED], HOLDS),
        ([HOLDS, BROKEN], UNDECIDED),
        ([REPORTED], UNDECIDED),
        ([], UNDECIDED),
    ],
)
def test_the_verdict_over_findings(verdicts, expected):
    assert overall([found(verdict) for verdict in verdicts])[0] == expected


def test_only_primary_findings_count():
    assert overall([found(HOLDS), found(FAILS, primary=False)])[0] == HOLDS


def test_a_part_is_named():
    verdict, where = overall([found(HOLDS, cell="d = 5"), found(FAILS, cell="d = 1")])
    assert verdict == PARTLY
    assert where == "d = 5 (share)"


def test_few_seeds_decide_nothing():
    made = finding("a", "share", Interval(1.0, 1.0, 1.0), 4, HOLDS, primary=True)
    assert made.verdict == UNDECIDED
    assert "4 seeds, at least 5" in made.note


def test_what_is_missing_is_named():
    def findings(tables):
        raise Missing("no writeup/summary.parquet in the results")

    verdict = judge(claim_of(findings), 3, Tables.of())
    assert (verdict.number, verdict.verdict) == (3, UNDECIDED)
    assert "writeup/summary.parquet" in verdict.where


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


def test_tables_name_what_is_wrong(tmp_path):
    tables = Tables(tmp_path, without=["frozen"])
    with pytest.raises(Missing, match=r"no writeup/summary\.parquet"):
        tables.get("writeup/summary")
    with pytest.raises(Missing, match="made by `snakemake claims`"):
        tables.get("frozen/bias")
    (tmp_path / "one").mkdir()
    (tmp_path / "one/bad.parquet").write_bytes(b"noise")
    with pytest.raises(Missing, match="not readable"):
        tables.get("one/bad")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "one/old.parquet")
    with pytest.raises(Missing, match="no column b; collect it again"):
        tables.get("one/old", ["a", "b"])
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "one/empty.parquet")
    with pytest.raises(Missing, match="has no rows"):
        tables.get("one/empty")
