"""The loop: paired starts, reproducible traces, members that never touch each other, runs that end as they ended."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from factories import VARIANTS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import plain_loop
from mine.divergence import overflow_step
from mine.engine import instruments, loop
from mine.engine.instruments import evaluate
from mine.engine.networks import Layout
from mine.engine.runs import gaussian_runs
from mine.engine.runs import train_at as train
from mine.engine.seeding import Stream, generator
from mine.engine.sources import source_of
from mine.estimators import build
from mine.gaussian import mutual_information
from mine.settings import TrainingSettings
from mine.trace import COLUMNS

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


def estimator_of(variant, dim, settings):
    return build(variant, "concat", dim, dim, settings)


def initial_layers(dim, rho, seed, settings):
    """Weight and bias of each layer of a fresh critic, in turn."""
    (network,) = estimator_of("biased", dim, settings).networks
    return list(network.init([generator(seed, dim, rho, Stream.INITIALISATION)]).values())


def perceptron(parameters, x, z, activation):
    """T of pairs as torch's own layers compute it, so that autograd goes through."""
    values = torch.cat([x, z], 1)
    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        values = getattr(torch, activation)(torch.nn.functional.linear(values, weight[0].T, bias[0, 0]))
    return torch.nn.functional.linear(values, parameters[-2][0].T, parameters[-1][0, 0])[:, 0]


@pytest.mark.parametrize("variant", ["biased", "ema"])
def test_the_loop_is_algorithm_1(variant):
    """Against the plain loop of the benchmarks: torch's own layers, autograd and Adam."""
    # A smooth activation: at a ReLU's kink a rounding difference grows into another path.
    settings = replace(SMALL, activation="tanh")
    dim, rho, seed = 2, 0.9, 3
    network = plain_loop.critic(dim, settings.hidden)
    for index, module in enumerate(network):
        if isinstance(module, torch.nn.ReLU):
            network[index] = torch.nn.Tanh()
    start = initial_layers(dim, rho, seed, settings)
    with torch.no_grad():
        for parameter, layer in zip(network.parameters(), start, strict=True):
            parameter.copy_(layer[0].T.squeeze(1) if parameter.ndim == 1 else layer[0].T)
    batch = source_of(gaussian_runs(dim, rho, [seed]), settings, "cpu").take(50)
    batches = zip(batch.x[0], batch.z[0], batch.z_product[0], strict=True)
    ema_rate = settings.ema_rate if variant == "ema" else None
    expected = np.array(plain_loop.train(network, batches, 50, settings.learning_rate, ema_rate))

    columns = train(variant, dim, rho, [seed], settings)[0].columns
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
@pytest.mark.parametrize("shape", [{}, {"batch_size": 5, "hidden": 7, "layers": 3, "activation": "elu"}])
def test_a_member_is_bitwise_the_same_alone_and_in_stacks(variant, shape):
    settings = replace(SMALL, **shape)
    alone = train(variant, 5, 0.95, [3], settings)[0]
    assert same(alone, train(variant, 5, 0.95, [3, 8], settings)[0])
    assert same(alone, train(variant, 5, 0.95, range(9), settings)[3])


@pytest.mark.parametrize(("variant", "product"), [("biased", "derangement"), ("ema", "permutation")])
def test_a_published_run_is_bitwise_the_same_over_500_steps(variant, product):
    settings = TrainingSettings(steps=500, product=product, eval_every=500)
    nine = train(variant, 5, 0.95, range(9), settings)
    assert same(nine[3], train(variant, 5, 0.95, [3], settings)[0])
    assert same(nine[3], train(variant, 5, 0.95, [3, 8], settings)[0])


def test_a_member_is_bitwise_the_same_after_neighbours_overflowed():
    stack = train("biased", 5, 0.99, range(6), WILD)
    steps = [result.overflow_step for result in stack]
    assert len({step for step in steps if step is not None}) > 1, "members must end at different steps to test this"
    for result in stack:
        assert same(result, train("biased", 5, 0.99, [result.seed], WILD)[0])


def test_500_steps_are_bitwise_the_same_beside_neighbours_that_leave():
    settings = replace(WILD, learning_rate=0.3, steps=500, eval_every=500)
    stack = train("biased", 5, 0.9, range(9), settings)
    ended = [result.overflow_step for result in stack]
    assert any(step is not None for step in ended), "a member must leave to test this"
    assert any(step is None for step in ended), "a member must stay to test this"
    for result in stack:
        assert same(result, train("biased", 5, 0.9, [result.seed], settings)[0])


class Tape(TorchDispatchMode):
    """Records every operation with its operands, to run them again on the same memory: what a CUDA graph does."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, result))
        return result

    def replay(self):
        for function, args, kwargs, result in self.calls:
            for old, new in zip(*(tree_leaves(each) for each in (result, function(*args, **kwargs))), strict=True):
                if old.data_ptr() != new.data_ptr():
                    old.copy_(new)


def taped(tapes):
    """A stand-in for loop.replayable that replays a tape."""

    def replayable(update, device):
        stack = update.func.__self__
        state = [stack.parameters, stack.live, stack.measured, *stack._optimizer_state, *stack._state]
        saved = [tensor.clone() for tensor in state]
        with Tape() as tape:
            update()
        for tensor, value in zip(state, saved, strict=True):
            tensor.copy_(value)
        tapes.append(tape)
        return tape.replay

    return replayable


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_update_can_be_replayed_as_a_gpu_does(variant, optimizer, monkeypatch):
    """Every update does the same operations on the same memory: no number of a step is baked in, no tensor moves."""
    settings = replace(WILD, learning_rate=1.0 if optimizer == "sgd" else 0.01, optimizer=optimizer, grad_clip=1e6)
    plain = train(variant, 5, 0.9, range(4), settings)
    tapes = []
    monkeypatch.setattr(loop, "replayable", taped(tapes))
    for one, other in zip(plain, train(variant, 5, 0.9, range(4), settings), strict=True):
        assert same(one, other)
    assert tapes


def test_nothing_in_an_update_waits_for_a_value(monkeypatch):
    tapes = []
    monkeypatch.setattr(loop, "replayable", taped(tapes))
    train("ema", 5, 0.9, range(4), SMALL)
    waits = {"_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select", "_to_copy"}
    called = {function.overloadpacket.__name__ for function, *_ in tapes[0].calls}
    assert {"bmm", "baddbmm", "exp"} <= called
    assert not called & waits


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("variant", VARIANTS)
def test_stacks_agree_on_a_gpu(variant):
    settings = TrainingSettings(steps=50, eval_every=50)
    alone = train(variant, 5, 0.95, [3], settings, device="cuda")[0].columns
    stacked = train(variant, 5, 0.95, range(9), settings, device="cuda")[3].columns
    for name in ("mi_batch", "grad_norm"):
        np.testing.assert_allclose(alone[name].filled(0), stacked[name].filled(0), rtol=1e-4)


def test_critics_are_judged_alike_alone_and_together(monkeypatch):
    """A GPU judges many critics of a stack at once."""
    one_by_one = train("biased", 5, 0.99, range(5), WILD)
    monkeypatch.setitem(instruments.AT_ONCE, "cpu", 2)
    for one, other in zip(one_by_one, train("biased", 5, 0.99, range(5), WILD), strict=True):
        for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
            np.testing.assert_allclose(one.columns[name].filled(0), other.columns[name].filled(0), rtol=1e-6)


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
    estimator, runs = estimator_of("biased", 5, WILD), gaussian_runs(5, 0.99, [0])
    layout = Layout(estimator.networks)
    parameters = layout.views(layout.spread(result.parameters[None]))
    again = evaluate(estimator, parameters, runs, runs[0].tasks[0], WILD.batch_size)[0]
    np.testing.assert_equal(columns["mi_population"][-1], again.mi_population)


def test_critics_are_kept_where_asked():
    """A checkpoint after n updates is the critic that a run of n updates ends with, whoever leaves the stack."""
    kept = train("ema", 1, 0.9, [0, 1], SMALL, checkpoints=(0, 7, 60))
    for result in kept:
        assert set(result.checkpoints) == {0, 7, 60}
        for steps in (7, 60):
            short = train("ema", 1, 0.9, [result.seed], replace(SMALL, steps=steps))[0]
            assert torch.equal(result.checkpoints[steps], short.parameters)
    for result in train("biased", 5, 0.99, range(4), WILD, checkpoints=(0, 1, 199)):
        assert all((step < result.overflow_step) == (step in result.checkpoints) for step in (0, 1, 199))


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
    parameters = [layer.double().requires_grad_() for layer in initial_layers(2, 0.9, 3, SMALL)]
    batch = source_of(gaussian_runs(2, 0.9, [3]), SMALL, "cpu").take(50)
    x, z, z_product = (values[0, 0].double() for values in (batch.x, batch.z, batch.z_product))
    joint = perceptron(parameters, x, z, SMALL.activation).mean()
    product = perceptron(parameters, x, z_product, SMALL.activation).exp().mean().log()
    for name, term in (("grad_norm_joint", joint), ("grad_norm_product", product), ("grad_norm", joint - product)):
        gradients = torch.autograd.grad(term, parameters, retain_graph=True)
        assert columns[name][0] == pytest.approx(torch.cat([g.flatten() for g in gradients]).norm().item(), rel=1e-4)


def test_a_clipped_gradient_is_recorded_as_applied():
    clipped = train("ema", 2, 0.9, [0], replace(SMALL, grad_clip=0.05))[0].columns["grad_norm"][:-1]
    assert clipped.max() <= 0.05 * (1 + 1e-5)
    loose = train("ema", 2, 0.9, [0], replace(SMALL, grad_clip=1e6))[0]
    free = train("ema", 2, 0.9, [0], SMALL)[0]
    np.testing.assert_array_equal(loose.columns["grad_norm_unclipped"], free.columns["grad_norm"])
    assert np.ma.getmaskarray(free.columns["grad_norm_unclipped"]).all()
    for name in ("mi_batch", "grad_norm", "mi_population"):
        np.testing.assert_array_equal(loose.columns[name], free.columns[name])


def test_ema_at_one_dimension_ends_near_the_truth():
    settings = TrainingSettings(product="derangement", eval_every=3000)
    finals = [result.columns["mi_population"][-1] for result in train("ema", 1, 0.9, range(4), settings)]
    assert np.median(finals) == pytest.approx(mutual_information(1, 0.9), abs=0.05)
