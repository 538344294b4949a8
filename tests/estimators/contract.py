"""What every estimator has to do, as checks that take a name and a critic: an estimator that is registered has them.

Each raises AssertionError. ``test_estimator_contract`` runs them on every estimator, and on toys with one fault each.
"""

from __future__ import annotations

import numpy as np
import torch
from made_outputs import DIM_X, DIM_Z, fresh, gradients, member, pairs, requiring_grad, small

from mine.estimators.interface import LOWER, NEITHER, UPPER, join
from mine.gaussian import mutual_information
from mine.settings import DENSITY

MEMBERS, N = 3, 6
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def close(found, expected):
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), **CLOSE)


def everything(estimator, parameters, x, z):
    """Value, loss, log v, next state and gradients of one batch."""
    parameters = requiring_grad(parameters)
    outputs = estimator.outputs(parameters, x, z)
    state = estimator.start({name: tensor.detach() for name, tensor in outputs.items()})
    loss, state = estimator.loss(outputs, state)
    return estimator.value(outputs).detach(), loss, state, gradients(loss.loss, parameters)


def what_it_is(name, critic):
    """It says what its value is, and whether it has a critic as its name's entry says."""
    estimator = small(name, critic)
    assert estimator.bound in (LOWER, UPPER, NEITHER)
    assert estimator.value_is
    assert len(estimator.value_is.splitlines()) == 1
    assert isinstance(estimator.shift_invariant, bool)
    assert (estimator.critic is not None) is (critic != DENSITY)


def shapes(name, critic):
    """Outputs (S, n) or (S, n, m), value and loss (S,)."""
    estimator = small(name, critic)
    parameters = fresh(estimator)
    outputs = estimator.outputs(parameters, *pairs(0))
    for tensor in outputs.values():
        assert tensor.shape[:2] == (MEMBERS, N)
        assert tensor.dim() in (2, 3)
    if estimator.critic is not None:
        assert outputs["joint"].shape == (MEMBERS, N)
        assert outputs["product"].dim() == 3
    value, loss, state, found = everything(estimator, parameters, *pairs(0))
    assert value.shape == loss.loss.shape == (MEMBERS,)
    assert all(tensor.shape == (MEMBERS,) for tensor in state)
    assert {path: gradient.shape for path, gradient in found.items()} == {
        path: tensor.shape for path, tensor in parameters.items()
    }


def rows_are_pairs(name, critic):
    """A row of every output is one pair's z: another z there changes that row, and no other."""
    estimator = small(name, critic)
    parameters, (x, z) = fresh(estimator), pairs(0)
    other = z.clone()
    other[:, 1] += 1.0
    before, after = (estimator.outputs(parameters, x, each) for each in (z, other))
    rest = [row for row in range(N) if row != 1]
    for each in before:
        assert torch.equal(before[each][:, rest], after[each][:, rest]), each
        assert not torch.equal(before[each][:, 1], after[each][:, 1]), each


def seeds(name, critic):
    """A member is what its own generator gives, and another seed gives another."""
    estimator = small(name, critic)
    stack = fresh(estimator, (5, 6))
    for place, seed in enumerate((5, 6)):
        alone = fresh(estimator, (seed,))
        assert all(torch.equal(alone[path], member(stack, place)[path]) for path in stack)
    assert any(not torch.equal(tensor[0], tensor[1]) for tensor in stack.values())


def closed_form(name, critic):
    """Where it says that ``weights`` is its gradient, that is what autograd takes from its loss."""
    estimator = small(name, critic)
    if not estimator.closed_form:
        return
    outputs = estimator.outputs(fresh(estimator), *pairs(10))
    state = estimator.start(outputs)
    leaves = requiring_grad(outputs)
    found = gradients(estimator.loss(leaves, state)[0].loss, leaves)
    weights, _ = estimator.weights(outputs, state)
    close(weights.product, found["product"])
    close(torch.full_like(outputs["joint"], -1.0 / N), found["joint"])


def finite_gradients(name, critic):
    """On ordinary input every gradient is finite, and every network gets one."""
    estimator = small(name, critic)
    _, loss, _, found = everything(estimator, fresh(estimator), *pairs(1))
    assert loss.loss.isfinite().all()
    for path, gradient in found.items():
        assert gradient.isfinite().all(), path
    networks = {path.split(".")[0] for path in found}
    for network in networks:
        assert any(gradient.abs().max() > 0 for path, gradient in found.items() if path.startswith(network)), network


def shift_invariance(name, critic):
    """T + c has the value of T where it says so, and only there."""
    estimator = small(name, critic)
    if estimator.critic is None:
        assert not estimator.shift_invariant
        return
    source = np.random.default_rng(2)
    outputs = estimator.outputs(fresh(estimator), *pairs(2))
    # Wide enough that whatever an estimator clips is clipped.
    spread = {
        each: torch.tensor(source.normal(0, 10, outputs[each].shape)) if each in ("joint", "product") else tensor
        for each, tensor in outputs.items()
    }
    moved = {each: tensor + 0.7 if each in ("joint", "product") else tensor for each, tensor in spread.items()}
    same = torch.isclose(estimator.value(spread), estimator.value(moved), rtol=1e-9, atol=1e-9)
    assert same.all() if estimator.shift_invariant else not same.any()


def stack_and_alone(name, critic):
    """A stack of k gives each member what it gets alone."""
    estimator = small(name, critic)
    parameters, (x, z) = fresh(estimator), pairs(3)
    value, loss, state, found = everything(estimator, parameters, x, z)
    for place in range(MEMBERS):
        here = slice(place, place + 1)
        alone, alone_loss, alone_state, alone_found = everything(estimator, member(parameters, place), x[here], z[here])
        close(alone, value[here])
        close(alone_loss.loss, loss.loss[here])
        for before, after in zip(alone_state, state, strict=True):
            close(before, after[here])
        for path, gradient in alone_found.items():
            close(gradient, found[path][here])


def members_do_not_mix(name, critic):
    """Whatever is wrong with one member, its neighbours' values, states and gradients are the same bits."""
    estimator = small(name, critic)
    parameters, (x, z) = fresh(estimator), pairs(4)
    value, _, state, found = everything(estimator, parameters, x, z)
    for bad in (torch.nan, torch.inf, -torch.inf, 1e200):
        broken = {path: tensor.clone() for path, tensor in parameters.items()}
        for tensor in broken.values():
            tensor[1] = bad
        broken_x = x.clone()
        broken_x[1] = bad
        for spoiled, data in ((broken, x), (parameters, broken_x)):
            other, _, other_state, other_found = everything(estimator, spoiled, data, z)
            for place in (0, 2):
                assert torch.equal(other[place], value[place])
                assert all(torch.equal(a[place], b[place]) for a, b in zip(other_state, state, strict=True))
                assert all(torch.equal(other_found[path][place], found[path][place]) for path in found)


def joined_batches(name, critic):
    """Batches of one size join along their pairs, and a batch twice has the value of it once."""
    estimator = small(name, critic)
    parameters = fresh(estimator)
    batches = [estimator.outputs(parameters, *pairs(seed)) for seed in (5, 6)]
    joined = join(batches)
    for each, tensor in joined.items():
        assert tensor.shape[:2] == (MEMBERS, 2 * N)
        assert torch.equal(tensor[:, :N], batches[0][each])
        assert torch.equal(tensor[:, N:], batches[1][each])
    close(estimator.value(join(batches[:1] * 2)), estimator.value(batches[0]))


def order_of_pairs(name, critic):
    """Pairs are exchangeable: rows of outputs in another order have the same value and loss."""
    estimator = small(name, critic)
    outputs = estimator.outputs(fresh(estimator), *pairs(7))
    turned = {each: tensor.flip(1) for each, tensor in outputs.items()}
    state = estimator.start(outputs)
    close(estimator.value(turned), estimator.value(outputs))
    close(estimator.loss(turned, estimator.start(turned))[0].loss, estimator.loss(outputs, state)[0].loss)


def pure(name, critic):
    """Asked twice it answers the same, and changes neither its outputs nor its state."""
    estimator = small(name, critic)
    outputs = estimator.outputs(requiring_grad(fresh(estimator)), *pairs(8))
    kept = {each: tensor.clone() for each, tensor in outputs.items()}
    state = estimator.start({each: tensor.detach() for each, tensor in outputs.items()})
    kept_state = tuple(tensor.clone() for tensor in state)
    (first, after), (second, again) = (estimator.loss(outputs, state) for _ in range(2))
    assert torch.equal(first.loss, second.loss)
    assert all(torch.equal(a, b) for a, b in zip(after, again, strict=True))
    assert torch.equal(estimator.value(outputs), estimator.value(outputs))
    assert all(torch.equal(outputs[each], kept[each]) for each in kept)
    assert all(torch.equal(a, b) for a, b in zip(state, kept_state, strict=True))
    assert (first.log_ema is None) or bool(state), "what remembers nothing has no moving average"
    assert all(not torch.equal(a, b) for a, b in zip(state, after, strict=True)), "what it remembers never changes"
    assert not any(tensor.requires_grad for tensor in after)


def dependent_pairs(source, rho, n=64):
    """Fresh float32 pairs of small networks' sizes: two coordinates of z belong to one of x each, the third to none."""
    normal = source.normal(size=(MEMBERS, n, DIM_X + DIM_Z))
    x, z = normal[..., :DIM_X], normal[..., DIM_X:].copy()
    z[..., :DIM_X] = rho * x + np.sqrt(1.0 - rho * rho) * z[..., :DIM_X]
    return (torch.tensor(each, dtype=torch.float32) for each in (x, z))


def training(name, critic):
    """Descent of the loss, in float32 as runs take it, brings the held-out value nearer the truth, on every seed.

    An upper bound must end above the truth instead.
    """
    estimator = small(name, critic)
    source, rho = np.random.default_rng(9), 0.9
    truth = mutual_information(DIM_X, rho)
    parameters = {path: tensor.float().requires_grad_() for path, tensor in fresh(estimator).items()}
    heldout = tuple(dependent_pairs(source, rho, n=256))

    def heldout_value():
        with torch.no_grad():
            return estimator.value(estimator.outputs(parameters, *heldout, rolls=20))

    before, state = heldout_value(), None
    optimizer = torch.optim.Adam(parameters.values(), lr=0.02)
    for _ in range(80):
        outputs = estimator.outputs(parameters, *dependent_pairs(source, rho), rolls=20)
        if state is None:
            state = estimator.start({each: tensor.detach() for each, tensor in outputs.items()})
        loss, state = estimator.loss(outputs, state)
        optimizer.zero_grad()
        loss.loss.sum().backward()
        optimizer.step()
    after = heldout_value()
    if estimator.bound == UPPER:
        assert (after > truth).all(), after
    else:
        assert ((after - truth).abs() < (before - truth).abs() - 0.1).all(), (before, after)


CHECKS = (
    what_it_is,
    shapes,
    rows_are_pairs,
    seeds,
    closed_form,
    finite_gradients,
    shift_invariance,
    stack_and_alone,
    members_do_not_mix,
    joined_batches,
    order_of_pairs,
    pure,
    training,
)
