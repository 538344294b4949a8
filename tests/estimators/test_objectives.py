"""Each objective against gradients derived by hand with respect to T, in float64, and against its own twin."""

import math

import numpy as np
import pytest
import torch
from factories import VARIANTS
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax

from mine.estimators import build
from mine.settings import TrainingSettings

K = 7
SCORES = hnp.arrays(np.float64, (3, K), elements=st.floats(-20, 20))
RATE = st.sampled_from([1.0, 0.3, 0.01])


def objective_of(variant, **settings):
    return build(variant, "concat", 1, 1, TrainingSettings(**settings)).objective


def ascend(variant, joint, product, v, rate=0.01):
    """Value, weights of the product pairs and the next v, from NumPy arrays."""
    objective = objective_of(variant, ema_rate=rate)
    joint, product = torch.tensor(joint), torch.tensor(product)
    state = objective.init(product)
    if state:
        state = (torch.as_tensor(np.log(v) if variant == "ema-log" else v),)
    value, state = objective(joint, product, state)
    return value, value.product.numpy(), state


@settings(max_examples=50, deadline=None)
@given(joint=SCORES, product=SCORES)
@pytest.mark.parametrize("variant", ["biased", "biased-stable"])
def test_biased_gradient_is_softmax(variant, joint, product):
    value, weights, _ = ascend(variant, joint, product, None)
    by_hand = np.exp(product - product.max(1, keepdims=True))
    by_hand /= by_hand.sum(1, keepdims=True)
    np.testing.assert_allclose(weights, by_hand, rtol=1e-12, atol=1e-300)
    expected = joint.mean(1) - np.log(np.exp(product).mean(1))
    np.testing.assert_allclose(value.mi_batch, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(joint=SCORES, product=SCORES, v=hnp.arrays(np.float64, 3, elements=st.floats(0.1, 100)), rate=RATE)
@pytest.mark.parametrize("variant", ["ema", "ema-log", "ema-as-printed", "ema-attached"])
def test_ema_gradient_divides_by_the_average_after_its_update(variant, joint, product, v, rate):
    value, weights, state = ascend(variant, joint, product, v, rate)
    v_next = ((1 - rate) * v + rate * np.exp(product).mean(1))[:, None]
    expected = np.exp(product) / (K * v_next)
    if variant == "ema-as-printed":
        expected = expected * (1 + product)
    if variant == "ema-attached":
        expected = expected * (1 - rate) * v[:, None] / v_next
    np.testing.assert_allclose(weights, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(value.log_ema, np.log(v_next[:, 0]), rtol=1e-12, atol=1e-12)
    kept = state[0].exp() if variant == "ema-log" else state[0]
    np.testing.assert_allclose(kept, v_next[:, 0], rtol=1e-12)
    np.testing.assert_allclose(value.mi_batch, joint.mean(1) - np.log(np.exp(product).mean(1)), rtol=1e-12, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(joint=SCORES, product=SCORES)
@pytest.mark.parametrize("variant", ["ema", "ema-log"])
def test_with_alpha_one_the_ema_gradient_is_the_biased_one(variant, joint, product):
    _, ema, _ = ascend(variant, joint, product, np.full(3, 5.0), rate=1.0)
    _, biased, _ = ascend("biased", joint, product, None)
    np.testing.assert_allclose(ema, biased, rtol=1e-12, atol=1e-300)


def as_written(variant, joint, product, v_next, rate=1.0):
    """What each variant ascends, as the write-up prints it: (S,), for autograd; v_next is not differentiated.

    But for ``ema-attached``, in which this batch's share of v is.
    """
    if variant == "ema-attached":
        mean_exp = product.exp().mean(1)
        v_next = v_next + rate * (mean_exp - mean_exp.detach())
    if variant.startswith("biased"):
        return joint.mean(1) - product.exp().mean(1).log()
    if variant == "ema-as-printed":
        return joint.mean(1) - (product * product.exp()).mean(1) / v_next
    return joint.mean(1) - product.exp().mean(1) / v_next


@settings(max_examples=30, deadline=None)
@given(joint=SCORES, product=SCORES, v=hnp.arrays(np.float64, 3, elements=st.floats(0.1, 100)), rate=RATE)
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_weights_are_autograds(variant, joint, product, v, rate):
    _, weights, _ = ascend(variant, joint, product, v, rate)
    joint, product = torch.tensor(joint, requires_grad=True), torch.tensor(product, requires_grad=True)
    v_next = (1 - rate) * torch.tensor(v) + rate * product.detach().exp().mean(1)
    ascended = as_written(variant, joint, product, v_next, rate).sum()
    of_joint, of_product = torch.autograd.grad(ascended, (joint, product))
    # Where v is attached autograd subtracts two terms that may cancel; ours has none to cancel.
    rounding = 1e-14 / rate if variant == "ema-attached" else 1e-15
    np.testing.assert_allclose(-weights, of_product, rtol=1e-12, atol=rounding)
    np.testing.assert_allclose(of_joint, 1 / K, rtol=1e-12)


@settings(max_examples=300, deadline=None)
@given(
    center=st.floats(-115, 100),
    offsets=hnp.arrays(np.float32, (1, K), elements=st.floats(-3, 3, width=32)),
    variant=st.sampled_from(["biased", "ema", "ema-as-printed"]),
)
@example(center=-0.998046875, offsets=np.zeros((1, K), np.float32), variant="ema-as-printed")
def test_naive_gradients_leave_float32_where_autograds_do(center, offsets, variant):
    """The step at which a naive run ends is a result, and it is that of the expression as a reader would write it."""
    product = np.float32(center) + offsets
    _, weights, _ = ascend(variant, np.zeros((1, K), np.float32), product, np.float32([1.0]), rate=1.0)
    scores = torch.tensor(product, requires_grad=True)
    v_next = scores.detach().exp().mean(1)
    (expected,) = torch.autograd.grad(as_written(variant, torch.zeros(1, K), scores, v_next).sum(), scores)
    finite = expected.isfinite().numpy()
    if variant == "ema-as-printed":
        # Autograd multiplies T by 1/v too, which overflows from T = -85 down, before our (1 + T) e^T / v does.
        assert np.isfinite(weights)[finite].all()
        assert finite.all() or center < -80 or center > 80
    else:
        np.testing.assert_array_equal(np.isfinite(weights), finite)
    # Near T = -1 autograd's two terms of T e^T cancel: float32 rounds by their size, not by that of what is left.
    terms = ((1.0 + np.abs(product)) * softmax(product.astype(np.float64), axis=1))[finite]
    error = np.abs(-weights[finite] - expected.numpy()[finite])
    assert (error <= 1e-5 * np.abs(expected.numpy()[finite]) + 1e-6 * terms + 1e-30).all()


def test_a_subnormal_mean_ends_a_naive_run_before_it_reaches_zero():
    value, weights, _ = ascend("biased", np.zeros((1, K), np.float32), np.full((1, K), -95, np.float32), None)
    assert value.mi_batch.item() == pytest.approx(95, abs=1e-3)
    assert not np.isfinite(weights).any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_is_the_finite_difference_of_the_frozen_objective(variant):
    """With v held at its updated value the ascended function is known in closed form."""
    rng = np.random.default_rng(0)
    joint, product, v = rng.normal(size=(1, K)), rng.normal(size=(1, K)), np.array([2.0])
    _, weights, _ = ascend(variant, joint, product, v)
    v_next = 0.99 * v + 0.01 * np.exp(product).mean(1)

    def frozen(scores):
        if variant == "ema-attached":
            mean_exp = np.exp(scores).mean()
            return -mean_exp / (0.99 * v[0] + 0.01 * mean_exp)
        if variant.startswith("biased"):
            return -np.log(np.exp(scores).mean())
        if variant == "ema-as-printed":
            return -(scores * np.exp(scores)).mean() / v_next[0]
        return -np.exp(scores).mean() / v_next[0]

    step = 1e-6
    numeric = [
        (frozen(product + step * unit) - frozen(product - step * unit)) / (2 * step) for unit in np.eye(K)[:, None, :]
    ]
    np.testing.assert_allclose(-weights[0], numeric, rtol=1e-7, atol=1e-9)


def test_naive_exponential_overflows_and_the_stable_one_does_not():
    joint, product = np.zeros((1, K)), np.full((1, K), 1000.0)
    assert ascend("biased", joint, product, None)[0].mi_batch.item() == -math.inf
    assert ascend("biased-stable", joint, product, None)[0].mi_batch.item() == pytest.approx(-1000.0)
    value, weights, _ = ascend("ema-log", joint, product, np.array([1.0]))
    assert value.mi_batch.item() == pytest.approx(-1000.0)
    # B_exp / v is at most 1 / alpha, whatever T is.
    assert weights.sum() == pytest.approx(100.0)
    assert not np.isfinite(ascend("ema", joint, product, np.array([1.0]))[1]).all()


def test_ema_log_with_alpha_one_forgets_an_infinite_past():
    value, weights, (log_v,) = ascend("ema-log", np.zeros((1, K)), np.zeros((1, K)), np.array([1e-300]), rate=1.0)
    assert np.isfinite(weights).all()
    assert log_v.item() == pytest.approx(0.0)
    assert value.log_ema.item() == pytest.approx(0.0)


@pytest.mark.parametrize("variant", ["ema", "ema-as-printed", "ema-attached", "ema-log"])
def test_ema_starts_at_one_or_at_the_first_batchs_mean(variant):
    product = torch.tensor([[0.0, 1.0, 2.0]], dtype=torch.float64)
    mean_exp = product.exp().mean().item()
    started = {init: objective_of(variant, ema_init=init).init(product)[0].item() for init in ("one", "first-batch")}
    if variant == "ema-log":
        started = {init: math.exp(log_v) for init, log_v in started.items()}
    assert started == {"one": 1.0, "first-batch": pytest.approx(mean_exp)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_members_of_a_stack_do_not_mix(variant):
    """One member's overflow leaves the other's gradient bit for bit as it was."""
    rng = np.random.default_rng(1)
    joint, product = rng.normal(size=(2, K)), rng.normal(size=(2, K))
    v = np.ones(2)
    calm = ascend(variant, joint, product, v)[1]
    product_with_overflow = product.copy()
    product_with_overflow[1] = 1e4
    wild = ascend(variant, joint, product_with_overflow, v)[1]
    np.testing.assert_array_equal(calm[0], wild[0])
