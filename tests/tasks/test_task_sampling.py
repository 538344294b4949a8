"""What tasks draw: shapes, stacks, pairing over mi, and the distribution."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mine.errors import UserError
from mine.tasks import FIXED, TASKS, make_task

DEPENDENCE = {"uniform": lambda task: -task.half_width}
"""What grows with the dependence of Z on X, where it is not the correlation."""

MI = st.floats(0.6, 9.0)
"""Nats within every task's range at the dimensions used here."""


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def draw(name, dim, mi, n, seed):
    """One run's pairs in float64, (n, d) each."""
    x, z = make_task(name, dim, mi).sample((n,), generators(seed))
    return x[0].double().numpy(), z[0].double().numpy()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_knows_what_it_is_and_draws_float32_of_the_shape(name):
    task = make_task(name, 3, 2)
    assert (task.name, task.dim_x, task.dim_z, task.mi) == (name, 3, 3, 2.0)
    assert isinstance(task.mi, float)
    for values in task.sample((4, 2), generators(0, 1)):
        assert values.shape == (2, 4, 2, 3)
        assert values.dtype == torch.float32
        assert values.isfinite().all()


@pytest.mark.parametrize("name", TASKS)
def test_a_runs_samples_do_not_depend_on_its_stack(name):
    """Sizes that no vector width divides: torch's kernels round some functions differently at the end of a block."""
    task = make_task(name, 3, 2.0)
    stacked = task.sample((1001,), generators(*range(7)))
    for seed in range(7):
        alone = task.sample((1001,), generators(seed))
        for values, whole in zip(alone, stacked, strict=True):
            assert torch.equal(values[0], whole[seed])


@pytest.mark.parametrize("name", TASKS)
def test_seeds_differ(name):
    x, z = make_task(name, 2, 2.0).sample((50,), generators(0, 1))
    assert not torch.equal(x[0], x[1])
    assert not torch.equal(z[0], z[1])


@pytest.mark.parametrize("name", TASKS)
def test_tasks_of_one_seed_are_paired_over_mi(name):
    """X and the generator's place afterwards do not depend on mi, and z moves with it continuously."""
    drawn = []
    for mi in (1.0, 1.0 + 1e-6, 6.0):
        generator = torch.Generator().manual_seed(5)
        drawn.append((*make_task(name, 2, mi).sample((100,), [generator]), generator.get_state()))
    (x, z, state), *others = drawn
    for other_x, _, other_state in others:
        assert torch.equal(x, other_x)
        assert torch.equal(state, other_state)
    assert torch.allclose(z, others[0][1], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(z, others[1][1], rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", TASKS)
@given(dim=st.integers(1, 4), mi=MI, more=st.floats(1e-3, 0.9))
def test_more_information_is_more_dependence(name, dim, mi, more):
    weak, strong = (make_task(name, dim, value) for value in (mi, mi + more))
    strength = DEPENDENCE.get(name, lambda task: getattr(task, "base", task).rho)
    assert strength(strong) > strength(weak)


NORMAL = stats.norm.cdf
MARGINALS = {
    "gaussian": (NORMAL, NORMAL),
    "cubic": (NORMAL, lambda z: NORMAL(np.cbrt(z))),
    "half-cube": (lambda v: NORMAL(np.sign(v) * np.abs(v) ** (2 / 3)),) * 2,
    "asinh": (lambda v: NORMAL(np.sinh(v)),) * 2,
    "student-t": (stats.t(5).cdf,) * 2,
    # At mi = 1/2 a coordinate the noise is as wide as X, and their sum is triangular.
    "uniform": (stats.uniform.cdf, stats.triang(0.5, loc=-0.5, scale=2.0).cdf),
    "sparse": (NORMAL, NORMAL),
}


@pytest.mark.parametrize("name", TASKS)
def test_marginals_are_the_tasks_own(name):
    x, z = draw(name, 2, 1.0, 20_000, 1)
    of_x, of_z = MARGINALS[name]
    for column in range(2):
        assert stats.kstest(x[:, column], of_x).pvalue > 1e-3
        assert stats.kstest(z[:, column], of_z).pvalue > 1e-3
    assert stats.kstest(z[:, 0], lambda v: of_z(1.2 * v)).pvalue < 1e-3  # the test can tell


INVERSES = {
    "cubic": (lambda x: x, np.cbrt),
    "half-cube": (lambda v: np.sign(v) * np.abs(v) ** (2 / 3),) * 2,
    "asinh": (np.sinh, np.sinh),
}


@pytest.mark.parametrize("name", INVERSES)
def test_transforms_are_undone_by_their_inverse(name):
    base = draw("gaussian", 3, 2.0, 500, 3)
    for values, inverse, wanted in zip(draw(name, 3, 2.0, 500, 3), INVERSES[name], base, strict=True):
        np.testing.assert_allclose(inverse(values), wanted, rtol=2e-5, atol=2e-6)
        assert (inverse is INVERSES["cubic"][0]) == np.array_equal(values, wanted)


def log_density_ratio(name, task, x, z):
    """Ln p(x, z) - ln p(x) - ln p(z), by scipy's densities; transforms undone first, as they cancel in the ratio."""
    of_x, of_z = INVERSES.get(name, (lambda v: v, lambda v: v))
    x, z = of_x(x), of_z(z)
    dim = x.shape[1]
    if name == "uniform":
        eps = task.half_width
        of_sum = (np.minimum(1.0, z + eps) - np.maximum(0.0, z - eps)) / (2 * eps)
        return (stats.uniform(-eps, 2 * eps).logpdf(z - x) - np.log(of_sum)).sum(1)
    rho = getattr(task, "base", task).rho
    cross = np.diag(np.where(np.arange(dim) < (2 if name == "sparse" else dim), rho, 0.0))
    shape, eye = np.block([[np.eye(dim), cross], [cross, np.eye(dim)]]), np.eye(dim)
    if name == "student-t":
        joint, marginal = (stats.multivariate_t(shape=value, df=5) for value in (shape, eye))
    else:
        joint, marginal = (stats.multivariate_normal(cov=value) for value in (shape, eye))
    return joint.logpdf(np.hstack([x, z])) - marginal.logpdf(x) - marginal.logpdf(z)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("dim", [1, 3])
def test_samples_have_the_information_that_the_task_states(name, dim):
    task = make_task(name, dim, 1.5)
    x, z = draw(name, dim, 1.5, 100_000, 4)
    ratios = log_density_ratio(name, task, x, z)
    of_task = task.log_ratio(torch.from_numpy(x[:1000]), torch.from_numpy(z[:1000]))
    np.testing.assert_allclose(of_task, ratios[:1000], rtol=1e-6, atol=1e-6)
    standard_error = ratios.std() / math.sqrt(len(ratios))
    assert standard_error < 0.005  # a ratio that varies without measure would pass by its error bar
    assert ratios.mean() == pytest.approx(task.mi, abs=4 * standard_error)


def test_zero_information_is_independence():
    x, z = draw("gaussian", 2, 0.0, 1000, 6)
    again_x, again_z = draw("sparse", 2, 0.0, 1000, 6)
    assert abs(np.corrcoef(x.T, z.T)[:2, 2:]).max() < 0.1
    np.testing.assert_array_equal(x, again_x)
    np.testing.assert_array_equal(z, again_z)


def test_sparse_correlates_the_first_two_coordinates_only():
    x, z = draw("sparse", 4, 2.0, 50_000, 7)
    rho = math.sqrt(1.0 - math.exp(-2.0))
    wanted = np.diag([rho, rho, 0.0, 0.0])
    np.testing.assert_allclose(np.corrcoef(x.T, z.T)[:4, 4:], wanted, atol=0.02)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("dim", [0, -1, 1.5, True, "2", None])
def test_a_bad_dimension_is_refused(name, dim):
    with pytest.raises(UserError, match=r"^dim: .* is not a whole number of at least 1$"):
        make_task(name, dim, 1.0)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("mi", [-0.5, 1e6, math.nan, math.inf, "1", None, True])
def test_a_bad_mi_is_refused_with_the_range(name, mi):
    with pytest.raises(UserError, match=rf"^mi: .* is not in \[.*\] nats, the range of task {name} at dim 2"):
        make_task(name, 2, mi)


@pytest.mark.parametrize(
    ("name", "dim", "mi", "reason"),
    [
        ("student-t", 5, 0.1, "5 degrees of freedom have 0.165543 nats without any correlation"),
        ("uniform", 1, 0.0, "0 would need noise of infinite width"),
        ("sparse", 20, 25.0, "2 of its coordinates are correlated"),
        ("sparse", 1, 15.0, "1 of its coordinates is correlated"),
    ],
)
def test_an_unreachable_mi_says_why(name, dim, mi, reason):
    with pytest.raises(UserError, match=rf"{reason}$"):
        make_task(name, dim, mi)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("dim", [1, 3, 20])
def test_the_bounds_that_a_refusal_names_are_reachable(name, dim):
    with pytest.raises(UserError) as refusal:
        make_task(name, dim, -1.0)
    low, high = (float(part) for part in str(refusal.value).split("[")[1].split("]")[0].split(", "))
    for mi in (low, high):
        x, z = make_task(name, dim, mi).sample((100,), generators(0))
        assert x.isfinite().all()
        assert z.isfinite().all()
        assert not torch.equal(x, z)


def test_an_unknown_task_is_refused():
    with pytest.raises(UserError, match=r"^task: 'gausian' is unknown; allowed are gaussian, cubic"):
        make_task("gausian", 1, 1.0)


def test_names_are_listed_without_torch():
    code = "import sys, mine.tasks; print('torch' in sys.modules, *mine.tasks.TASKS, *mine.tasks.FIXED)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert printed == ["False", *TASKS, *FIXED]
