"""Estimates of data whose mutual information is known, and each warning."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from known_data import QUICK, columns, gaussian, turned

from mine.errors import UserError
from mine.own import cautions
from mine.own.blend import fit_blend
from mine.own.columns import column
from mine.own.estimate import estimate, fit
from mine.own.report import verdict
from mine.own.scores import Judged, judge
from mine.own.settings import WITH_CRITIC, OwnSettings


def made(rows=600, dim=2, rho=0.6, data=0, **settings):
    x, z = gaussian(rows, dim, rho, data)
    x, z = columns(x), columns(z, "z")
    fitted = fit(x, z, OwnSettings(**{**QUICK, **settings}))
    return fitted, estimate(fitted, x, z)


def codes(result):
    return {each.code for each in result.warnings}


@pytest.fixture(scope="module")
def dependent():
    return made(2000, max_updates=1000)


def test_it_comes_near_the_truth_and_sees_the_dependence(dependent):
    fitted, result = dependent
    truth = -math.log1p(-(0.6**2))  # 0.446 nats
    assert result.mi == pytest.approx(truth, abs=0.12)
    assert result.interval[0] < result.mi < result.interval[1]
    assert result.p_value == 0.01
    assert result.warnings == ()
    assert "depend on each other" in verdict(result)
    assert fitted.trained.ended


def test_independent_data_give_nothing_not_a_large_negative_number():
    fitted, result = made(2000, rho=0.0, data=3)
    assert abs(result.mi) < 0.01
    assert result.p_value > 0.05
    assert "no proof of independence" in verdict(result)
    # Where training went on, the fit is to noise: later looks are worse than the kept one.
    last, kept = fitted.trained.looks[-1], min(fitted.trained.best)
    assert min(last.criterion) > kept


def test_the_parts_are_disjoint_and_of_the_shares_asked_for(dependent):
    rows = dependent[0].rows
    assert [len(part) for part in rows] == [1200, 400, 400]
    assert sorted(np.concatenate(rows)) == list(range(2000))


def test_test_rows_decide_nothing(dependent):
    """Other values in the test rows: the same critics, the same choice."""
    x, z = gaussian(2000, 2, 0.6)
    test = dependent[0].rows[2]
    z[test] = np.random.default_rng(9).standard_normal((len(test), 2))
    other = fit(columns(x), columns(z, "z"), dependent[0].settings)
    assert other.trained.chosen == dependent[0].trained.chosen
    for name, tensor in other.trained.parameters.items():
        assert (tensor == dependent[0].trained.parameters[name]).all()
    assert other.copula.to_dict() == dependent[0].copula.to_dict()
    assert other.blend.to_dict() == dependent[0].blend.to_dict()
    assert estimate(other, columns(x), columns(z, "z")).mi < 0.0


def test_validation_rows_calibrate_the_mean_of_the_initialisations(dependent):
    fitted, result = dependent
    x, z = gaussian(2000, 2, 0.6)
    seen = fitted.tensors(columns(x), columns(z, "z"))
    of_members = fitted.trained.members([0, 1])
    assert fitted.trained.usable == [0, 1]
    again = fit_blend(fitted.trained.estimator.critic, of_members, *(each[fitted.rows[1]] for each in seen))
    assert again.to_dict() == fitted.blend.to_dict()
    judged = judge(SimpleNamespace(critic=again), of_members, *(each[fitted.rows[2]] for each in seen))
    assert result.mi == pytest.approx(judged.value, abs=1e-12)
    assert result.mi != result.initialisations[result.chosen].test


def test_by_hand_validation_rows_choose_among_initialisations():
    fitted, result = made(combine="choose")
    assert len(result.initialisations) == 2
    assert fitted.trained.best[result.chosen] == min(fitted.trained.best)
    assert result.mi == result.initialisations[result.chosen].test
    low, high = result.spread
    assert low <= result.mi <= high


def test_a_seed_repeats_to_the_bit_and_another_does_not():
    first, again, other = (made(200, seed=seed, max_updates=50)[1].mi for seed in (0, 0, 5))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", WITH_CRITIC)
def test_every_estimator_with_a_critic_sees_strong_dependence(name):
    _, result = made(800, rho=0.8, estimator=name, batch_size=128, hidden=32)
    assert 0.3 < result.mi < 1.4  # 1.02 nats
    assert result.p_value == 0.01


def test_the_separable_critic():
    _, result = made(800, rho=0.8, critic="separable", batch_size=128)
    assert 0.5 < result.mi < 1.3


def test_a_critic_that_nobody_names_is_either_where_both_can_be_averaged():
    assert OwnSettings().critic == "either"
    assert OwnSettings(combine="choose").critic == "concat"
    assert OwnSettings(estimator="infonce").critic == "separable"
    assert OwnSettings(critic="separable").critic == "separable"
    assert [each.critic for each in OwnSettings().candidates] == ["concat", "separable"]
    assert OwnSettings(critic="concat").candidates == (OwnSettings(critic="concat"),)


@pytest.mark.parametrize("given", [{"combine": "choose"}, {"estimator": "infonce"}])
def test_either_critic_needs_two_whose_means_can_be_compared(given):
    with pytest.raises(UserError, match="critic: 'either' compares calibrated means"):
        OwnSettings(critic="either", **given)


def test_validation_rows_choose_the_critic_and_it_is_the_same_as_if_it_had_been_asked_for():
    fitted, result = made(800, rho=0.8)
    assert list(fitted.tried) == ["concat", "separable"]
    assert fitted.read.critic == max(fitted.tried, key=fitted.tried.get)
    assert fitted.blend.validation == fitted.tried[fitted.read.critic]
    found = {}
    for one in OwnSettings(**QUICK).candidates:
        alone = made(800, rho=0.8, **{name: getattr(one, name) for name in ("critic", "layers", "batch_size")})
        assert alone[0].tried == {}
        assert alone[0].blend.validation == fitted.tried[one.critic]
        found[one.critic] = alone[1].mi
    assert result.mi == found[fitted.read.critic]


def test_a_separable_critic_sees_what_turns_with_each_sides_length():
    """A Gaussian pair in two dimensions, each side turned by an angle that grows with its own length."""
    x, z = (columns(turned(side, 1.5), name) for side, name in zip(gaussian(3000, 2, 0.8), "xz", strict=True))
    fitted = fit(x, z, OwnSettings(initialisations=1))
    assert fitted.read.critic == "separable"
    assert fitted.tried["separable"] > fitted.tried["concat"] + 0.05


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"estimator": "club"}, "'club' models densities and has no critic"),
        ({"marginals": "ranks"}, "marginals: 'ranks' is unknown|marginals: 'ranks'"),
        ({"estimator": "mine"}, "estimator: 'mine' is unknown"),
        ({"estimator": "infonce", "critic": "concat"}, "critic: 'concat' is none that infonce exists with"),
        ({"split": (60.0, 40.0)}, "split: .* is not three positive shares"),
        ({"split": (60.0, 40.0, "x")}, "split: "),
        ({"split": (60.0, 40.0, 0.0)}, "split: "),
        ({"initialisations": 0}, "initialisations: 0 is not a whole number of at least 1"),
        ({"permutations": 5}, "permutations: 5 is not a whole number of at least 99"),
        ({"seed": -1}, "seed: -1"),
        ({"level": 1.0}, r"level: 1.0 is not a number in \(0, 1\)"),
        ({"hidden": "x"}, "hidden: 'x'"),
        ({"learning_rate": "fast"}, "learning_rate: 'fast'"),
    ],
)
def test_settings_out_of_range(changed, message):
    with pytest.raises(UserError, match=message):
        OwnSettings(**changed)


def test_too_few_rows_say_how_many_are_needed():
    with pytest.raises(UserError, match=r"rows: 40 give 24 training, 8 validation and 8 test rows; .* about 50 rows"):
        OwnSettings().parts(40)
    assert OwnSettings().parts(50) == (30, 10, 10)


# ---- warnings


def judged(value=0.5, spread=0.02, **changed):
    """Made test rows: 1,000 of them, their product term well covered."""
    resampled = value + spread * np.random.default_rng(0).standard_normal(200)
    fields = {
        "value": value, "resampled": resampled, "joint_mean": 1.0, "permuted": np.zeros(99), "ess_pairs": 5e5,
        "ess_rows": 900.0, "pairs": 999_000, "block": 1000, "joint": np.zeros(3), "product": np.zeros(3),
        "scores": np.zeros(3),
    }  # fmt: skip
    return Judged(**{**fields, **changed})


@pytest.mark.parametrize(
    ("rows", "test", "validation", "entropies", "code"),
    [
        (1000, judged(), judged(), (None, None), None),
        (1000, judged(6.5), judged(6.5), (None, None), "near_log_n"),
        (1000, judged(ess_pairs=12.0), judged(), (None, None), "low_ess"),
        (1000, judged(ess_rows=12.0), judged(), (None, None), "low_ess"),
        (1000, judged(), judged(0.7), (None, None), "validation_test_part"),
        (1000, judged(1.2), judged(1.2), (None, 1.1), "above_entropy"),
        (90, judged(ess_rows=80.0), judged(), (None, None), "few_rows"),
        (1000, judged(math.inf), None, (None, None), "not_finite"),
    ],
)
def test_each_warning_of_test_rows(rows, test, validation, entropies, code):
    with np.errstate(invalid="ignore"):
        interval = (test.value - 0.05, test.value + 0.05)
        found = cautions.of_test_rows(test, interval, rows, math.log(rows), validation, entropies)
    found = [each.code for each in found]
    assert (code in found) if code else found == []


def test_a_number_that_the_warnings_doubt_is_no_verdict(dependent):
    doubt = SimpleNamespace(code="low_ess", text="")
    assert "do not take the value at its word" in verdict(replace(dependent[1], warnings=(doubt,)))


def test_a_high_value_from_few_rows_is_warned_of():
    """5 x 2.0 nats from 60 test rows, whose log is 4.1."""
    _, result = made(300, dim=5, rho=0.99)
    assert codes(result) & {"near_log_n", "low_ess"}
    assert "do not take the value at its word" in verdict(result)


def test_training_that_its_limit_ended_is_warned_of():
    _, result = made(rho=0.9, max_updates=25)
    assert "not_ended" in codes(result)


def test_heavy_tails_are_warned_of_and_rare_levels_are_not():
    x, z = gaussian(2000, 1, 0.5)
    x[5] = 1e4
    settings = OwnSettings(**{**QUICK, "max_updates": 25, "marginals": "standardise"})
    assert "heavy_tails" in {each.code for each in fit(columns(x), columns(z, "z"), settings).warnings}
    levels = np.where(np.arange(2000) % 900 == 0, "rare", "usual")
    rare = [column("x", levels, discrete=True)]
    assert "heavy_tails" not in {each.code for each in fit(rare, columns(z, "z"), settings).warnings}


def test_a_critic_that_knows_its_training_rows_better_is_said_to_be_too_low():
    found = cautions.of_overfitting(judged(0.9), judged(0.7))
    assert [each.code for each in found] == ["overfitting"]
    assert "0.90 nats and on test rows 0.70" in found[0].text
    assert not cautions.of_overfitting(judged(0.7), judged(0.9))
    # Not beyond three standard errors of the difference, nor a difference of no moment.
    assert not cautions.of_overfitting(judged(0.76, 0.05), judged(0.6, 0.05))
    assert not cautions.of_overfitting(judged(0.64, 0.001), judged(0.6, 0.001))


def test_few_rows_of_a_relation_that_needs_many_are_said_to_be(dependent):
    """An angle and, with noise, five times that angle: 1.60 nats, in 500 rows."""
    source = np.random.default_rng(0)
    angle = source.uniform(0.0, 2.0 * math.pi, 500)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    z = np.stack([np.cos(5.0 * angle), np.sin(5.0 * angle)], 1) + 0.3 * source.standard_normal((500, 2))
    x, z = columns(x), columns(z, "z")
    fitted = fit(x, z, OwnSettings(**{**QUICK, "critic": "concat", "max_updates": 400}))
    result = estimate(fitted, x, z)
    assert result.mi + 0.1 < result.training
    assert result.mi < 1.4
    assert "overfitting" in codes(result)
    assert "likely too low" in verdict(result)
    assert dependent[1].training == pytest.approx(dependent[1].mi, abs=0.1)
