"""Encoders in training: gradients against autograd, a plain loop, stacks, and members that end."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mine.control.critics import Critics
from mine.control.data import EncoderPairs, draw, runs_of
from mine.control.encoders.linear import EncodedPairs
from mine.control.gaussian import channels
from mine.control.loop import Turns, first_non_finite
from mine.control.runs import train_encoders
from mine.control.settings import ControlSettings
from mine.control.trace import COLUMNS
from mine.engine.networks import Layout, say
from mine.engine.optimizers import Sgd
from mine.engine.seeding import Stream
from mine.estimators import build
from mine.settings import TrainingSettings

MAXIMISE = ControlSettings("maximise", (0.9, 0.6), 1, power=2.0, encoder_learning_rate=0.01)
COMPRESS = ControlSettings("compress", (0.9, 0.6), 2, beta=3.0, encoder_learning_rate=0.01)
REMOVE = ControlSettings(
    "remove", (0.9, 0.6), 2, sensitive=(0.3, 0.9), power=2.0, removal=0.5, angle=20.0, fresh_steps=20
)
SMALL = TrainingSettings(
    steps=30, batch_size=16, hidden=8, embedding=4, product="derangement", record_every=10, eval_every=20
)
FAMILY = [
    ("biased", "concat"), ("ema", "separable"), ("ema-log", "concat"), ("nwj", "separable"), ("smile", "concat"),
    ("js", "concat"), ("infonce", "separable"), ("gan-dime", "concat"), ("doe-gaussian", "density"),
    ("club", "density"), ("tuba", "concat"),
]  # fmt: skip


def batch(control, k, seeds=(0, 1, 2)):
    drawn = EncoderPairs(control, runs_of(control, seeds), k, "derangement", "cpu").take(1)
    return drawn.x[:, 0], drawn.of_terms["y"][:, 0], drawn.products["y"][:, 0]


@pytest.mark.parametrize(("variant", "critic"), FAMILY)
def test_slope_is_autograd_of_the_value(variant, critic):
    control = replace(MAXIMISE, encoder_dim=2)
    training = replace(SMALL, ema_init="first-batch", ema_rate=1.0)  # v is then the batch's mean: no correction
    estimator = build(variant, critic, 2, 2, training)
    starts = [run.generator(Stream.INITIALISATION) for run in runs_of(control, (0, 1, 2))]
    critics = Critics.fresh(estimator, Sgd(0.0), starts)
    t, y, product = batch(control, 16)
    critics.load(t, y, product)
    critics.start(16)
    critics.update(16, 1)
    leaf = t.clone().requires_grad_()
    parameters = Layout(estimator.networks).views(critics.parameters)
    said = say(estimator.networks, parameters, estimator.inputs(leaf, y, product))
    (expected,) = torch.autograd.grad(estimator.value(estimator.read(said, y)).sum(), leaf)
    torch.testing.assert_close(critics.slope(16), expected, rtol=1e-4, atol=1e-6)


def test_slope_of_the_moving_average_is_divided_by_v():
    control = replace(MAXIMISE, encoder_dim=2)
    training = replace(SMALL, ema_rate=0.25)
    estimator = build("ema", "concat", 2, 2, training)
    starts = [run.generator(Stream.INITIALISATION) for run in runs_of(control, (0, 1, 2))]
    critics = Critics.fresh(estimator, Sgd(0.0), starts)
    t, y, product = batch(control, 16)
    critics.load(3.0 * t, y, product)
    critics.start(16)
    critics.update(16, 1)
    leaf = (3.0 * t).requires_grad_()
    parameters = Layout(estimator.networks).views(critics.parameters)
    outputs = estimator.read(say(estimator.networks, parameters, estimator.inputs(leaf, y, product)), y)
    mean_exp = outputs["product"].exp().mean((1, 2))
    v = (0.75 + 0.25 * mean_exp).detach()
    (expected,) = torch.autograd.grad((outputs["joint"].mean(1) - mean_exp / v).sum(), leaf)
    torch.testing.assert_close(critics.slope(16), expected, rtol=1e-4, atol=1e-6)


def plain_loop(control, training, steps):
    """Compress with torch's own autograd and Adam: one encoder, two critics, biased."""
    run = runs_of(control, [4])[0]
    start = run.generator(Stream.INITIALISATION)
    weight = torch.empty(2, 2).uniform_(-(0.5**0.5), 0.5**0.5, generator=start).requires_grad_()
    estimators = [build("biased", "concat", 2, 2, training) for _ in control.terms]
    critics = [{n: p.requires_grad_() for n, p in one.init([start]).items()} for one in estimators]
    of_critics = [torch.optim.Adam(list(one.values()), training.learning_rate) for one in critics]
    of_encoder = torch.optim.Adam([weight], control.encoder_learning_rate)
    drawn = EncoderPairs(control, [run], training.batch_size, "derangement", "cpu").take(steps)
    for step in range(steps):
        t = drawn.x[0, step] @ weight + drawn.noise[0, step]
        values = []
        for index, term in enumerate(control.terms):
            z, product = drawn.of_terms[term][:, step], drawn.products[term][:, step]

            def value(t, index=index, z=z, product=product):
                one = estimators[index]
                outputs = one.read(say(one.networks, critics[index], one.inputs(t[None], z, product)), z)
                return outputs["joint"].mean() - outputs["product"].exp().mean().log()

            of_critics[index].zero_grad()
            (-value(t.detach())).backward()
            of_critics[index].step()
            values.append(value)
        loss = -sum(w * value(t) for w, value in zip(control.weights, values, strict=True))
        of_encoder.zero_grad()
        loss.backward()
        of_encoder.step()
    return weight.detach().T.double().numpy()


def test_the_turns_are_those_of_a_plain_loop():
    training = replace(SMALL, activation="tanh")  # at a ReLU's kink a rounding difference grows into another path
    (run,) = train_encoders("biased", "concat", [4], COMPRESS, training, judged=False)
    np.testing.assert_allclose(run.encoder.weight, plain_loop(COMPRESS, training, 30), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("variant", "critic", "control"),
    [
        ("ema", "concat", COMPRESS),
        ("infonce", "separable", replace(REMOVE, critic_steps=2)),
        ("club", "density", MAXIMISE),
    ],
)
def test_a_member_is_the_same_in_any_stack(variant, critic, control):
    # 60 updates: what follows the first block of random numbers too.
    together, (alone,) = (
        train_encoders(variant, critic, seeds, control, replace(SMALL, steps=60), judged=False)
        for seeds in ([3, 5, 8], [5])
    )
    for name in COLUMNS:
        one, other = (np.ma.filled(run.columns[name].astype(float), -7.0) for run in (together[1], alone))
        np.testing.assert_array_equal(one, other, err_msg=name)
    np.testing.assert_array_equal(together[1].encoder.weight, alone.encoder.weight)


def test_goals_and_estimators_of_a_seed_begin_alike():
    firsts = {
        tuple(
            train_encoders(variant, critic, [2], control, replace(SMALL, steps=10), judged=False)[0].columns["mi_y"][:1]
        )
        for variant, critic, control in (
            ("ema", "concat", replace(COMPRESS, encoder_learning_rate=1e-9)),
            ("club", "density", replace(REMOVE, encoder_learning_rate=1e-9, angle=0.0)),
        )
    }
    assert len({round(float(value), 6) for (value,) in firsts}) == 1


def test_exact_values_and_estimates_stand_side_by_side():
    (run,) = train_encoders("ema", "concat", [0], REMOVE, SMALL)
    columns = run.columns
    assert columns["step"].tolist() == [10, 20, 30, 31]
    assert run.outcome == "completed"
    for term in ("y", "s"):
        assert not np.ma.getmaskarray(columns[f"estimate_{term}"]).any()
        assert np.ma.getmaskarray(columns[f"grad_norm_{term}"]).tolist() == [False, False, False, True]
        assert np.ma.getmaskarray(columns[f"heldout_{term}"]).tolist() == [False, True, False, False]
    assert np.ma.getmaskarray(columns["estimate_x"]).all()
    assert not np.ma.getmaskarray(columns["mi_x"]).any()
    assert (columns["power"] <= 2.0 + 1e-5).all()
    assert np.isfinite(columns["fresh_s"][-1])
    expected = columns["mi_y"] - 0.5 * columns["mi_s"]
    np.testing.assert_allclose(columns["objective"], expected)


def test_an_encoder_that_becomes_non_finite_is_a_result_and_touches_nobody():
    wild = replace(COMPRESS, encoder_learning_rate=10.0)
    training = replace(SMALL, learning_rate=10.0, optimizer="sgd", steps=60)
    runs = train_encoders("biased", "concat", [0, 1], wild, training, judged=False)
    for run in runs:
        assert run.outcome == "overflow"
        assert run.columns["step"][-1] == run.overflow_step <= 60
        assert np.isfinite(run.encoder.weight).all()
        (alone,) = train_encoders("biased", "concat", [run.seed], wild, training, judged=False)
        np.testing.assert_array_equal(alone.encoder.weight, run.encoder.weight)
        assert alone.overflow_step == run.overflow_step


def test_the_first_non_finite_step_is_that_of_any_network():
    estimators = {term: build("biased", "concat", 2, 2, SMALL) for term in COMPRESS.terms}
    turns = Turns(estimators, COMPRESS, SMALL, runs_of(COMPRESS, [0, 1, 2]), "cpu")
    seen = turns.train(lambda step, turns: None, lambda step, live: None)
    assert first_non_finite(seen, 30) == [None, None, None]
    seen.encoder_norms[0][4, 1] = np.inf
    seen.estimates["x"][0][7, 2] = np.nan
    seen.norms["y"][0][2, 2] = np.nan
    assert first_non_finite(seen, 30) == [None, 5, 3]


@pytest.mark.parametrize("term", ["y", "s", "x"])
def test_encoded_pairs_are_a_task_with_its_exact_information_and_ratio(term):
    encoder = np.array([[1.5, -0.4], [0.2, 0.9]])
    task = EncodedPairs(REMOVE, encoder, term)
    x, z = task.sample((200_000,), [torch.Generator().manual_seed(0)])
    ratio = task.log_ratio(x, z)[0]
    assert abs(float(ratio.mean()) - task.mi) < 0.01
    # E_Q[r] = 1, and E_P[1 / r] = 1.
    assert abs(float((-ratio).exp().mean()) - 1.0) < 0.05


def test_data_have_the_covariances_that_the_exact_values_are_of():
    x, seen, noise = draw(REMOVE, (100_000,), [torch.Generator().manual_seed(1)])
    for name, channel in channels(REMOVE).items():
        np.testing.assert_allclose((x[0].T @ seen[name][0] / 100_000).numpy(), channel.cross, atol=0.02)
        np.testing.assert_allclose(torch.cov(seen[name][0].T).numpy(), np.eye(2), atol=0.02)
    np.testing.assert_allclose(torch.cov(noise[0].T).numpy(), np.eye(2), atol=0.02)
