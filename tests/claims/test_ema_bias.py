"""Is the moving average's gradient less biased than the batch's, and what does that cost?"""

from __future__ import annotations

import numpy as np
import pytest
from made_frozen import NAN, made_bias

from mine.claims import ema_bias
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

CELL = "d = 5, ρ = 0.85, step 1,000, α = 0.01"
SMALLER = "squared bias of the EMA gradient / of the batch gradient, k = 128"


def made(ratio, variance=lambda rate: 60.0, **more):
    """The EMA's squared bias is ``ratio`` of the batch gradient's, whatever alpha."""
    return made_bias(lambda k: 2.0, ema=lambda rate: 2.0 * ratio, variance=variance, **more)


def judged(table):
    return judge(ema_bias.CLAIM, 5, Tables.of(frozen_bias=table))


def one(verdict, quantity=SMALLER, cell=CELL):
    (finding,) = [f for f in verdict.findings if f.cell == cell and f.quantity == quantity]
    return finding


def primary(verdict):
    return [finding.verdict for finding in verdict.findings if finding.primary]


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(0.02, HOLDS), (-0.001, HOLDS), (0.9, HOLDS), (1.1, FAILS), (1.0, FAILS)]
)
def test_a_smaller_bias_holds_and_a_larger_does_not(ratio, verdict):
    found = judged(made(ratio))
    assert found.verdict == verdict
    assert primary(found) == [verdict] * 6
    assert one(found).effect == pytest.approx(ratio)
    assert one(found).n_seeds == 10


def test_a_ratio_about_one_cannot_be_decided():
    table = made(1.0)
    table.loc[table["estimator"] == "ema", "bias_squared"] *= np.where(np.arange(180) % 2, 1.5, 0.5)
    found = judged(table)
    assert found.verdict == UNDECIDED
    assert one(found).note == "the interval contains 1"


def test_smaller_at_some_critics_is_in_part():
    table = made(0.1)
    table.loc[(table["estimator"] == "ema") & (table["rho"] == 0.95), "bias_squared"] *= 30.0
    found = judged(table)
    assert found.verdict == PARTLY
    assert "ρ = 0.85" in found.where
    assert "ρ = 0.95" not in found.where


def test_only_the_published_rate_is_primary_and_a_rate_of_one_is_no_average():
    found = judged(made_bias(lambda k: 2.0, ema=lambda rate: 2.0 * rate / 0.1))
    assert found.verdict == HOLDS
    assert one(found, cell=CELL.replace("0.01", "0.1")).effect == pytest.approx(1.0)
    assert one(found, cell=CELL.replace("0.01", "0.1")).level > 0.99
    assert {finding.cell[-5:] for finding in found.findings} == {" 0.01", "= 0.1"}


def test_what_it_costs_in_variance_is_reported():
    found = judged(made(0.1, variance=lambda rate: 60.0 if np.isnan(rate) else 240.0))
    cost = one(found, "variance of the EMA gradient / of the batch gradient, k = 128")
    assert (cost.effect, cost.verdict) == (pytest.approx(4.0), REPORTED)
    (error,) = [f for f in found.findings if f.cell == CELL and "mean squared error" in f.quantity]
    # Of a seed's factor f: (240 + 0.2 f) / (60 + 2 f).
    assert (error.effect, error.verdict) == (pytest.approx(240.2 / 62.0), REPORTED)
    assert found.verdict == HOLDS


def test_without_a_bias_there_is_nothing_to_make_smaller():
    table = made(0.1)
    table["bias_squared"] *= np.where(table["seed"] % 2, 1.0, -1.0)
    found = judged(table)
    assert found.verdict == UNDECIDED
    assert one(found).note == "the batch gradient's own bias is not clear of 0"


def test_a_reference_of_few_samples_decides_nothing_and_is_named():
    found = judged(made(0.1, ess=640.0))
    assert found.verdict == UNDECIDED
    assert found.where == "the true gradient's effective sample size is under 1,000 in 10 of 10 seeds, 640 at worst"


def test_what_is_missing_is_named():
    assert judge(ema_bias.CLAIM, 5, Tables.of()).where == "no frozen/bias.parquet in the results"
    table = made(0.1)
    assert "no column variance" in judged(table.drop(columns="variance")).where
    assert "no runs of d = 5, ρ = 0.95, step 100" in judged(table[table["rho"] == 0.85]).where
    without = judged(table[table["ema_rate"] != 0.01])
    assert without.verdict == UNDECIDED
    assert f"no seed with both gradients measured, {CELL}" in without.where
    table.loc[table["ema_rate"] == 0.01, "bias_squared"] = NAN  # too few batches for this alpha
    assert f"no seed with both gradients measured, {CELL}" in judged(table).where


def test_variance_that_was_not_measured_is_left_out():
    found = judged(made(0.1, variance=lambda rate: NAN))
    assert found.verdict == HOLDS
    assert {finding.quantity for finding in found.findings} == {SMALLER}


def test_too_few_seeds_decide_nothing():
    found = judged(made(0.1, seeds=4))
    assert found.verdict == UNDECIDED
    assert "4 seeds, at least 5 are needed" in found.where
