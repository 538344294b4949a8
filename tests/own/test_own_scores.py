"""Value, bootstrap, permutation test and effective sample size against plain NumPy, and against known truths."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from mine.errors import UserError
from mine.estimators import build
from mine.estimators.names import ESTIMATORS
from mine.own.rows import derangements
from mine.own.scores import judge, score_blocks
from mine.own.settings import FREE, PER_Z, WITH_CRITIC, OwnSettings
from mine.settings import TrainingSettings


class Bilinear:
    """T(x, z) = a x . z + c(z): a critic whose values at the population are known."""

    all_pairs = False

    def __init__(self, a, of_z=lambda z: 0.0):
        self.a, self.of_z = a, of_z

    def joint(self, parameters, x, z):
        return (self.a * (x * z).sum(2) + self.of_z(z)).double()


def fixed(a, of_z=lambda z: 0.0):
    return SimpleNamespace(critic=Bilinear(a, of_z))


def pairs(rows, rho, source):
    x = source.standard_normal((rows, 1))
    z = rho * x + math.sqrt(1 - rho**2) * source.standard_normal((rows, 1))
    return torch.from_numpy(x), torch.from_numpy(z)


def scores_of(x, z, a=0.5):
    """T at [i, j] of x_j with z_i."""
    return a * (z.numpy() @ x.numpy().T)


def donsker_varadhan(scores, drawn):
    """Straight from the definition, drawn being the original rows of a resample, joined only where these differ."""
    joint = np.mean([scores[i, i] for i in drawn])
    product = [scores[i, j] for i in drawn for j in drawn if i != j]
    return joint - np.log(np.mean(np.exp(product)))


def info_nce(scores, drawn):
    """Of each drawn row: its own x once, and the x of every drawn row that is another one."""
    values = []
    for i in drawn:
        among = [scores[i, i], *(scores[i, j] for j in drawn if j != i)]
        values.append(scores[i, i] - np.log(np.mean(np.exp(among))))
    return np.mean(values)


@pytest.mark.parametrize(("reads", "definition"), [("donsker-varadhan", donsker_varadhan), ("infonce", info_nce)])
def test_value_and_resamples_are_those_of_the_definition(reads, definition):
    x, z = pairs(15, 0.8, np.random.default_rng(0))
    judged = judge(fixed(0.5), {}, x, z, reads=reads, resamples=6, bootstrap=np.random.default_rng(7))
    scores = scores_of(x, z)
    assert judged.value == pytest.approx(definition(scores, range(15)), abs=1e-12)
    counts = np.random.default_rng(7).multinomial(15, np.full(15, 1 / 15), size=6)
    assert (counts.max(1) > 1).all()  # rows that stand twice, which must not become product pairs
    for value, count in zip(judged.resampled, counts, strict=True):
        assert value == pytest.approx(definition(scores, np.repeat(np.arange(15), count)), abs=1e-12)


def test_copies_joined_as_product_pairs_would_be_seen():
    """What the bootstrap must not do gives another number here, so the test above can fail."""
    scores = scores_of(*pairs(15, 0.8, np.random.default_rng(0)))
    drawn = [0, 0, 1, 2, 3]
    joined = [scores[drawn[i], drawn[j]] for i in range(5) for j in range(5) if i != j]
    wrong = np.mean([scores[i, i] for i in drawn]) - np.log(np.mean(np.exp(joined)))
    assert abs(wrong - donsker_varadhan(scores, drawn)) > 1e-9


def test_blocks_join_no_rows_of_two_blocks():
    x, z = pairs(20, 0.8, np.random.default_rng(1))
    judged = judge(fixed(0.5), {}, x, z, block=10)
    scores = scores_of(x, z)
    product = [scores[i, j] for i in range(20) for j in range(20) if i != j and i // 10 == j // 10]
    assert judged.value == pytest.approx(np.trace(scores) / 20 - np.log(np.mean(np.exp(product))), abs=1e-12)
    assert (judged.pairs, judged.block) == (180, 10)
    weights = np.exp(product)
    assert judged.ess_pairs == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_effective_sample_size_of_rows_sees_one_row_that_makes_up_the_product_term():
    x, z = pairs(50, 0.0, np.random.default_rng(2))
    z[7] = 40.0
    judged = judge(fixed(1.0), {}, x, z)
    assert judged.ess_rows < 2.5


@pytest.mark.parametrize("critic", ["separable", "concat"])
def test_scores_are_those_of_each_pair(critic):
    """Every pair in a call of its own against the blocks."""
    estimator = build("js", critic, 2, 3, TrainingSettings(hidden=8, embedding=4, batch_size=3))
    parameters = estimator.init([torch.Generator().manual_seed(0)])
    source = torch.Generator().manual_seed(1)
    x, z = torch.randn(7, 2, generator=source), torch.randn(7, 3, generator=source)
    blocks = list(score_blocks(estimator, parameters, x, z, block=4))
    assert [len(each) for each in blocks] == [4, 3]
    for i in range(4):
        for j in range(4):
            alone = estimator.critic.joint(parameters, x[None, [j]], z[None, [i]])
            assert float(blocks[0][i, j]) == pytest.approx(float(alone), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("biased-stable", "donsker-varadhan"),
        ("infonce", "infonce"),
        ("nwj", "nwj"),
        ("js", "nwj"),
        ("smile", "smile"),
        ("gan-dime", "gan-dime"),
    ],
)
def test_the_value_is_the_estimators_own_where_it_has_that_one(name, reads):
    estimator = build(name, "separable", 2, 2, TrainingSettings(hidden=8, embedding=4))
    parameters = estimator.init([torch.Generator().manual_seed(0)])
    source = torch.Generator().manual_seed(1)
    x, z = torch.randn(30, 2, generator=source), torch.randn(30, 2, generator=source)
    outputs = {name: each.double() for name, each in estimator.outputs(parameters, x[None], z[None]).items()}
    above = OwnSettings(estimator=name, value=reads, combine="choose").above
    judged = judge(estimator, parameters, x, z, reads=reads, above=above)
    assert judged.value == pytest.approx(float(estimator.value(outputs)), abs=1e-9)


def test_a_value_that_sees_a_constant_is_refused_where_training_leaves_one_free():
    with pytest.raises(UserError, match=r"^value: 'nwj' changes with a constant, by which ema leaves T free"):
        OwnSettings(estimator="ema", value="nwj", combine="choose")
    settings = TrainingSettings(hidden=2, embedding=2)
    said = {name for name in WITH_CRITIC if build(name, ESTIMATORS[name].critics[0], 1, 1, settings).shift_invariant}
    assert said - set(PER_Z) == set(FREE)
    assert OwnSettings(estimator="ema", value="nwj").above == OwnSettings(estimator="nwj", value="nwj").above == 0.0


def test_no_function_of_z_changes_the_value_per_z():
    x, z = pairs(30, 0.8, np.random.default_rng(3))
    plain = judge(fixed(0.5), {}, x, z, reads="infonce")
    moved = judge(fixed(0.5, lambda z: 3.0 * z[:, :, 0] ** 2), {}, x, z, reads="infonce")
    assert moved.value == pytest.approx(plain.value, abs=1e-9)


def test_the_interval_covers_the_critics_population_value():
    """a rho + ln(1 - a^2)/2 is T = a x z's Donsker-Varadhan value at the population."""
    rho, a, draws = 0.6, 0.4, 200
    truth = a * rho + 0.5 * math.log1p(-(a**2))
    covered = 0
    for seed in range(draws):
        x, z = pairs(150, rho, np.random.default_rng([seed, 1]))
        judged = judge(fixed(a), {}, x, z, resamples=200, bootstrap=np.random.default_rng([seed, 2]))
        low, high = judged.interval(0.95)
        covered += low <= truth <= high
    assert 0.90 <= covered / draws <= 0.99


def test_the_standard_error_is_that_of_fresh_rows():
    values = [judge(fixed(0.4), {}, *pairs(150, 0.6, np.random.default_rng([s, 3]))).value for s in range(300)]
    judged = judge(
        fixed(0.4),
        {},
        *pairs(3000, 0.6, np.random.default_rng(4)),
        reads="donsker-varadhan",
        resamples=300,
        bootstrap=np.random.default_rng(5),
    )
    assert judged.standard_error * math.sqrt(3000 / 150) == pytest.approx(np.std(values), rel=0.2)


def test_permuted_means_and_p_value_are_those_of_the_definition():
    x, z = pairs(40, 0.4, np.random.default_rng(6))
    judged = judge(fixed(0.5), {}, x, z, permutations=199, shuffle=np.random.default_rng(8))
    orders = derangements(199, 40, np.random.default_rng(8))
    permuted = [np.mean(0.5 * x.numpy()[order, 0] * z.numpy()[:, 0]) for order in orders]
    np.testing.assert_allclose(judged.permuted, permuted, atol=1e-12)
    own = np.mean(0.5 * x.numpy()[:, 0] * z.numpy()[:, 0])
    assert judged.p_value == (1 + np.sum(np.array(permuted) >= own)) / 200


def test_the_p_value_is_uniform_without_dependence():
    p_values = [
        judge(
            fixed(0.5),
            {},
            *pairs(25, 0.0, np.random.default_rng([seed, 9])),
            reads="donsker-varadhan",
            permutations=99,
            shuffle=np.random.default_rng([seed, 10]),
        ).p_value
        for seed in range(300)
    ]
    # Discrete in steps of 0.01, which the test's threshold leaves room for.
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_a_critic_that_says_nothing_has_p_of_one_and_no_information():
    x, z = pairs(30, 0.9, np.random.default_rng(11))
    judged = judge(
        fixed(0.0, lambda z: 0.1),
        {},
        x,
        z,
        reads="donsker-varadhan",
        permutations=99,
        shuffle=np.random.default_rng(12),
    )
    assert judged.p_value == 1.0
    assert judged.value == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(2, 30), seed=st.integers(0, 1000))
def test_derangements_leave_no_row_in_place(rows, seed):
    orders = derangements(20, rows, np.random.default_rng(seed))
    assert (np.sort(orders, 1) == np.arange(rows)).all()
    assert not (orders == np.arange(rows)).any()


def test_every_derangement_is_as_likely():
    orders = derangements(9000, 4, np.random.default_rng(0))
    counts = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(counts) == 9
    assert abs(counts - 1000).max() < 150
