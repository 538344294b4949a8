"""Sums of per-pair gradients against autograd, one pair at a time, in float64."""

import pytest
import torch
from handmade import random_critic

from mine.engine.networks import Layout, Passes
from mine.frozen.gradients import FrozenCritic, views

KINDS = [(activation, layers) for activation in ("relu", "elu", "tanh") for layers in (1, 2, 3)]
PAIRS = torch.randn(12, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def per_pair(model):
    """T (n,) and grad T (n, P) by autograd."""
    parameters = model._parameters.clone().requires_grad_()
    *hidden, last_weight, last_bias = [layer[0] for layer in views(parameters, model._network).values()]
    values, activate = PAIRS, getattr(torch.nn.functional, model._network.activation)
    for weight, bias in zip(hidden[0::2], hidden[1::2], strict=True):
        values = activate(values @ weight + bias)
    scores = (values @ last_weight + last_bias)[:, 0]
    return scores.detach(), torch.stack([torch.autograd.grad(t, parameters, retain_graph=True)[0][0] for t in scores])


@pytest.mark.parametrize(("activation", "layers"), KINDS)
def test_every_sum_is_autograds(activation, layers):
    model = random_critic(layers=layers, activation=activation, dtype=torch.float64)
    scores, gradients = per_pair(model)
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    directions = torch.randn(2, model.n_parameters, generator=generator, dtype=torch.float64)
    assert torch.allclose(model.scores(PAIRS), scores)
    assert torch.allclose(model.weighted(weights), weights.T @ gradients)
    assert torch.allclose(model.along(directions), gradients @ directions.T)
    by_batch = (weights[:, :1] * gradients).view(3, 4, -1).sum(1).square().sum(1)
    assert torch.allclose(model.squared_norms(weights[:, 0], 4), by_batch)


@pytest.mark.parametrize(("activation", "layers"), KINDS)
def test_directional_derivatives_are_finite_differences(activation, layers):
    model = random_critic(layers=layers, activation=activation, dtype=torch.float64)
    model.scores(PAIRS)
    direction = torch.randn(model.n_parameters, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    along = model.along(direction[None])[:, 0]
    step = 1e-6
    ahead, behind = (
        FrozenCritic(model._parameters[0] + sign * step * direction, model._network).scores(PAIRS)
        for sign in (1.0, -1.0)
    )
    assert torch.allclose(along, (ahead - behind) / (2.0 * step), atol=1e-7)


def test_a_weighted_sum_is_the_training_loops_backward_pass():
    model = random_critic(hidden=16)
    pairs, weights = PAIRS.float(), torch.linspace(-1.0, 1.0, 12)
    layout = Layout([model._network])
    passes = Passes(layout, layout.spread(model._parameters), {"critic": pairs[None]})
    assert torch.allclose(passes.forward({"critic": pairs[None]})["critic"][0, :, 0], model.scores(pairs))
    gradient = layout.packed(passes.backward({"critic": weights[None, :, None]}))
    assert torch.allclose(gradient[0], model.weighted(weights[:, None])[0], atol=1e-6)


def test_other_pairs_are_other_sums():
    model = random_critic(dtype=torch.float64)
    one = torch.ones(12, 1, dtype=torch.float64)
    model.scores(PAIRS)
    whole = model.weighted(one)
    model.scores(PAIRS[:5])
    first = model.weighted(one[:5])
    model.scores(PAIRS[5:])
    assert torch.allclose(first + model.weighted(one[5:]), whole)
