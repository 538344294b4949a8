"""Is the batch gradient biased, does it fall as 1 / k, and does the expansion say by how much?"""

from __future__ import annotations

import numpy as np
import pytest
from made_frozen import made_bias, made_directions

from mine.claims import gradient_bias
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.tables import Tables

CELL = "d = 5, ρ = 0.85, step 1,000"


HERE = {"rhos": (0.85,), "steps": (1000,)}


def judged(bias, directions=None):
    tables = {"frozen_bias": bias} | ({} if directions is None else {"frozen_directions": directions})
    return judge(gradient_bias.CLAIM, 3, Tables.of(**tables))


def one(verdict, words, cell=CELL):
    """The finding whose quantity ends so."""
    (finding,) = [f for f in verdict.findings if f.cell == cell and f.quantity.endswith(words)]
    return finding


def primary(verdict):
    return [finding.verdict for finding in verdict.findings if finding.primary]


def as_one_over(power):
    return lambda k: 2.0 * (128 / k) ** (2.0 * power)


def test_a_bias_that_falls_as_one_over_k_and_as_taylor_says_holds():
    verdict = judged(made_bias(as_one_over(1.0)), made_directions(lambda k: -50 / k, lambda k: -50 / k, **HERE))
    assert verdict.verdict == HOLDS
    assert primary(verdict) == [HOLDS] * 6
    squared = one(verdict, "squared bias at k = 128, of the true second term's")
    assert (squared.effect, squared.n_seeds) == (pytest.approx(2.0 / 50.0), 10)
    assert 0.0 < squared.low < squared.effect < squared.high
    falls = one(verdict, "k ≥ 64 (1: as 1/k)")
    assert (falls.effect, falls.verdict, falls.primary) == (pytest.approx(1.0), HOLDS, False)
    for k in ("16", "128", "1,024"):
        taylor = one(verdict, f"bias along the true gradient, measured / Taylor, k = {k}")
        assert (taylor.effect, taylor.verdict, taylor.primary) == (pytest.approx(1.0), HOLDS, False)
    assert one(verdict, "random directions, measured / Taylor (least squares), k = 1,024").verdict == REPORTED


def test_no_bias_does_not_hold():
    # An unbiased square of nothing is as often below 0 as above.
    bias = made_bias(lambda k: 1e-3)
    bias["bias_squared"] *= np.where(bias["seed"] % 2, 1.0, -1.0)
    verdict = judged(bias)
    assert verdict.verdict == FAILS
    assert set(primary(verdict)) == {FAILS}
    falls = one(verdict, "k ≥ 64 (1: as 1/k)")
    assert (falls.verdict, falls.note) == (UNDECIDED, "the bias is lost in noise at some batch size")


def test_noise_as_large_as_a_bias_could_be_cannot_be_decided():
    bias = made_bias(lambda k: 5.0)
    bias["bias_squared"] *= np.where(bias["seed"] % 2, 1.0, -1.0)
    verdict = judged(bias)
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}
    assert "neither above 0 nor shown to be negligible" in verdict.where


def test_some_critics_with_a_bias_and_some_without_is_in_part():
    bias = made_bias(as_one_over(1.0))
    flat = bias["rho"] == 0.85
    bias.loc[flat, "bias_squared"] = 1e-3 * np.where(bias.loc[flat, "seed"] % 2, 1.0, -1.0)
    verdict = judged(bias)
    assert verdict.verdict == PARTLY
    assert "ρ = 0.95" in verdict.where
    assert "ρ = 0.85" not in verdict.where


@pytest.mark.parametrize(("power", "verdict"), [(0.5, FAILS), (1.0, HOLDS), (1.24, HOLDS), (1.5, FAILS)])
def test_how_it_falls_is_judged_by_the_margin(power, verdict):
    falls = one(judged(made_bias(as_one_over(power), **HERE)), "k ≥ 64 (1: as 1/k)")
    assert (falls.effect, falls.verdict) == (pytest.approx(power), verdict)


def test_small_batches_and_permuted_ones_are_reported_apart():
    bent = made_bias(lambda k: 2.0 * (128 / max(k, 64)) ** 2.0, permuted=as_one_over(0.5), **HERE)
    verdict = judged(bent)
    assert one(verdict, "k ≥ 64 (1: as 1/k)").effect == pytest.approx(1.0)
    assert one(verdict, "the same, k ≤ 64").effect == pytest.approx(0.0)
    permuted = one(verdict, "k ≥ 64 (1: as 1/k), z permuted")
    assert (permuted.effect, permuted.verdict) == (pytest.approx(0.5), REPORTED)
    assert one(verdict, "squared bias at k = 128, of the true second term's, z permuted").verdict == REPORTED


def test_taylors_prediction_is_judged_k_by_k():
    far_off_when_small = made_directions(lambda k: -50 / k if k >= 1024 else -1.0, lambda k: -50 / k, **HERE)
    verdict = judged(made_bias(as_one_over(1.0)), far_off_when_small)
    assert one(verdict, "true gradient, measured / Taylor, k = 16").verdict == FAILS
    assert one(verdict, "true gradient, measured / Taylor, k = 1,024").verdict == HOLDS
    assert verdict.verdict == HOLDS  # of a bias that is there


def test_a_scattered_ratio_to_taylor_cannot_be_decided():
    directions = made_directions(lambda k: -50 / k, lambda k: -50 / k, **HERE)
    directions["bias"] *= np.where(directions["seed"] % 2, 1.6, 0.3)
    taylor = one(judged(made_bias(as_one_over(1.0), **HERE), directions), "true gradient, measured / Taylor, k = 128")
    assert (taylor.verdict, taylor.note) == (UNDECIDED, "the interval reaches across the margin")


def test_a_reference_of_few_samples_decides_nothing_and_is_named():
    bias = made_bias(as_one_over(1.0))
    bias.loc[(bias["rho"] == 0.95) & (bias["step"] == 100) & (bias["seed"] == 3), "ess"] = 812.0
    verdict = judged(bias)
    assert verdict.verdict == UNDECIDED
    words = "the true gradient's effective sample size is under 1,000 in 1 of 10 seeds, 812 at worst"
    assert verdict.where == f"holds in 5 of 6 primary findings; 1 of 6 primary findings cannot be decided: {words}"
    assert primary(verdict).count(HOLDS) == 5
    low = made_directions(lambda k: -1.0, lambda k: -1.0, ess=10.0, **HERE)
    assert "10 at worst" in one(judged(bias, low), "true gradient, measured / Taylor, k = 16").note


def test_taylors_moments_of_few_samples_decide_nothing():
    low = made_directions(lambda k: -1.0, lambda k: -1.0, taylor_ess=12.0, **HERE)
    taylor = one(judged(made_bias(as_one_over(1.0), **HERE), low), "true gradient, measured / Taylor, k = 16")
    assert taylor.verdict == UNDECIDED
    assert "effective sample size under 50 in 10 seeds" in taylor.note


def test_what_is_missing_is_named():
    assert judge(gradient_bias.CLAIM, 3, Tables.of()).where == "no frozen/bias.parquet in the results"
    bias = made_bias(as_one_over(1.0))
    assert "no column ess" in judged(bias.drop(columns="ess")).where
    verdict = judged(bias[bias["rho"] == 0.85])
    assert verdict.verdict == UNDECIDED
    assert "no runs of d = 5, ρ = 0.95, step 3,000" in verdict.where
    assert primary(verdict).count(HOLDS) == 3
    assert "no independent batches of 128" in judged(bias[bias["batch_size"] != 128]).where
    (taylor,) = [f for f in verdict.findings if "Taylor" in f.quantity]
    assert (taylor.verdict, taylor.note) == (UNDECIDED, "no frozen/directions.parquet in the results")
    taylor = one(
        judged(bias, made_directions(lambda k: -1.0, lambda k: -1.0, **HERE)), "Taylor", "d = 5, ρ = 0.95, step 100"
    )
    assert (taylor.verdict, taylor.note) == (UNDECIDED, "no bias measured along the true gradient")


def test_too_few_seeds_decide_nothing():
    verdict = judged(
        made_bias(as_one_over(1.0), seeds=4), made_directions(lambda k: -1.0, lambda k: -1.0, seeds=4, **HERE)
    )
    assert verdict.verdict == UNDECIDED
    assert not {HOLDS, FAILS} & {finding.verdict for finding in verdict.findings}


def test_another_critic_is_no_primary_finding():
    verdict = judged(made_bias(as_one_over(1.0), rhos=(0.85, 0.9, 0.95)))
    assert len(primary(verdict)) == 6
    other = one(verdict, "squared bias at k = 128, of the true second term's", "d = 5, ρ = 0.9, step 100")
    assert (other.verdict, other.primary) == (HOLDS, False)
    assert other.level > 0.98
