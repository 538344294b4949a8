"""Copulas, the critic that starts from one, and its calibration: against closed forms and SciPy."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from known_data import gaussian, turned_pairs
from scipy.stats import multivariate_normal, multivariate_t
from scipy.stats import t as student

from mine.estimators import build
from mine.estimators.corrected import Corrected, Elliptical
from mine.own.blend import LARGEST, Blend, concave_weights, fit_blend
from mine.own.copula import Copula, fit_copula, fit_turning, turning
from mine.own.scores import judge
from mine.settings import TrainingSettings


def copula(dof, rho=(0.8, 0.3)):
    return Copula(dof, np.eye(3, 2), np.eye(2), np.array(rho), np.eye(3), np.eye(2))


def log_ratio(dof, x, z, rho=(0.8, 0.3)):
    """By SciPy's densities, of scores in the units of the copula's own distribution."""
    scatter = np.eye(5)
    for place, each in enumerate(rho):
        scatter[place, 3 + place] = scatter[3 + place, place] = each
    if math.isinf(dof):
        parts = [multivariate_normal(cov=block) for block in (scatter, np.eye(3), np.eye(2))]
    else:
        parts = [multivariate_t(shape=block, df=dof) for block in (scatter, np.eye(3), np.eye(2))]
    both = np.hstack([x, z])
    return parts[0].logpdf(both) - parts[1].logpdf(x) - parts[2].logpdf(z)


@pytest.mark.parametrize("dof", [math.inf, 8.0, 2.0])
def test_the_log_ratio_is_that_of_the_densities(dof):
    source = np.random.default_rng(0)
    x, z = source.standard_normal((20, 3)), source.standard_normal((20, 2))
    if math.isinf(dof):
        in_units = x, z
    else:
        from scipy.special import ndtr

        in_units = tuple(student(dof).ppf(ndtr(each)) for each in (x, z))
    np.testing.assert_allclose(copula(dof).log_ratio(x, z), log_ratio(dof, *in_units), rtol=1e-4, atol=1e-4)
    pairs = copula(dof).all_pairs(x, z)
    np.testing.assert_allclose(pairs.diagonal(), copula(dof).log_ratio(x, z), atol=1e-9)
    np.testing.assert_allclose(pairs[3, 7], copula(dof).log_ratio(x[7:8], z[3:4])[0], atol=1e-9)


def fitted(x, z):
    cut = 3 * len(x) // 4
    return fit_copula((x[:cut], z[:cut]), (x[cut:], z[cut:]))


def test_gaussian_data_give_a_gaussian_copula_of_their_correlations():
    found = fitted(*gaussian(4000, 3, 0.6))
    assert math.isinf(found.dof)
    np.testing.assert_allclose(found.rho, 0.6, atol=0.06)


def test_independent_data_give_none():
    assert fitted(*gaussian(4000, 3, 0.0, seed=1)).empty


def test_student_data_give_few_degrees_of_freedom():
    source = np.random.default_rng(0)
    x, z = source.standard_normal((2, 4000, 2)) / np.sqrt(source.chisquare(2, (4000, 1)) / 2)
    from mine.own.marginals import Scores

    scores = [np.column_stack([Scores.of(each)(each) for each in side.T]) for side in (x, z)]
    assert fitted(*scores).dof in (1.0, 2.0, 3.0)


@pytest.mark.parametrize("dim", [1, 3, 25])
def test_columns_times_length_have_the_columns_scale_however_long_a_row_is(dim):
    rows = np.random.default_rng(0).standard_normal((20_000, dim))
    both = turning(rows)
    np.testing.assert_array_equal(both[:, :dim], rows)
    assert 0.3 < both[:, dim:].std() < 1.1
    far = turning(1e6 * rows[:5])[:, dim:] / (1e6 * rows[:5])
    np.testing.assert_allclose(far, 2 * dim / math.sqrt(2 * dim + 8), rtol=1e-6)


def test_a_turning_copulas_log_ratio_is_that_of_the_densities_of_columns_and_columns_times_length():
    source = np.random.default_rng(0)
    x, z = source.standard_normal((20, 3)), source.standard_normal((20, 2))
    found = Copula(math.inf, np.eye(6, 2), np.eye(4, 2), np.array([0.8, 0.3]), np.eye(6), np.eye(4), turning=True)
    joint = np.eye(10)
    for place, each in enumerate(found.rho):
        joint[place, 6 + place] = joint[6 + place, place] = each
    densities = [multivariate_normal(cov=block) for block in (joint, np.eye(6), np.eye(4))]
    of_x, of_z = turning(x), turning(z)
    wanted = densities[0].logpdf(np.hstack([of_x, of_z])) - densities[1].logpdf(of_x) - densities[2].logpdf(of_z)
    np.testing.assert_allclose(found.log_ratio(x, z), wanted, atol=1e-9)
    np.testing.assert_allclose(found.all_pairs(x, z).diagonal(), wanted, atol=1e-9)


def turning_start(x, z):
    parts = (x[:3000], z[:3000]), (x[3000:4000], z[3000:4000])
    plain = fit_copula(*parts)
    return plain, fit_turning(*parts, plain)


def value(found, x, z):
    """Donsker-Varadhan's on all pairs of rows."""
    scores = found.all_pairs(x, z)
    off = scores[~np.eye(len(scores), dtype=bool)]
    return scores.diagonal().mean() - np.log(np.exp(off).mean())


def test_what_turns_with_length_has_a_turning_start_that_is_worth_more_on_fresh_rows():
    x, z = turned_pairs(5000)
    plain, found = turning_start(x, z)
    assert found.turning
    assert value(found, x[4000:], z[4000:]) > value(plain, x[4000:], z[4000:]) + 0.1


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_gaussian_data_have_no_turning_start(rho):
    assert turning_start(*gaussian(4000, 3, rho))[1] is None


@pytest.mark.parametrize("kind", ["separable", "concat"])
def test_a_corrected_critic_is_the_sum_and_learns_its_network_alone(kind):
    source = np.random.default_rng(0)
    x, z = source.standard_normal((12, 3)), source.standard_normal((12, 2))
    known = copula(8.0)
    rows = [np.hstack([each, of]) for each, of in ((x, known.of_x(x)), (z, known.of_z(z)))]
    tensors = [torch.from_numpy(each)[None] for each in rows]
    inner = build("js", kind, 3, 2, TrainingSettings(hidden=8, embedding=4)).critic
    critic = Corrected(inner, Elliptical(known.width, *known.power))
    parameters = {name: each.double() for name, each in critic.init([torch.Generator().manual_seed(0)]).items()}
    plain = torch.from_numpy(x)[None], torch.from_numpy(z)[None]
    alone, both = inner.outputs(parameters, *plain, 3), critic.outputs(parameters, *tensors, 3)
    for name, each in critic.known_outputs(*tensors, 3).items():
        torch.testing.assert_close(both[name], alone[name] + each)
    torch.testing.assert_close(both["joint"], critic.joint(parameters, *tensors))
    np.testing.assert_allclose((both["joint"] - alone["joint"])[0].numpy(), known.log_ratio(x, z), atol=1e-9)
    pairs = critic.known_outputs(*tensors, 11)["product"][0].numpy()
    np.testing.assert_allclose(
        np.sort(pairs, 1), np.sort(known.all_pairs(x, z)[~np.eye(12, dtype=bool)].reshape(12, 11), 1)
    )


def test_weights_are_those_of_the_largest_value():
    source = np.random.default_rng(0)
    # T = 2 log ratio of two normals a nat apart: half of it is right.
    joint, product = source.standard_normal((4000, 1)) + 1.0, source.standard_normal((20_000, 1))
    weights, value = concave_weights(2.0 * (joint - 0.5), 2.0 * (product - 0.5))
    assert weights[0] == pytest.approx(0.5, abs=0.05)
    assert value == pytest.approx(0.5, abs=0.05)


def test_rows_that_are_parted_entirely_do_not_blow_up_the_weights():
    weights, _ = concave_weights(np.full((20, 2), 5.0), np.full((200, 2), -5.0))
    assert weights.sum() <= LARGEST + 1e-12


class Wild:
    """The log ratio of x z / 2, but for product pairs far out, where it says 30."""

    all_pairs = False

    def joint(self, parameters, x, z):
        scores = (x * z).sum(2) / 2
        return torch.where((x - z).abs().sum(2) > 4.5, 30.0, scores)

    def outputs(self, parameters, x, z, rolls=1):
        shifted = [self.joint(parameters, x.roll(shift, 1), z) for shift in range(rolls + 1)]
        return {"joint": shifted[0], "product": torch.stack(shifted[1:], 2)}


def test_the_mean_of_members_is_worth_at_least_their_mean_value():
    """By concavity of the Donsker-Varadhan value, where neither the cap nor the floor cuts anything off."""
    source = torch.Generator().manual_seed(0)
    inner = build("js", "concat", 1, 1, TrainingSettings(hidden=8, embedding=4)).critic
    parameters = inner.init([source, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)])
    parameters = {name: 3.0 * each for name, each in parameters.items()}
    blend = Blend(inner, math.inf, 0.9, 0.0, 0.1, -math.inf, 0.0)
    x, z = (torch.from_numpy(each).float() for each in gaussian(400, 1, 0.8))
    members = [{name: each[[place]] for name, each in parameters.items()} for place in range(3)]
    mean, *each = (judge(SimpleNamespace(critic=blend), of, x, z).value for of in (parameters, *members))
    assert mean > np.mean(each) + 1e-3


def test_one_wild_score_costs_no_value():
    x, z = (torch.from_numpy(each) for each in gaussian(1600, 1, 0.9))
    parameters = {"none": torch.zeros(2, 1, 1)}
    blend = fit_blend(Wild(), parameters, x[:800], z[:800])
    wild, tamed = (
        judge(SimpleNamespace(critic=critic), parameters, x[800:], z[800:]).value for critic in (Wild(), blend)
    )
    assert wild < -10.0
    assert 0.1 < tamed < 0.9
    assert blend.validation == pytest.approx(tamed, abs=0.15)
