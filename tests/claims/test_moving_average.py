"""Do covariance and variance shrink by the write-up's factors: the instrument, and training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made import NAN, RHOS, STEPS, made_evaluations, made_summary
from made_frozen import made_identities, made_lag

from mine.claims import moving_average
from mine.claims.claim import BROKEN, CHECKED, FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

RATE, SEEDS = 0.5, 100
FROZEN, TRAINING = "frozen critics, d = 5, ρ = 0.85, α = 0.1", "training, d = 5, ρ = 0.85"
OVER_SEEDS = "training, derangement, d = 5, ρ = 0.9"
COVARIANCE, VARIANCE = "Cov(v, A) / (α Cov(B_exp, A)), an identity", "Var(v) / (α/(2-α) Var(B_exp)), an identity"
SHARE = "share of sampling noise in the mean squared error of log v"
SAME, GRADIENT, SPREAD = moving_average._QUANTITIES.values()


def made_training(theta=0.0, seeds=SEEDS, rate=RATE, setting="derangement", rhos=RHOS):
    """Evaluations of v = its average of B_exp, of which every batch is independent; theta: spread of E over seeds."""
    generator = np.random.default_rng(0)
    cells = []
    for rho in rhos:
        expectation = np.exp(theta * generator.standard_normal((seeds, len(STEPS))))
        batches = expectation[..., None] * (1.0 + 0.1 * generator.standard_normal((seeds, len(STEPS), 60)))
        weights = rate * (1.0 - rate) ** np.arange(60)[::-1]
        v, b = batches @ weights / weights.sum(), batches[..., -1]
        a = b * (1.0 + 0.02 * generator.standard_normal(b.shape))
        last = np.where(np.array(STEPS) == STEPS[-1], NAN, 1.0)
        cells.append(
            {"setting": setting, "variant": "ema", "dim": 5, "rho": rho, "log_mean_exp": np.log(b)}
            | {"log_ema": np.log(v) * last, "grad_norm_product": 9.0 * a / v * last}
        )
    return made_evaluations(*cells, seeds=seeds)


def made_runs(seeds=SEEDS, rate=RATE, setting="derangement"):
    cells = [{"setting": setting, "variant": "ema", "dim": 5, "rho": rho, "ema_rate": rate} for rho in RHOS]
    return made_summary(*cells, seeds=seeds)


def settled_lag(rate=RATE, seeds=40):
    """Training at a critic that stands still: noise is the moving average of what batches are off by."""
    table = made_lag(lag=0.01, noise=0.0, seeds=seeds, rate=rate)
    generator = np.random.default_rng(0)
    weights = rate * (1.0 - rate) ** np.arange(25)[::-1]
    batches = 0.3 * generator.standard_normal((len(table), 25)).clip(-3, 3)
    table["noise"] = batches @ weights
    table["log_v"] = table["log_expectation"] + np.log1p(table["lag"] + table["noise"])
    table["log_mean_exp"] = table["log_expectation"] + np.log1p(batches[:, -1])
    table["noise_squared"], table["batch_squared"] = table["noise"] ** 2, batches[:, -1] ** 2
    table["noise_batch"] = table["noise"] * batches[:, -1]
    return table


def judged(identities=None, lag=None, evaluations=None, runs=None):
    made = {
        "frozen_identities": identities,
        "frozen_lag": lag,
        "writeup_evaluations": evaluations,
        "writeup_summary": runs,
    }
    return judge(
        moving_average.CLAIM, 4, Tables.of(**{name: table for name, table in made.items() if table is not None})
    )


def one(verdict, cell, quantity):
    (finding,) = [f for f in verdict.findings if f.cell == cell and f.quantity == quantity]
    return finding


def primary(verdict):
    return [finding.verdict for finding in verdict.findings if finding.primary]


@pytest.fixture(scope="module")
def still():
    """Critics that do not move, with independent batches: everything the write-up says."""
    return judged(made_identities(), settled_lag(), made_training(), made_runs())


def test_critics_that_stand_still_do_what_the_write_up_says(still):
    assert still.verdict == HOLDS
    assert primary(still) == [HOLDS] * 14
    assert one(still, TRAINING, SHARE).effect > 0.95
    for quantity in (SAME, GRADIENT, SPREAD):
        assert one(still, OVER_SEEDS, quantity).effect == pytest.approx(1.0, abs=0.12)
    for quantity in moving_average._GIVEN.values():
        given = one(still, TRAINING, quantity)
        assert (given.verdict, given.primary) == (HOLDS, False)
    assert one(still, FROZEN, COVARIANCE).verdict == CHECKED
    assert one(still, FROZEN, VARIANCE).note == "8,000 batches"


def test_critics_that_differ_over_seeds_take_v_with_them():
    verdict = judged(made_identities(), made_lag(lag=0.4, noise=0.1), made_training(theta=0.3), made_runs())
    assert verdict.verdict == FAILS
    assert set(primary(verdict)) == {FAILS}
    assert one(verdict, OVER_SEEDS, SAME).effect > 1.7
    share = one(verdict, TRAINING, SHARE)
    assert share.effect == pytest.approx(0.06, abs=0.04)
    assert one(verdict, TRAINING, "root mean square lag of log v").verdict == REPORTED


def test_noise_that_outweighs_lag_and_covariances_that_do_not_fit_is_in_part():
    verdict = judged(made_identities(), made_lag(lag=0.05, noise=0.3), made_training(theta=0.3), made_runs())
    assert verdict.verdict == PARTLY
    assert SHARE in verdict.where


def test_as_much_noise_as_lag_cannot_be_decided():
    lag = made_lag(lag=0.01, noise=0.0)
    even = lag["seed"] % 2 == 0
    lag["noise"] = np.where(even, 0.02, 0.005)
    lag["lag"] = np.where(even, 0.005, 0.02)
    lag["log_v"] = lag["log_expectation"] + np.log1p(lag["lag"] + lag["noise"])
    verdict = judged(lag=lag)
    assert verdict.verdict == UNDECIDED
    assert one(verdict, TRAINING, SHARE).note == "the interval contains a half"


def test_too_few_seeds_for_the_margin_cannot_be_decided():
    verdict = judged(made_identities(), settled_lag(), made_training(seeds=8), made_runs(seeds=8))
    assert verdict.verdict == UNDECIDED
    assert "the interval reaches across the margin" in verdict.where


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        ({"covariance": 1.6}, BROKEN),
        ({"covariance": 0.5}, BROKEN),
        ({"covariance": 1.2}, CHECKED),
        ({"covariance": 1.27}, REPORTED),
        ({"spread": 0.9}, REPORTED),
        ({"n_batches": (250, 300)}, REPORTED),
    ],
)
def test_the_instrument_fails_only_where_the_whole_interval_is_outside(made, verdict):
    found = judged(made_identities(**made))
    assert one(found, FROZEN, COVARIANCE).verdict == verdict
    assert found.where.startswith("an instrument fails its check") == (verdict == BROKEN)


def test_the_largest_number_of_batches_counts_and_a_rate_of_one_checks_nothing():
    table = made_identities()
    table.loc[table["n_batches"] == 250, "covariance_ratio"] = 40.0
    table.loc[table["ema_rate"] == 1.0, "variance_ratio"] = 40.0
    table.loc[table["direction"] == "random 1", "covariance_ratio"] = 40.0
    found = judged(table)
    assert {f.verdict for f in found.findings if "identity" in f.quantity} == {CHECKED}
    assert not [f for f in found.findings if "α = 1" in f.cell]


def test_heavy_tails_are_said_to_leave_the_interval_wide():
    found = one(judged(made_identities(spread=0.9)), FROZEN, VARIANCE)
    assert found.note == "8,000 batches: heavy tails leave the interval wider than the margin"
    short = one(judged(made_identities(n_batches=(250, 300))), FROZEN, VARIANCE)
    assert short.note == "300 batches: too few for this α to check anything"


def test_expectations_of_few_samples_are_left_out_and_counted():
    lag = settled_lag()
    lag.loc[(lag["step"] == 1000) & (lag["seed"] == 0), "ess"] = 12.0
    lag.loc[lag["ess"] < 50, "noise"] = 1e6
    share = one(judged(lag=lag), TRAINING, SHARE)
    assert share.note == "1 of 4000 values left out, effective sample size under 50"
    assert share.verdict == HOLDS
    assert "no E_Q[e^T] with an effective sample size of 50" in judged(lag=lag.assign(ess=1.0)).where


def test_critics_too_far_apart_decide_no_ratio_given_them():
    found = judged(lag=settled_lag().assign(updates=25))
    for quantity in moving_average._GIVEN.values():
        given = one(found, TRAINING, quantity)
        assert given.verdict == UNDECIDED
        assert given.note.startswith("saved critics are 25 updates apart, at most 5")
    assert one(found, TRAINING, SHARE).verdict == HOLDS


def test_the_start_of_v_is_left_out():
    lag = settled_lag()
    lag.loc[lag["step"] < 500, "lag"] = 1e6
    assert one(judged(lag=lag), TRAINING, SHARE).verdict == HOLDS
    assert "no update from 500 on" in judged(lag=lag[lag["step"] < 500]).where


def test_what_is_missing_is_named():
    nothing = judged()
    assert nothing.verdict == UNDECIDED
    assert nothing.where == "no frozen/lag.parquet in the results; no writeup/evaluations.parquet in the results"
    assert {finding.note for finding in nothing.findings} >= {"no frozen/identities.parquet in the results"}
    without_frozen = judged(evaluations=made_training(), runs=made_runs())
    assert primary(without_frozen) == [UNDECIDED, *[HOLDS] * 12]
    assert "no column log_ema" in judged(evaluations=made_training().drop(columns="log_ema"), runs=made_runs()).where
    lag = settled_lag()
    assert "no runs of d = 5, ρ = 0.95" in judged(lag=lag[lag["rho"] == 0.85]).where
    evaluations = made_training(rhos=RHOS[:3])
    assert "no runs of ema, derangement, d = 5, ρ = 0.99" in judged(evaluations=evaluations, runs=made_runs()).where
    several = made_runs()
    several.loc[several["rho"] == 0.9, "ema_rate"] = np.linspace(0.1, 0.2, SEEDS)
    assert (
        "runs with several α, training, derangement, d = 5, ρ = 0.9"
        in judged(evaluations=made_training(), runs=several).where
    )


def test_runs_without_a_value_are_left_out_and_counted():
    evaluations = made_training()
    evaluations.loc[(evaluations["seed"] < 3) & (evaluations["step"] == 501), "log_ema"] = np.inf
    found = one(judged(evaluations=evaluations, runs=made_runs()), OVER_SEEDS, SPREAD)
    assert found.n_seeds == SEEDS - 3
    assert found.note == "3 of 100 runs left out: a value is missing or not finite"
    gone = judged(evaluations=evaluations.assign(grad_norm_product=NAN), runs=made_runs())
    assert "no run with v, B_exp and the second term's norm at every evaluation" in gone.where
    start = judged(evaluations=evaluations[evaluations["step"] < 600], runs=made_runs())
    assert "no evaluation past update 500 and before the last" in start.where


def test_a_permutation_is_no_primary_finding():
    settings = ("derangement", "permutation")
    evaluations = pd.concat([made_training(setting=setting) for setting in settings])
    runs = pd.concat([made_runs(setting=setting) for setting in settings])
    found = judged(evaluations=evaluations, runs=runs)
    other = one(found, "training, permutation, d = 5, ρ = 0.9", SPREAD)
    assert (other.verdict, other.primary) == (HOLDS, False)
    assert other.level > 0.99


def test_too_few_seeds_decide_nothing():
    found = judged(made_identities(seeds=4), settled_lag(seeds=4), made_training(seeds=4), made_runs(seeds=4))
    assert found.verdict == UNDECIDED
    assert set(primary(found)) == {UNDECIDED}
