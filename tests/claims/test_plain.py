"""Each claim's finding in one plain sentence: its numbers are the ledger's, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mine.claims.claim import FAILS, HOLDS, UNDECIDED
from mine.claims.ledger import plain_table
from mine.claims.plain import NOT_RUN, in_plain_words

DATA = Path(__file__).parents[2] / "figures" / "data"
LEDGER = pd.read_parquet(DATA / "claims.parquet", partitioning=None)
RUN = LEDGER[LEDGER["primary"] & (LEDGER["n_seeds"] > 0)]


def of(name):
    return LEDGER[LEDGER["claim"] == name]


@pytest.mark.parametrize("name", RUN["claim"].unique())
def test_every_claim_that_was_run_has_a_sentence_of_its_own(name):
    words = in_plain_words(of(name))
    assert words.endswith(".")
    assert "comparisons; " not in words
    assert not words.startswith("Holds in")


def test_the_numbers_are_those_of_the_findings():
    rows = of("repository_gaussian")
    moved = rows.assign(effect=rows["effect"].where(~rows["primary"], 0.0421))
    assert "0.542 nats" in in_plain_words(moved)
    rows = of("produces_inf")
    moved = rows.assign(note=rows["note"].str.replace("0 of 20 runs", "3 of 20 runs"))
    assert "3 of 20" not in in_plain_words(moved)
    assert "24 of 160 runs" in in_plain_words(moved)


def test_a_claim_without_its_findings_is_counted_and_one_without_runs_says_so():
    rows = of("shuffle")
    other = rows.assign(quantity="something else")
    primary = rows[rows["primary"]]
    count = {word: int((primary["verdict"] == word).sum()) for word in (HOLDS, FAILS, UNDECIDED)}
    assert in_plain_words(other) == f"Holds in {count[HOLDS]} of {count[HOLDS] + count[FAILS]} comparisons."
    open_ = other.assign(verdict=other["verdict"].replace(FAILS, UNDECIDED))
    assert (
        in_plain_words(open_)
        == f"Holds in {count[HOLDS]} of {count[HOLDS]} comparisons; {count[FAILS]} more stay open."
    )
    assert in_plain_words(rows.assign(n_seeds=0)) == NOT_RUN


def test_a_line_a_claim():
    lines = plain_table(LEDGER).splitlines()
    assert len(lines) == 2 + LEDGER["number"].nunique()
    assert all(line.count(" | ") == 3 for line in lines[2:])
