"""Networks, critics with their product pairs, densities and settings, each against what it stands for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made_outputs import DIM_X, DIM_Z, fresh, generator, pairs, small
from scipy import special, stats

from mine.engine.networks import Mlp, say
from mine.errors import UserError
from mine.estimators import build
from mine.estimators.critics import off_diagonal
from mine.estimators.densities import log_density
from mine.estimators.values import effective_sample_size, log_mean_exp, mean
from mine.settings import TrainingSettings

# ---- product pairs


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(2, 7))
def test_off_diagonal_leaves_out_the_diagonal_alone(members, n):
    matrix = torch.arange(members * n * n).view(members, n, n)
    for member, found in zip(matrix.tolist(), off_diagonal(matrix).tolist(), strict=True):
        for i in range(n):
            assert found[i] == member[i][:i] + member[i][i + 1 :]


def partners(critic, n, rolls=1):
    """Which x's go with each z, (joint, product), told by a critic that scores a pair with x's number."""
    estimator = build("nwj", critic, 1, 1, TrainingSettings(hidden=1, layers=1, embedding=1, activation="relu"))
    parameters = {path: torch.zeros_like(tensor).double() for path, tensor in fresh(estimator, (0,)).items()}
    # Weights of 1 from x (and, in the separable critic's other network, from z, which is 1) to T.
    for path, tensor in parameters.items():
        if path.endswith("weight"):
            tensor[0, 0, 0] = 1.0
    x = torch.arange(n, dtype=torch.float64)[None, :, None]
    outputs = estimator.outputs(parameters, x, torch.ones_like(x), rolls)
    return outputs["joint"][0].tolist(), outputs["product"][0].tolist()


@pytest.mark.parametrize("critic", ["separable", "concat-all"])
@pytest.mark.parametrize("n", [3, 4, 9])
def test_a_critic_of_all_pairs_has_every_other_x_with_each_z(critic, n):
    joint, product = partners(critic, n)
    assert joint == list(range(n))
    assert [sorted(row) for row in product] == [[j for j in range(n) if j != i] for i in range(n)]


@pytest.mark.parametrize(("n", "rolls"), [(3, 1), (3, 2), (9, 1), (9, 4), (9, 8)])
def test_concatenated_pairs_are_shifted_and_none_keeps_its_partner(n, rolls):
    joint, product = partners("concat", n, rolls)
    assert joint == list(range(n))
    for i, row in enumerate(product):
        assert i not in row
        assert len(set(row)) == rolls
    # A shift uses every x once.
    for shift in zip(*product, strict=True):
        assert sorted(shift) == list(range(n))


@pytest.mark.parametrize("rolls", [0, 6, 7])
def test_a_number_of_shifts_out_of_range_is_an_error(rolls):
    estimator = small("nwj", "concat")
    with pytest.raises(UserError, match=f"^rolls: {rolls} is not a number of shifts from 1 to 5"):
        estimator.outputs(fresh(estimator), *pairs(0), rolls)


# ---- networks


def by_hand(parameters, name, values, layers, activation):
    """A perceptron of one member in NumPy."""
    for index in range(layers + 1):
        if index:
            values = activation(values)
        values = values @ parameters[f"{name}.{index}.weight"] + parameters[f"{name}.{index}.bias"]
    return values


ACTIVATIONS = {
    "relu": lambda t: np.maximum(t, 0.0),
    "elu": lambda t: np.where(t > 0, t, np.expm1(np.minimum(t, 0.0))),
    "tanh": np.tanh,
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("layers", "outputs"), [(1, 1), (1, 3), (3, 1)])
def test_a_perceptron_is_its_products_and_activations(activation, layers, outputs):
    network = Mlp("net", 2, outputs, 5, layers, activation)
    parameters = {
        path: tensor.double() for path, tensor in network.init([generator(seed) for seed in range(3)]).items()
    }
    values = pairs(0)[0]
    found = network(parameters, values).numpy()
    for place in range(3):
        one = {path: tensor[place].numpy() for path, tensor in parameters.items()}
        expected = by_hand(one, "net", values[place].numpy(), layers, ACTIVATIONS[activation])
        np.testing.assert_allclose(found[place], expected, rtol=1e-12, atol=1e-12)


def test_fresh_weights_are_uniform_within_one_over_the_root_of_the_inputs():
    parameters = Mlp("net", 16, 3, 400, 2, "relu").init([generator(0)])
    for index, inputs in ((0, 16), (1, 400), (2, 400)):
        bound = 1.0 / math.sqrt(inputs)
        for kind in ("weight", "bias"):
            values = parameters[f"net.{index}.{kind}"].numpy().ravel()
            assert np.abs(values).max() <= bound
            if len(values) > 100:
                assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.001


def test_two_networks_of_one_estimator_are_two():
    parameters = small("flo", "concat").init([generator(0)])
    assert not torch.equal(parameters["critic.0.weight"], parameters["u.0.weight"])
    parameters = small("flo", "separable").init([generator(0)])
    assert {path.split(".")[0] for path in parameters} == {"critic", "u"}


# ---- densities

NUMBERS = hnp.arrays(np.float64, (4, 3), elements=st.floats(-20, 20))


@settings(max_examples=30, deadline=None)
@given(z=NUMBERS, location=NUMBERS, log_scale=hnp.arrays(np.float64, 3, elements=st.floats(-3, 3)))
@pytest.mark.parametrize(("family", "law"), [("gaussian", stats.norm), ("logistic", stats.logistic)])
def test_log_densities_are_scipys(family, law, z, location, log_scale):
    found = log_density(family, torch.tensor(z), torch.tensor(location), torch.tensor(log_scale))
    np.testing.assert_allclose(found, law.logpdf(z, location, np.exp(log_scale)).sum(1), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "logistic"])
def test_log_densities_stay_finite_far_out(family):
    z = torch.tensor([[1e4], [-1e4]])
    assert log_density(family, z, torch.zeros(1), torch.zeros(1)).isfinite().all()


def density_of(estimator, parameters, x, z):
    """Location and log scale of z given each x."""
    return estimator.conditional.parts(say(estimator.networks, parameters, estimator.inputs(x, z)))


@pytest.mark.parametrize("name", ["doe-gaussian", "doe-logistic", "club"])
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_a_conditionals_scale_neither_overflows_nor_vanishes(name, size):
    estimator = small(name)
    parameters = fresh(estimator)
    parameters["conditional.2.bias"] = torch.full_like(parameters["conditional.2.bias"], size)
    _, log_scale = density_of(estimator, parameters, *pairs(0))
    np.testing.assert_allclose(log_scale, math.copysign(10.0, size), rtol=1e-6)


def test_clubs_other_pairs_are_every_other_x_with_each_z():
    estimator = small("club")
    parameters, (x, z) = fresh(estimator), pairs(0)
    location, log_scale = (each.numpy() for each in density_of(estimator, parameters, x, z))
    outputs = {each: tensor.numpy() for each, tensor in estimator.outputs(parameters, x, z).items()}
    for s, i in np.ndindex(3, 6):
        of_x = [stats.norm.logpdf(z[s, i].numpy(), location[s, j], np.exp(log_scale[s, j])).sum() for j in range(6)]
        assert outputs["conditional"][s, i] == pytest.approx(of_x[i], rel=1e-9)
        np.testing.assert_allclose(outputs["others"][s, i], of_x[:i] + of_x[i + 1 :], rtol=1e-9)


def test_a_baseline_is_a_function_of_z_alone():
    estimator = small("tuba")
    parameters, (x, z) = fresh(estimator), pairs(0)
    log_a = estimator.outputs(parameters, x, z)["log_baseline"]
    assert torch.equal(estimator.outputs(parameters, x.flip(1), z)["log_baseline"], log_a)
    assert not torch.equal(estimator.outputs(parameters, x, 2 * z)["log_baseline"], log_a)


# ---- means


@settings(max_examples=30, deadline=None)
@given(hnp.arrays(np.float64, (2, 3, 4), elements=st.floats(-300, 300)))
def test_means_over_product_pairs_are_scipys(scores):
    tensor = torch.tensor(scores)
    np.testing.assert_allclose(mean(tensor), scores.mean((1, 2)), rtol=1e-10, atol=1e-10)
    expected = special.logsumexp(scores, (1, 2)) - math.log(12)
    np.testing.assert_allclose(log_mean_exp(tensor), expected, rtol=1e-10, atol=1e-10)
    weights = special.softmax(scores.reshape(2, -1), 1)
    np.testing.assert_allclose(effective_sample_size(tensor), 1.0 / (weights**2).sum(1), rtol=1e-8)


# ---- settings

BAD = {
    "steps": [0, -1, 2.0, True, "3"],
    "epochs": [0, 2.0],
    "batch_size": [1, 0, 64.0],
    "learning_rate": [0, -1.0, 10.1, math.nan, math.inf, "0.1", True],
    "optimizer": ["rmsprop", None],
    "grad_clip": [0.0, -1.0, math.inf, math.nan],
    "hidden": [0],
    "layers": [0],
    "activation": ["gelu"],
    "data": [127, "streams", True],
    "last_batch": ["half"],
    "product": ["all"],
    "embedding": [0],
    "ema_rate": [0.0, 1.01],
    "ema_init": ["zero"],
    "smile_tau": [0.0, math.inf, -5],
    "alpha": [-0.01, 1.01, math.nan],
    "average": [-0.1, 1.0],
    "second_look": ["yes", 1],
    "record_every": [0, "month", 3001],
    "eval_every": [0],
    "term_norms_every": [0],
}
GOOD = {
    "steps": [1],
    "batch_size": [2],
    "learning_rate": [1e-12, 10.0],
    "grad_clip": [None, 1e-9, 5],
    "ema_rate": [1.0, 1],
    "alpha": [0.0, 1.0],
    "average": [0.0, 0.999],
    "smile_tau": [1e-9, 100],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_setting_is_an_error_that_names_it(name, value):
    with pytest.raises(UserError, match=rf"^{name}: ") as caught:
        TrainingSettings(**{name: value})
    assert repr(value) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_setting_has_a_bad_value_among_those_tried():
    assert set(BAD) == set(TrainingSettings().to_dict())


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_the_ends_of_a_range_are_in_it_or_not_as_it_says(name, value):
    assert getattr(TrainingSettings(**{name: value}), name) == value


def test_settings_come_back_from_what_they_are_written_as():
    made = TrainingSettings(steps=7, alpha=0.5, grad_clip=1.0)
    assert TrainingSettings.from_dict(made.to_dict()) == made
    with pytest.raises(UserError, match=r"^training setting 'step' is unknown; known are steps, epochs, .*every$"):
        TrainingSettings.from_dict({"step": 7})


def test_settings_reach_the_networks_they_are_of():
    parameters = small("tuba", "separable", hidden=11, layers=3, embedding=4).init([generator(0)])
    assert parameters["critic.x.0.weight"].shape == (1, DIM_X, 11)
    assert parameters["critic.z.0.weight"].shape == (1, DIM_Z, 11)
    assert parameters["critic.z.3.weight"].shape == (1, 11, 4)
    assert parameters["baseline.3.weight"].shape == (1, 11, 1)
    parameters = small("doe-gaussian", hidden=11).init([generator(0)])
    assert parameters["conditional.2.weight"].shape == (1, 11, 2 * DIM_Z)
    assert parameters["marginal.location"].shape == (1, 1, DIM_Z)
