"""Encoders that are a perceptron: their power, their gradient, stacks, members that end, and what the trace says."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mine.control.data import runs_of
from mine.control.encoders import KINDS, encoders_of
from mine.control.encoders.mlp import even_inputs
from mine.control.runs import train_encoders
from mine.control.settings import ENCODERS, ControlSettings
from mine.control.trace import COLUMNS
from mine.engine.networks import Layout
from mine.engine.seeding import Stream
from mine.settings import TrainingSettings

MAXIMISE = ControlSettings(
    "maximise", (0.9, 0.6, 0.4), 2, power=2.0, encoder_learning_rate=0.01, encoder="mlp", encoder_hidden=8
)
COMPRESS = ControlSettings(
    "compress", (0.9, 0.6), 2, beta=3.0, encoder_learning_rate=0.01, encoder="mlp", encoder_hidden=8
)
REMOVE = ControlSettings(
    "remove", (0.9, 0.6), 1, sensitive=(0.3, 0.9), power=2.0, removal=0.5, fresh_steps=20, encoder="mlp",
    encoder_hidden=8,
)  # fmt: skip
SMALL = TrainingSettings(steps=30, batch_size=16, hidden=8, product="derangement", record_every=10, eval_every=20)


def fresh(control, seeds=(0, 1, 2), k=16):
    runs = runs_of(control, seeds)
    return encoders_of(control, runs, [run.generator(Stream.INITIALISATION) for run in runs], k)


def grown(encoders, times=9.0):
    """The same with power to spare, as training makes them."""
    encoders.parameters *= times
    encoders._limit()
    return encoders


def test_every_kind_that_settings_name_is_there():
    assert tuple(KINDS) == ENCODERS


@pytest.mark.parametrize("dim", [3, 400])
def test_the_inputs_over_which_the_power_is_held_have_the_moments_of_x(dim):
    x = even_inputs(dim, np.random.default_rng(0))
    np.testing.assert_allclose(x.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(x.T @ x / len(x), np.eye(dim), atol=1e-9)


def test_the_power_is_held_at_other_inputs_too_and_what_is_within_it_stays():
    x = np.random.default_rng(5).standard_normal((100_000, 3))
    for encoders, within in ((fresh(MAXIMISE), True), (grown(fresh(MAXIMISE)), False)):
        for place in range(3):
            power = np.square(encoders.member(place)(x)).sum(1).mean()
            assert power < 1.5 if within else abs(power / MAXIMISE.power - 1.0) < 0.03
        assert (encoders._scale == 1.0).all() == within


@pytest.mark.parametrize("control", [MAXIMISE, COMPRESS, REMOVE], ids=lambda control: control.goal)
def test_what_trains_is_the_encoder_that_is_judged_and_saved(control):
    encoders = grown(fresh(control))
    x, nothing = torch.randn(3, 16, control.dim), torch.zeros(3, 16, control.encoder_dim)
    t = encoders.encode(x, nothing).clone()
    for place in range(3):
        member = encoders.member(place)
        np.testing.assert_allclose(t[place].numpy(), member(x[place].double().numpy()), rtol=1e-4, atol=1e-5)
        assert {name: np.shape(rows) for name, rows in member.saved().items()} == member_shapes(control)


def member_shapes(control):
    hidden = control.encoder_hidden
    return {
        "encoder.0.weight": (control.dim, hidden),
        "encoder.0.bias": (1, hidden),
        "encoder.1.weight": (hidden, control.encoder_dim),
        "encoder.1.bias": (1, control.encoder_dim),
    }


@pytest.mark.parametrize("control", [MAXIMISE, COMPRESS, REMOVE], ids=lambda control: control.goal)
def test_the_gradient_goes_through_the_limit_as_autograd_does(control):
    encoders = grown(fresh(control))
    x, noise = torch.randn(3, 16, control.dim), torch.randn(3, 16, control.encoder_dim)
    slope = torch.randn(3, 16, control.encoder_dim)
    encoders.encode(x, noise)
    leaf = encoders.parameters.clone().requires_grad_()
    of = Layout([encoders._network]).views(leaf)
    said = encoders._network(of, x)
    if control.power is not None:
        mean = encoders._network(of, encoders._points).square().sum(2).mean(1)
        said = said * (control.power / mean).sqrt().clamp(max=1.0)[:, None, None]
    (expected,) = torch.autograd.grad(-(said * slope).sum(), leaf)
    torch.testing.assert_close(encoders._pull(slope), expected, rtol=1e-3, atol=1e-4)
    if control.power is not None:  # a last layer that is larger gains nothing
        products = Layout([encoders._network]).views((expected * leaf).detach())
        along = sum(products[f"encoder.1.{kind}"].sum((1, 2)) for kind in ("weight", "bias"))
        assert (along.abs() < 1e-4 * products["encoder.1.weight"].abs().sum((1, 2))).all()


@pytest.mark.parametrize("control", [MAXIMISE, REMOVE], ids=lambda control: control.goal)
def test_a_member_is_the_same_in_any_stack(control):
    together, (alone,) = (
        train_encoders("ema", "concat", seeds, control, SMALL, judged=False) for seeds in ([3, 5, 8], [5])
    )
    for name in COLUMNS:
        one, other = (np.ma.filled(run.columns[name].astype(float), -7.0) for run in (together[1], alone))
        np.testing.assert_array_equal(one, other, err_msg=name)
    assert together[1].encoder.saved() == alone.encoder.saved()


def test_a_member_that_ends_keeps_finite_parameters():
    wild = replace(COMPRESS, encoder_learning_rate=10.0)
    training = replace(SMALL, learning_rate=10.0, optimizer="sgd", steps=60)
    (run,) = train_encoders("biased", "concat", [0], wild, training, judged=False)
    assert run.outcome == "overflow"
    assert all(np.isfinite(rows).all() for rows in run.encoder.saved().values())


def test_the_trace_has_estimates_where_it_is_judged_and_says_how_far_off_they_are(monkeypatch):
    monkeypatch.setattr("mine.control.monte_carlo.OUTER", 512)
    monkeypatch.setattr("mine.control.monte_carlo.PILOT", 2000)
    (run,) = train_encoders("ema", "concat", [0], REMOVE, SMALL)
    columns, judged = run.columns, [False, True, False, False]
    assert columns["step"].tolist() == [10, 20, 30, 31]
    for name in ("power", "objective", "mi_y", "mi_x", "mi_s", "heldout_y", "heldout_s"):
        assert np.ma.getmaskarray(columns[name]).tolist() == judged, name
    for name in ("population_y", "population_s", "fresh_s"):
        assert np.ma.getmaskarray(columns[name]).all(), name
    assert math.isfinite(columns["fresh_s_heldout"][-1])
    assert not np.ma.getmaskarray(columns["estimate_s"]).any()
    errors = run.uncertain["monte_carlo"]["errors"]
    assert list(errors) == ["10", "30", "31"]
    assert set(errors["31"]) == {"power", "objective", "mi_x", "mi_y", "mi_s"}
    assert 0.0 < errors["31"]["mi_y"]["standard_error"] < 0.1
    assert columns["objective"][-1] == pytest.approx(columns["mi_y"][-1] - 0.5 * columns["mi_s"][-1])
    # Information is never made on the way: t knows of y and of s no more than it does of x.
    assert max(columns["mi_y"][-1], columns["mi_s"][-1]) < columns["mi_x"][-1] + 0.05
    assert run.encoder.estimated()["mi_y"].value == columns["mi_y"][-1]  # by the same numbers whenever asked


def test_a_linear_encoder_has_nothing_uncertain():
    control = replace(MAXIMISE, encoder="linear", encoder_hidden=32)
    (run,) = train_encoders("ema", "concat", [0], control, replace(SMALL, steps=10), judged=False)
    assert run.encoder.estimated() == {}
    assert run.uncertain == {}
