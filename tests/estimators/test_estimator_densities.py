"""Flows and scores: densities and determinants against autograd and SciPy, MINDE against integrals of true scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from made_outputs import DIM_X, fresh, generator, pairs, small
from scipy import integrate, stats

from mine.engine.networks import say
from mine.estimators import build
from mine.estimators.minde import HIGHEST, LOWEST, noise_of, scales
from mine.gaussian import mutual_information, sample_joint
from mine.settings import TrainingSettings


def said_of(name, seed=0):
    estimator = small(name)
    x, z = pairs(seed)
    return estimator, say(estimator.networks, fresh(estimator), estimator.inputs(x, z)), x, z


@pytest.mark.parametrize("part", ["marginal", "conditional"])
def test_a_flows_log_determinant_is_that_of_its_jacobian(part):
    """Of one row at a time, by autograd; it is not 0 anywhere, so the flow can be inverted."""
    estimator, said, x, z = said_of("doe-flow")
    flow = getattr(estimator, part)
    given = x if part == "conditional" else None
    _, found = flow.to_base(said, z, given)
    for member, row in ((0, 0), (2, 3)):

        def moved(values, member=member, row=row):
            changed = torch.cat([z[member, :row], values[None], z[member, row + 1 :]])
            whole = torch.cat([z[:member], changed[None], z[member + 1 :]])
            return flow.to_base(said, whole, given)[0][member, row]

        jacobian = torch.autograd.functional.jacobian(moved, z[member, row])
        assert found[member, row].item() == pytest.approx(torch.linalg.slogdet(jacobian)[1].item(), abs=1e-9)
        assert abs(found[member, row].item()) > 1e-3


def test_a_flow_is_undone_layer_by_layer():
    estimator, said, _, z = said_of("doe-flow")
    flow = estimator.marginal
    weights = flow.couplings.weights(said)
    base, _ = flow.to_base(said, z)
    halves = [half.numpy().copy() for half in base.tensor_split([flow.dim // 2], -1)]
    for place in reversed(range(len(flow.couplings.perceptrons))):
        kept, moved = place % 2, 1 - place % 2
        perceptron = flow.couplings.perceptrons[place]
        said_here = perceptron(weights, torch.from_numpy(halves[kept])).numpy()
        raw, shift = np.split(said_here, 2, -1)
        halves[moved] = (halves[moved] - shift) * np.exp(-3 * np.tanh(raw / 3))
    np.testing.assert_allclose(np.concatenate(halves, -1), z, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_flows_density_is_one_in_all(dim):
    estimator = build("doe-flow", "density", DIM_X, dim, TrainingSettings(hidden=5, layers=1, activation="tanh"))
    parameters = fresh(estimator, (0,))
    axis = torch.linspace(-36, 36, 481, dtype=torch.float64)
    z = torch.cartesian_prod(*[axis] * dim).view(1, -1, dim)
    x = torch.full((1, z.shape[1], DIM_X), 0.7, dtype=torch.float64)
    outputs = estimator.outputs(parameters, x, z)
    for each in ("conditional", "marginal"):
        assert outputs[each].exp().sum().item() * 0.15**dim == pytest.approx(1.0, abs=1e-3)


def test_a_single_coordinates_flow_is_a_mixture_of_normals():
    estimator = build("doe-flow", "density", 1, 1, TrainingSettings(hidden=4))
    parameters = fresh(estimator, (0,))
    z = torch.linspace(-4, 4, 9, dtype=torch.float64).view(1, 9, 1)
    found = estimator.outputs(parameters, z, z)["marginal"][0]
    wanted = np.log(stats.norm.pdf(z[0], np.linspace(-2, 2, 8)).mean(1))
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_the_noise_is_uniform_and_a_function_of_its_row_and_batch():
    source = np.random.default_rng(0)
    x, z = (torch.tensor(source.normal(size=(2, 5_000, d)), dtype=torch.float32) for d in (2, 3))
    noise = noise_of(x, z)
    assert noise.shape == (2, 5_000, 4)
    flat = noise.flatten(0, 1).numpy()
    for column in flat.T:
        assert stats.kstest(column, stats.uniform.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(flat.T) - np.eye(4)).max() < 0.05
    assert torch.equal(noise_of(x, z), noise)
    assert torch.equal(noise_of(x[1:], z[1:])[0], noise[1])
    again = noise_of(x.flip(1), z.flip(1)).flip(1)
    assert abs(np.corrcoef(flat[:, 0], again.flatten(0, 1)[:, 0])[0, 1]) < 0.05


def with_true_scores(dim, rho, n, members):
    """MINDE, and what its networks would say if they knew the scores of z and of z given x."""
    estimator = build("minde", "density", dim, dim, TrainingSettings(hidden=2))
    x, z = (each.double() for each in sample_joint((n, dim), rho, [generator(seed) for seed in range(members)]))
    inputs = estimator.inputs(x, z)
    signal, spread = scales(inputs["log_snr"])
    seen = inputs["marginal"][..., :dim]

    def v(mean, variance):
        """E[a e - s z | z_t] where z is normal: e is -s times the score."""
        score = -(seen - signal * mean) / (signal**2 * variance + spread**2)
        guess = -spread * score
        return (guess - spread * seen) / signal

    said = inputs | {"marginal": v(0.0, 1.0), "conditional": v(rho * x, 1.0 - rho * rho)}
    return estimator, said, z


@pytest.mark.parametrize(("dim", "rho"), [(1, 0.6), (2, 0.9)])
def test_minde_has_the_integral_of_true_scores(dim, rho):
    """By quadrature over log SNR, whose ends leave out little; and true scores have the least error of each guess."""
    estimator, said, z = with_true_scores(dim, rho, 2_000, 20)
    outputs = estimator.read(said, z)
    values = estimator.value(outputs).numpy()

    def gap(log_snr, variance):
        """Least mean squared error of guessing e, a coordinate."""
        a2 = 1 / (1 + math.exp(-log_snr))
        return a2 * variance / (a2 * variance + 1 - a2)

    rest = 1 - rho * rho
    integral = integrate.quad(lambda t: dim / 2 * (gap(t, 1.0) - gap(t, rest)), LOWEST, HIGHEST)[0]
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert values.mean() == pytest.approx(integral, abs=4 * error)
    assert integral == pytest.approx(mutual_information(dim, rho), abs=2e-3)
    for each in ("marginal", "conditional"):
        worse = estimator.read(said | {each: said[each] + 0.1}, z)[each]
        assert worse.mean() > outputs[each].mean()
