"""Robust, not, and not to be told; spikes of the multiplier and others; two starts of v."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from made import DIMS, NAN, RHOS, SCHEMES, grid, made_summary, plausible

from mine.claims import ema_robust
from mine.claims.claim import BROKEN, CHECKED, FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

CELLS = grid(setting=SCHEMES, variant=("biased", "ema"), dim=DIMS, rho=RHOS)
RATES = (1.0, 0.1, 0.01, 0.001)
OVERFLOWS, DIVERGES = "share of EMA runs that overflow", "share of EMA runs that diverge"


def writeup(seeds=20, **run):
    """The write-up's cells; ``run`` is what becomes of every EMA run."""
    return _writeup(seeds, tuple(run.items())).copy()


@cache
def _writeup(seeds, run):
    run = dict(run)
    return made_summary(*({**cell, **(run if cell["variant"] == "ema" else {})} for cell in CELLS), seeds=seeds)


def judged(table=None, holds=True, **others):
    tables = {"writeup_summary": writeup() if table is None else table, "search_plausible": plausible(holds)}
    return judge(ema_robust.CLAIM, 8, Tables.of(**tables, **others))


def primary(verdict):
    return {(f.cell, f.quantity): f.verdict for f in verdict.findings if f.primary and "plausible" not in f.cell}


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def sweep(cells, seeds=10):
    return made_summary(*({"setting": f"ema_rate={cell['ema_rate']:g}", **cell} for cell in cells), seeds=seeds)


def noise(seeds=10):
    return np.exp(0.05 * np.random.default_rng(3).normal(size=seeds))


def test_no_failure_is_robust():
    verdict = judged()
    assert verdict.verdict == HOLDS
    assert set(primary(verdict).values()) == {HOLDS}
    pooled = one(verdict, "derangement, d = 2, all ρ", OVERFLOWS)
    assert pooled.high == pytest.approx(1 - 0.025 ** (1 / 80))
    assert "0 of 80 runs, at most 4.5%" in pooled.note
    everywhere = one(verdict, "derangement, all d and ρ", OVERFLOWS)
    assert (everywhere.primary, everywhere.effect) == (False, 0.0)
    assert "0 of 320 runs" in everywhere.note
    assert everywhere.level > 0.99


def test_overflows_are_not_robust():
    verdict = judged(writeup(overflow_step=900), holds=False)
    assert verdict.verdict == FAILS
    assert set(primary(verdict).values()) == {FAILS}
    in_cell = one(verdict, "permutation, d = 20, ρ = 0.99", OVERFLOWS)
    assert (in_cell.verdict, in_cell.primary) == (FAILS, False)
    assert in_cell.level > 0.99


def test_runaways_are_no_overflow_but_are_divergence():
    table = writeup()
    away = (table["variant"] == "ema") & (table["setting"] == "derangement") & (table["dim"] == 2)
    table.loc[away, ["runaway_step", "diverged_step"]] = 501.0
    verdict = judged(table)
    assert verdict.verdict == PARTLY
    assert primary(verdict) == {
        ("derangement, d = 2, all ρ", OVERFLOWS): HOLDS,
        ("derangement, d = 2, all ρ", DIVERGES): FAILS,
        ("permutation, d = 2, all ρ", OVERFLOWS): HOLDS,
        ("permutation, d = 2, all ρ", DIVERGES): HOLDS,
    }


def test_what_biased_does_is_no_matter():
    table = writeup()
    table.loc[table["variant"] == "biased", ["overflow_step", "diverged_step"]] = 300.0
    assert judged(table).verdict == HOLDS


def test_few_failures_cannot_be_decided():
    table = writeup()
    here = (table["variant"] == "ema") & (table["setting"] == "permutation") & (table["dim"] == 2)
    few = table.index[here][:3]
    table.loc[few, ["overflow_step", "diverged_step"]] = 900.0
    verdict = judged(table)
    assert primary(verdict)["permutation, d = 2, all ρ", OVERFLOWS] == UNDECIDED
    assert verdict.verdict == UNDECIDED


def test_a_missing_cell_is_named():
    table = writeup()
    verdict = judged(table[~((table["dim"] == 2) & (table["rho"] == 0.95))])
    assert verdict.verdict == UNDECIDED
    assert "no runs of ema, derangement, d = 2, ρ = 0.95" in verdict.where
    elsewhere = judged(table[~((table["dim"] == 5) & (table["rho"] == 0.95))])
    assert elsewhere.verdict == HOLDS
    assert one(elsewhere, "derangement, all d and ρ", OVERFLOWS).note == "no runs of ema, derangement, d = 5, ρ = 0.95"


def test_what_other_dimensions_do_decides_nothing():
    table = writeup()
    table.loc[(table["variant"] == "ema") & (table["dim"] == 20), ["overflow_step", "diverged_step"]] = 900.0
    verdict = judged(table)
    assert verdict.verdict == HOLDS
    assert one(verdict, "derangement, all d and ρ", OVERFLOWS).verdict == FAILS


def test_missing_tables_and_columns_are_named():
    assert judge(ema_robust.CLAIM, 8, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column diverged_step" in judged(writeup().drop(columns="diverged_step")).where
    verdict = judged()
    assert one(verdict, "spikes", "").note == "no smoothing/summary.parquet in the results"
    assert one(verdict, "start of v", "").note == "no start/summary.parquet in the results"
    verdict = judged(smoothing_summary=sweep(grid(ema_rate=(0.1, 0.01))).drop(columns="spike_norm"))
    assert "no column spike_norm" in one(verdict, "spikes", "").note


def test_too_few_seeds_decide_nothing():
    for run in ({}, {"overflow_step": 900}):
        verdict = judged(writeup(seeds=4, **run))
        assert set(primary(verdict).values()) == {UNDECIDED}
    assert "4 seeds" in verdict.where


def test_a_multiplier_above_its_bound_breaks_the_instrument():
    passes = judged(writeup(multiplier_max=100.0, ema_rate=0.01))
    assert one(passes, "writeup", "α·B_exp/v").verdict == CHECKED
    assert passes.verdict == HOLDS
    breaks = judged(writeup(multiplier_max=101.0, ema_rate=0.01))
    assert one(breaks, "writeup", "α·B_exp/v").verdict == BROKEN
    assert (breaks.verdict, breaks.where) == (UNDECIDED, "an instrument fails its check")


def test_the_bound_is_not_asked_of_runs_that_overflow():
    cells = [{"ema_rate": 0.3, "multiplier_max": 3.0}, {"ema_rate": 0.2, "multiplier_max": 90.0, "overflow_step": 700}]
    checked = one(judged(smoothing_summary=sweep(cells)), "smoothing", "α·B_exp/v")
    assert (checked.verdict, checked.effect, checked.note) == (CHECKED, pytest.approx(0.9), "10 runs")


def test_spikes_of_the_multiplier_are_told_from_others():
    usual = {"grad_norm_median": 5.0, "multiplier_median": 0.5}
    cells = [
        {**usual, "ema_rate": 0.1, "spike_norm": 100 * noise(), "spike_multiplier": 10.0},
        {**usual, "ema_rate": 0.01, "spike_norm": 100 * noise(), "spike_multiplier": 0.5},
        {**usual, "ema_rate": 0.001, "spike_norm": 100 * noise(), "spike_multiplier": [0.5, 10.0] * 5},
        {**usual, "ema_rate": 1.0, "spike_norm": 100 * noise(), "spike_multiplier": 1.0, "multiplier_median": 1.0},
    ]
    verdict = judged(smoothing_summary=sweep(cells))
    words = "log height"
    by_rate = {rate: one(verdict, f"d = 5, ρ = 0.9, α = {rate:g}", words) for rate in (0.1, 0.01, 0.001)}
    assert {rate: f.verdict for rate, f in by_rate.items()} == {0.1: HOLDS, 0.01: FAILS, 0.001: UNDECIDED}
    assert by_rate[0.1].effect == pytest.approx(1.0, abs=0.05)
    assert by_rate[0.01].effect == 0.0
    assert not [f for f in verdict.findings if f.cell == "d = 5, ρ = 0.9, α = 1"]
    assert not any(f.primary for f in by_rate.values())


def test_a_run_without_a_spike_is_named():
    cells = [{"ema_rate": 0.1, "spike_norm": [40.0] * 9 + [NAN]}, {"ema_rate": 0.01}]
    verdict = judged(smoothing_summary=sweep(cells))
    explained = one(verdict, "d = 5, ρ = 0.9, α = 0.1", "log height")
    assert (explained.verdict, explained.note) == (UNDECIDED, "1 of 10 runs have no finite spike")
    assert one(verdict, "d = 5, ρ = 0.9", "every α").note == "not every seed has every α with a spike norm"


@pytest.mark.parametrize(
    ("power", "expected"), [(0.5, HOLDS), (-0.5, FAILS), (0.0, UNDECIDED)], ids=["grow", "shrink", "neither"]
)
def test_the_trend_of_spikes_over_alpha(power, expected):
    generator = np.random.default_rng(1)
    cells = [{"ema_rate": rate, "spike_norm": rate**-power * generator.lognormal(0.0, 0.1, 10)} for rate in RATES]
    trend = one(judged(smoothing_summary=sweep(cells)), "d = 5, ρ = 0.9", "every α")
    assert trend.verdict == expected
    assert trend.note.startswith("α from 0.001 to 1")


def test_an_alpha_at_which_runs_overflow_is_left_out_of_the_second_trend():
    cells = [{"ema_rate": rate, "spike_norm": (1.0 / rate) * noise()} for rate in RATES[1:]]
    cells += [{"ema_rate": 1.0, "spike_norm": 1e6, "overflow_step": [700] + [NAN] * 9}]
    verdict = judged(smoothing_summary=sweep(cells))
    all_, alive = (one(verdict, "d = 5, ρ = 0.9", words) for words in ("every α", "no run overflows"))
    assert alive.note.startswith("α from 0.001 to 0.1")
    assert (alive.effect > all_.effect, alive.verdict) == (True, HOLDS)


def start_tables(norms, **run):
    """The start experiment with spike norms that many times those of v = 1."""
    one_ = 300.0 * np.exp(np.random.default_rng(5).normal(size=10))
    first = {"setting": "first-batch", "ema_init": "first-batch", "spike_norm": one_ * norms, **run}
    return {"start_summary": made_summary(first), "ablation_summary": made_summary({"spike_norm": one_})}


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1.0, HOLDS), (3.0, FAILS), (1.25, UNDECIDED)], ids=["same", "other", "margin"]
)
def test_the_start_of_v(ratio, expected):
    verdict = judged(**start_tables(ratio * noise()))
    compared = one(verdict, "d = 5, ρ = 0.9", "spike norm with v from the first batch")
    assert compared.verdict == expected
    assert compared.effect == pytest.approx(ratio, rel=0.05)


def test_who_diverges_with_either_start_is_counted():
    verdict = judged(**start_tables(1.0, runaway_step=[501] * 3 + [NAN] * 7))
    discordant = one(verdict, "d = 5, ρ = 0.9", "only one of the two diverges")
    assert (discordant.effect, discordant.verdict) == (0.3, REPORTED)
    assert discordant.note == "diverge: 3 with v from the first batch, 0 with v = 1, of 10"


def test_a_start_without_its_partner_is_named():
    tables = start_tables(1.0)
    tables["ablation_summary"] = tables["ablation_summary"].assign(rho=0.5)
    compared = one(judged(**tables), "d = 5, ρ = 0.9", "spike norm with v from the first batch")
    assert (compared.verdict, compared.note) == (UNDECIDED, "no runs of d = 5, ρ = 0.9")
