"""Values at the optimal critic of Gaussian data, against closed forms of d and rho.

Every member of a stack is an independent sample, so the standard error of the stack's mean is its own.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from made_outputs import generator, small
from scipy.stats import norm

from mine.estimators import build
from mine.gaussian import log_density_ratio, mutual_information, sample_joint
from mine.settings import TrainingSettings

MEMBERS, N, OTHERS = 40, 1000, 16
CASES = [(1, 0.6), (2, 0.5), (3, 0.5)]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"d={case[0]}")
def case(request):
    """d, rho and T = log dP/dQ on pairs, product pairs being other x's of the sample with each z."""
    dim, rho = request.param
    x, z = (each.double() for each in sample_joint((N, dim), rho, [generator(seed) for seed in range(MEMBERS)]))
    others = [log_density_ratio(x.roll(shift, 1), z, rho) for shift in range(1, OTHERS + 1)]
    return dim, rho, {"joint": log_density_ratio(x, z, rho), "product": torch.stack(others, 2)}


def assert_mean_is(values, truth, low=0.0):
    """truth is within 4 standard errors of the mean, which may lie up to ``low`` under it."""
    values = values.numpy()
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert error < 0.1, "too few samples to say anything"
    assert truth - low - 4 * error < values.mean() < truth + 4 * error


@pytest.mark.parametrize("name", ["js", "smile", "kl-dime", "gan-dime", "hd-dime", "biased-stable", "ema-log"])
def test_the_log_density_ratio_has_the_true_value(name, case):
    dim, rho, outputs = case
    # Nothing is clipped at this tau, and over 16,000 product pairs the log's bias is far under the error.
    assert_mean_is(small(name, smile_tau=30.0).value(outputs), mutual_information(dim, rho))


def test_nwj_has_it_at_one_more(case):
    dim, rho, outputs = case
    value = small("nwj").value({name: scores + 1.0 for name, scores in outputs.items()})
    assert_mean_is(value, mutual_information(dim, rho))


def test_nwj_at_the_log_density_ratio_itself_is_one_over_e_short(case):
    dim, rho, outputs = case
    assert_mean_is(small("nwj").value(outputs), mutual_information(dim, rho) - 1.0 / math.e)


@pytest.mark.parametrize("log_a", [0.0, 1.7])
def test_tuba_has_it_where_a_is_the_mean_of_e_to_the_t(log_a, case):
    dim, rho, outputs = case
    moved = {name: scores + log_a for name, scores in outputs.items()}
    moved["log_baseline"] = torch.full_like(outputs["joint"], log_a)
    assert_mean_is(small("tuba").value(moved), mutual_information(dim, rho))


def test_flo_has_it_where_u_is_minus_the_pointwise_mutual_information(case):
    dim, rho, outputs = case
    value = small("flo").value(outputs | {"u": -outputs["joint"]})
    assert_mean_is(value, mutual_information(dim, rho))


def test_infonce_has_it_less_a_bias_that_falls_with_k(case):
    """Its bias of first order is (E_P[e^T] - 1) / 2K, by expanding the log of a mean of K; E_P[e^T] = (1-rho^2)^-d."""
    dim, rho, outputs = case
    bias = ((1.0 - rho * rho) ** -dim - 1.0) / (2 * (OTHERS + 1))
    value = small("infonce").value(outputs)
    assert_mean_is(value, mutual_information(dim, rho), low=2 * bias)
    few = small("infonce").value(outputs | {"product": outputs["product"][:, :, :3]})
    assert few.mean() < value.mean()


@pytest.mark.parametrize("alpha", [0.01, 0.5, 1.0])
def test_the_interpolated_bound_lies_between_its_ends(alpha, case):
    dim, rho, outputs = case
    outputs = outputs | {"log_baseline": torch.zeros_like(outputs["joint"])}
    bias = ((1.0 - rho * rho) ** -dim - 1.0) / (2 * OTHERS)
    assert_mean_is(small("interpolated", alpha=alpha).value(outputs), mutual_information(dim, rho), low=2 * bias)


def test_infonce_is_capped_where_information_is_not():
    dim, rho, k = 3, 0.999, 16
    x, z = (each.double() for each in sample_joint((k, dim), rho, [generator(seed) for seed in range(MEMBERS)]))
    others = [log_density_ratio(x.roll(shift, 1), z, rho) for shift in range(1, k)]
    outputs = {"joint": log_density_ratio(x, z, rho), "product": torch.stack(others, 2)}
    value = small("infonce").value(outputs)
    assert mutual_information(dim, rho) > 3 * math.log(k)
    assert math.log(k) - 0.01 < value.mean() <= value.max() <= math.log(k) + 1e-9


# ---- density models: a network of one layer that is the true conditional exactly


def true_conditional(name, dim, rho):
    """An estimator and parameters at which q(z|x) is N(rho x, 1 - rho^2): x is relu(x) - relu(-x)."""
    estimator = build(name, "density", dim, dim, TrainingSettings(hidden=2 * dim, layers=1))
    parameters = {path: torch.zeros_like(tensor).double() for path, tensor in estimator.init([generator(0)]).items()}
    eye = torch.eye(dim, dtype=torch.float64)
    parameters["conditional.0.weight"][0] = torch.cat([eye, -eye], 1)
    parameters["conditional.1.weight"][0, :, :dim] = rho * torch.cat([eye, -eye], 0)
    # The log scale that is asked for goes through 10 tanh(./10).
    parameters["conditional.1.bias"][0, 0, dim:] = 10.0 * math.atanh(0.05 * math.log1p(-rho * rho))
    return estimator, {path: tensor.expand(MEMBERS, *tensor.shape[1:]) for path, tensor in parameters.items()}


def joint_pairs(dim, rho, n):
    return (each.double() for each in sample_joint((n, dim), rho, [generator(seed) for seed in range(MEMBERS)]))


@pytest.mark.parametrize(("dim", "rho"), CASES)
def test_doe_has_the_true_value_at_the_true_densities(dim, rho):
    estimator, parameters = true_conditional("doe-gaussian", dim, rho)
    x, z = joint_pairs(dim, rho, N)
    outputs = estimator.outputs(parameters, x, z)
    np.testing.assert_allclose(
        outputs["conditional"], norm.logpdf(z, rho * x, math.sqrt(1 - rho * rho)).sum(2), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(outputs["marginal"], norm.logpdf(z).sum(2), rtol=1e-9, atol=1e-9)
    assert_mean_is(estimator.value(outputs), mutual_information(dim, rho))


@pytest.mark.parametrize(("dim", "rho"), CASES)
def test_club_has_its_closed_form_at_the_true_conditional(dim, rho):
    """KL(P, Q) + KL(Q, P), which is d rho^2 / (1 - rho^2) here: above the true value."""
    estimator, parameters = true_conditional("club", dim, rho)
    x, z = joint_pairs(dim, rho, 100)
    value = estimator.value(estimator.outputs(parameters, x, z))
    closed = dim * rho * rho / (1.0 - rho * rho)
    assert closed > mutual_information(dim, rho)
    assert_mean_is(value, closed)


def test_club_of_a_wrong_conditional_can_lie_under_the_truth():
    estimator, parameters = true_conditional("club", 1, 0.6)
    parameters["conditional.1.weight"] = 0.2 * parameters["conditional.1.weight"]
    value = estimator.value(estimator.outputs(parameters, *joint_pairs(1, 0.6, 100)))
    assert value.mean() < 0.8 * mutual_information(1, 0.6)
