"""Bounds that are kept, broken and not to be told, for each of the three values."""

from __future__ import annotations

import numpy as np
import pytest
from made import DIMS, RHOS, SCHEMES, grid, made_evaluations, made_optimal

from mine.claims import lower_bound
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables
from mine.statistics import share

CELLS = grid(setting=SCHEMES, variant=("biased", "ema"), dim=DIMS, rho=RHOS)
OPTIMAL = made_optimal(*grid(setting=SCHEMES, dim=DIMS, rho=RHOS), seeds=5)
VALUES = {"population": "mi_population", "in-batch": "mi_batch_recent", "held out": "mi_heldout"}


def tables_of(evaluations=None, optimal=OPTIMAL):
    evaluations = made_evaluations(*CELLS, seeds=5, steps=(1, 501, 1001)) if evaluations is None else evaluations
    return Tables.of(writeup_evaluations=evaluations, writeup_optimal=optimal)


def judged(evaluations=None, optimal=OPTIMAL):
    return judge(lower_bound.CLAIM, 2, tables_of(evaluations, optimal))


def evaluations():
    return made_evaluations(*CELLS, seeds=5, steps=(1, 501, 1001))


def at_the_end(table):
    return table["step"] == 1001


def primary(verdict):
    return {finding.quantity.split(" value")[0]: finding for finding in verdict.findings if finding.primary}


def one(verdict, cell, words):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def test_values_under_the_truth_are_bounds():
    verdict = judged()
    assert verdict.verdict == HOLDS
    assert {name: finding.verdict for name, finding in primary(verdict).items()} == dict.fromkeys(VALUES, HOLDS)
    runs = len(CELLS) * 5
    assert primary(verdict)["population"].high == pytest.approx(1 - 0.025 ** (1 / runs))
    assert one(verdict, "all cells of writeup", "held out value - truth").effect == pytest.approx(-0.1)


@pytest.mark.parametrize("name", VALUES)
def test_a_value_above_the_truth_is_none(name):
    table = evaluations()
    table.loc[at_the_end(table), VALUES[name]] += 0.5
    verdict = judged(table)
    assert verdict.verdict == PARTLY
    assert {value: finding.verdict for value, finding in primary(verdict).items()} == {
        value: FAILS if value == name else HOLDS for value in VALUES
    }
    assert f"({name} value" not in verdict.where
    excess = one(verdict, "all cells of writeup", f"{name} value - truth")
    assert (excess.effect, excess.verdict) == (pytest.approx(0.4), REPORTED)


def test_all_three_above_fail():
    table = evaluations()
    table[list(VALUES.values())] += 3.0
    assert judged(table).verdict == FAILS


def test_a_share_near_the_tolerated_cannot_be_decided():
    table = evaluations()
    ends = table.index[at_the_end(table)]
    table.loc[ends[:16], "mi_population"] += 1.0
    verdict = judged(table)
    population = primary(verdict)["population"]
    assert population.effect == pytest.approx(16 / 320)
    assert (population.low, population.high) == (share(16, 320).low, share(16, 320).high)
    assert population.verdict == UNDECIDED
    assert verdict.verdict == UNDECIDED


def test_an_excess_within_the_instruments_error_is_not_above():
    table = evaluations()
    table["mi_population"] = table["mi_true"] + 0.0099
    assert primary(judged(table))["population"].verdict == HOLDS
    table["mi_population"] = table["mi_true"] + 0.0101
    assert primary(judged(table))["population"].verdict == FAILS


def test_an_excursion_before_the_end_is_reported_and_the_first_step_is_not():
    table = evaluations()
    table.loc[table["step"] == 1, "mi_heldout"] += 9.0
    assert (
        one(judged(table), "all cells of writeup", "held out value: share of runs above the truth at any").effect == 0
    )
    table.loc[table["step"] == 501, "mi_heldout"] += 9.0
    verdict = judged(table)
    assert one(verdict, "all cells of writeup", "held out value: share of runs above the truth at any").effect == 1
    assert primary(verdict)["held out"].verdict == HOLDS


def test_values_of_a_low_effective_sample_size_enter_no_verdict():
    table = evaluations()
    low = table["dim"] == 20
    table.loc[low, "heldout_ess"] = 49.9
    table.loc[low, "mi_heldout"] += 50.0
    verdict = judged(table)
    assert primary(verdict)["held out"].verdict == HOLDS
    assert primary(verdict)["held out"].note.startswith("0 of 240 runs")
    apart = one(verdict, "all cells of writeup", "held out value of ESS < 50")
    assert (apart.effect, apart.verdict, apart.note) == (1.0, REPORTED, "80 of 80 runs")
    in_cell = one(verdict, "derangement, ema, d = 20", "held out value: share")
    assert (in_cell.verdict, in_cell.note) == (UNDECIDED, "all 20 runs have an effective sample size under 50")


def test_nothing_but_low_effective_sample_sizes_cannot_be_decided():
    table = evaluations().assign(population_ess=1.0)
    population = primary(judged(table))["population"]
    assert (population.verdict, population.note) == (UNDECIDED, "no run has an effective sample size of at least 50")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_run_without_a_finite_value_stays_and_counts_as_above(value):
    table = evaluations()
    biased = at_the_end(table) & (table["variant"] == "biased")
    table.loc[biased, "mi_batch_recent"] = value
    in_batch = primary(judged(table))["in-batch"]
    assert (in_batch.effect, in_batch.verdict) == (0.5, FAILS)
    assert in_batch.note == "160 of 320 runs"


def test_cells_are_corrected_and_tell_where_it_fails():
    table = evaluations()
    here = (table["setting"] == "derangement") & (table["variant"] == "biased") & (table["dim"] == 5)
    table.loc[here, "mi_batch_recent"] += 2.0
    verdict = judged(table)
    failing = one(verdict, "derangement, biased, d = 5", "in-batch value: share")
    assert (failing.verdict, failing.effect, failing.primary) == (FAILS, 1.0, False)
    assert failing.level > 0.99
    assert one(verdict, "permutation, biased, d = 5", "in-batch value: share").effect == 0.0


def test_a_run_that_ended_early_is_judged_by_its_last_evaluation():
    table = evaluations()
    early = (table["seed"] == 0) & (table["variant"] == "biased") & (table["step"] == 1001)
    table = table[~early]
    table.loc[(table["seed"] == 0) & (table["variant"] == "biased") & (table["step"] == 501), "mi_batch_recent"] += 9.0
    assert primary(judged(table))["in-batch"].note == "32 of 320 runs"


def test_beyond_log_n_the_optimal_critic_is_misjudged():
    optimal = OPTIMAL.copy()
    optimal.loc[optimal["mi_true"] > np.log(100_000), "mi_heldout"] += 30.0
    verdict = judged(optimal=optimal)
    gap = one(verdict, "optimal critic, writeup", "less that below")
    assert (gap.verdict, gap.primary) == (UNDECIDED, False)  # five seeds are too few for the corrected interval
    many = made_optimal(*grid(setting=SCHEMES, dim=DIMS, rho=RHOS), seeds=20)
    many.loc[many["mi_true"] > np.log(100_000), "mi_heldout"] += 30.0
    assert one(judged(optimal=many), "optimal critic, writeup", "less that below").verdict == HOLDS
    many["mi_heldout"] = many["mi_true"] + np.where(many["mi_true"] > np.log(100_000), 0.0, 1.0)
    assert one(judged(optimal=many), "optimal critic, writeup", "less that below").verdict == FAILS


def test_held_out_values_above_log_n_are_counted():
    table = evaluations()
    large = at_the_end(table) & (table["dim"] == 20) & (table["rho"] == 0.99)
    table.loc[~(table["dim"] < 20) & ~large, "mi_heldout"] = 3.0
    table.loc[large, "heldout_ess"] = 2.0
    counted = one(judged(table), "writeup", "held-out value above ln N")
    assert counted.note == "20 of 320 runs, of which 0 with ESS ≥ 50 and 0 above the truth"


def test_a_missing_cell_is_named():
    table = evaluations()
    verdict = judged(table[~((table["dim"] == 20) & (table["rho"] == 0.99))])
    assert verdict.verdict == UNDECIDED
    assert "no runs of derangement, biased, d = 20, ρ = 0.99 and of 3 more cells" in verdict.where


def test_a_missing_table_cell_of_it_or_column_is_named():
    assert judge(lower_bound.CLAIM, 2, Tables.of()).where == "no writeup/evaluations.parquet in the results"
    assert "no column population_ess" in judged(evaluations().drop(columns="population_ess")).where
    assert judged(optimal=OPTIMAL[OPTIMAL["dim"] != 5]).where == "no optimal critic of d = 5, ρ = 0.85"


def test_too_few_seeds_decide_nothing():
    table = evaluations()
    verdict = judged(table[table["seed"] < 4])
    assert verdict.verdict == UNDECIDED
    assert "4 seeds" in verdict.where
