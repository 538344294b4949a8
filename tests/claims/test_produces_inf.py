"""inf of the objective, inf of float32, and neither."""

from __future__ import annotations

import pytest
from made import NAN, RHOS, made_summary

from mine.claims import produces_inf
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables


def summary(biased, stable, seeds=10, rhos=RHOS):
    """The ablation, the same in every rho: what becomes of a biased and of a biased-stable run."""
    sides = (("biased", biased), ("biased-stable", stable), ("ema", {}))
    return made_summary(*({"variant": name, "rho": rho, **run} for name, run in sides for rho in rhos), seeds=seeds)


def judged(table):
    return judge(produces_inf.CLAIM, 7, Tables.of(ablation_summary=table))


def primary(verdict):
    return [finding.verdict for finding in verdict.findings if finding.primary]


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


POOLED = "4 of 4 cells of ablation, pooled"
INF = {"overflow_step": 800}
AWAY = {"runaway_step": 501}


def test_inf_without_float32_is_the_objectives_own():
    verdict = judged(summary(INF, INF))
    assert verdict.verdict == HOLDS
    assert primary(verdict) == [HOLDS] * 8
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == FAILS
    assert one(verdict, POOLED, "divergence without inf").verdict == FAILS


def test_inf_that_log_sum_exp_removes_is_float32():
    verdict = judged(summary({**INF, **AWAY}, AWAY))
    assert verdict.verdict == PARTLY
    assert primary(verdict) == [HOLDS, FAILS] * 4
    assert "share of biased runs" in verdict.where
    assert "biased-stable" not in verdict.where
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == HOLDS
    assert one(verdict, POOLED, "divergence without inf").verdict == HOLDS
    stable = one(verdict, "d = 5, ρ = 0.9", "share of biased-stable runs that become")
    assert (stable.effect, stable.high) == (0.0, pytest.approx(1 - 0.025**0.1))


def test_overflow_alone_is_no_divergence_without_it():
    verdict = judged(summary(INF, {}))
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == HOLDS
    assert one(verdict, POOLED, "divergence without inf").verdict == FAILS
    assert one(verdict, POOLED, "run away without becoming non-finite").effect == 0.0


def test_no_inf_anywhere_does_not_hold():
    verdict = judged(summary({}, {}))
    assert verdict.verdict == FAILS
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == UNDECIDED
    assert one(verdict, POOLED, "divergence without inf").note == "no biased run diverges"


def test_runaway_alone_is_no_inf_and_is_the_objectives():
    verdict = judged(summary(AWAY, AWAY))
    assert verdict.verdict == FAILS
    assert one(verdict, "d = 5, ρ = 0.85", "divergence without inf").verdict == HOLDS


def test_half_of_the_runs_cannot_be_decided():
    half = {"overflow_step": [800] * 5 + [NAN] * 5}
    verdict = judged(summary(half, half))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}
    assert one(verdict, "d = 5, ρ = 0.9", "share of biased runs that become").note == "5 of 10 runs"


def test_what_ran_away_before_it_overflowed_is_told_apart():
    steps = {"overflow_step": 800, "runaway_step": [501] * 6 + [NAN] * 4}
    before = one(judged(summary(steps, AWAY)), "d = 5, ρ = 0.9", "at an earlier evaluation")
    assert (before.effect, before.verdict, before.note) == (0.6, REPORTED, "6 of 10 runs")


def test_the_same_seeds_are_compared_whatever_their_order():
    biased = {"overflow_step": [800] * 5 + [NAN] * 5}
    stable = {"overflow_step": [NAN] * 5 + [800] * 5}
    table = summary(biased, stable).sample(frac=1.0, random_state=0)
    # Every biased run that overflows stays finite, although half of all stable runs do not.
    assert one(judged(table), "d = 5, ρ = 0.9", "inf is float32 overflow").effect == 1.0


def test_a_missing_cell_is_named():
    table = summary(INF, INF)
    verdict = judged(table[~((table["variant"] == "biased-stable") & (table["rho"] == 0.99))])
    assert (verdict.verdict, verdict.where) == (UNDECIDED, "no runs of biased-stable, d = 5, ρ = 0.99")
    assert one(verdict, "3 of 4 cells of ablation, pooled", "inf is float32 overflow").verdict == FAILS


def test_seeds_that_no_side_shares_are_named():
    table = summary(INF, INF)
    table.loc[table["variant"] == "biased-stable", "seed"] += 100
    assert judged(table).where.startswith("no seed that both sides of a pair have in d = 5, ρ = 0.85")


def test_a_missing_table_or_column_is_named():
    assert judge(produces_inf.CLAIM, 7, Tables.of()).where == "no ablation/summary.parquet in the results"
    assert "no column runaway_step" in judged(summary(INF, INF).drop(columns="runaway_step")).where


def test_too_few_seeds_decide_nothing():
    verdict = judged(summary(INF, INF, seeds=4))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}


def test_another_rho_is_no_primary_finding():
    verdict = judged(summary(INF, INF, rhos=(*RHOS, 0.5)))
    assert len(primary(verdict)) == 8
    assert one(verdict, "d = 5, ρ = 0.5", "share of biased runs that become").primary is False
