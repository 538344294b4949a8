"""The claim about penalised leakage: what turns its verdict."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.concepts_correction import CLAIM, DATA
from mine.claims.tables import Tables

LEAKAGE = {"ema": 0.01, "biased": 0.2}


def penalised(seeds=8, **changes):
    """Made models. changes: columns of an estimator's runs at weight 2, or of ``{estimator}_{place of the data}``."""
    rows = []
    for place, data in enumerate(DATA):
        for estimator, leakage in LEAKAGE.items():
            for weight in (0.0, 2.0):
                for seed in range(100, 100 + seeds):
                    row = {"data": data, "estimator": estimator, "weight": weight, "seed": seed, "outcome": "completed"}
                    row |= {"conditional": leakage if weight else 0.5, "label_accuracy": 0.6, "concept_accuracy": 0.95}
                    for name in (estimator, f"{estimator}_{place}") if weight else ():
                        row |= changes.get(name, {})
                    row["conditional"] += 0.001 * (seed - 100)
                    rows.append(row)
    return pd.DataFrame(rows)


def judged(table):
    return judge(CLAIM, 20, Tables.of(concepts_penalised=table))


def test_it_holds_where_only_the_corrected_estimate_stops_leakage():
    found = judged(penalised())
    assert found.verdict == HOLDS
    assert [each.cell for each in found.findings if each.primary] == list(DATA)
    assert {each.verdict for each in found.findings if not each.primary} == {REPORTED}
    assert found.findings[0].effect == pytest.approx(-0.19)
    assert len(found.findings) == 2 + 8


def test_it_fails_where_biased_stops_it_too_or_the_ema_does_not():
    assert judged(penalised(biased={"conditional": 0.02})).verdict == FAILS
    assert judged(penalised(ema={"conditional": 0.1})).verdict == FAILS
    assert judged(penalised(biased_0={"conditional": 0.02})).verdict == PARTLY


def test_a_correction_that_gains_nothing_fails():
    assert judged(penalised(ema={"conditional": 0.04}, biased={"conditional": 0.051})).verdict == FAILS


def test_runs_that_ended_are_worse_than_any_and_pairs_of_them_equal():
    gone = {"outcome": "overflow", "conditional": np.nan}
    assert judged(penalised(biased=gone)).verdict == HOLDS
    assert judged(penalised(ema=gone, biased=gone)).verdict == FAILS


def test_an_interval_across_a_threshold_decides_nothing():
    table = penalised()
    at = (table["estimator"] == "ema") & (table["weight"] == 2.0)
    table.loc[at, "conditional"] = 0.05 + 0.01 * (table.loc[at, "seed"] - 103.5)
    assert judged(table).verdict == UNDECIDED


def test_where_nothing_leaks_without_a_penalty_nothing_is_decided():
    table = penalised()
    none = (table["weight"] == 0.0) & (table["data"] == DATA[0])
    found = judged(table.assign(conditional=table["conditional"].where(~none, 0.01)))
    assert [each.verdict for each in found.findings[:2]] == [UNDECIDED, HOLDS]
    assert "nothing to stop: 0.010 nats" in found.findings[0].note


def test_what_is_missing_is_named():
    assert judged(penalised(seeds=3)).verdict == UNDECIDED
    table = penalised()
    found = judged(table[table["estimator"] == "ema"])
    assert found.verdict == UNDECIDED
    assert "no models of xor-withheld with a penalty of weight 2 by Biased" in found.where
    assert judge(CLAIM, 20, Tables.of()).verdict == UNDECIDED
