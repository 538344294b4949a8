"""One weighted pass over all pairs is the mean over batches, and v has the variance that theory says."""

import numpy as np
import torch
from handmade import random_critic

from mine.estimators.donsker_varadhan import Biased, Ema
from mine.frozen.averages import burn_in, moving_average, softmax

K, BATCHES = 4, 6
PAIRS = torch.randn(K * BATCHES, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_one_pass_is_the_mean_over_batches_one_at_a_time():
    model = random_critic(dtype=torch.float64)
    scores = model.scores(PAIRS)
    once = model.weighted(torch.from_numpy(softmax(scores.numpy(), K))[:, None] / BATCHES)[0]
    one_by_one = []
    for batch in PAIRS.split(K):
        of_batch = model.scores(batch)[None]
        value, _ = Biased()(of_batch, of_batch, ())
        one_by_one.append(model.weighted(value.product.T)[0])
    assert torch.allclose(once, torch.stack(one_by_one).mean(0))


def test_one_pass_is_the_mean_of_the_moving_averages_gradients_one_at_a_time():
    model = random_critic(dtype=torch.float64)
    exp_scores = model.scores(PAIRS).exp().numpy().reshape(BATCHES, K)
    v = moving_average(exp_scores.mean(1), np.array([0.3]), np.array([1.0]))
    weights = torch.from_numpy((exp_scores / (K * v)).reshape(-1, 1) / BATCHES)
    once = model.weighted(weights)[0]
    objective, state, one_by_one = Ema(0.3, "one"), (torch.ones(1, dtype=torch.float64),), []
    for batch, expected in zip(PAIRS.split(K), v[:, 0], strict=True):
        of_batch = model.scores(batch)[None]
        value, state = objective(of_batch, of_batch, state)
        assert np.isclose(state[0].item(), expected)
        one_by_one.append(model.weighted(value.product.T)[0])
    assert torch.allclose(once, torch.stack(one_by_one).mean(0))


def test_a_moving_average_goes_on_where_it_stopped():
    means, rates = np.linspace(0.5, 2.0, 10), np.array([1.0, 0.1])
    whole = moving_average(means, rates, np.ones(2))
    first = moving_average(means[:4], rates, np.ones(2))
    assert np.array_equal(np.concatenate([first, moving_average(means[4:], rates, first[-1])]), whole)
    assert np.array_equal(whole[:, 0], means)


def test_variance_of_v_on_light_tails():
    means = np.random.default_rng(0).normal(1.0, 0.2, 100_000)
    rates = np.array([0.3, 0.1, 0.01])
    v = moving_average(means, rates, np.ones(3))[burn_in(rates).max() :]
    expected = rates / (2.0 - rates) * np.var(means)
    assert np.allclose(np.mean(np.square(v - 1.0), 0), expected, rtol=[0.02, 0.04, 0.15])


def test_weights_of_scores_beyond_floats_range():
    weights = softmax(np.array([2000.0, 0.0, -2000.0, -2000.0]), 2)
    assert weights.tolist() == [1.0, 0.0, 0.5, 0.5]
