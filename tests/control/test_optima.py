"""Exact mutual information of encoders and the exact optima, each against another route."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from mine.control.gaussian import basis, channels, information, mi_of, mi_of_input, objective, power
from mine.control.optima import (
    _with_gradient,
    best_found,
    bottleneck_curve,
    bottleneck_powers,
    ceiling,
    critical_betas,
    optimum,
)
from mine.control.settings import ControlSettings

RHO, SIGMA = (0.95, 0.85, 0.6, 0.3), (0.3, 0.7, 0.8, 0.9)
SIXTEEN = tuple(np.linspace(0.95, 0.1, 16))


def remove(removal, angle=0.0, **more):
    return ControlSettings("remove", RHO, 4, sensitive=SIGMA, power=4.0, removal=removal, angle=angle, **more)


def test_information_is_that_of_the_joint_covariance():
    control = remove(0.5, angle=30.0)
    encoder = np.random.default_rng(0).standard_normal((2, 4))
    for name, channel in channels(control).items():
        of_t = encoder @ encoder.T + np.eye(2)
        joint = np.block([[of_t, encoder @ channel.cross], [channel.cross.T @ encoder.T, np.eye(4)]])
        expected = 0.5 * (np.log(np.linalg.det(of_t)) - np.log(np.linalg.det(joint)))
        np.testing.assert_allclose(mi_of(encoder, channel), expected, rtol=1e-12)
        assert information(control, encoder)[name] == mi_of(encoder, channel)
    eigenvalues = np.linalg.eigvalsh(encoder @ encoder.T)
    np.testing.assert_allclose(mi_of_input(encoder), 0.5 * np.log1p(eigenvalues).sum())


def test_data_directions_are_orthonormal_and_no_axes():
    for dim in (1, 4, 16):
        np.testing.assert_allclose(basis(dim).T @ basis(dim), np.eye(dim), atol=1e-12)
    assert np.abs(basis(4)).max() < 0.9


def _allocated(control):
    """The separable optimum by SLSQP, from many starts."""
    of_y, of_s = np.square(control.correlations), np.square(control.sensitive or np.zeros(control.dim))

    def loss(p):
        share = p / (1.0 + p)
        each = -0.5 * np.log1p(-of_y * share) + 0.5 * (control.removal or 0.0) * np.log1p(-of_s * share)
        return -np.sort(each)[::-1][: control.encoder_dim].sum()

    limit = {"type": "ineq", "fun": lambda p: control.power - p.sum()}
    starts = np.random.default_rng(1).dirichlet(np.ones(control.dim), 8) * control.power
    options = {"ftol": 1e-14, "maxiter": 500}
    bounds = [(0.0, control.power)] * control.dim
    found = [minimize(loss, p, method="SLSQP", bounds=bounds, constraints=limit, options=options) for p in starts]
    return max(-each.fun for each in found)


@pytest.mark.parametrize(
    "control",
    [
        ControlSettings("maximise", RHO, 2, power=8.0),
        ControlSettings("maximise", RHO, 3, power=1.0),
        ControlSettings("maximise", SIXTEEN, 8, power=4.0),
        remove(0.25),
        remove(0.5),
        remove(1.0),
    ],
    ids=lambda control: f"{control.goal}-{control.dim}-{control.removal}",
)
def test_allocation_agrees_with_another_solver_and_no_encoder_found_is_better(control):
    found = optimum(control)
    assert found.exact
    assert found.powers.sum() <= control.power + 1e-9
    np.testing.assert_allclose(found.objective, _allocated(control), atol=1e-6)
    searched = best_found(control, starts=12 if control.dim == 4 else 3)
    np.testing.assert_allclose(searched.objective, found.objective, atol=1e-6)
    assert power(searched.encoder) <= control.power + 1e-9


def test_no_encoder_is_above_the_ceiling_and_in_one_dimension_the_best_linear_one_is_there():
    one = ControlSettings("maximise", (0.9,), 1, power=8.0)
    np.testing.assert_allclose(ceiling(one), optimum(one).objective, atol=1e-12)
    # By another route: the largest I(t; y) at I(x; t) = m/2 ln(1 + P/m), over the powers of four directions.
    squared, capacity = np.square(RHO), np.log(5.0)
    limit = {"type": "eq", "fun": lambda p: 0.5 * np.log1p(p).sum() - capacity}
    found = minimize(
        lambda p: 0.5 * np.log1p(-squared * p / (1.0 + p)).sum(),
        np.full(4, 2.0),
        method="SLSQP",
        bounds=[(0.0, 1e3)] * 4,
        constraints=limit,
        options={"ftol": 1e-14, "maxiter": 500},
    )
    control = ControlSettings("maximise", RHO, 2, power=8.0)
    np.testing.assert_allclose(ceiling(control), -found.fun, atol=1e-6)
    assert ceiling(control) > optimum(control).objective
    page = (Path(__file__).parents[2] / "docs/control.md").read_text(encoding="utf-8")
    assert f"{optimum(control).objective:.3f} nats, and no encoder of any kind more than {ceiling(control):.3f}" in page


def test_a_weak_direction_gets_no_power_where_there_is_little():
    assert (optimum(ControlSettings("maximise", RHO, 3, power=1.0)).powers > 0).tolist() == [True, True, False, False]


@pytest.mark.parametrize("beta", [1.05, 1.25, 2.0, 5.0, 20.0])
def test_bottleneck_is_the_closed_form(beta):
    control = ControlSettings("compress", RHO, 4, beta=beta)
    found = optimum(control)
    np.testing.assert_allclose(found.objective, best_found(control, starts=5).objective, atol=1e-6)
    assert (found.powers > 0).sum() == (critical_betas(np.array(RHO)) < beta).sum()


def test_bottleneck_curve_rises_and_its_slope_is_one_over_beta():
    betas, of_x, of_y = bottleneck_curve(ControlSettings("compress", RHO, 4, beta=5.0), points=2000)
    inside = (of_x[1:-1] > 0) & (np.diff(of_x)[1:] > 1e-6)
    slopes = (np.diff(of_y)[1:] / np.maximum(np.diff(of_x)[1:], 1e-12))[inside]
    np.testing.assert_allclose(slopes * betas[1:-1][inside], 1.0, rtol=5e-3)


def test_fewer_dimensions_keep_the_strongest_directions():
    whole, two = (bottleneck_powers(np.array(RHO), 20.0, m) for m in (4, 2))
    assert two.tolist() == [*whole[:2].tolist(), 0.0, 0.0]


@pytest.mark.parametrize("control", [remove(0.5, angle=30.0), remove(2.0)], ids=["turned", "removal above 1"])
def test_where_nothing_separates_the_best_start_is_called_best_found(control):
    found = optimum(control)
    assert not found.exact
    assert found.powers is None
    of_terms = information(control, found.encoder)
    np.testing.assert_allclose(found.objective, objective(control, of_terms), atol=1e-9)
    # No small step within the power is better.
    generator = np.random.default_rng(2)
    for step in (1e-2, 1e-3):
        for _ in range(50):
            near = found.encoder + step * generator.standard_normal(found.encoder.shape)
            near *= min(1.0, np.sqrt(control.power / power(near)))
            assert objective(control, information(control, near)) <= found.objective + 1e-9


def test_gradient_of_the_search_is_the_slope():
    for control in (remove(0.5, angle=30.0), ControlSettings("compress", RHO, 3, beta=5.0)):
        for scale in (0.3, 3.0):  # within the power and beyond it
            raw = scale * np.random.default_rng(3).standard_normal((control.encoder_dim, 4))

            def value(flat, control=control):
                return _with_gradient(control, flat.reshape(control.encoder_dim, 4))[0]

            slopes = approx_fprime(raw.ravel(), value, 1e-7)
            np.testing.assert_allclose(_with_gradient(control, raw)[1], slopes, atol=1e-5)
