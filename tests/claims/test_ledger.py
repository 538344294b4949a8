"""The ledger: what a verdict over findings says, and that table, Markdown and page hold the same."""

from __future__ import annotations

import html
import math
import re

import pyarrow.parquet as pq
import pytest

from mine.claims import claims, ledger
from mine.claims.claim import (
    ASKED_BY,
    FAILS,
    HOLDS,
    NOT_RUN,
    PAPER,
    PARTLY,
    REPORTED,
    REPOSITORY,
    UNDECIDED,
    US,
    WRITE_UP,
    Claim,
    Finding,
    judge,
    undecided,
)
from mine.errors import UserError


def found(verdict, primary=True, cell="a", note=""):
    return Finding(cell, "share", 0.5, 0.4, 0.6, 10, verdict, primary, 0.95, note)


def claim_of(findings, name="made", asked_by=WRITE_UP):
    return Claim(
        name, "A | sentence <b>.", "somewhere", "a test", "a rule", "figures/made", findings, asked_by=asked_by
    )


@pytest.fixture
def table():
    verdicts = [
        judge(claim_of(lambda tables: [found(HOLDS), found(REPORTED, primary=False, note="x | y")], "one"), 1, None),
        judge(claim_of(lambda tables: [undecided("all", "", "nothing there", primary=True)], "two", US), 2, None),
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
    assert markdown.count("0.5 [0.4, 0.6]") == 3  # two findings, and the one that is told
    assert r"x \| y" in markdown
    assert r"| 1 | A \| sentence" in ledger.short_table(frame)
    assert "nothing there" in markdown
    assert page.count("0.5 [0.4, 0.6]") == 3
    assert html.escape("A | sentence <b>.") in page
    assert "sentence <b>" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)  # nothing beside it


def judged(asked_by, *verdicts):
    """A claim of so many primary findings."""
    return lambda number: judge(
        claim_of(lambda tables: [found(one) for one in verdicts], "one", asked_by), number, None
    )


def frame_of(*made):
    return ledger.ledger_table([one(number) for number, one in enumerate(made, start=1)]).to_pandas()


def test_verdicts_are_counted_for_each_that_asks():
    frame = frame_of(
        judged(WRITE_UP, HOLDS, HOLDS),
        judged(WRITE_UP, HOLDS, FAILS),
        judged(WRITE_UP, HOLDS),
        judged(REPOSITORY, FAILS),
        judged(US, UNDECIDED),
        judged(US, FAILS, FAILS, FAILS),
    )
    nothing = {HOLDS: 0, PARTLY: 0, FAILS: 0, UNDECIDED: 0, NOT_RUN: 0}
    assert ledger.counts(frame) == {
        WRITE_UP: nothing | {HOLDS: 2, PARTLY: 1},
        REPOSITORY: nothing | {FAILS: 1},
        US: nothing | {UNDECIDED: 1, FAILS: 1},
        PAPER: nothing,
    }
    assert ledger.in_words(frame) == [
        "Of the write-up's 3 claims 2 hold and 1 holds only in part",
        "Of the repository's 1 claim 1 does not hold",
        "Of 2 claims of our own 1 does not hold and 1 cannot be decided",
    ]
    # A verdict that changes moves a count, one that decides nothing moves none.
    assert ledger.counts(frame.assign(asked_by=US))[US] == nothing | {HOLDS: 2, PARTLY: 1, FAILS: 2, UNDECIDED: 1}
    assert ledger.counts(frame_of(judged(WRITE_UP, FAILS)))[WRITE_UP][HOLDS] == 0
    assert list(ledger.counts(frame)) == list(ASKED_BY)


def test_every_claim_is_counted_once():
    frame = frame_of(*(judged(claim.asked_by, HOLDS) for claim in claims()))
    counted = {who: sum(of.values()) for who, of in ledger.counts(frame).items()}
    assert counted == {WRITE_UP: 13, REPOSITORY: 2, US: 5, PAPER: 0}


def test_who_asks_and_where_is_shown(table):
    frame = table.to_pandas()
    assert frame["asked_by"].tolist() == [WRITE_UP, WRITE_UP, US]
    assert "| us | ? cannot be decided |" in ledger.short_table(frame)
    assert "Asked by: us. Stands in: somewhere." in ledger.markdown_text(frame)
    assert "<b>Asked by:</b> us" in ledger.page_text(frame)
    said = "Of the write-up's 1 claim 1 holds. Of 1 claim of our own 1 cannot be decided."
    assert said in ledger.markdown_text(frame)
    assert html.escape(said) in ledger.page_text(frame)


def test_a_table_that_was_not_made_is_named_in_what_is_told():
    open_ = undecided("plausible range", "share of settings", "no search/plausible.parquet", primary=True)
    verdict = judge(claim_of(lambda tables: [found(HOLDS), open_]), 1, None)
    line = ledger.telling(ledger.ledger_table([verdict]).to_pandas())
    assert "in 1 of 1 primary findings (1 more cannot be decided: no search/plausible" in line
    few = undecided("b", "share", "4 seeds, at least 5 are needed", primary=True)
    verdict = judge(claim_of(lambda tables: [found(FAILS), few]), 1, None)
    line = ledger.telling(ledger.ledger_table([verdict]).to_pandas())
    assert "(1 more cannot be decided)" in line


def test_what_is_shown_of_a_claim_is_what_its_verdict_rests_on():
    """Of one that is open the finding that is open; of one that has no number what is said instead."""
    holding = found(HOLDS, cell="holding")
    open_one = Finding("open", "share", 0.55, 0.4, 0.7, 10, UNDECIDED, True, 0.95, "")
    none_ended = Finding("none", "share", math.nan, math.nan, math.nan, 10, FAILS, True, 0.95, "none of 80 ended")
    shown = []
    for findings in ([holding, open_one], [none_ended]):
        table = ledger.ledger_table([judge(claim_of(lambda tables, found=findings: found), 1, None)])
        shown.append(ledger.telling(table.to_pandas()))
    assert shown == [
        "in 1 of 1 primary findings (1 more cannot be decided); open: share 0.55 [0.4, 0.7], 10 seeds",
        "in 0 of 1 primary findings; none: share: none of 80 ended, 10 seeds",
    ]


def test_a_share_of_settings_is_not_of_seeds():
    of = Finding("plausible range", "share of settings in which this holds", 0.8, 0.6, 0.9, 24, HOLDS, True)
    frame = ledger.ledger_table([judge(claim_of(lambda tables: [of]), 1, None)]).to_pandas()
    assert "0.8 [0.6, 0.9], 24 settings" in ledger.telling(frame)
    assert "| 0.8 [0.6, 0.9] | 24 settings | holds |" in ledger.markdown_text(frame)


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
