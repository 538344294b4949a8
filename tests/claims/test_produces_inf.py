"""inf of the objective, inf of float32, and neither."""

from __future__ import annotations

import pytest
from made import NAN, RHOS, SCHEMES, grid, made_summary, plausible

from mine.claims import produces_inf
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables


def summary(biased, stable, seeds=10, rhos=RHOS):
    """The ablation, the same in every rho: what becomes of a biased and of a biased-stable run."""
    sides = (("biased", biased), ("biased-stable", stable), ("ema", {}))
    return made_summary(*({"variant": name, "rho": rho, **run} for name, run in sides for rho in rhos), seeds=seeds)


def writeup(biased, seeds=10, dims=(2,), rhos=RHOS):
    """Every cell alike: what becomes of a biased run."""
    return made_summary(
        *({**c, "variant": "biased", **biased} for c in grid(setting=SCHEMES, dim=dims, rho=rhos)), seeds=seeds
    )


def judged(ablation, of_writeup=None, holds=True):
    """By default biased runs of `writeup` do what holds."""
    tables = {
        "writeup_summary": writeup(INF) if of_writeup is None else of_writeup,
        "search_plausible": plausible(holds),
    }
    return judge(produces_inf.CLAIM, 7, Tables.of(**tables, ablation_summary=ablation))


def primary(verdict):
    return [f.verdict for f in verdict.findings if f.primary and not f.cell.startswith("plausible")]


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


POOLED = "4 of 4 cells of ablation, pooled"
CELL = "ablation, d = 5, ρ = 0.9"
INF = {"overflow_step": 800}
AWAY = {"runaway_step": 501}
BIASED, STABLE = "share of biased runs that become", "share of biased-stable runs that become"


def test_biased_runs_that_end_at_every_rho_hold():
    verdict = judged(summary({}, {}))
    assert verdict.verdict == HOLDS
    assert primary(verdict) == [HOLDS] * 8
    assert {f.cell.split(", ρ")[0] for f in verdict.findings if f.primary} == {
        "derangement, d = 2",
        "permutation, d = 2",
        "plausible range, d = 2",
    }


def test_no_inf_at_two_dimensions_does_not_hold_whatever_happens_elsewhere():
    verdict = judged(summary(INF, INF), writeup({}), holds=False)
    assert verdict.verdict == FAILS
    assert primary(verdict) == [FAILS] * 8
    elsewhere = judged(summary(INF, INF), made_at_five(), holds=False)
    assert elsewhere.verdict == FAILS
    five = one(elsewhere, "derangement, d = 5, ρ = 0.9", BIASED)
    assert (five.verdict, five.primary) == (HOLDS, False)
    # 8 other cells of `writeup`, both shares of the ablation's 4.
    assert five.level == pytest.approx(1 - 0.05 / 16)


def made_at_five():
    table = writeup(INF, dims=(2, 5))
    table.loc[table["dim"] == 2, ["overflow_step", "diverged_step"]] = NAN
    return table


def test_some_rho_are_a_part():
    table = writeup(INF)
    table.loc[table["rho"] < 0.92, ["overflow_step", "diverged_step"]] = NAN
    verdict = judged(summary({}, {}), table)
    assert verdict.verdict == PARTLY
    assert primary(verdict) == [FAILS, FAILS, HOLDS, HOLDS] * 2


def test_inf_without_float32_is_the_objectives_own():
    verdict = judged(summary(INF, INF))
    assert one(verdict, CELL, BIASED).verdict == one(verdict, CELL, STABLE).verdict == HOLDS
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == FAILS
    assert one(verdict, POOLED, "divergence without inf").verdict == FAILS


def test_inf_that_log_sum_exp_removes_is_float32():
    verdict = judged(summary({**INF, **AWAY}, AWAY))
    assert (one(verdict, CELL, BIASED).verdict, one(verdict, CELL, STABLE).verdict) == (HOLDS, FAILS)
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == HOLDS
    assert one(verdict, POOLED, "divergence without inf").verdict == HOLDS
    stable = one(verdict, CELL, STABLE)
    assert (stable.effect, stable.primary) == (0.0, False)
    assert stable.high > 1 - 0.025**0.1  # corrected


def test_overflow_alone_is_no_divergence_without_it():
    verdict = judged(summary(INF, {}))
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == HOLDS
    assert one(verdict, POOLED, "divergence without inf").verdict == FAILS
    assert one(verdict, POOLED, "run away without becoming non-finite").effect == 0.0


def test_no_inf_anywhere_decides_nothing_about_its_cause():
    verdict = judged(summary({}, {}))
    assert one(verdict, POOLED, "inf is float32 overflow").verdict == UNDECIDED
    assert one(verdict, POOLED, "divergence without inf").note == "no biased run diverges"


def test_runaway_alone_is_no_inf_and_is_the_objectives():
    verdict = judged(summary(AWAY, AWAY))
    assert one(verdict, CELL, BIASED).verdict == FAILS
    assert one(verdict, "ablation, d = 5, ρ = 0.85", "divergence without inf").verdict == HOLDS


def test_half_of_the_runs_cannot_be_decided():
    half = {"overflow_step": [800] * 5 + [NAN] * 5}
    verdict = judged(summary(half, half), writeup(half))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}
    assert one(verdict, CELL, BIASED).note == "5 of 10 runs"


def test_what_ran_away_before_it_overflowed_is_told_apart():
    steps = {"overflow_step": 800, "runaway_step": [501] * 6 + [NAN] * 4}
    before = one(judged(summary(steps, AWAY)), CELL, "at an earlier evaluation")
    assert (before.effect, before.verdict, before.note) == (0.6, REPORTED, "6 of 10 runs")


def test_the_same_seeds_are_compared_whatever_their_order():
    biased = {"overflow_step": [800] * 5 + [NAN] * 5}
    stable = {"overflow_step": [NAN] * 5 + [800] * 5}
    table = summary(biased, stable).sample(frac=1.0, random_state=0)
    # Every biased run that overflows stays finite, although half of all stable runs do not.
    assert one(judged(table), CELL, "inf is float32 overflow").effect == 1.0


def test_a_missing_cell_is_named():
    table = summary(INF, INF)
    verdict = judged(table[~((table["variant"] == "biased-stable") & (table["rho"] == 0.99))])
    assert one(verdict, "ablation, d = 5, ρ = 0.99", STABLE).note == "no runs of biased-stable, d = 5, ρ = 0.99"
    assert one(verdict, "3 of 4 cells of ablation, pooled", "inf is float32 overflow").verdict == FAILS
    assert verdict.verdict == HOLDS
    of_writeup = writeup(INF)
    verdict = judged(table, of_writeup[~((of_writeup["setting"] == "permutation") & (of_writeup["rho"] == 0.99))])
    assert verdict.verdict == UNDECIDED
    assert "no runs of biased, permutation, d = 2, ρ = 0.99" in verdict.where


def test_seeds_that_no_side_shares_are_named():
    table = summary(INF, INF)
    table.loc[table["variant"] == "biased-stable", "seed"] += 100
    said = one(judged(table), "ablation, d = 5, ρ = 0.85", STABLE).note
    assert said == "no seed that both sides of a pair have in ablation, d = 5, ρ = 0.85"


def test_a_missing_table_or_column_is_named():
    assert judge(produces_inf.CLAIM, 7, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column runaway_step" in one(judged(summary(INF, INF).drop(columns="runaway_step")), "ablation", "").note
    without = judge(produces_inf.CLAIM, 7, Tables.of(writeup_summary=writeup(INF), search_plausible=plausible()))
    assert without.verdict == HOLDS
    assert one(without, "ablation", STABLE).note == "no ablation/summary.parquet in the results"


def test_too_few_seeds_decide_nothing():
    verdict = judged(summary(INF, INF, seeds=4), writeup(INF, seeds=4))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}


def test_another_rho_is_no_primary_finding():
    verdict = judged(summary(INF, INF, rhos=(*RHOS, 0.5)), writeup(INF, rhos=(*RHOS, 0.5)))
    assert len(primary(verdict)) == 8
    assert one(verdict, "ablation, d = 5, ρ = 0.5", BIASED).primary is False
    assert one(verdict, "derangement, d = 2, ρ = 0.5", BIASED).primary is False
