"""The mutual information of every task against integrals that do not know its closed form.

Each truth is the expectation of log densities over the distribution with the parameter that the factory chose.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats

from mine.errors import UserError
from mine.tasks import make_task

TOLERANCE = 1e-3
"""Nats. The integrals are far more exact than that."""


def entropy(density, *points):
    """-integral of p ln p between the outer points, in nats; the inner ones are where the density is not smooth.

    Towards 0, where the transformed densities have a pole, in the logarithm of the distance.
    """
    return sum(piece(lambda v: -plogp(float(density(v))), *ends) for ends in itertools.pairwise(points))


def piece(integrand, low, high):
    if 0.0 not in (low, high):
        return integrate.quad(integrand, low, high, limit=200)[0]
    end = low + high

    def logarithmic(t):
        distance = math.exp(t)
        return integrand(math.copysign(distance, end)) * distance

    return integrate.quad(logarithmic, math.log(abs(end)) - 50, math.log(abs(end)))[0]


def plogp(p):
    return p * math.log(p) if p > 0 else 0.0


def normal_under(inverse, slope, mean, deviation):
    """Density of f(V), V normal, by the change of variables; ``slope`` is the inverse's derivative."""

    def density(w):  # a truth needs 10^5 of them: NumPy and scipy's norm.pdf are ten and a hundred times slower on one
        return math.exp(-0.5 * ((inverse(w) - mean) / deviation) ** 2) / (math.sqrt(math.tau) * deviation) * slope(w)

    return density


# f, its inverse, and the inverse's derivative, for what the task does to x and to z.
SAME = (lambda v: v, lambda w: w, lambda w: 1.0)
CUBE = (lambda v: v**3, math.cbrt, lambda w: 1 / (3 * math.cbrt(w * w)))
HALF_CUBE = (
    lambda v: math.copysign(abs(v) ** 1.5, v),
    lambda w: math.copysign(abs(w) ** (2 / 3), w),
    lambda w: 2 / 3 * abs(w) ** (-1 / 3),
)
ASINH = (math.asinh, math.sinh, math.cosh)


def transformed_mi(rho, of_z):
    """h(Z) - E[h(Z | X)] of one pair of coordinates, both entropies those of the transformed variable.

    E over X by the trapezoidal rule, dense around 0, where the entropy of f(V) changes fastest with V's mean. What X's
    own invertible transform does, conditioning on it does not see.
    """
    f, inverse, slope = of_z

    def entropy_of(mean, deviation):
        points = sorted({f(mean - 9 * deviation), f(mean + 9 * deviation), f(mean), 0.0})
        return entropy(normal_under(inverse, slope, mean, deviation), *points)

    t = np.linspace(-5.0, 5.0, 61)
    weights = stats.norm.pdf(np.sinh(t) / 10) * np.cosh(t) / 10
    conditional = [entropy_of(rho * math.sinh(each) / 10, math.sqrt(1 - rho * rho)) for each in t.tolist()]
    return entropy_of(0.0, 1.0) - integrate.trapezoid(weights * conditional, t)


@pytest.mark.parametrize(
    ("name", "of_z"), [("gaussian", SAME), ("cubic", CUBE), ("half-cube", HALF_CUBE), ("asinh", ASINH)]
)
@pytest.mark.parametrize("mi", [0.1, 1.0, 3.0])
def test_gaussians_and_what_is_made_of_them(name, of_z, mi):
    task = make_task(name, 1, mi)
    rho = getattr(task, "base", task).rho
    assert task.mi == mi
    assert transformed_mi(rho, of_z) == pytest.approx(mi, abs=TOLERANCE)


@pytest.mark.parametrize("name", ["gaussian", "cubic", "half-cube", "asinh"])
def test_coordinates_share_the_information_equally(name):
    """They are independent pairs, so the information of d of them is d times one's."""
    tasks = [make_task(name, dim, 0.7 * dim) for dim in (1, 5, 20)]
    rhos = [getattr(task, "base", task).rho for task in tasks]
    assert rhos == pytest.approx([rhos[0]] * 3)


@pytest.mark.parametrize(("dim", "correlated"), [(1, 1), (2, 2), (5, 2), (20, 2)])
@pytest.mark.parametrize("mi", [0.0, 0.5, 4.0])
def test_sparse_correlation_is_the_determinant_of_its_covariance(dim, correlated, mi):
    task = make_task("sparse", dim, mi)
    cross = np.diag(np.where(np.arange(dim) < correlated, task.rho, 0.0))
    _, log_determinant = np.linalg.slogdet(np.block([[np.eye(dim), cross], [cross, np.eye(dim)]]))
    assert -0.5 * log_determinant == pytest.approx(mi, abs=TOLERANCE)


def student_t_mi(dim, rho, dof):
    """E[ln p(x, z) - ln p(x) - ln p(z)] by integrals over the radius alone.

    The densities at 0 are scipy's. Away from it ln p falls by (dof + k)/2 ln(1 + q/dof), and the quadratic form q of
    k coordinates is k times an F(k, dof) variable.
    """
    eye = np.eye(dim)
    shape = np.block([[eye, rho * eye], [rho * eye, eye]])

    def mean_log_density(k, shape):
        at_zero = stats.multivariate_t(shape=shape, df=dof).logpdf(np.zeros(k))
        fall = stats.f(k, dof).expect(lambda f: np.log1p(k * f / dof))
        return at_zero - 0.5 * (dof + k) * fall

    return mean_log_density(2 * dim, shape) - 2 * mean_log_density(dim, eye)


@pytest.mark.parametrize("dim", [1, 2, 5, 20])
@pytest.mark.parametrize("mi", [0.7, 2.0, 8.0])
def test_student_t(dim, mi):
    task = make_task("student-t", dim, mi)
    assert student_t_mi(dim, task.rho, 5) == pytest.approx(mi, abs=TOLERANCE)


def test_student_t_is_dependent_without_correlation():
    """The integral over the plane, at d = 1 and rho = 0, where scipy's bivariate density is all that is used."""
    joint, marginal = stats.multivariate_t(shape=np.eye(2), df=5), stats.t(5)
    t = np.linspace(-7.0, 7.0, 281)
    x, z = np.meshgrid(np.sinh(t), np.sinh(t), indexing="ij")  # dense at the middle, and as far as the tails matter
    log_joint = joint.logpdf(np.stack([x, z], -1))
    values = np.exp(log_joint) * (log_joint - marginal.logpdf(x) - marginal.logpdf(z))
    lowest = integrate.trapezoid(integrate.trapezoid(values * np.cosh(t)[:, None] * np.cosh(t), t), t)
    assert lowest > 0.01
    assert make_task("student-t", 1, lowest + 1e-7).rho == pytest.approx(0.0, abs=1e-3)
    with pytest.raises(UserError):
        make_task("student-t", 1, lowest - 1e-7)


def uniform_mi(half_width):
    """h(Z) - ln(2 eps): the density of Z is how much of (z - eps, z + eps) lies within (0, 1), over 2 eps."""

    def density(z):
        return max(0.0, min(1.0, z + half_width) - max(0.0, z - half_width)) / (2 * half_width)

    corners = sorted({-half_width, half_width, 1 - half_width, 1 + half_width})
    return entropy(density, *corners) - np.log(2 * half_width)


@pytest.mark.parametrize("dim", [1, 5])
@pytest.mark.parametrize("per_coordinate", [0.01, 0.3, 0.5, 0.501, 1.0, 4.0])
def test_uniform_with_uniform_noise(dim, per_coordinate):
    task = make_task("uniform", dim, per_coordinate * dim)
    assert dim * uniform_mi(task.half_width) == pytest.approx(task.mi, abs=TOLERANCE)
    assert (task.half_width >= 0.5) == (per_coordinate <= 0.5)
