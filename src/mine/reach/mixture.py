"""A Gaussian mixture of x and z together, whose marginals it has too: scikit-learn's, components chosen on rows apart.

Source: Piras et al. 2023 (arXiv:2211.00024), GMM-MI, which chooses by validation likelihood likewise; it then takes a
mean over samples of the fitted mixture, where this takes the mean over rows that neither fitted nor chose.
"""

from __future__ import annotations

import numpy as np
import sklearn
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

from mine.baselines.samples import checked

COMPONENTS = (1, 2, 4, 8, 16)
TRAINING, VALIDATION = 0.5, 0.2
"""Shares of the rows that fit and that choose; the rest give the value."""

_LEAST = 20


def estimate(x: np.ndarray, z: np.ndarray, seed: int) -> float:
    """Mean log ratio of joint density to product of marginals over rows held out, nats.

    x: (n, d_x). z: (n, d_z). seed: of the split and of the fits. Raises UserError as ``checked`` does, for n < 20.
    """
    x, z = checked(x, z, _LEAST)
    both, n = np.hstack([x, z]), len(x)
    order = np.random.default_rng(seed).permutation(n)
    training, validation, rest = np.split(order, [int(TRAINING * n), int((TRAINING + VALIDATION) * n)])
    models = [
        GaussianMixture(components, random_state=seed).fit(both[training])
        for components in COMPONENTS
        if components <= len(training)
    ]
    best = max(models, key=lambda model: model.score(both[validation]))
    return float(log_ratio(best.weights_, best.means_, best.covariances_, x[rest], z[rest]).mean())


def log_ratio(
    weights: np.ndarray, means: np.ndarray, covariances: np.ndarray, x: np.ndarray, z: np.ndarray
) -> np.ndarray:
    """Log ratio ln p(x, z) - ln p(x) - ln p(z) of a mixture of normals in the columns of x and then of z, (n,), nats.

    weights: (k,). means: (k, d). covariances: (k, d, d). x: (n, d_x). z: (n, d_z), d = d_x + d_z.
    """
    columns = np.arange(x.shape[1] + z.shape[1])
    of_x, of_z = np.split(columns, [x.shape[1]])
    joint, alone_x, alone_z = (
        logsumexp(
            [
                np.log(weight) + multivariate_normal.logpdf(values, mean[some], covariance[np.ix_(some, some)])
                for weight, mean, covariance in zip(weights, means, covariances, strict=True)
            ],
            axis=0,
        )
        for some, values in ((columns, np.hstack([x, z])), (of_x, x), (of_z, z))
    )
    return np.asarray(joint - alone_x - alone_z)


def made_with() -> str:
    """Name and version of what does the work."""
    return f"scikit-learn {sklearn.__version__}"
