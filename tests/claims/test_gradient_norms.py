"""Norms that grow, reach 100 and are the second term's, and norms that do not."""

from __future__ import annotations

import numpy as np
import pytest
from made import NAN, RHOS, SCHEMES, made_summary, plausible

from mine.claims import gradient_norms
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

PLACE, CELL = "derangement, d = 2", "derangement, d = 2, ρ = 0.9"
GROWTH, REACHES, SECOND = "first 200 updates", "biased runs whose gradient norm reaches", "second term's share"


def writeup(growth=1.0, seeds=10, dims=(2,), rhos=RHOS, settings=SCHEMES, **biased):
    """Early and median norms that are multiplied by ``growth`` from rho to rho; ``biased`` is what else a run does."""
    generator, cells = np.random.default_rng(4), []
    for setting in settings:
        for dim in dims:
            for place, rho in enumerate(rhos):
                norms = 5.0 * growth**place * generator.lognormal(0.0, 0.1, seeds)
                cell = {"setting": setting, "dim": dim, "rho": rho, "grad_norm_early": norms, "grad_norm_median": norms}
                cells += [{**cell, "variant": "biased", **biased}, {**cell, "variant": "ema"}]
    return made_summary(*cells, seeds=seeds)


BOTH = {"norm_100_step": 300, "norm_100_product_share": 0.6}


def judged(table, holds=True):
    return judge(gradient_norms.CLAIM, 10, Tables.of(writeup_summary=table, search_plausible=plausible(holds)))


def primary(verdict):
    return {(f.cell, f.quantity): f.verdict for f in verdict.findings if f.primary and "plausible" not in f.cell}


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def test_all_three_hold():
    verdict = judged(writeup(2.0, **BOTH))
    assert verdict.verdict == HOLDS
    assert len(primary(verdict)) == 12
    assert set(primary(verdict).values()) == {HOLDS}
    assert one(verdict, f"{PLACE}, all ρ", SECOND).effect == pytest.approx(0.6)
    assert one(verdict, CELL, REACHES).note == "10 of 10; first at update 300-300"


def test_none_of_the_three_holds():
    verdict = judged(writeup(0.5, norm_100_step=[300, *[NAN] * 9], norm_100_product_share=0.4))
    assert set(primary(verdict).values()) == {FAILS, UNDECIDED}
    assert [quantity for (_, quantity), word in primary(verdict).items() if word == UNDECIDED] == [
        gradient_norms._SECOND
    ] * 2
    verdict = judged(writeup(0.5, norm_100_step=[*[300] * 6, *[NAN] * 24], norm_100_product_share=0.4, seeds=30), False)
    assert verdict.verdict == FAILS


def test_none_of_the_three_can_be_decided():
    half = {
        "norm_100_step": [300, NAN] * 5,
        "norm_100_product_share": [0.4, NAN, 0.6, NAN, 0.4, NAN, 0.6, NAN, 0.5, NAN],
    }
    verdict = judged(writeup(1.0, **half))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict).values()) == {UNDECIDED}


def test_growth_alone_is_a_part():
    verdict = judged(writeup(2.0, norm_100_step=300, norm_100_product_share=0.4))
    assert verdict.verdict == PARTLY
    assert one(verdict, f"{PLACE}, all ρ", SECOND).verdict == FAILS
    assert SECOND not in verdict.where


def test_the_first_term_may_be_the_larger_one():
    assert one(judged(writeup(2.0, **BOTH | {"norm_100_product_share": 0.45})), CELL, SECOND).verdict == FAILS


def test_no_run_that_reaches_100_leaves_the_cause_open():
    verdict = judged(writeup(2.0))
    assert one(verdict, CELL, REACHES).verdict == FAILS
    second = one(verdict, f"{PLACE}, all ρ", SECOND)
    assert (second.verdict, second.primary) == (UNDECIDED, True)
    assert second.note.startswith("0 of 40 runs reach 100")
    assert not [f for f in verdict.findings if f.cell == CELL and SECOND in f.quantity]


def test_a_run_that_overflows_reaches_100_only_before():
    table = writeup(2.0, **BOTH, overflow_step=[400] * 8 + [300] * 2)
    found = one(judged(table), CELL, REACHES)
    assert (found.effect, found.note) == (
        0.8,
        "8 of 10; of 10 that overflow, 8 reach it before; first at update 300-300",
    )


def test_the_emas_share_stands_beside_and_is_not_judged():
    table = writeup(2.0, **BOTH)
    table.loc[table["variant"] == "ema", "norm_100_step"] = 900.0
    found = one(judged(table), CELL, "EMA runs whose gradient norm reaches")
    assert (found.effect, found.verdict, found.primary) == (1.0, REPORTED, False)
    assert one(judged(table), PLACE, "updates, EMA").verdict == REPORTED


def test_the_seed_is_the_unit_of_the_second_terms_share():
    table = writeup(2.0, **BOTH)
    table["norm_100_product_share"] += np.where(table["rho"] == 0.99, 0.2, 0.0)
    found = one(judged(table), f"{PLACE}, all ρ", SECOND)
    assert (found.n_seeds, found.effect) == (10, pytest.approx(0.65))


def test_other_dimensions_are_corrected_and_decide_nothing():
    verdict = judged(writeup(2.0, dims=(1, 2), **BOTH))
    assert len(primary(verdict)) == 12
    other = one(verdict, "derangement, d = 1, ρ = 0.9", REACHES)
    assert other.primary is False
    # 4 places: τ over all updates; early τ and second term of the 2 others; 16 cells with 2 shares, 8 primary.
    assert other.level == pytest.approx(1 - 0.05 / (4 + 2 * 2 + 2 * 16 - 8))


def test_what_is_missing_is_named():
    table = writeup(2.0, **BOTH)
    verdict = judged(table[table["rho"] != 0.99])
    assert verdict.verdict == UNDECIDED
    assert "no runs of biased, derangement, d = 2, ρ = 0.99" in verdict.where
    assert judge(gradient_norms.CLAIM, 10, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column norm_100_step" in judged(table.drop(columns="norm_100_step")).where
    without = judged(table[(table["seed"] != 3) | (table["rho"] != 0.9)])
    assert one(without, PLACE, "all updates").note == ("not every seed has a grad_norm_median at every ρ")
    assert one(judged(table[table["variant"] == "biased"]), CELL, "EMA runs").verdict == UNDECIDED


def test_too_few_seeds_decide_nothing():
    assert set(primary(judged(writeup(2.0, seeds=4, **BOTH))).values()) == {UNDECIDED}
