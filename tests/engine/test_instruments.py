"""The instruments: right on critics whose Donsker-Varadhan value is known exactly."""

import math
from dataclasses import astuple
from functools import partial

import pytest
import torch

from mine.engine.instruments import HELDOUT_PAIRS, POPULATION_PAIRS, judge_scores
from mine.engine.runs import gaussian_runs
from mine.gaussian import log_density_ratio, mutual_information


def evaluate(scores, dim, rho, seeds):
    runs = gaussian_runs(dim, rho, seeds)
    return judge_scores(scores, runs, runs[0].tasks[0])


WRITEUP = [(dim, rho) for dim in (1, 5, 20) for rho in (0.85, 0.9, 0.95, 0.99)]


@pytest.mark.parametrize(("dim", "rho"), WRITEUP)
def test_population_value_of_the_optimal_critic_is_the_truth(dim, rho):
    for seed in range(3):
        result = evaluate(partial(log_density_ratio, rho=rho), dim, rho, [seed])[0]
        assert result.mi_population == pytest.approx(mutual_information(dim, rho), abs=0.1)
        # Each summand is at most twice the mean, so about half of the 2 x 20,000 samples count at the least.
        assert result.population_ess >= 0.99 * POPULATION_PAIRS


def test_a_constant_critic_scores_zero_with_every_sample_counting():
    result = evaluate(lambda x, z: torch.full(x.shape[:2], 3.0), 2, 0.9, [0])[0]
    assert result.mi_heldout == pytest.approx(0.0, abs=1e-9)
    assert result.heldout_ess == pytest.approx(10 * HELDOUT_PAIRS)
    assert result.mi_population == pytest.approx(0.0, abs=0.02)


def test_value_of_a_linear_critic_is_its_closed_form():
    """T = a x z at d = 1: E_P[T] = a rho, and E_Q[e^T] = (1 - a^2)^(-1/2) for independent standard normals."""
    a, rho = 0.3, 0.9
    expected = a * rho + 0.5 * math.log(1 - a * a)
    result = evaluate(lambda x, z: a * (x * z)[..., 0], 1, rho, [0])[0]
    assert result.mi_heldout == pytest.approx(expected, abs=0.02)
    assert result.mi_population == pytest.approx(expected, abs=0.02)


def test_values_do_not_change_when_a_constant_is_added():
    plain = evaluate(lambda x, z: (x * z).sum(2), 2, 0.9, [1])[0]
    shifted = evaluate(lambda x, z: (x * z).sum(2).double() + 500.0, 2, 0.9, [1])[0]
    assert shifted.mi_heldout == pytest.approx(plain.mi_heldout, abs=1e-6)
    assert shifted.mi_population == pytest.approx(plain.mi_population, abs=1e-6)
    assert shifted.heldout_ess == pytest.approx(plain.heldout_ess, rel=1e-6)


def test_heldout_product_pairs_never_hold_their_own_z():
    rho, joint_calls = 0.9, []

    def scores(x, z):
        joint_calls.append((x, z))
        return torch.zeros(x.shape[:2])

    evaluate(scores, 1, rho, [0])
    x = torch.cat([x for x, _ in joint_calls], 1)[0, :, 0]
    z = torch.cat([z for _, z in joint_calls], 1)[0, :, 0]
    # The first 100,000 scored are the ten rolls, then come the pairs themselves.
    own = z[10 * HELDOUT_PAIRS : 11 * HELDOUT_PAIRS]
    for roll in range(10):
        part = slice(roll * HELDOUT_PAIRS, (roll + 1) * HELDOUT_PAIRS)
        assert not (z[part] == own).any()
        assert torch.equal(x[part], x[:HELDOUT_PAIRS])
        assert torch.equal(z[part].sort().values, own.sort().values)


def test_samples_belong_to_the_seed():
    critic = partial(log_density_ratio, rho=0.9)
    assert evaluate(critic, 1, 0.9, [0])[0] == evaluate(critic, 1, 0.9, [0])[0]
    assert evaluate(critic, 1, 0.9, [0])[0] != evaluate(critic, 1, 0.9, [1])[0]


def test_critics_judged_together_get_what_each_gets_alone():
    scale = torch.tensor([0.1, 0.2, 0.3])
    together = evaluate(lambda x, z: scale[:, None] * (x * z).sum(2), 2, 0.9, [4, 1, 7])
    for each, seed, result in zip(scale, (4, 1, 7), together, strict=True):
        alone = evaluate(lambda x, z, each=each: each * (x * z).sum(2), 2, 0.9, [seed])[0]
        assert astuple(result) == pytest.approx(astuple(alone), rel=1e-9)


def test_a_critic_with_a_heavy_tail_shows_in_its_effective_sample_size():
    result = evaluate(lambda x, z: 20.0 * (x * z)[..., 0], 1, 0.9, [0])[0]
    assert result.heldout_ess < 5
