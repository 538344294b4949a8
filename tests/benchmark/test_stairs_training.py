"""Training the family up a staircase: what a row describes, pairing, stacks, overflow, held-out values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mine.engine import instruments, sources, stopping
from mine.engine.runs import stairs_runs, train_runs
from mine.engine.seeding import Stream, generator
from mine.engine.sources import Run
from mine.estimators import build
from mine.settings import TrainingSettings
from mine.tasks import make_task
from mine.tasks.interface import OfOneDim

TINY = TrainingSettings(steps=60, batch_size=16, hidden=16, embedding=16, eval_every=30, product="shift")


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch):
    monkeypatch.setattr(instruments, "HELDOUT_PAIRS", 320)
    monkeypatch.setattr(instruments, "POPULATION_PAIRS", 320)


def run(variant="nwj", critic="separable", mis=(1.0, 2.0), seeds=(3,), settings=TINY, task="gaussian", dim=2):
    return train_runs(variant, critic, stairs_runs(task, dim, mis, seeds), settings)


def test_rows_are_the_updates_of_every_stair_and_a_last_look():
    (result,) = run()
    columns = result.columns
    assert len(columns["step"]) == 121
    np.testing.assert_array_equal(columns["mi_true"], [1.0] * 60 + [2.0] * 61)
    assert columns["grad_norm"].mask.nonzero()[0].tolist() == [120]
    # Critics are judged every eval_every steps from the first on, on the last row of a stair and on the last of all.
    for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
        assert (~columns[name].mask).nonzero()[0].tolist() == [0, 30, 59, 60, 90, 120]
    for name in ("grad_norm_joint", "grad_norm_product"):
        assert (~columns[name].mask).nonzero()[0].tolist() == [0, 50, 100]
    assert (result.outcome, result.overflow_step) == ("completed", None)
    for name in ("log_ema", "mi_ema_mean", "grad_norm_unclipped", "epoch"):
        assert columns[name].mask.all()


def test_what_does_not_exist_is_null():
    (density,) = run("doe-gaussian", "density")
    for name in ("joint_mean", "log_mean_exp", "product_max", "heldout_ess", "mi_population", "grad_norm_joint"):
        assert density.columns[name].mask.all()
    assert not density.columns["mi_heldout"].mask.all()
    (ema,) = run("ema-log", "concat")
    assert ema.columns["log_ema"].mask.nonzero()[0].tolist() == [120]
    # Judged at the population is only what says its density ratio.
    (unknown,) = train_runs("nwj", "separable", [Run(3, (WithoutRatio(),), (2, 0.0))], TINY)
    assert unknown.columns["mi_population"].mask.all()
    assert not unknown.columns["mi_heldout"].mask.all()
    (cubic,) = run(task="cubic")
    assert not cubic.columns["mi_population"].mask.all()


class WithoutRatio(OfOneDim):
    """Its density ratio is not known."""

    name, dim, mi = "gaussian", 2, 1.0

    def sample(self, shape, generators):
        return make_task("gaussian", 2, 1.0).sample(shape, generators)


def test_the_first_rows_are_the_batches_drawn_from_the_runs_own_streams():
    """The first row's value, and the parameters after one step of Adam, by torch's own optimiser."""
    (result,) = run(settings=replace(TINY, steps=2, eval_every=2), mis=(1.0,))
    task, k = make_task("gaussian", 2, 1.0), TINY.batch_size
    # A block is drawn at once, however few steps are left of it.
    x, z = task.sample((sources.BLOCK, k), [generator(3, 2, 0.0, Stream.DATA)])
    estimator = build("nwj", "separable", 2, 2, TINY)
    parameters = estimator.init([generator(3, 2, 0.0, Stream.INITIALISATION)])
    leaves = [tensor.requires_grad_() for tensor in parameters.values()]
    optimizer = torch.optim.Adam(leaves, lr=TINY.learning_rate)
    for step in range(2):
        outputs = estimator.outputs(parameters, x[:, step], z[:, step])
        value = estimator.value(outputs)
        assert result.columns["mi_batch"][step] == pytest.approx(value.item(), abs=1e-5)
        optimizer.zero_grad()
        (-value.sum()).backward()
        norm = math.sqrt(sum(float(leaf.grad.double().square().sum()) for leaf in leaves))
        assert result.columns["grad_norm"][step] == pytest.approx(norm, rel=1e-5)
        optimizer.step()


def test_a_member_of_a_stack_trains_as_it_would_alone():
    alone, third = run(seeds=(5,))[0], run(seeds=(1, 9, 5))[2]
    for name in ("mi_batch", "grad_norm", "mi_heldout", "mi_population"):
        np.testing.assert_array_equal(third.columns[name], alone.columns[name])
    assert torch.equal(third.parameters, alone.parameters)


def test_a_seed_fixes_initialisation_and_data_whatever_the_estimator():
    js, smile, dime = (run(name)[0].columns for name in ("js", "smile", "gan-dime"))
    # One training, three values: the critics are the same, so are the gradients.
    np.testing.assert_array_equal(js["grad_norm"], smile["grad_norm"])
    np.testing.assert_array_equal(js["grad_norm"], dime["grad_norm"])
    np.testing.assert_allclose(dime["mi_batch"], dime["joint_mean"], rtol=1e-6)
    assert not np.allclose(js["mi_batch"][1:], smile["mi_batch"][1:])


class HugeFromItsSecondBlockOn(OfOneDim):
    """Its numbers overflow."""

    name, dim, mi, calls = "gaussian", 2, 1.0, 0

    def sample(self, shape, generators):
        x, z = make_task("gaussian", 2, 1.0).sample(shape, generators)
        self.calls += shape == (10, TINY.batch_size)
        scale = 1e30 if self.calls > 1 else 1.0
        return scale * x, scale * z


def test_a_run_that_overflows_keeps_its_rows_and_leaves_its_neighbours_alone(monkeypatch):
    for module in (sources, stopping):
        monkeypatch.setattr(module, "BLOCK", 10)
    undisturbed = run(seeds=(1,), mis=(1.0,))[0]
    runs = [Run(0, (HugeFromItsSecondBlockOn(),), (2, 0.0)), *stairs_runs("gaussian", 2, (1.0,), (1,))]
    ended, neighbour = train_runs("nwj", "separable", runs, TINY)
    assert (ended.outcome, ended.overflow_step, len(ended.columns["step"])) == ("overflow", 11, 11)
    assert not np.isfinite(ended.columns["mi_batch"][-1])
    assert ended.parameters.isfinite().all()
    np.testing.assert_array_equal(neighbour.columns["mi_batch"], undisturbed.columns["mi_batch"])
    assert neighbour.outcome == "completed"


def test_heldout_values_are_of_fresh_pairs_the_same_at_every_stair_of_one_mi():
    (result,) = run(settings=replace(TINY, learning_rate=1e-9), mis=(1.0, 1.0))
    heldout = result.columns["mi_heldout"].compressed()
    assert np.ptp(heldout) < 1e-5
    estimator = build("nwj", "separable", 2, 2, TINY)
    parameters = estimator.init([generator(3, 2, 0.0, Stream.INITIALISATION)])
    x, z = make_task("gaussian", 2, 1.0).sample((20, 16), [generator(3, 2, 0.0, Stream.EVALUATION)])
    of_batches = [
        float(estimator.value(estimator.outputs(parameters, x[:, batch], z[:, batch]))) for batch in range(20)
    ]
    # NWJ's value is a mean, so the mean of batches is the value of all.
    assert heldout[0] == pytest.approx(np.mean(of_batches), abs=1e-5)


def test_the_average_of_the_parameters_is_what_heldout_values_are_taken_at():
    plain, averaged = run()[0].columns, run(settings=replace(TINY, average=0.999))[0].columns
    np.testing.assert_array_equal(plain["mi_batch"], averaged["mi_batch"])
    for name in ("mi_heldout", "mi_population"):
        assert not np.allclose(plain[name].compressed(), averaged[name].compressed())


def test_clipping_bounds_the_applied_gradient():
    clipped = run(settings=replace(TINY, grad_clip=0.5))[0].columns
    assert clipped["grad_norm"].compressed().max() <= 0.5 * (1 + 1e-5)
    assert clipped["grad_norm_unclipped"].compressed().max() > 0.5
    assert run()[0].columns["grad_norm"].max() > 0.5


def test_an_estimate_comes_near_the_truth():
    settings = TrainingSettings(steps=600, batch_size=64, hidden=64, embedding=16, eval_every=600, product="shift")
    (result,) = run("infonce", settings=settings, mis=(1.0,), dim=1)
    assert result.columns["mi_heldout"].compressed()[-1] == pytest.approx(1.0, abs=0.15)


def test_progress_is_reported_over_all_stairs():
    seen = []
    train_runs("nwj", "separable", stairs_runs("gaussian", 2, (1.0, 2.0), (0, 1)), TINY, report=seen.append)
    assert [(each.step, each.steps) for each in seen] == [(50, 120), (100, 120), (120, 120)]
    assert all((each.live, each.runs) == (2, 2) for each in seen)


# ---- what is measured besides, by NumPy alone


def by_name(parameters, estimator):
    """A run's parameters (n_parameters,) as NumPy matrices by name."""
    found, start = {}, 0
    for network in estimator.networks:
        for name, (rows, columns) in network.shapes.items():
            found[name] = parameters[start : start + rows * columns].double().numpy().reshape(rows, columns)
            start += rows * columns
    assert start == len(parameters)
    return found


def forward(parameters, name, values):
    """What a network of two hidden layers says, and what its layers saw."""
    seen = [values]
    for index in range(3):
        values = values @ parameters[f"{name}.{index}.weight"] + parameters[f"{name}.{index}.bias"]
        if index < 2:
            values = np.maximum(values, 0.0)
            seen.append(values)
    return values, seen


def squared_gradient(parameters, name, seen, gradient):
    """Sum of squares of the gradient with respect to a network's parameters; gradient: to what it says."""
    total = 0.0
    for index in (2, 1, 0):
        total += (gradient.sum(0) ** 2).sum() + ((seen[index].T @ gradient) ** 2).sum()
        gradient = (gradient @ parameters[f"{name}.{index}.weight"].T) * (seen[index] > 0)
    return total


def scores(parameters, critic, x, z):
    if critic == "concat":
        return forward(parameters, "critic", np.concatenate([x, z], 1))[0][:, 0]
    return (forward(parameters, "critic.x", x)[0] * forward(parameters, "critic.z", z)[0]).sum(1)


@pytest.mark.parametrize("critic", ["concat", "separable"])
def test_the_population_value_is_that_of_the_definition(critic):
    """E_P[T] - log E_Q[e^T] on the run's own samples, those of Q weighted by what the mixture has less of it."""
    (result,) = run(critic=critic, mis=(1.0,))
    estimator, task, n = build("nwj", critic, 2, 2, TINY), make_task("gaussian", 2, 1.0), 320
    source = generator(3, 2, 0.0, Stream.EVALUATION)
    # The held-out pairs come first.
    task.sample((n // 16, 16) if critic == "separable" else (n,), [source])
    if critic == "concat":
        torch.randperm(n - 1, generator=source)
    x, z = (each[0].double().numpy() for each in task.sample((n,), [source]))
    x_product, z_product = (each((n,), [source])[0].double().numpy() for each in (task.sample_x, task.sample_z))
    all_x, all_z = np.concatenate([x, x_product]), np.concatenate([z, z_product])

    def log_ratio(x, z):
        rho = task.rho
        each = -0.5 * np.log1p(-(rho**2)) - (rho**2 * (x**2 + z**2) - 2 * rho * x * z) / (2 * (1 - rho**2))
        return each.sum(1)

    parameters = by_name(result.parameters, estimator)
    weights = 2.0 / (1.0 + np.exp(log_ratio(all_x, all_z))) * np.exp(scores(parameters, critic, all_x, all_z))
    expected = scores(parameters, critic, x, z).mean() - np.log(weights.mean())
    assert result.columns["mi_population"][-1] == pytest.approx(expected, abs=1e-5)
    assert result.columns["population_ess"][-1] == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-4)


@pytest.mark.parametrize("critic", ["concat", "separable"])
def test_norms_of_the_two_terms_are_those_of_nwjs_gradient(critic):
    """NWJ descends -mean T + mean e^(T - 1); each mean's gradient by backward passes written out, at the first step."""
    task, k = make_task("gaussian", 2, 1.0), TINY.batch_size
    (result,) = train_runs("nwj", critic, stairs_runs("gaussian", 2, (1.0,), (3,)), TINY, checkpoints=[0])
    parameters = by_name(result.checkpoints[0], build("nwj", critic, 2, 2, TINY))
    pairs = task.sample((sources.BLOCK, k), [generator(3, 2, 0.0, Stream.DATA)])
    x, z = (each[0, 0].double().numpy() for each in pairs)
    norms = {}
    if critic == "concat":
        rows = np.concatenate([np.concatenate([x, z], 1), np.concatenate([np.roll(x, 1, 0), z], 1)])
        t, seen = forward(parameters, "critic", rows)
        joint, product = np.zeros_like(t), np.zeros_like(t)
        joint[:k], product[k:] = -1.0 / k, np.exp(t[k:] - 1.0) / k
        for name, gradient in (("joint", joint), ("product", product)):
            norms[name] = math.sqrt(squared_gradient(parameters, "critic", seen, gradient))
    else:
        (f, seen_x), (g, seen_z) = forward(parameters, "critic.x", x), forward(parameters, "critic.z", z)
        off = ~np.eye(k, dtype=bool)
        product = np.where(off, np.exp(g @ f.T - 1.0), 0.0) / off.sum()
        for name, gradient in (("joint", -np.eye(k) / k), ("product", product)):
            of_x = squared_gradient(parameters, "critic.x", seen_x, gradient.T @ g)
            norms[name] = math.sqrt(of_x + squared_gradient(parameters, "critic.z", seen_z, gradient @ f))
    for name, expected in norms.items():
        assert result.columns[f"grad_norm_{name}"][0] == pytest.approx(expected, rel=1e-5)
