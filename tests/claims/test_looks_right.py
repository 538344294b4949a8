"""Values that look right, before good critics, worthless ones, and ones of which nothing is known."""

from __future__ import annotations

import pytest
from made import NAN, RHOS, grid, made_summary

from mine.claims import looks_right
from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED, judge
from mine.claims.tables import Tables
from mine.gaussian import mutual_information

EMA = "derangement, ema, d = 5, all ρ"


def writeup(biased, ema, seeds=20, rhos=RHOS):
    """Every rho alike; mi_batch_mean and mi_population are given as errors."""
    cells = []
    for cell in grid(setting=("derangement",), variant=("biased", "ema"), dim=(5,), rho=rhos):
        truth, made = mutual_information(5, cell["rho"]), biased if cell["variant"] == "biased" else ema
        cells.append(
            {**cell, **{name: value + truth if name.startswith("mi_") else value for name, value in made.items()}}
        )
    return made_summary(*cells, seeds=seeds)


def judged(table):
    return judge(looks_right.CLAIM, 14, Tables.of(writeup_summary=table))


def one(verdict, cell=EMA):
    (finding,) = [f for f in verdict.findings if f.cell == cell]
    return finding


GOOD = {"mi_batch_mean": 0.5, "mi_population": -1.9}
WORTHLESS = {"mi_batch_mean": -0.9, "mi_population": -2.1}


def test_good_critics():
    verdict = judged(writeup(GOOD, GOOD))
    assert verdict.verdict == HOLDS
    assert [f.verdict for f in verdict.findings if f.primary] == [HOLDS, HOLDS]
    found = one(verdict)
    assert (found.effect, found.high, found.n_seeds) == (0.0, pytest.approx(1 - 0.025 ** (1 / 80)), 20)
    assert found.note == "0 of 80 that look right, of 80 runs"


def test_worthless_critics():
    verdict = judged(writeup(WORTHLESS, WORTHLESS))
    assert verdict.verdict == FAILS
    assert one(verdict).effect == 1.0
    assert one(verdict, "derangement, ema, d = 5, ρ = 0.9").verdict == FAILS


def test_one_variant_alone_is_a_part():
    verdict = judged(writeup(WORTHLESS, GOOD))
    assert verdict.verdict == PARTLY
    assert verdict.where.startswith(EMA)


def test_few_worthless_critics_cannot_be_decided():
    table = writeup(GOOD, GOOD)
    few = table.index[table["variant"] == "ema"][:5]
    table.loc[few, "mi_population"] -= 50.0
    verdict = judged(table)
    assert (verdict.verdict, one(verdict).verdict) == (UNDECIDED, UNDECIDED)
    assert "does not tell from 5%" in one(verdict).note


def test_a_run_that_does_not_look_right_is_not_asked():
    far = {"mi_batch_mean": 1.1, "mi_population": -50.0}
    table = writeup(GOOD, far)
    verdict = judged(table)
    assert (one(verdict).verdict, one(verdict).note) == (UNDECIDED, "none of 80 runs ends so near")
    near = (table["variant"] == "ema") & (table["rho"] != 0.9)
    table.loc[near, ["mi_batch_mean", "mi_population"]] = table.loc[near, ["mi_true", "mi_true"]].to_numpy()
    assert one(judged(table)).note.startswith("0 of 60 that look right, of 80 runs")
    assert one(judged(writeup(GOOD, {"mi_batch_mean": NAN}))).verdict == UNDECIDED


def test_a_value_that_is_no_number_counts_by_its_bound():
    # ln 20 = 3.0 nats above it still lie more than 2 nats below the truth.
    low = {**GOOD, "population_ess": 10.0}
    assert one(judged(writeup(GOOD, {**low, "mi_population": -5.1}))).verdict == FAILS
    found = one(judged(writeup(GOOD, {**low, "mi_population": -4.9})))
    assert (found.verdict, found.effect, found.low, found.high) == (UNDECIDED, 0.0, 0.0, 1.0)
    assert "80 more have no population value" in found.note
    # It shows no critic good either, however high it lies.
    assert one(judged(writeup(GOOD, {**low, "mi_population": 0.0}))).verdict == UNDECIDED


def test_what_is_missing_is_named():
    table = writeup(GOOD, GOOD)
    verdict = judged(table[table["rho"] != 0.95])
    assert verdict.verdict == UNDECIDED
    assert "no runs of derangement, ema, d = 5, ρ = 0.95" in verdict.where
    assert judge(looks_right.CLAIM, 14, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column population_ess" in judged(table.drop(columns="population_ess")).where


def test_too_few_seeds_decide_nothing():
    assert one(judged(writeup(WORTHLESS, WORTHLESS, seeds=4))).verdict == UNDECIDED
