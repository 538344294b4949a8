"""One update of a stack: its gradient against autograd through everything, its bits against those of a member alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from contract import close
from factories import VARIANTS
from made_outputs import CELLS, generator, pairs, requiring_grad, small

from mine.engine.networks import Constant, Layout, Mlp, Passes, say
from mine.engine.optimizers import Adam, Sgd
from mine.engine.record import MEASURED
from mine.engine.stack import Stack
from mine.estimators import build
from mine.estimators.values import log_add_exp, log_mean_exp, mean, softplus
from mine.settings import CONCAT, DENSITY, TrainingSettings

K = 6


def z_product_of(critic, z, rolls=1):
    """Product pairs that are given, where a critic takes them."""
    return torch.cat([z.roll(1 + roll, 1) for roll in range(rolls)], 1) if critic == CONCAT else None


# ---- the gradient of an update


def fresh_stack(estimator, optimizer, seeds=(0, 1, 2)):
    """A float64 stack, and its parameters as leaves of autograd."""
    sources = [generator(seed) for seed in seeds]
    parameters = {name: values.double() for name, values in estimator.init(sources).items()}
    return Stack(estimator, optimizer, Layout(estimator.networks).matrix(parameters)), requiring_grad(parameters)


def update(stack, batch, step, optimizer, term_norms=False):
    """One update on a batch x, z, z_product; what it measured, by name."""
    stack.load(*batch)
    stack.rates.copy_(torch.tensor(optimizer.rates(step), dtype=torch.float64)[:, None, None].expand_as(stack.rates))
    if step == 1:
        stack.start(K)
    stack.update(K, step, term_norms)
    return dict(zip(MEASURED, stack.measured.clone(), strict=True))


def norm(gradients):
    """L2 norm of each member's gradient over all parameters."""
    return torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()


@pytest.mark.parametrize(("name", "critic"), CELLS)
def test_a_few_updates_are_those_of_a_plain_autograd_loop(name, critic):
    """Values, norms and parameters of descent by hand, autograd going from the loss through the networks."""
    estimator, optimizer = small(name, critic), Sgd(0.05)
    stack, leaves = fresh_stack(estimator, optimizer)
    layout, state = Layout(estimator.networks), None
    for step in range(1, 4):
        x, z = pairs(step)
        batch = x, z, z_product_of(critic, z)
        measured = update(stack, batch, step, optimizer)
        outputs = estimator.read(say(estimator.networks, leaves, estimator.inputs(*batch)), z)
        seen = {each: tensor.detach() for each, tensor in outputs.items()}
        state = estimator.start(seen) if state is None else state
        loss, state = estimator.loss(outputs, state)
        found = torch.autograd.grad(loss.loss.sum(), list(leaves.values()), materialize_grads=True)
        close(measured["mi_batch"], estimator.value(seen))
        close(measured["grad_norm"], norm(found))
        if loss.log_ema is not None:
            close(measured["log_ema"], loss.log_ema)
        if critic != DENSITY:
            close(measured["joint_mean"], mean(seen["joint"]))
            close(measured["log_mean_exp"], log_mean_exp(seen["product"]))
        moved = {path: leaf.detach() - 0.05 * each for (path, leaf), each in zip(leaves.items(), found, strict=True)}
        leaves = requiring_grad(moved)
        for path, values in layout.views(stack.parameters).items():
            close(values, leaves[path])


@pytest.mark.parametrize(("name", "critic"), [cell for cell in CELLS if cell[1] != DENSITY])
def test_norms_of_the_terms_are_those_of_their_gradients(name, critic):
    """Each term by autograd alone: the loss with the scores of the other kind of pair held fixed."""
    estimator, optimizer = small(name, critic), Sgd(0.05)
    stack, leaves = fresh_stack(estimator, optimizer)
    x, z = pairs(1)
    batch = x, z, z_product_of(critic, z)
    measured = update(stack, batch, 1, optimizer, term_norms=True)
    outputs = estimator.read(say(estimator.networks, leaves, estimator.inputs(*batch)), z)
    state = estimator.start({each: tensor.detach() for each, tensor in outputs.items()})
    for term, column in (("joint", "grad_norm_joint"), ("product", "grad_norm_product")):
        alone = {each: tensor if each == term else tensor.detach() for each, tensor in outputs.items()}
        loss = estimator.loss(alone, state)[0].loss.sum()
        found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True, materialize_grads=True)
        close(measured[column], norm(found))
    assert set(leaves) >= {name for network in estimator.critic.networks for name in network.shapes}


@pytest.mark.parametrize("critic", ["concat", "separable"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_gradient_in_closed_form_is_autograds_of_the_loss(name, critic):
    """``weights`` through ``pull``, against autograd from ``loss`` to what the networks said, over three batches."""
    estimator = small(name, critic)
    assert estimator.closed_form
    parameters = {path: values.double() for path, values in estimator.init([generator(s) for s in range(3)]).items()}
    state = None
    for seed in range(3):
        x, z = pairs(seed)
        inputs = estimator.inputs(x, z, z_product_of(critic, z, rolls=2))
        said = requiring_grad(say(estimator.networks, parameters, inputs))
        outputs = estimator.read(said, z)
        seen = {each: tensor.detach() for each, tensor in outputs.items()}
        state = estimator.start(seen) if state is None else state
        weights, next_state = estimator.weights(seen, state)
        loss, of_loss = estimator.loss(outputs, state)
        joint = torch.full_like(seen["joint"], -1.0 / K)
        found = estimator.critic.pull(joint, weights.product, {each: t.detach() for each, t in said.items()})
        expected = torch.autograd.grad(loss.loss.sum(), list(said.values()))
        for network, gradient in zip(said, expected, strict=True):
            close(found[network], gradient)
        assert all(torch.equal(a, b) for a, b in zip(next_state, of_loss, strict=True))
        close(weights.mi_batch, estimator.value(seen))
        state = next_state


@pytest.mark.parametrize("critic", ["concat", "separable"])
def test_a_pull_is_the_transpose_of_reading(critic):
    """Whatever the gradient with respect to the scores, and with several product pairs a joint pair."""
    estimator = small("nwj", critic)
    x, z = pairs(0)
    parameters = {path: values.double() for path, values in estimator.init([generator(s) for s in range(3)]).items()}
    said = requiring_grad(say(estimator.networks, parameters, estimator.inputs(x, z, rolls=3)))
    outputs = estimator.read(said, z)
    source = generator(9)
    joint, product = (torch.randn(outputs[each].shape, generator=source).double() for each in ("joint", "product"))
    total = (outputs["joint"] * joint).sum() + (outputs["product"] * product).sum()
    found = estimator.critic.pull(joint, product, {each: tensor.detach() for each, tensor in said.items()})
    for network, expected in zip(said, torch.autograd.grad(total, list(said.values())), strict=True):
        close(found[network], expected)


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh"])
@pytest.mark.parametrize("layers", [1, 3])
def test_backward_passes_of_several_networks_are_autograds(activation, layers):
    """One of a single output, one of several, and numbers that no input changes, on one matrix of parameters."""
    networks = Mlp("one", 2, 1, 7, layers, activation), Mlp("several", 3, 4, 7, layers, activation), Constant("c", 3)
    layout = Layout(networks)
    matrix = torch.randn(3, layout.row, generator=generator(0), dtype=torch.float64)
    leaves = requiring_grad(layout.views(matrix))
    inputs = {"one": pairs(1)[0], "several": pairs(2)[1]}
    passes = Passes(layout, matrix, inputs)
    for seed in (3, 4):
        inputs = {"one": pairs(seed)[0], "several": pairs(seed)[1]}
        found, expected = passes.forward(inputs), say(networks, leaves, inputs)
        source = generator(seed)
        weights = {each: torch.randn(t.shape, generator=source, dtype=torch.float64) for each, t in expected.items()}
        for network in expected:
            close(found[network], expected[network])
        total = sum((expected[network] * weights[network]).sum() for network in expected)
        of_leaves = torch.autograd.grad(total, list(leaves.values()))
        gradient = layout.views(passes.backward(weights))
        for path, each in zip(leaves, of_leaves, strict=True):
            close(gradient[path], each)


# ---- the same bits in any stack

WIDE = {"hidden": 8, "layers": 2, "embedding": 16, "alpha": 0.3}
ODD = {**WIDE, "embedding": 5}
"""With an odd batch, what a network says of it does not fill whole cache lines."""

MEMBERS = (0, 1, 2, 8, 9, 23, 39)
"""Whose bits are looked at, of those that are in a stack."""


def trained(name, critic, k, members, dim, settings, updates=3):
    """Parameters (S, P) and what was measured (rows, len(MEASURED), S) of a stack of these members."""
    estimator, optimizer = build(name, critic, dim, dim, TrainingSettings(**settings)), Adam(0.01)
    stack = Stack.fresh(estimator, optimizer, [generator(number) for number in members])
    stack.rates.copy_(torch.tensor(optimizer.rates(1))[:, None, None].expand_as(stack.rates))
    data, seen = [generator(1000 + number) for number in members], []
    for step in range(1, updates + 1):
        x, noise = (torch.stack([torch.randn(k, dim, generator=each) for each in data]) for _ in range(2))
        z = 2.0 * x + noise
        stack.load(x, z, z_product_of(critic, z))
        if step == 1:
            stack.start(k)
        stack.update(k, step, term_norms=step == 2)
        seen.append(stack.measured.clone())
    stack.look(k)
    return stack.parameters.numpy(), torch.stack([*seen, stack.measured]).numpy()


def assert_the_same_bits(name, critic, k, dim, settings):
    alone = {number: trained(name, critic, k, [number], dim, settings) for number in MEMBERS}
    for size in (2, 9, 40):
        parameters, seen = trained(name, critic, k, range(size), dim, settings)
        for number in [each for each in MEMBERS if each < size]:
            np.testing.assert_array_equal(parameters[number], alone[number][0][0])
            np.testing.assert_array_equal(seen[:, :, number], alone[number][1][:, :, 0])


@pytest.mark.parametrize("k", [13, 16])
@pytest.mark.parametrize(("name", "critic"), CELLS)
def test_a_member_has_the_same_bits_in_any_stack(name, critic, k):
    assert_the_same_bits(name, critic, k, 8, WIDE)


@pytest.mark.parametrize(("name", "critic"), [("ema", "separable"), ("js", "separable"), ("club", DENSITY)])
def test_it_has_them_with_odd_widths_too(name, critic):
    assert_the_same_bits(name, critic, 13, 3, ODD)


def test_sums_of_exponentials_are_torchs():
    scores = torch.cat([torch.linspace(-200, 200, 81), torch.linspace(-3, 3, 41)]).double()
    torch.testing.assert_close(softplus(scores), torch.nn.functional.softplus(scores, threshold=1e3))
    first, second = torch.tensor(list(itertools.product(scores.tolist(), repeat=2)), dtype=torch.float64).T
    torch.testing.assert_close(log_add_exp(first, second), torch.logaddexp(first, second), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("function", [log_add_exp, lambda first, second: softplus(first) + softplus(-second)])
def test_their_gradients_are_the_differences(function):
    first, second = (torch.tensor([-60.0, -1.0, 0.3, 0.3, 70.0], dtype=torch.float64) + by for by in (0.0, 0.1))
    second[2] = first[2]
    assert torch.autograd.gradcheck(function, (first.requires_grad_(), second.requires_grad_()))
