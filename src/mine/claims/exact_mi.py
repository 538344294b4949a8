"""The exact mutual information of the toy data, against two estimates that do not know the formula.

No table is read: Monte Carlo with densities from the covariance matrix alone (scipy), and nearest neighbours
(scikit-learn's implementation of Kraskov, Stoegbauer and Grassberger 2004, arXiv cond-mat/0305641).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import multivariate_normal

from mine.claims.claim import WRITE_UP, Claim, Finding, decide, finding, undecided
from mine.claims.tables import Tables, cell_name
from mine.gaussian import mutual_information
from mine.statistics import Interval, mean_interval

PRIMARY = tuple((dim, rho) for dim in (1, 2, 5, 20) for rho in (0.85, 0.9, 0.95, 0.99))
"""d and rho: the published dimensions at the write-up's four rho. All have to hold, so no interval is corrected."""

SEEDS = tuple(range(10))
PAIRS = 50_000
"""Of a seed's Monte Carlo. With ten seeds the interval is under half as wide as the margin in every cell."""

NEIGHBOUR_PAIRS = 5_000
NEIGHBOURS = 3
"""The usual number, of least bias. Above d = 1 the estimator's own bias would be what is measured."""

MARGIN, RELATIVE_MARGIN = 0.01, 0.005
"""Of Monte Carlo: 0.01 nats or 0.5 %, whichever is larger."""

NEIGHBOUR_MARGIN = 0.05
"""Nats; five times Monte Carlo's, for the estimator's bias at finite n."""

Formula = Callable[[int, float], float]


def findings(
    tables: Tables,
    *,
    formula: Formula = mutual_information,
    seeds: Sequence[int] = SEEDS,
    pairs: int = PAIRS,
    neighbour_pairs: int = NEIGHBOUR_PAIRS,
) -> list[Finding]:
    """Per d and rho: estimate less formula, nats, mean over seeds with its interval.

    formula: from d and rho to nats. seeds: of the samples. pairs, neighbour_pairs: joint pairs a seed.
    """
    found = []
    for dim, rho in PRIMARY:
        margin = max(MARGIN, RELATIVE_MARGIN * abs(formula(dim, rho)))
        estimates = [monte_carlo(dim, rho, seed, pairs) for seed in seeds]
        found.append(_judged(dim, rho, "Monte Carlo", estimates, margin, formula))
    for rho in [rho for dim, rho in PRIMARY if dim == 1]:
        try:
            estimates = [nearest_neighbours(rho, seed, neighbour_pairs) for seed in seeds]
        except ImportError:
            cell, quantity = cell_name(dim=1, rho=rho), "nearest neighbours - formula, nats"
            found.append(undecided(cell, quantity, "scikit-learn is not installed", primary=True))
            continue
        found.append(_judged(1, rho, "nearest neighbours", estimates, NEIGHBOUR_MARGIN, formula))
    return found


def monte_carlo(dim: int, rho: float, seed: int, pairs: int) -> float:
    """Mean log p(x, z) - log p(x) - log p(z) over joint pairs, nats; sampled and judged by the covariance matrix."""
    identity = np.eye(dim)
    joint = multivariate_normal(cov=np.block([[identity, rho * identity], [rho * identity, identity]]))
    marginal = multivariate_normal(cov=identity)
    both = joint.rvs(pairs, random_state=np.random.default_rng([seed, dim, round(1e6 * rho)]))
    x, z = both[:, :dim], both[:, dim:]
    return float(np.mean(joint.logpdf(both) - marginal.logpdf(x) - marginal.logpdf(z)))


def nearest_neighbours(rho: float, seed: int, pairs: int) -> float:
    """The estimate of Kraskov et al. (2004), their first, at d = 1, nats. Raises ImportError without scikit-learn."""
    from sklearn.feature_selection import mutual_info_regression

    covariance = np.array([[1.0, rho], [rho, 1.0]])
    generator = np.random.default_rng([seed, 1, round(1e6 * rho)])
    x, z = multivariate_normal(cov=covariance).rvs(pairs, random_state=generator).T
    return float(mutual_info_regression(x[:, None], z, n_neighbors=NEIGHBOURS, random_state=seed)[0])


def _judged(
    dim: int, rho: float, instrument: str, estimates: Sequence[float], margin: float, formula: Formula
) -> Finding:
    error = Interval(*mean_interval(np.array(estimates) - formula(dim, rho)))
    verdict = decide(error.within(-margin, margin), error.above(margin) or error.below(-margin))
    note = f"formula {formula(dim, rho):.4f} nats, margin {margin:.3f}"
    cell, quantity = cell_name(dim=dim, rho=rho), f"{instrument} - formula, nats"
    return finding(cell, quantity, error, len(estimates), verdict, primary=True, note=note)


CLAIM = Claim(
    name="exact_mi",
    sentence="The mutual information of the toy data is exactly −d/2·ln(1−ρ²).",
    place="Toy Dataset",
    test=(
        f"Monte Carlo of the log density ratio, densities from the covariance matrix alone, {PAIRS:,} pairs a seed, "
        f"and at d = 1 the nearest-neighbour estimator of Kraskov et al. with {NEIGHBOUR_PAIRS:,} pairs, each less the "
        f"formula; means over {len(SEEDS)} seeds with bootstrap intervals."
    ),
    rule=(
        f"Holds in a cell where the whole interval lies within ±{MARGIN:g} nats or ±{RELATIVE_MARGIN:.1%} of the "
        f"formula, whichever is larger (nearest neighbours: ±{NEIGHBOUR_MARGIN:g} nats); does not where it lies "
        "outside. Primary: every cell, all of which have to hold."
    ),
    figure="claims/ledger",
    findings=findings,
    asked_by=WRITE_UP,
)
