"""The published ledger: every claim's verdict follows from its findings, and these from the published tables."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from mine.claims import NAMES
from mine.claims.claim import FAILS, HOLDS, Finding, judge, overall
from mine.claims.tables import Tables

DATA = Path(__file__).parents[2] / "figures" / "data"
LEDGER = pd.read_parquet(DATA / "claims.parquet", partitioning=None)
OF_THESE_RULES = pytest.mark.skipif("asked_by" not in LEDGER, reason="published before claims said who asks them")

FROM_SUMMARIES = (
    "diverges_sooner",
    "produces_inf",
    "ema_robust",
    "ema_better",
    "gradient_norms",
    "step_five",
    "shuffle",
    "simpler",
    "looks_right",
)
"""Claims that need no other table than those beside the published figures."""


def findings_of(rows):
    names = ("cell", "quantity", "effect", "low", "high", "n_seeds", "verdict", "primary", "level", "note")
    return [Finding(**{name: getattr(row, name) for name in names}) for row in rows.itertuples()]


@pytest.mark.parametrize("name", NAMES)
def test_a_published_verdict_follows_from_its_findings(name):
    rows = LEDGER[LEDGER["claim"] == name]
    if rows.empty:
        pytest.skip("not published yet: `mine publish` puts it into the ledger")
    assert overall(findings_of(rows))[0] == rows["claim_verdict"].iloc[0]


def test_a_published_verdict_that_does_not_follow_is_found():
    rows = LEDGER[LEDGER["claim_verdict"] == HOLDS]
    rows = rows[rows["claim"] == rows["claim"].iloc[0]]
    changed = rows.assign(verdict=rows["verdict"].where(~rows["primary"], FAILS))
    assert overall(findings_of(changed))[0] != rows["claim_verdict"].iloc[0]


@OF_THESE_RULES
@pytest.mark.parametrize("name", FROM_SUMMARIES)
def test_published_findings_follow_from_the_published_tables(name):
    tables = {path.stem.replace("-", "__"): pd.read_parquet(path, partitioning=None) for path in DATA.glob("*.parquet")}
    claim = import_module(f"mine.claims.{name}").CLAIM
    again = {(f.cell, f.quantity): f.verdict for f in judge(claim, 1, Tables.of(**tables)).findings}
    rows = LEDGER[LEDGER["claim"] == name]
    if "search_plausible" not in tables:
        rows = rows[~rows["cell"].str.startswith("plausible range")]
    published = {(row.cell, row.quantity): row.verdict for row in rows.itertuples()}
    assert published == {key: again.get(key) for key in published}
