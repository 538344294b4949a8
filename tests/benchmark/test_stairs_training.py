"""Training up a staircase: what a row describes, pairing, stacks, overflow, held-out values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mine.estimators import build, training
from mine.estimators.settings import EstimatorSettings
from mine.estimators.training import train_stairs
from mine.estimators.tree import Tree
from mine.seeding import Stream, generator
from mine.tasks import make_task

TINY = EstimatorSettings(steps=60, batch_size=16, hidden=16, embedding=16, eval_every=30)


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setattr(training, "HELDOUT_PAIRS", 320)
    torch.set_num_threads(1)


def run(variant="nwj", critic="separable", mis=(1.0, 2.0), seeds=(3,), settings=TINY, task="gaussian", dim=2):
    return train_stairs(variant, critic, task, dim, list(mis), list(seeds), settings)


def test_rows_are_the_updates_of_every_stair_and_a_last_look():
    (result,) = run()
    columns = result.columns
    assert len(columns["step"]) == 121
    np.testing.assert_array_equal(columns["mi_true"], [1.0] * 60 + [2.0] * 61)
    assert columns["grad_norm"].mask.nonzero()[0].tolist() == [120]
    # Held-out values stand every eval_every steps and on the last row of the last stair.
    assert (~columns["mi_heldout"].mask).nonzero()[0].tolist() == [29, 59, 89, 119, 120]
    assert (result.outcome, result.overflow_step) == ("completed", None)
    for name in ("log_ema", "mi_population", "population_ess", "grad_norm_joint", "grad_norm_product"):
        assert columns[name].mask.all()


def test_what_does_not_exist_is_null():
    (density,) = run("doe-gaussian", "density")
    for name in ("joint_mean", "log_mean_exp", "product_max", "heldout_ess"):
        assert density.columns[name].mask.all()
    assert not density.columns["mi_heldout"].mask.all()
    (ema,) = run("ema-log", "concat")
    assert ema.columns["log_ema"].mask.nonzero()[0].tolist() == [120]


def test_the_first_rows_are_the_batches_drawn_from_the_runs_own_streams():
    """The first row's value, and the parameters after one step of Adam, by torch's own optimiser."""
    (result,) = run(settings=EstimatorSettings(**{**TINY.to_dict(), "steps": 2, "eval_every": 2}), mis=(1.0,))
    task, k = make_task("gaussian", 2, 1.0), TINY.batch_size
    # Two updates and the last look are drawn at once.
    x, z = task.sample((3, k), [generator(3, 2, 0.0, Stream.DATA)])
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
    alone = run(seeds=(5,))[0]
    third = run(seeds=(1, 9, 5))[2]
    np.testing.assert_allclose(third.columns["mi_batch"][:40], alone.columns["mi_batch"][:40], rtol=1e-3, atol=1e-4)
    pair, trio = run(seeds=(5, 1)), run(seeds=(1, 9, 5))
    np.testing.assert_array_equal(pair[0].columns["mi_batch"], trio[2].columns["mi_batch"])


def test_a_seed_fixes_initialisation_and_data_whatever_the_estimator():
    js, smile, dime = (run(name)[0].columns for name in ("js", "smile", "gan-dime"))
    # One training, three values: the critics are the same, so are the gradients.
    np.testing.assert_array_equal(js["grad_norm"], smile["grad_norm"])
    np.testing.assert_array_equal(js["grad_norm"], dime["grad_norm"])
    np.testing.assert_allclose(dime["mi_batch"], dime["joint_mean"], rtol=1e-6)
    assert not np.allclose(js["mi_batch"][1:], smile["mi_batch"][1:])


def test_a_run_that_overflows_keeps_its_rows_and_leaves_its_neighbours_alone(monkeypatch):
    task = make_task("gaussian", 2, 1.0)

    class Huge:
        """From its second sample on, member 0 gets numbers that overflow."""

        name, dim, mi, calls = "gaussian", 2, 1.0, 0

        def sample(self, shape, generators):
            x, z = task.sample(shape, generators)
            if shape == (10, TINY.batch_size):
                self.calls += 1
                if self.calls == 2:
                    x[0] *= 1e30
                    z[0] *= 1e30
            return x, z

    monkeypatch.setattr(training, "BLOCK", 10)
    undisturbed = run(seeds=(0, 1), mis=(1.0,))
    huge = Huge()
    monkeypatch.setattr(training, "make_task", lambda *arguments: huge)
    ended, neighbour = run(seeds=(0, 1), mis=(1.0,))
    assert (ended.outcome, ended.overflow_step, len(ended.columns["step"])) == ("overflow", 11, 11)
    assert not np.isfinite(ended.columns["mi_batch"][-1])
    np.testing.assert_array_equal(neighbour.columns["mi_batch"], undisturbed[1].columns["mi_batch"])
    assert neighbour.outcome == "completed"


def test_heldout_values_are_of_fresh_pairs_the_same_at_every_stair_of_one_mi():
    settings = EstimatorSettings(**{**TINY.to_dict(), "learning_rate": 1e-9})
    (result,) = run(settings=settings, mis=(1.0, 1.0))
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
    steady = EstimatorSettings(**{**TINY.to_dict(), "average": 0.999})
    plain, averaged = run()[0].columns, run(settings=steady)[0].columns
    np.testing.assert_array_equal(plain["mi_batch"], averaged["mi_batch"])
    assert not np.allclose(plain["mi_heldout"].compressed(), averaged["mi_heldout"].compressed())


def test_clipping_bounds_the_applied_gradient():
    clipped = run(settings=EstimatorSettings(**{**TINY.to_dict(), "grad_clip": 0.5}))[0]
    norms = clipped.columns["grad_norm"].compressed()
    assert norms.max() <= 0.5 * (1 + 1e-5)
    assert run()[0].columns["grad_norm"].max() > 0.5


def test_an_estimate_comes_near_the_truth():
    settings = EstimatorSettings(steps=600, batch_size=64, hidden=64, embedding=16, eval_every=600)
    (result,) = run("infonce", settings=settings, mis=(1.0,), dim=1)
    assert result.columns["mi_heldout"].compressed()[-1] == pytest.approx(1.0, abs=0.15)


def test_progress_is_reported_with_the_truth_of_the_stair():
    seen = []
    train_stairs("nwj", "separable", "gaussian", 2, [1.0, 2.0], [0, 1], TINY, report=seen.append)
    assert [(each.step, each.steps) for each in seen] == [(50, 120), (100, 120), (120, 120)]
    assert [each.mi_true for each in seen] == [1.0, 2.0, 2.0]
    assert all((each.live, each.runs) == (2, 2) for each in seen)


def test_a_tree_is_one_matrix_whose_leaves_share_its_memory():
    tree = Tree({"a": torch.arange(6.0).view(2, 1, 3), "b": torch.ones(2, 4, 5)})
    assert tree.values.shape == (2, 48)
    tree.values += 1.0
    np.testing.assert_array_equal(tree.leaves["a"].detach()[1, 0], [4.0, 5.0, 6.0])
    loss = (tree.leaves["a"].square().sum((1, 2)) + 3.0 * tree.leaves["b"].sum((1, 2))).requires_grad_()
    gradient = tree.views(tree.gradient(loss))
    np.testing.assert_array_equal(gradient["a"], 2.0 * tree.leaves["a"].detach())
    np.testing.assert_array_equal(gradient["b"], np.full((2, 4, 5), 3.0))
