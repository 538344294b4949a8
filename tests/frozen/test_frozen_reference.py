"""Reference and moments against closed forms: T = s . (x, z) + c makes e^T lognormal under the product."""

import numpy as np
import pytest
import torch
from handmade import linear
from scipy.stats import multivariate_normal, norm

from mine.frozen.reference import moments, reference
from mine.frozen.sampling import Purpose, mixture_pairs, permuted_pairs, product_pairs, source, wide_pairs

SLOPES, CONSTANT, RHO = [0.6, 0.5], 0.7, 0.8
VARIANCE = 0.6**2 + 0.5**2


def relu_mean(tilt):
    """E[e^{tilt s} relu(s)] / E[e^{tilt s}] of s ~ N(0, VARIANCE): the mean of s moves to tilt VARIANCE."""
    mean, sd = tilt * VARIANCE, VARIANCE**0.5
    return mean * norm.cdf(mean / sd) + sd * norm.pdf(mean / sd)


def unit(place):
    return np.eye(9)[place]


def test_the_reference_is_the_closed_form():
    found = reference(linear(SLOPES, CONSTANT), 1, RHO, 40_000, 2000, torch.Generator().manual_seed(0), lambda n: None)
    assert found.log_expectation == pytest.approx(CONSTANT + VARIANCE / 2.0, abs=0.01)
    for half in found.halves:
        assert half[8] == pytest.approx(1.0, abs=1e-5)  # T grows by 1 with its constant
        assert half[6] == pytest.approx(relu_mean(1.0), abs=0.02)
    assert not np.array_equal(*found.halves)
    assert found.squared == pytest.approx(found.halves[0] @ found.halves[1])
    assert np.linalg.norm(found.direction) == pytest.approx(1.0)
    assert 20_000 < found.ess < 80_000


def test_moments_are_the_closed_form():
    model, directions = linear(SLOPES, CONSTANT), np.stack([unit(8), unit(6)])
    # The scale that it is given must not matter.
    found = moments(model, directions, 0.3, 1, RHO, 80_000, 2000, torch.Generator().manual_seed(0), lambda n: None)
    spread = np.exp(VARIANCE) - 1.0
    assert found.variance == pytest.approx(spread, rel=0.05)
    assert found.reference == pytest.approx([1.0, relu_mean(1.0)], abs=0.02)
    assert found.reference_se[0] == pytest.approx(0.0, abs=1e-4)
    assert abs(found.reference[1] - relu_mean(1.0)) < 4.0 * found.reference_se[1]
    covariance = (spread + 1.0) * relu_mean(2.0) - relu_mean(1.0)
    assert found.covariance == pytest.approx([spread, covariance], rel=0.05)
    first, second = found.taylor(10)
    assert first == pytest.approx(-found.covariance / 10)
    assert second == pytest.approx(found.reference * found.variance / 10)
    # Along the constant A is B, so that A / B has no bias at all.
    assert first[0] + second[0] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("pairs_of", [mixture_pairs, wide_pairs])
def test_importance_weights_add_up_to_one_and_give_qs_moments(pairs_of):
    pairs, log_weight = pairs_of(80_000, 2, RHO, torch.Generator().manual_seed(0))
    weight = log_weight.exp()
    assert pairs.dtype == torch.float32
    assert weight.mean().item() == pytest.approx(1.0, abs=0.02)
    assert weight.max().item() <= 4.0
    covariance = (pairs.double().T * weight) @ pairs.double() / len(pairs)
    assert torch.allclose(covariance, torch.eye(4, dtype=torch.float64), atol=0.06)


def test_the_wide_mixtures_density_is_scipys():
    pairs, log_weight = wide_pairs(400, 2, RHO, torch.Generator().manual_seed(0))
    eye, zero = np.eye(2), np.zeros(4)

    def density(rho, scale):
        return multivariate_normal(zero, scale * np.block([[eye, rho * eye], [rho * eye, eye]])).pdf(pairs.numpy())

    mixture = (density(RHO, 1.0) + density(0.0, 1.0) + density(RHO, 2.0) + density(0.8 * RHO, 2.0)) / 4.0
    assert np.allclose(log_weight.numpy(), np.log(density(0.0, 1.0) / mixture), atol=1e-5)


def test_a_permutation_stays_within_its_batch():
    pairs = permuted_pairs(400, 8, 1, 0.999999, torch.Generator().manual_seed(0)).view(50, 8, 2)
    assert torch.allclose(pairs[..., 0].sort(1).values, pairs[..., 1].sort(1).values, atol=0.01)
    in_place = (pairs[..., 0] - pairs[..., 1]).abs() < 0.01
    assert 20 < in_place.sum().item() < 100  # one of a batch on average


def test_generators_differ_by_run_purpose_and_step():
    keys = [(0, 5, 0.9, Purpose.INDEPENDENT, 100)]
    keys += [(1, 5, 0.9, Purpose.INDEPENDENT, 100), (0, 5, 0.95, Purpose.INDEPENDENT, 100)]
    keys += [(0, 5, 0.9, Purpose.REFERENCE, 100), (0, 5, 0.9, Purpose.INDEPENDENT, 1000), (0, 4, 0.9, Purpose.LAG, 100)]
    drawn = {product_pairs(1, 1, source(*key)).sum().item() for key in keys}
    assert len(drawn) == len(keys)
    assert torch.equal(product_pairs(3, 1, source(*keys[0])), product_pairs(3, 1, source(*keys[0])))
