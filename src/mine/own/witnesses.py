"""Other readings of the same rows, which err in other ways, and what to make of it where they part.

Nearest neighbours and the Gaussian copula train no network. Neither is a bound on a sample, but each errs to a known
side: neighbours are too low where columns are many or the dependence is strong, hardly ever too high; of Gaussian
margins and given correlations the Gaussian copula has the least information, so it is too low wherever there is more
than correlation. Both therefore speak against a value that is lower than theirs, and neither against a higher one, but
for neighbours in few dimensions. None of that holds of rows that belong together, whose resemblance both take for
dependence, of near copies, which are each other's neighbours, and of columns with one value in many rows, whose margins
no map makes Gaussian: of such data they are no witnesses. The mean log density ratio is the trained critic's own, read
without a product term: it is no third witness, but parts from the value where the critic is not calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mine.baselines.ksg import TREE_DIM, local_values
from mine.errors import UserError
from mine.own.columns import Warned
from mine.own.copula import fit_copula
from mine.own.marginals import BIG_ATOM, FEW_VALUES
from mine.own.scores import Judged

NEIGHBOURS, GAUSSIAN, DENSITY_RATIO = "neighbours", "gaussian", "density_ratio"

IS = {
    NEIGHBOURS: "nearest neighbours (Kraskov et al.) on the critic's scale: too low in many dimensions or at many nats",
    GAUSSIAN: "Gaussian copula, canonical correlations: directions from training rows, correlations from the others; "
    "too low where dependence is more than correlation",
    DENSITY_RATIO: "mean log density ratio of the same critic over test rows, without a product term: no third witness",
}

LABELS = {
    NEIGHBOURS: "nearest neighbours",
    GAUSSIAN: "Gaussian copula",
    DENSITY_RATIO: "mean log density ratio of the same critic",
}

NEIGHBOURS_ABOVE, NEIGHBOURS_BELOW, GAUSSIAN_ABOVE = "neighbours_above", "neighbours_below", "gaussian_above"
UNCALIBRATED = "uncalibrated"
"""Codes of the warnings."""

FEW_DIM = 4
"""Columns of both sides together up to which neighbours also speak against a value above theirs."""

FEW_NATS = 2.0
"""Nats up to which they do."""

ERRORS, MARGIN = 3.0, 0.05
"""Values part when they are this many standard errors and so many nats apart."""

_TREE_ROWS, _DISTANCE_ROWS = 20_000, 4_000


@dataclass(frozen=True)
class Witness:
    """One reading. value, error: nats and its standard error; None where it cannot be had, and ``why``."""

    name: str
    value: float | None
    error: float | None
    why: str = ""

    @property
    def what_it_is(self) -> str:
        """What it is and when it is wrong."""
        return IS[self.name]


def neighbours(x: np.ndarray, z: np.ndarray, exact: bool) -> Witness:
    """Nearest neighbours of x (n, dx) and z (n, dz). exact: whether all columns are amounts.

    More than 20,000 rows (4,000 in more than 6 columns) are not all taken: the first are, and rows come shuffled.
    """
    if not exact:
        return Witness(NEIGHBOURS, None, None, "levels have no neighbours")
    rows = _TREE_ROWS if x.shape[1] + z.shape[1] <= TREE_DIM else _DISTANCE_ROWS
    try:
        local = local_values(x[:rows], z[:rows])
    except UserError:
        return Witness(NEIGHBOURS, None, None, "values that many rows share have no neighbours")
    return Witness(NEIGHBOURS, float(local.mean()), float(local.std(ddof=1)) / math.sqrt(len(local)))


def gaussian(training: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Witness:
    """-1/2 sum ln(1 - rho^2) of the Gaussian copula. training, others: normal scores x (n, dx) and z (n, dz).

    Its standard error is the asymptotic one of canonical correlations, sqrt(sum rho^2 / n).
    """
    if not (training[0].shape[1] and training[1].shape[1]):
        return Witness(GAUSSIAN, None, None, "one side has no amounts")
    rho = fit_copula(training, others, dofs=(math.inf,)).rho
    value = -0.5 * float(np.log1p(-(rho**2)).sum()) + 0.0
    return Witness(GAUSSIAN, value, math.sqrt(float((rho**2).sum()) / len(others[0])))


def density_ratio(joint: np.ndarray) -> Witness:
    """Joint (n,): T of the test rows, whose mean e^T over product pairs of the validation rows is 1."""
    return Witness(DENSITY_RATIO, float(joint.mean()), float(joint.std(ddof=1)) / math.sqrt(len(joint)))


def all_witnesses(
    amounts: Sequence[np.ndarray],
    width: int,
    rows: Sequence[np.ndarray],
    scores: np.ndarray | None,
    *,
    independent: bool = True,
    copies: bool = False,
) -> tuple[Witness, ...]:
    """Every witness. amounts: x (n, dx) and z (n, dz) without levels; width: columns of both with levels.

    rows: indices of training, validation and test rows. scores: see ``density_ratio``; None leaves that out.
    independent: whether no rows belong together. copies: whether rows have near copies.
    """
    shuffled, others = np.concatenate(rows[::-1]), np.concatenate(rows[1:])
    exact = sum(each.shape[1] for each in amounts) == width
    parts = [[each[part] for each in amounts] for part in (rows[0], others)]
    if not independent:
        found = tuple(Witness(name, None, None, _TOGETHER) for name in (NEIGHBOURS, GAUSSIAN))
    else:
        near = Witness(NEIGHBOURS, None, None, "near copies are each other's neighbours") if copies else None
        lumpy = any(_lumpy(column) for each in parts[0] for column in each.T)
        found = (
            near or neighbours(*(each[shuffled] for each in amounts), exact),
            Witness(GAUSSIAN, None, None, "values that many rows share are not Gaussian")
            if lumpy
            else gaussian(*parts),
        )
    return found if scores is None else (*found, density_ratio(scores))


_TOGETHER = "it takes rows as independent, and these belong together"


def _lumpy(values: np.ndarray) -> bool:
    """Whether a column has few values, or one in many rows."""
    counts = np.unique(values, return_counts=True)[1]
    return len(counts) < FEW_VALUES or bool(counts.max() >= BIG_ATOM * len(values))


def parted(judged: Judged, witnesses: Sequence[Witness], dim: int) -> list[Warned]:
    """Where witnesses and a value contradict each other by more than their errors, and which to believe.

    dim: columns of both sides together.
    """
    warned, value = [], judged.value
    if not np.isfinite([value, *judged.resampled]).all():
        return []
    error = judged.standard_error
    for each in witnesses:
        if each.value is None or each.error is None:
            continue
        gap = each.value - value
        code = _contradicts(each.name, gap, value, dim)
        if code and abs(gap) > max(MARGIN, ERRORS * math.hypot(error, each.error)):
            warned.append(Warned(code, f"{_SAYS[each.name].format(each.value, value)} {_MEANS[code]}"))
    return warned


_SAYS = {
    NEIGHBOURS: "Nearest neighbours show {:.2f} nats and the critic {:.2f}:",
    GAUSSIAN: "A Gaussian copula has {:.2f} nats and the critic {:.2f}:",
    DENSITY_RATIO: "The mean log density ratio is {:.2f} nats and the value {:.2f}:",
}

_MEANS = {
    NEIGHBOURS_ABOVE: "they are rarely too high, so the critic has not learned all there is; theirs is the better "
    "guess.",
    NEIGHBOURS_BELOW: "in so few columns they are right where densities are smooth, so the critic's may be too high.",
    GAUSSIAN_ABOVE: "correlation alone gives as much, so the critic has not learned it; the copula's is the better "
    "guess.",
    UNCALIBRATED: "these are two readings of one critic, which is not calibrated; expect the truth to be off by as "
    "much.",
}


def _contradicts(name: str, gap: float, value: float, dim: int) -> str | None:
    """What a witness that is ``gap`` nats above the value says of it, as a code of _MEANS; None for nothing."""
    if name == NEIGHBOURS and gap < 0.0:
        return NEIGHBOURS_BELOW if dim <= FEW_DIM and value < FEW_NATS else None
    if name == GAUSSIAN:
        return GAUSSIAN_ABOVE if gap > 0.0 else None
    return UNCALIBRATED if name == DENSITY_RATIO else NEIGHBOURS_ABOVE
