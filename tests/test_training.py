"""The loop: paired starts, reproducible traces, members that never touch each other, runs that end as they ended."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mine.batches import Batches
from mine.critic import Architecture, critic, initial_parameters, layers_of
from mine.divergence import overflow_step
from mine.evaluation import evaluate
from mine.gaussian import mutual_information
from mine.objectives import REGISTRY
from mine.seeding import Stream, generator
from mine.settings import VARIANTS, TrainingSettings
from mine.trace import COLUMNS
from mine.training import train

SMALL = TrainingSettings(steps=60, batch_size=32, hidden=16, eval_every=30, term_norms_every=20)
# Plain gradient ascent with a step of 5 overflows within a few steps.
WILD = replace(SMALL, optimizer="sgd", learning_rate=5.0, steps=200, eval_every=100)


def same(left, right):
    """Bitwise equality of two runs' columns, nulls and NaN included."""
    for name in COLUMNS:
        a, b = left.columns[name], right.columns[name]
        if len(a) != len(b) or not np.array_equal(np.ma.getmaskarray(a), np.ma.getmaskarray(b)):
            return False
        if not np.array_equal(np.ma.compressed(a), np.ma.compressed(b), equal_nan=True):
            return False
    return left.overflow_step == right.overflow_step


def by_hand(variant, dim, rho, seed, settings):
    """Algorithm 1 as a reader would write it for one critic: a module, stock Adam, autograd. Yields (mi, norm)."""
    architecture = Architecture(dim, settings.hidden, settings.layers, settings.activation)
    start = initial_parameters(architecture, [generator(seed, dim, rho, Stream.INITIALISATION)])
    parameters = [layer.clone().requires_grad_() for layer in layers_of(start, architecture)]
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, maximize=True)
    batches, k, v = Batches(dim, rho, seed, settings, "cpu"), settings.batch_size, 1.0
    x, z, z_product = batches.take(50)
    for step in range(50):
        joint = critic(parameters, torch.cat([x[step], z[step]], 1)[None], architecture)[0]
        product = critic(parameters, torch.cat([x[step], z_product[step]], 1)[None], architecture)[0]
        mean_exp = product.exp().sum() / k
        mi = joint.mean() - mean_exp.log()
        if variant == "ema":
            v = (1 - settings.ema_rate) * v + settings.ema_rate * mean_exp.item()
            ascended = joint.mean() - mean_exp / v
        else:
            ascended = mi
        optimizer.zero_grad()
        ascended.backward()
        norm = torch.cat([p.grad.flatten() for p in parameters]).norm()
        optimizer.step()
        yield mi.item(), norm.item()


@pytest.mark.parametrize("variant", ["biased", "ema"])
def test_the_loop_is_algorithm_1(variant):
    # A smooth activation: at a ReLU's kink a rounding difference grows into another path.
    settings = replace(SMALL, activation="tanh")
    columns = train(variant, 2, 0.9, [3], settings)[0].columns
    expected = np.array(list(by_hand(variant, 2, 0.9, 3, settings)))
    np.testing.assert_allclose(columns["mi_batch"][:50], expected[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(columns["grad_norm"][:50], expected[:, 1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_column_and_row_is_there(variant):
    result = train(variant, 1, 0.9, [0], SMALL)[0]
    columns = result.columns
    assert list(columns) == list(COLUMNS)
    assert result.outcome == "completed"
    assert columns["seed"].tolist() == [0] * 61
    assert columns["step"].tolist() == list(range(1, 62))
    assert columns["mi_true"].tolist() == [mutual_information(1, 0.9)] * 61
    assert np.flatnonzero(np.ma.getmaskarray(columns["grad_norm"])).tolist() == [60]
    for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
        assert np.flatnonzero(~np.ma.getmaskarray(columns[name])).tolist() == [0, 30, 60]
    for name in ("grad_norm_joint", "grad_norm_product"):
        assert np.flatnonzero(~np.ma.getmaskarray(columns[name])).tolist() == [0, 20, 40]
    has_ema = variant.startswith("ema")
    assert np.ma.getmaskarray(columns["log_ema"])[:60].all() == (not has_ema)
    np.testing.assert_array_equal(columns["mi_batch"], columns["joint_mean"] - columns["log_mean_exp"])


def test_log_ema_follows_the_recursion():
    columns = train("ema", 1, 0.9, [0], replace(SMALL, ema_rate=0.1))[0].columns
    v = 1.0
    for log_mean_exp, log_ema in zip(columns["log_mean_exp"][:60], columns["log_ema"][:60], strict=True):
        v = 0.9 * v + 0.1 * np.exp(np.float64(log_mean_exp))
        assert log_ema == pytest.approx(np.log(v), abs=1e-4)


def test_the_same_seed_gives_the_same_trace():
    assert same(train("ema", 2, 0.95, [5], SMALL)[0], train("ema", 2, 0.95, [5], SMALL)[0])
    assert not same(train("ema", 2, 0.95, [5], SMALL)[0], train("ema", 2, 0.95, [6], SMALL)[0])


@pytest.mark.parametrize("setting", [{}, {"product": "derangement"}, {"data": 200}, {"optimizer": "sgd"}])
def test_every_variant_starts_from_the_same_critic_and_batches(setting):
    first = {v: train(v, 2, 0.9, [7], replace(SMALL, **setting))[0].columns for v in VARIANTS}
    for columns in first.values():
        # The first row is before any update: same critic, same batch, same values up to how e^T is summed.
        assert columns["joint_mean"][0] == first["biased"]["joint_mean"][0]
        assert columns["product_max"][0] == first["biased"]["product_max"][0]
        assert columns["mi_population"][0] == first["biased"]["mi_population"][0]


def test_with_alpha_one_ema_and_biased_take_the_same_path():
    settings = replace(SMALL, ema_rate=1.0)
    ema, biased = (train(variant, 2, 0.9, [1], settings)[0].columns["mi_batch"] for variant in ("ema", "biased"))
    np.testing.assert_allclose(ema, biased, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_member_is_bitwise_the_same_alone_and_in_stacks(variant):
    alone = train(variant, 5, 0.95, [3], SMALL)[0]
    assert same(alone, train(variant, 5, 0.95, [3, 8], SMALL)[0])
    assert same(alone, train(variant, 5, 0.95, range(9), SMALL)[3])


def test_a_member_is_bitwise_the_same_after_neighbours_overflowed():
    stack = train("biased", 5, 0.99, range(6), WILD)
    steps = [result.overflow_step for result in stack]
    assert len({step for step in steps if step is not None}) > 1, "members must end at different steps to test this"
    for result in stack:
        assert same(result, train("biased", 5, 0.99, [result.seed], WILD)[0])


def test_an_overflow_keeps_its_rows_and_is_judged_at_its_last_finite_critic():
    result = train("biased", 5, 0.99, [0], WILD)[0]
    step = result.overflow_step
    columns = result.columns
    assert result.outcome == "overflow"
    assert columns["step"][-1] == step < WILD.steps
    assert np.isfinite(columns["mi_batch"][:-1]).all()
    assert np.isfinite(columns["grad_norm"][:-1]).all()
    assert not (np.isfinite(columns["mi_batch"][-1]) and np.isfinite(columns["grad_norm"][-1]))
    assert not np.ma.is_masked(columns["mi_population"][-1])
    assert result.parameters.isfinite().all()
    # The stored critic is the one the last row describes.
    architecture = Architecture(5, WILD.hidden, WILD.layers, WILD.activation)
    layers = layers_of(result.parameters[None], architecture)
    again = evaluate(lambda x, z: critic(layers, torch.cat([x, z], 1)[None], architecture)[0], 5, 0.99, 0)
    np.testing.assert_equal(columns["mi_population"][-1], again.mi_population)


def test_overflow_is_what_divergence_finds_in_the_trace():
    for result in train("biased", 5, 0.99, range(4), WILD):
        import pandas as pd

        frame = pd.DataFrame({name: column.astype(float).filled(np.nan) for name, column in result.columns.items()})
        assert overflow_step(frame, WILD.steps) == result.overflow_step


def test_fewer_steps_are_a_prefix_of_more():
    short, long = (train("ema", 1, 0.9, [0], replace(SMALL, steps=steps))[0].columns["mi_batch"] for steps in (30, 60))
    np.testing.assert_array_equal(short[:31], long[:31])


def test_how_often_terms_are_measured_does_not_change_training():
    rare, often = (
        train("ema", 1, 0.9, [0], replace(SMALL, term_norms_every=n, eval_every=m))[0].columns["mi_batch"]
        for n, m in ((60, 60), (1, 7))
    )
    np.testing.assert_array_equal(rare, often)


def test_the_two_terms_norms_are_of_the_two_terms():
    """The first step of biased: norms against float64 autograd on a module written out by hand."""
    columns = train("biased", 2, 0.9, [3], SMALL)[0].columns
    architecture = Architecture(2, SMALL.hidden, SMALL.layers, SMALL.activation)
    start = initial_parameters(architecture, [generator(3, 2, 0.9, Stream.INITIALISATION)]).double()
    parameters = [layer.clone().requires_grad_() for layer in layers_of(start, architecture)]
    x, z, z_product = (values[0].double() for values in Batches(2, 0.9, 3, SMALL, "cpu").take(50))
    joint = critic(parameters, torch.cat([x, z], 1)[None], architecture)[0].mean()
    product = critic(parameters, torch.cat([x, z_product], 1)[None], architecture)[0].exp().mean().log()
    for name, term in (("grad_norm_joint", joint), ("grad_norm_product", product), ("grad_norm", joint - product)):
        gradients = torch.autograd.grad(term, parameters, retain_graph=True)
        assert columns[name][0] == pytest.approx(torch.cat([g.flatten() for g in gradients]).norm().item(), rel=1e-4)


def test_a_clipped_gradient_is_recorded_as_applied():
    clipped = train("ema", 2, 0.9, [0], replace(SMALL, grad_clip=0.05))[0].columns["grad_norm"][:-1]
    assert clipped.max() <= 0.05 * (1 + 1e-5)
    loose = train("ema", 2, 0.9, [0], replace(SMALL, grad_clip=1e6))[0]
    assert same(loose, train("ema", 2, 0.9, [0], SMALL)[0])


def test_the_registry_has_every_variant():
    assert set(REGISTRY) == set(VARIANTS)


def test_ema_at_one_dimension_ends_near_the_truth():
    settings = TrainingSettings(product="derangement", eval_every=3000)
    finals = [result.columns["mi_population"][-1] for result in train("ema", 1, 0.9, range(4), settings)]
    assert np.median(finals) == pytest.approx(mutual_information(1, 0.9), abs=0.05)
