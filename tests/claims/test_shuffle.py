"""Schemes that give the same, that do not, and ceilings at log k and elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from made import NAN, RHOS, SCHEMES, made_summary

from mine.claims import shuffle
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

CELL = "permutation against derangement, ema, d = 5, ρ = 0.9"
BIASED = "permutation against derangement, biased, d = 5, ρ = 0.9"
SPREAD = np.linspace(-0.05, 0.05, 20)
SIZES = (32, 128, 512)


def writeup(permutation=None, seeds=20, variants=("biased", "ema"), settings=SCHEMES):
    """permutation: columns of what runs with it do differently."""
    cells = [
        {
            "setting": setting,
            "variant": variant,
            "rho": rho,
            **((permutation or {}) if setting == "permutation" else {}),
        }
        for setting in settings
        for variant in variants
        for rho in RHOS
    ]
    return made_summary(*cells, seeds=seeds)


def lower(table, nats, setting="permutation"):
    """In-batch and population values of a scheme so much lower."""
    here = table["setting"] == setting
    for column in ("mi_batch_mean", "mi_population"):
        table.loc[here, column] -= np.resize(np.asarray(nats, dtype=float), int(here.sum()))
    return table


def ceiling(value, seeds=10, sizes=SIZES, **run):
    """value: in-batch and population value by log k."""
    cells = [
        {
            "setting": f"k={k}",
            "variant": "ema",
            "dim": 20,
            "rho": 0.99,
            "batch_size": k,
            "mi_batch_mean": value(np.log(k)),
            "mi_population": value(np.log(k)),
            **run,
        }
        for k in sizes
    ]
    return made_summary(*cells, seeds=seeds)


def judged(table=None, **others):
    return judge(shuffle.CLAIM, 12, Tables.of(writeup_summary=writeup() if table is None else table, **others))


def primary(verdict):
    return {(f.cell, f.quantity): f.verdict for f in verdict.findings if f.primary}


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def test_the_same_values_and_divergence_do_not_matter():
    verdict = judged(lower(writeup(), SPREAD))
    assert verdict.verdict == HOLDS
    assert len(primary(verdict)) == 8
    assert set(primary(verdict).values()) == {HOLDS}
    assert one(verdict, BIASED, "diverge with one").high == pytest.approx(1 - 0.025 ** (1 / 20))


def test_other_values_and_other_divergence_matter():
    table = lower(writeup(), 0.5 + SPREAD)
    here = (table["setting"] == "derangement") & (table["variant"] == "biased")
    table.loc[here, ["overflow_step", "diverged_step"]] = 700.0
    verdict = judged(table)
    assert verdict.verdict == FAILS
    assert set(primary(verdict).values()) == {FAILS}
    assert one(verdict, CELL, "in-batch").effect == pytest.approx(-0.5)
    assert one(verdict, BIASED, "diverge with one").note == "diverged: 0 and 20 of 20"


def test_differences_astride_the_margin_cannot_be_decided():
    table = lower(writeup({"runaway_step": [501] * 3 + [NAN] * 17}), [0.0, 0.6])
    assert set(primary(judged(table)).values()) == {UNDECIDED}


def test_values_alone_are_a_part():
    verdict = judged(lower(writeup(), 0.5))
    assert verdict.verdict == PARTLY
    assert "biased" in verdict.where
    assert "ema" not in verdict.where


def test_a_run_that_diverges_with_one_scheme_differs_by_more_than_any_number():
    table = writeup({"runaway_step": 501})
    found = one(judged(table), CELL, "in-batch")
    assert (found.effect, found.verdict) == (np.inf, FAILS)
    assert one(judged(table), CELL, "population").effect == -np.inf


def test_two_that_diverged_have_no_values_to_compare():
    table = writeup()
    table[["runaway_step", "diverged_step"]] = 501.0
    verdict = judged(table)
    found = one(verdict, BIASED, "in-batch")
    assert (found.verdict, found.low, found.high) == (UNDECIDED, -np.inf, np.inf)
    assert "20 pairs cannot be compared" in found.note
    assert one(verdict, BIASED, "diverge with one").verdict == HOLDS


def test_a_population_value_of_low_effective_sample_size_is_none():
    found = one(judged(writeup({"population_ess": 10.0})), CELL, "population")
    assert found.verdict == UNDECIDED
    assert "20 pairs cannot be compared" in found.note


def test_independent_draws_are_compared_with_both_at_the_seeds_they_have():
    table = lower(writeup(), 1.0)
    independent = writeup(seeds=10, settings=("independent",))
    verdict = judged(table, independent_summary=independent)
    same = one(verdict, "independent against derangement, ema, d = 5, ρ = 0.9", "in-batch")
    other = one(verdict, "independent against permutation, ema, d = 5, ρ = 0.9", "in-batch")
    assert (same.verdict, other.verdict, other.effect) == (HOLDS, FAILS, pytest.approx(1.0))
    assert (same.n_seeds, same.primary) == (10, False)
    assert "10 seeds of one side only left out" in same.note
    # A question is a pair of schemes and a quantity; it is corrected over its 8 cells.
    assert same.level == pytest.approx(1 - 0.05 / 8)
    assert one(verdict, CELL, "population").level == pytest.approx(1 - 0.05 / 8)
    assert one(verdict, BIASED, "in-batch").level == pytest.approx(1 - 0.05 / 4)


@pytest.mark.parametrize(
    ("value", "at", "slope"),
    [
        (lambda log_k: 0.95 * log_k, HOLDS, HOLDS),
        (lambda log_k: 1.5 * log_k, FAILS, FAILS),
        (lambda log_k: log_k / 2, FAILS, FAILS),
        (lambda log_k: log_k * np.resize([0.7, 0.95, 1.1], 10), UNDECIDED, UNDECIDED),
        (lambda log_k: 0.0 * log_k + 7.0, FAILS, FAILS),
    ],
    ids=["at log k", "above", "far below", "astride", "the same at every k"],
)
def test_the_ceiling(value, at, slope):
    verdict = judged(ceiling_summary=ceiling(value))
    for name in ("in-batch", "population"):
        assert one(verdict, "d = 20, ρ = 0.99, k = 128", f"{name} value over ln k").verdict == at
        found = one(verdict, "d = 20, ρ = 0.99", f"slope of the {name}")
        assert (found.verdict, found.primary) == (slope, False)
    # The claim about schemes is none about the ceiling.
    assert verdict.verdict == HOLDS


def test_values_above_the_ceiling_are_said_not_to_contradict_the_theorem():
    found = one(
        judged(ceiling_summary=ceiling(lambda log_k: 1.5 * log_k)), "d = 20, ρ = 0.99, k = 32", "in-batch value over"
    )
    assert (found.effect, found.verdict) == (pytest.approx(1.5), FAILS)
    assert "ln k 3.47, truth 39.17" in found.note
    assert "caps the target" in found.note


def test_a_truth_near_the_ceiling_shows_none():
    verdict = judged(ceiling_summary=ceiling(lambda log_k: 0.95 * log_k, mi_true=8.0))
    assert one(verdict, "d = 20, ρ = 0.99, k = 32", "in-batch value over").verdict == HOLDS
    found = one(verdict, "d = 20, ρ = 0.99, k = 512", "in-batch value over")
    assert (found.verdict, "the truth is not far above" in found.note) == (REPORTED, True)


def test_a_ceiling_without_numbers_is_open():
    verdict = judged(ceiling_summary=ceiling(lambda log_k: 0.95 * log_k, population_ess=10.0))
    found = one(verdict, "d = 20, ρ = 0.99, k = 128", "population value over")
    assert (found.verdict, "10 of 10 without a number" in found.note) == (UNDECIDED, True)
    assert one(verdict, "d = 20, ρ = 0.99", "slope of the population").verdict == UNDECIDED
    assert one(verdict, "d = 20, ρ = 0.99", "slope of the in-batch").verdict == HOLDS


def test_what_is_missing_is_named():
    verdict = judged()
    assert one(verdict, "independent", "").note == "no independent/summary.parquet in the results"
    assert one(verdict, "ceiling", "").note == "no ceiling/summary.parquet in the results"
    assert verdict.verdict == HOLDS
    table = writeup()
    verdict = judged(table[table["setting"] != "permutation"])
    assert verdict.verdict == UNDECIDED
    assert "no runs of permutation, ema, d = 5, ρ = 0.85" in verdict.where
    assert judge(shuffle.CLAIM, 12, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column population_ess" in judged(table.drop(columns="population_ess")).where
    one_size = judged(ceiling_summary=ceiling(lambda log_k: log_k, sizes=(128,)))
    assert one(one_size, "d = 20, ρ = 0.99", "slope of the in-batch").note == "a single batch size has no slope"


def test_too_few_seeds_decide_nothing():
    assert set(primary(judged(lower(writeup(seeds=4), 0.5))).values()) == {UNDECIDED}
