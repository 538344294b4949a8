"""The ten tasks of other families: density ratios against SciPy's densities, truths against integrals of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from mine.engine.instruments import judge_scores
from mine.engine.runs import train_runs
from mine.engine.sources import Run
from mine.errors import UserError
from mine.settings import TrainingSettings
from mine.tasks import circle, clayton, fixed_task, labels
from mine.tasks.draws import draw


def gamma_exponential(x, z):
    return stats.expon(scale=1 / x).logpdf(z) - stats.lomax(0.5).logpdf(z)


def cross(x, z):
    joint = [stats.multivariate_normal(cov=[[1, rho], [rho, 1]]).pdf([x, z]) / 2 for rho in (0.9, -0.9)]
    return np.log(sum(joint)) - stats.norm.logpdf(x) - stats.norm.logpdf(z)


def clusters(x, z):
    means = [(-4.5, 1.5), (-1.5, -4.5), (1.5, 4.5), (4.5, -1.5)]
    joint = [stats.norm.pdf(x, a) * stats.norm.pdf(z, b) for a, b in means]
    apart = [np.mean([stats.norm.pdf(v, mean[side]) for mean in means]) for side, v in enumerate((x, z))]
    return np.log(np.mean(joint) / apart[0] / apart[1])


def wave(x, z):
    def given(u):
        return stats.norm.pdf(z, np.sin(6 * np.pi * u), 0.3)

    return np.log(given(x) / given(np.linspace(0, 1, 600, endpoint=False)).mean())


def counts(x, z):
    share = 0.15
    zero = share * (z == 0)
    return np.log((zero + (1 - share) * stats.poisson.pmf(z, x)) / (zero + (1 - share) * 0.5 ** (z + 1)))


SCALAR = {"gamma-exponential-0.5": gamma_exponential, "cross-0.9": cross, "wave-3-0.3": wave, "counts-0.15": counts}


@pytest.mark.parametrize("name", SCALAR)
def test_density_ratios_of_one_dimension_are_scipys(name):
    x, z = draw(name, 40, 1)
    for of_z in (z, np.roll(z, 1, 0)):
        found = fixed_task(name).log_ratio(torch.from_numpy(x), torch.from_numpy(of_z)).numpy()
        wanted = [SCALAR[name](float(a), float(b)) for a, b in zip(x[:, 0], of_z[:, 0], strict=True)]
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def unturned(name, n):
    """Pairs before they are turned, and the task that they are of."""
    task = fixed_task(name).base
    x, z = task.sample((n,), [torch.Generator().manual_seed(1)])
    return task, x[0].double(), z[0].double()


def test_clusters_are_of_the_first_coordinates():
    task, x, z = unturned("turned-clusters-5-5", 40)
    wanted = [clusters(float(a), float(b)) for a, b in zip(x[:, 0], z[:, 0], strict=True)]
    np.testing.assert_allclose(task.log_ratio(x, z), wanted, rtol=1e-9)
    correlations = np.corrcoef(np.hstack(unturned("turned-clusters-5-5", 20_000)[1:]).T)
    assert abs(correlations - np.eye(10)).max() < 0.04


def test_a_noisy_circle_is_a_mixture_over_its_points():
    task, x, z = unturned("turned-circle-10-10-0.3", 40)
    angles = 2 * np.pi * np.arange(500) / 500
    points = np.zeros((500, 10))
    points[:, :2] = np.stack([np.cos(angles), np.sin(angles)], 1)
    of_x, of_z = (-((v.numpy()[:, None] - points) ** 2).sum(2) / (2 * 0.3**2) for v in (x, z))
    logsumexp = special.logsumexp
    wanted = logsumexp(of_x + of_z, 1) + np.log(500) - logsumexp(of_x, 1) - logsumexp(of_z, 1)
    np.testing.assert_allclose(task.log_ratio(x, z), wanted, rtol=1e-9)


def test_claytons_copula_is_a_mixture_over_its_frailty():
    """Given the frailty w a coordinate's distribution function is e^(-w (u^-2 - 1)), at theta = 2."""
    task = fixed_task("clayton-3-3-2")
    x, z = (values.astype(np.float64) for values in draw(task.name, 20, 1))

    def density(u):
        k, fall = len(u), (u**-2.0).sum() - len(u) + 1
        # w = v^2 / fall: the frailty's density e^-w / sqrt(pi w) has a pole at 0, and the integrand's width is fall's.
        mixed = integrate.quad(lambda v: 2 * v ** (2 * k) * np.exp(-v * v) / np.sqrt(np.pi), 0, 12)[0]
        return np.prod(2 * u**-3.0) * mixed / fall ** (k + 0.5)

    wanted = [np.log(density(np.hstack([a, b])) / density(a) / density(b)) for a, b in zip(x, z, strict=True)]
    np.testing.assert_allclose(task.log_ratio(torch.tensor(x), torch.tensor(z)), wanted, rtol=1e-6, atol=1e-6)
    for column in (*x.T, *z.T):
        assert 0 < column.min() <= column.max() <= 1
    assert stats.kstest(draw(task.name, 20_000, 2)[0][:, 0], stats.uniform.cdf).pvalue > 1e-3


def test_labels_are_equally_likely_and_their_features_normal():
    task, x, z = unturned("turned-labels-5-1-4-1.5", 20_000)
    assert np.bincount(z[:, 0].int(), minlength=4) == pytest.approx(5_000, abs=300)
    centres = 1.5 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
    densities = np.stack([stats.multivariate_normal(mean=[*centre, 0, 0, 0]).pdf(x[:50]) for centre in centres])
    wanted = np.log(densities[z[:50, 0].int(), np.arange(50)] / densities.mean(0))
    np.testing.assert_allclose(task.log_ratio(x[:50], z[:50]), wanted, rtol=1e-9)


def test_truth_of_gamma_and_exponential():
    """The mean over z of the log ratio is ln x - 1 - ln theta + 3/2 E[ln(1 + z)] given x, an exponential integral."""

    def given(v):
        # x = v^2, as gamma's density has a pole at 0.
        x = v * v
        mean_log = special.expi(-x) * -np.exp(x)
        return 2 * np.exp(-x) / np.sqrt(np.pi) * (np.log(x) - 1 - np.log(0.5) + 1.5 * mean_log)

    assert fixed_task("gamma-exponential-0.5").mi == pytest.approx(integrate.quad(given, 0, 20)[0], abs=1e-6)


def test_truths_of_mixtures():
    """By entropies of the joint and of the marginals, on grids of Simpson's."""
    t = np.linspace(-12, 12, 1501)
    a, b = np.meshgrid(t, t, indexing="ij")
    joint = sum(stats.norm.pdf(a) * stats.norm.pdf(b, rho * a, np.sqrt(1 - 0.81)) / 2 for rho in (0.9, -0.9))
    plogp = integrate.simpson(integrate.simpson(special.xlogy(joint, joint), x=t), x=t)
    assert fixed_task("cross-0.9").mi == pytest.approx(plogp + 2 * stats.norm.entropy(), abs=1e-6)
    t = np.linspace(-14, 14, 1501)
    a, b = (
        np.stack([stats.norm.pdf(t, mean) for mean in means])
        for means in ((-4.5, -1.5, 1.5, 4.5), (1.5, -4.5, 4.5, -1.5))
    )
    joint = np.einsum("ki,kj->ij", a, b) / 4
    plogp = integrate.simpson(integrate.simpson(special.xlogy(joint, joint), x=t), x=t)
    entropies = [-integrate.simpson(special.xlogy(each, each), x=t) for each in (a.mean(0), b.mean(0))]
    assert fixed_task("turned-clusters-5-5").mi == pytest.approx(plogp + sum(entropies), abs=1e-6)


def test_truth_of_the_noisy_circle():
    """I(X; Z) = h(X) + h(Z) - h(X, Z), the joint's entropy by that of x + z and by x - z.

    Given A the two are independent normals about 2 (cos A, sin A) and about 0, so h(X, Z) is the entropy of one view
    with twice the radius and sqrt(2) times the noise, plus a normal's, less 2 ln 2 for the change of variables.
    """

    def view(radius, deviation):
        """Entropy of a noisy circle in the plane, by its radial density."""

        def density(r):
            scaled = r * radius / deviation**2
            return (
                np.exp(-((r - radius) ** 2) / (2 * deviation**2)) * special.ive(0, scaled) / (2 * np.pi * deviation**2)
            )

        high = radius + 12 * deviation
        return integrate.quad(lambda r: -2 * np.pi * r * special.xlogy(density(r), density(r)), 0, high, limit=200)[0]

    apart = np.log(2 * np.pi * np.e * 2 * 0.3**2)
    joint = view(2.0, 0.3 * np.sqrt(2)) + apart - 2 * np.log(2)
    for name in ("circle-2-2-0.3", "turned-circle-10-10-0.3"):
        assert fixed_task(name).mi == pytest.approx(2 * view(1.0, 0.3) - joint, abs=1e-6)


def test_truth_of_the_wave():
    """h(Z) - h(N), p(z) a mean over angles."""
    sine = np.sin(2 * np.pi * (np.arange(2_000) + 0.5) / 2_000)
    z = np.linspace(-4, 4, 2_001)
    density = stats.norm.pdf(z[:, None], sine, 0.3).mean(1)
    entropy = -integrate.simpson(special.xlogy(density, density), x=z)
    assert fixed_task("wave-3-0.3").mi == pytest.approx(entropy - stats.norm(scale=0.3).entropy(), abs=1e-6)


def test_truth_of_counts():
    """Sum over counts and integral over the rate."""
    x = np.linspace(0, 8, 8_001)[1:, None] ** 2  # dense at 0, where x ln x is steep
    k = np.arange(50)
    given = 0.15 * (k == 0) + 0.85 * stats.poisson.pmf(k, x)
    kept = np.exp(-x[:, 0]) * special.rel_entr(given, 0.15 * (k == 0) + 0.85 * 0.5 ** (k + 1)).sum(1)
    total = integrate.simpson(kept * 2 * np.sqrt(x[:, 0]), x=np.sqrt(x[:, 0]))
    assert fixed_task("counts-0.15").mi == pytest.approx(total, abs=1e-6)


def test_truth_of_labels():
    """ln 4 less what is left of it: by the angle and the length of x."""
    centres = 1.5 * np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
    lengths, angles = np.linspace(0, 12, 1_201), 2 * np.pi * np.arange(400) / 400
    x = lengths[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    densities = np.stack([np.exp(-((x - centre) ** 2).sum(2) / 2) / (2 * np.pi) for centre in centres])
    kept = special.rel_entr(densities, densities.mean(0)).mean(0).mean(1) * 2 * np.pi * lengths
    assert fixed_task("turned-labels-5-1-4-1.5").mi == pytest.approx(integrate.simpson(kept, x=lengths), abs=1e-6)


def test_claytons_truth_in_one_dimension_is_the_known_one():
    for halves in (1, 2, 5):
        theta = 2 / halves
        assert clayton.of_halves(1, halves).mi == pytest.approx(np.log1p(theta) - theta / (1 + theta))


def test_truth_of_clayton():
    """Radial: 1 + sum (u^-theta - 1) of k coordinates is one over a Beta(1 / theta, k) variable."""

    def mean_log(k):
        return stats.beta(0.5, k).expect(lambda b: -np.log(b))

    constant = np.log([7 * 9 * 11 / (1 * 3 * 5)]).sum()
    wanted = constant - 6.5 * mean_log(6) + 2 * 3.5 * mean_log(3)
    assert fixed_task("clayton-3-3-2").mi == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("make", [lambda: circle.of_deviation(1, 0.3), lambda: labels.of_radius(1, 4, 1.0)])
def test_what_lies_in_a_plane_needs_two_dimensions(make):
    with pytest.raises(UserError, match=r"^dim: 1 is not a whole number of at least 2$"):
        make()


UNEVEN = ["swissroll_x-normal_cdf-1v1-normal-0.75", "turned-labels-5-1-4-1.5", "counts-0.15"]
"""Of X and Z of other dimensions, and one whose Z is a count."""


@pytest.mark.parametrize("name", UNEVEN)
def test_the_population_value_of_the_density_ratio_is_the_truth(name):
    task = fixed_task(name)
    found = judge_scores(task.log_ratio, [Run(0, (task,), (task.dim_x, 0.0))], task)[0]
    assert found.mi_population == pytest.approx(task.mi, abs=0.04)
    assert found.population_ess > 20_000


@pytest.mark.parametrize("data", ["stream", 64])
@pytest.mark.parametrize("critic", ["concat", "separable"])
@pytest.mark.parametrize("name", UNEVEN[:2])
def test_runs_of_other_dimensions_train_and_are_judged(name, critic, data):
    task = fixed_task(name)
    budget = {"steps": 3} if data == "stream" else {"epochs": 1}
    settings = TrainingSettings(**budget, data=data, batch_size=16, hidden=8, layers=2)
    (result,) = train_runs("nwj", critic, [Run(0, (task,), (task.dim_x, 0.0))], settings)
    assert result.outcome == "completed"
    assert result.columns["mi_true"][0] == task.mi
    assert np.isfinite(float(result.columns["mi_population"][-1]))
