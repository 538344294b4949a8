"""The toy data against closed forms computed another way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mine.errors import UserError
from mine.gaussian import log_density_ratio, mutual_information, sample_joint

RHO = st.floats(-0.999, 0.999)


def sample(shape, rho, seed):
    """One run's joint pairs."""
    x, z = sample_joint(shape, rho, [torch.Generator().manual_seed(seed)])
    return x[0], z[0]


def covariance(dim, rho):
    eye = np.eye(dim)
    return np.block([[eye, rho * eye], [rho * eye, eye]])


@given(dim=st.integers(1, 20), rho=RHO)
def test_exact_mi_is_the_determinant_formula(dim, rho):
    _, log_determinant = np.linalg.slogdet(covariance(dim, rho))
    assert mutual_information(dim, rho) == pytest.approx(-0.5 * log_determinant, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("dim", "rho"), [(1, 0.9), (2, -0.7), (5, 0.99)])
def test_log_density_ratio_is_scipys(dim, rho):
    x, z = sample((50, dim), rho, 1)
    points = torch.cat([x, z], 1).double().numpy()
    joint = stats.multivariate_normal(np.zeros(2 * dim), covariance(dim, rho)).logpdf(points)
    marginals = stats.norm.logpdf(points).sum(1)
    np.testing.assert_allclose(log_density_ratio(x, z, rho).numpy(), joint - marginals, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("dim", "rho"), [(1, 0.85), (5, 0.95), (20, 0.99)])
def test_exact_mi_is_the_mean_log_density_ratio(dim, rho):
    x, z = sample((200_000, dim), rho, 2)
    ratios = log_density_ratio(x, z, rho)
    standard_error = ratios.std().item() / math.sqrt(len(ratios))
    # The closed-form spread rho sqrt(d) of the ratio under P keeps a wrong ratio from passing by a wide error bar.
    assert ratios.std().item() == pytest.approx(abs(rho) * math.sqrt(dim), rel=0.02)
    assert ratios.mean().item() == pytest.approx(mutual_information(dim, rho), abs=4 * standard_error)


def test_joint_samples_have_the_covariance():
    x, z = sample((100_000, 3), 0.9, 3)
    np.testing.assert_allclose(np.cov(torch.cat([x, z], 1).numpy().T), covariance(3, 0.9), atol=0.02)


@pytest.mark.parametrize("rho", [1.0, -1.0, 1.5, math.nan, math.inf])
def test_rho_out_of_range_is_refused(rho):
    with pytest.raises(UserError, match=r"rho: .* is not a number in \(-1, 1\)"):
        mutual_information(1, rho)


def test_dimension_below_one_is_refused():
    with pytest.raises(UserError, match="dim: 0"):
        mutual_information(0, 0.5)
