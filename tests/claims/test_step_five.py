"""Step 5 as printed: as near, farther, and not to be told."""

from __future__ import annotations

import numpy as np
import pytest
from made import NAN, RHOS, made_summary

from mine.claims import step_five
from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED, judge
from mine.claims.tables import Tables
from mine.gaussian import mutual_information

SPREAD = np.linspace(-0.05, 0.05, 10)


def ablation(printed, derived, seeds=10, more=None):
    """Errors of final values, in-batch and at the population; ``more`` columns by variant."""
    cells = []
    for rho in RHOS:
        truth = mutual_information(5, rho)
        for variant, error in (("ema-as-printed", printed), ("ema", derived), ("biased", 50.0)):
            values = dict.fromkeys(("mi_batch_mean", "mi_population", "mi_heldout"), truth + np.asarray(error))
            cells.append({"variant": variant, "rho": rho, **values, **(more or {}).get(variant, {})})
    return made_summary(*cells, seeds=seeds)


def judged(table):
    return judge(step_five.CLAIM, 11, Tables.of(ablation_summary=table))


def primary(verdict):
    return [finding.verdict for finding in verdict.findings if finding.primary]


def one(verdict, words, cell="d = 5, ρ = 0.9"):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def test_farther_from_the_truth_does_not_hold():
    verdict = judged(ablation(-1.2 + SPREAD, -0.2))
    assert verdict.verdict == FAILS
    assert primary(verdict) == [FAILS] * 8
    found = one(verdict, "in-batch")
    assert found.effect == pytest.approx(1.0)
    assert "as printed 2.95, derivation 3.95, truth 4.15" in found.note


@pytest.mark.parametrize("error", [-0.2, 0.2, -0.4, 0.0], ids=["same", "above", "within the margin", "nearer"])
def test_as_near_holds(error):
    verdict = judged(ablation(error + SPREAD, -0.2))
    assert verdict.verdict == HOLDS
    assert primary(verdict) == [HOLDS] * 8


def test_a_difference_astride_the_margin_cannot_be_decided():
    verdict = judged(ablation([-0.1] * 5 + [-0.9] * 5, -0.2))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}


def test_a_derivation_that_diverges_is_farther():
    away = {"ema": {"runaway_step": 501}}
    verdict = judged(ablation(-1.2, 0.0, more=away))
    assert primary(verdict) == [HOLDS] * 8
    assert "diverged: 0 as printed, 10 of the derivation's, of 10" in one(verdict, "in-batch").note


def test_a_population_value_that_is_no_number_on_either_side_decides_nothing():
    low = {variant: {"population_ess": 10.0} for variant in ("ema", "ema-as-printed")}
    verdict = judged(ablation(-1.2, -0.2, more=low))
    assert one(verdict, "population").verdict == UNDECIDED
    assert one(verdict, "in-batch").verdict == FAILS
    assert one(verdict, "held-out").primary is False


def test_one_rho_alone_is_a_part():
    table = ablation(-1.2, -0.2)
    here = (table["variant"] == "ema-as-printed") & (table["rho"] == 0.85)
    table.loc[here, ["mi_batch_mean", "mi_population"]] = mutual_information(5, 0.85)
    verdict = judged(table)
    assert verdict.verdict == PARTLY
    assert "ρ = 0.85" in verdict.where
    assert "ρ = 0.9" not in verdict.where


def test_what_is_missing_is_named():
    table = ablation(-1.2, -0.2)
    verdict = judged(table[table["variant"] != "ema-as-printed"])
    assert verdict.verdict == UNDECIDED
    assert "no runs of ema-as-printed, d = 5, ρ = 0.85" in verdict.where
    assert judge(step_five.CLAIM, 11, Tables.of()).where == "no ablation/summary.parquet in the results"
    assert "no column population_ess" in judged(table.drop(columns="population_ess")).where


def test_too_few_seeds_decide_nothing():
    assert set(primary(judged(ablation(-1.2, -0.2, seeds=4)))) == {UNDECIDED}


def test_runs_are_paired_by_seed():
    table = ablation(-1.2, -0.2, more={"ema": {"runaway_step": [501] * 2 + [NAN] * 8}})
    found = one(judged(table.sample(frac=1.0, random_state=1)), "in-batch")
    assert (found.low, found.effect) == (-np.inf, pytest.approx(1.0))
