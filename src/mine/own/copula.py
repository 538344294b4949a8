"""Elliptical copulas: the log density ratio that Gaussian or Student-t data of the same normal scores would have.

With exactly Gaussian or t copulas the ratio is right but for sampling error; elsewhere it is a first guess, which a
network corrects (mine.estimators.corrected). Directions come from the training rows. What a direction is worth is
measured on the validation rows, since on the rows that it was found in any two directions look related.

What a side's columns are turned by may grow with the row's length, as on a spiral. No direction of the columns shows
that, and a network needs many rows to see it; but it is linear in the columns times the length. So a Gaussian copula of
both is fitted too, and is a second start where the validation rows say that it is worth more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import gammaln, ndtr, stdtrit

DOFS = (math.inf, 30.0, 15.0, 8.0, 5.0, 3.0, 2.0, 1.0)
"""Degrees of freedom that are tried; infinity is the Gaussian."""

SHRINKAGES = (0.0, 0.03, 0.1, 0.3)
"""Shares of the identity in each side's correlations that are tried."""

T_DIM = 100
"""Most columns of both sides for which t copulas are tried."""

SIGNIFICANT = 2.0
"""Standard errors from zero below which a canonical correlation of the validation rows is left out."""

TURNING_GAIN = 0.02
"""Nats by which a turning copula has to be worth more on the validation rows to be a start."""

_CLOSE = 1.0 - 1e-6
_STEPS = 8
_CHOICE_ROWS = 1000
_TABLE = np.linspace(0.0, 8.0, 4001)


@dataclass(frozen=True)
class Copula:
    """A fitted copula of normal scores x (n, dx) and z (n, dz).

    dof: degrees of freedom, infinite for the Gaussian. left (dx, k), right (dz, k): canonical directions. rho (k,):
    their correlations, in (0, 1). root_x (dx, .), root_z: whitening matrices, for the squared radius of each side.
    turning: whether it is one of ``turning(x)`` and ``turning(z)``, of twice as many columns; then it is Gaussian.
    """

    dof: float
    left: np.ndarray
    right: np.ndarray
    rho: np.ndarray
    root_x: np.ndarray
    root_z: np.ndarray
    turning: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Degrees of freedom, None for the Gaussian, canonical correlations, and whether it is a turning one."""
        dof = None if math.isinf(self.dof) else self.dof
        return {"dof": dof, "correlations": self.rho.tolist(), "turning": self.turning}

    @property
    def empty(self) -> bool:
        """Whether it says that x and z are independent."""
        return not len(self.rho) and math.isinf(self.dof)

    @property
    def width(self) -> int:
        """Features of a row: k + 2 whose product is the squared radius of a pair, and the row's own term."""
        return len(self.rho) + 3

    def of_x(self, x: np.ndarray) -> np.ndarray:
        """Features of rows of normal scores (n, dx), (n, width)."""
        scores, root = self._scores(x), self._weights
        u = scores @ self.left
        radius = self._radius(scores, self.root_x)
        inside = radius + u**2 @ (self.rho * root)
        own = self._own(radius, len(self.left)) + self._constant(len(self.left) + len(self.right))
        return np.column_stack([u * np.sqrt(root), inside, np.ones(len(x)), own])

    def of_z(self, z: np.ndarray) -> np.ndarray:
        """The same of z (n, dz)."""
        scores, root = self._scores(z), self._weights
        v = scores @ self.right
        radius = self._radius(scores, self.root_z)
        inside = radius + v**2 @ (self.rho * root)
        return np.column_stack([-2.0 * v * np.sqrt(root), np.ones(len(z)), inside, self._own(radius, len(self.right))])

    @property
    def power(self) -> tuple[float, float]:
        """(dof, (dof + dx + dz) / 2): the log ratio of a pair is own_x + own_z - power log(1 + q / dof)."""
        return self.dof, (self.dof + len(self.left) + len(self.right)) / 2.0

    def _scores(self, rows: np.ndarray) -> np.ndarray:
        return _quantiles(turning(rows) if self.turning else rows, self.dof)

    @property
    def _weights(self) -> np.ndarray:
        return self.rho / (1.0 - self.rho**2)

    def _radius(self, scores: np.ndarray, root: np.ndarray) -> np.ndarray:
        """Squared; it cancels in a Gaussian's ratio."""
        return np.zeros(len(scores)) if math.isinf(self.dof) else ((scores @ root) ** 2).sum(1)

    def _own(self, radius: np.ndarray, dim: int) -> np.ndarray:
        return radius if math.isinf(self.dof) else (self.dof + dim) / 2.0 * np.log1p(radius / self.dof)

    def _constant(self, both: int) -> float:
        constant = -0.5 * float(np.log1p(-(self.rho**2)).sum())
        if math.isinf(self.dof):
            return constant
        dof, of_x, of_z = self.dof, len(self.left), len(self.right)
        return constant + float(
            gammaln((dof + both) / 2) + gammaln(dof / 2) - gammaln((dof + of_x) / 2) - gammaln((dof + of_z) / 2)
        )

    def log_ratio(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Log ratio of joint pairs (n,), nats."""
        f, g = self.of_x(x), self.of_z(z)
        return self._log_ratio((f[:, :-1] * g[:, :-1]).sum(1), f[:, -1], g[:, -1])

    def all_pairs(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Log ratio of every x with every z, (n, n), z's row and x's column."""
        f, g = self.of_x(x), self.of_z(z)
        return self._log_ratio(g[:, :-1] @ f[:, :-1].T, f[None, :, -1], g[:, -1:])

    def _log_ratio(self, radius: np.ndarray, own_x: np.ndarray, own_z: np.ndarray) -> np.ndarray:
        dof, power = self.power
        if math.isinf(dof):
            return own_x + own_z - 0.5 * radius
        return own_x + own_z - power * np.log1p(radius / dof)


def with_features(
    copula: Copula | None, x: np.ndarray, z: np.ndarray, amounts: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Encoded rows of x and of z, float32, with the copula's features behind. amounts: their normal scores."""
    if copula is None:
        return [x, z]
    features = copula.of_x(amounts[0]), copula.of_z(amounts[1])
    return [np.hstack([each, of_rows.astype(np.float32)]) for each, of_rows in zip((x, z), features, strict=True)]


def turning(scores: np.ndarray) -> np.ndarray:
    """Normal scores (n, d), and behind them each times what the row's length is beyond that of a usual row, (n, 2 d).

    With r = |x|^2 / d that factor is (r - 1) / (r + 1), which stays below 1 however long a row is, scaled so that a
    column has a variance of about 1.
    """
    dim = scores.shape[1]
    ratio = (scores**2).sum(1, keepdims=True) / dim
    return np.hstack([scores, scores * (2.0 * dim / math.sqrt(2.0 * dim + 8.0)) * (ratio - 1.0) / (ratio + 1.0)])


def fit_turning(training: Sequence[np.ndarray], validation: Sequence[np.ndarray], plain: Copula) -> Copula | None:
    """The Gaussian copula of ``turning`` rows; None where it is not worth TURNING_GAIN more than ``plain``.

    training, validation: see ``fit_copula``. Nor is there one for more columns than T_DIM.
    """
    if len(plain.left) + len(plain.right) > T_DIM:
        return None
    rows = [part[:_CHOICE_ROWS] for part in validation]
    parts = ([turning(each) for each in part] for part in (training, validation))
    found = replace(fit_copula(*parts, dofs=DOFS[:1]), turning=True)
    value, before = (_donsker_varadhan(each.all_pairs(*rows)) for each in (found, plain))
    return found if value > before + TURNING_GAIN else None


def fit_copula(
    training: Sequence[np.ndarray], validation: Sequence[np.ndarray], dofs: Sequence[float] = DOFS
) -> Copula:
    """The copula of the highest Donsker-Varadhan value on the validation rows.

    training, validation: normal scores x (n, dx) and z (n, dz) of these rows. dofs: what to choose among, the Gaussian
    first: the shrinkage is chosen with it, and the search ends where fewer degrees of freedom twice made it worse.
    """
    dx = training[0].shape[1]
    if dx + training[1].shape[1] > T_DIM:
        dofs = dofs[:1]
    both, rows = np.hstack(training), [part[:_CHOICE_ROWS] for part in validation]

    def tried(scatter: np.ndarray, shrinkage: float, dof: float) -> tuple[float, float, Copula]:
        found = _fitted(scatter, dx, shrinkage, dof, validation)
        return _donsker_varadhan(found.all_pairs(*rows)), shrinkage, found

    scatter = _scatter(_quantiles(both, dofs[0]), dofs[0])
    highest, shrinkage, best = max(
        (tried(scatter, each, dofs[0]) for each in SHRINKAGES), key=lambda one: (one[0], -one[1])
    )
    worse = 0
    for dof in dofs[1:]:
        value, _, found = tried(_scatter(_quantiles(both, dof), dof), shrinkage, dof)
        worse = 0 if value > highest else worse + 1
        if value > highest:
            highest, best = value, found
        elif worse == 2:
            break
    return best


def _fitted(scatter: np.ndarray, dx: int, shrinkage: float, dof: float, validation: Sequence[np.ndarray]) -> Copula:
    root_x, root_z = (_whitening(block, shrinkage) for block in (scatter[:dx, :dx], scatter[dx:, dx:]))
    left, _, right = np.linalg.svd(root_x.T @ scatter[:dx, dx:] @ root_z, full_matrices=False)
    left, right = root_x @ left, root_z @ right.T
    x, z = (_quantiles(part, dof) for part in validation)
    u, v = x @ left, z @ right
    weights = 1.0
    if not math.isinf(dof):
        radius = ((x @ root_x) ** 2).sum(1) + ((z @ root_z) ** 2).sum(1)
        weights = ((dof + scatter.shape[0]) / (dof + radius))[:, None]
    of_u, of_v = ((weights * each**2).mean(0) for each in (u, v))
    rho = (weights * u * v).mean(0) / np.sqrt(of_u * of_v)
    rho = np.minimum(rho, _CLOSE)
    ratio = rho * math.sqrt(len(x)) / (1.0 - rho**2)
    kept = ratio > SIGNIFICANT
    # The positive-part shrinkage of James & Stein 1961, of one mean at a time.
    rho = rho[kept] * (1.0 - 1.0 / ratio[kept] ** 2)
    return Copula(
        dof,
        (left / np.sqrt(of_u))[:, kept],
        (right / np.sqrt(of_v))[:, kept],
        rho,
        root_x,
        root_z,
    )


def _quantiles(scores: np.ndarray, dof: float) -> np.ndarray:
    """Normal scores as quantiles of a t distribution, from a table: its inverse costs a microsecond a number."""
    if math.isinf(dof):
        return scores
    return np.sign(scores) * np.interp(np.abs(scores), _TABLE, _quantiles_at_table(dof))


@lru_cache(maxsize=len(DOFS))
def _quantiles_at_table(dof: float) -> np.ndarray:
    # The lower half, where probabilities near one lose no digits.
    quantiles = -stdtrit(dof, ndtr(-_TABLE))
    quantiles.flags.writeable = False
    return quantiles


def _scatter(scores: np.ndarray, dof: float) -> np.ndarray:
    """Scatter matrix of greatest likelihood, (d, d), its centre at zero, by steps of EM. Source: Liu & Rubin 1995."""
    scatter = scores.T @ scores / len(scores)
    if math.isinf(dof):
        return scatter
    dim, scatter = len(scatter), np.eye(len(scatter))
    for _ in range(_STEPS):
        radius = ((scores @ _whitening(scatter, 1e-6)) ** 2).sum(1)
        weighted = scores * ((dof + dim) / (dof + radius))[:, None]
        scatter = weighted.T @ scores / len(scores)
    return scatter


def _whitening(scatter: np.ndarray, shrinkage: float) -> np.ndarray:
    """(d, r) with W' S W = 1; directions in which nothing varies are left out."""
    mean = np.trace(scatter) / len(scatter)
    values, vectors = np.linalg.eigh((1.0 - shrinkage) * scatter + shrinkage * mean * np.eye(len(scatter)))
    kept = values > 1e-9 * values.max()
    return vectors[:, kept] / np.sqrt(values[kept])


def _donsker_varadhan(scores: np.ndarray) -> float:
    n = len(scores)
    joint = scores.diagonal().mean()
    off = scores.copy()
    np.fill_diagonal(off, -np.inf)
    top = off.max()
    return float(joint - top - np.log(np.exp(off - top).sum() / (n * (n - 1))))
