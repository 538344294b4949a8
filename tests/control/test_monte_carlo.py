"""The judge of encoders that are not linear: against the closed form and quadrature, and what it says of itself."""

import numpy as np
import pytest

from mine.control.gaussian import information, objective, power
from mine.control.monte_carlo import LinearFit, _log_density, judged
from mine.control.settings import ControlSettings

REMOVE = ControlSettings("remove", (0.9, 0.6), 2, sensitive=(0.3, 0.8), angle=20.0, power=4.0, removal=0.5)
WEIGHT = np.array([[1.5, -0.4], [0.2, 0.9]])


def linear(x):
    return x @ WEIGHT.T + 0.3


BLIND = LinearFit(np.zeros((2, 2)), np.zeros(2), np.eye(2) + WEIGHT @ WEIGHT.T)
"""What knows nothing of f: plain nested Monte Carlo."""


@pytest.mark.parametrize("fit", [BLIND, None], ids=["plain", "fitted"])
def test_of_a_linear_map_it_is_the_closed_form_within_its_own_error(fit):
    numbers = np.random.default_rng(1)
    found = judged(REMOVE, linear, fit or LinearFit.of(linear, 2, numbers), numbers)
    exact = information(REMOVE, WEIGHT)
    truth = {f"mi_{name}": float(value) for name, value in exact.items()}
    truth |= {"objective": float(objective(REMOVE, exact)), "power": float(power(WEIGHT)) + 2 * 0.3**2}
    assert found.keys() == truth.keys()
    for name, one in found.items():
        assert abs(one.value - truth[name]) <= 3.0 * one.standard_error + one.bias_bound + 1e-9, name
        if fit is None:
            assert one.standard_error + one.bias_bound < 2e-3, name  # it has learnt what f is


def test_its_standard_error_is_how_far_its_values_lie_apart(monkeypatch):
    monkeypatch.setattr("mine.control.monte_carlo.OUTER", 256)
    values = [judged(REMOVE, linear, BLIND, np.random.default_rng(seed))["mi_y"] for seed in range(20)]
    spread = np.std([one.value for one in values], ddof=1)
    assert 0.6 < spread / np.mean([one.standard_error for one in values]) < 1.5


def test_the_two_values_of_a_log_density_hold_the_exact_one_between_them():
    numbers = np.random.default_rng(2)
    x = numbers.standard_normal((2000, 2))
    t = linear(x) + numbers.standard_normal((2000, 2))
    low, high = _log_density(linear, BLIND, t, x, np.zeros_like(x), np.eye(2), numbers)
    covariance = WEIGHT @ WEIGHT.T + np.eye(2)
    form = np.einsum("ni,ij,nj->n", t - 0.3, np.linalg.inv(covariance), t - 0.3)
    exact = -0.5 * form - 0.5 * np.linalg.slogdet(2.0 * np.pi * covariance)[1]
    assert (low - exact).mean() < 0.0 < (high - exact).mean()
    assert (high - low).mean() < 0.1


def by_quadrature(f, rho):
    """I(x; t) and I(t; y) of one dimension each, by sums over grids."""
    x, y, t = np.linspace(-8, 8, 1501), np.linspace(-6, 6, 151), np.linspace(-12, 45, 1501)
    width = x[1] - x[0]
    likelihood = np.exp(-0.5 * np.square(t[:, None] - f(x[:, None])[:, 0])) / np.sqrt(2.0 * np.pi)
    variance = 1.0 - rho**2
    given = np.exp(-np.square(x[:, None] - rho * y) / (2.0 * variance)) / np.sqrt(2.0 * np.pi * variance)
    entropies = []
    for density in (likelihood @ (np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi)) * width, likelihood @ given * width):
        entropies.append(-(density * np.log(np.maximum(density, 1e-300))).sum(0) * (t[1] - t[0]))
    of_y = np.exp(-0.5 * y * y) / np.sqrt(2.0 * np.pi) * (y[1] - y[0])
    return entropies[0] - 0.5 * np.log(2.0 * np.pi * np.e), entropies[0] - (of_y * entropies[1]).sum()


@pytest.mark.parametrize(
    "f",
    [lambda x: 2.0 * np.tanh(2.0 * x) + 0.5 * x**2, lambda x: 3.0 * np.abs(x)],
    ids=["bent", "even, of which a linear map knows nothing"],
)
def test_it_agrees_with_quadrature_in_one_dimension(f):
    numbers = np.random.default_rng(3)
    found = judged(ControlSettings("maximise", (0.9,), 1, power=9.0), f, LinearFit.of(f, 1, numbers), numbers)
    for name, truth in zip(("mi_x", "mi_y"), by_quadrature(f, 0.9), strict=True):
        one = found[name]
        assert abs(one.value - truth) <= 3.0 * one.standard_error + one.bias_bound
        assert one.standard_error + one.bias_bound < 0.05
