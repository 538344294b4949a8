"""Every row read once: several splits, each with critics of its own that never saw the rows they are judged on.

One split judges on a fifth of the rows. Here the rows are cut into K parts, and what is read of each part is trained,
stopped and calibrated on the others, as Chernozhukov et al. 2018 (Econometrics Journal 21) cross-fit a nuisance. The
value is the mean of the K values, each weighted by its rows.

The interval has two parts. Rows are resampled within their parts, all critics as they are. The spread of the K values
beyond what their rows explain, tau^2 = max(0, variance of the values - mean of their squared standard errors), is the
variance component of Hedges and Olkin 1985; tau^2 / K widens the interval in squares. Critics of two splits share
training rows, so what all K have in common is not in it.

The permutation test of a part takes its critics as fixed, which they are: none of its rows trained them. The K p-values
are not independent, since a row that judges one split trains another. Twice their median is a p-value whatever the
dependence (Meinshausen, Meier and Buehlmann 2009, gamma = 1/2).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from mine.own.cautions import FEW_ROWS
from mine.own.checks import check
from mine.own.columns import Column, Warned
from mine.own.estimate import Estimate, Fit, estimate, fit, fit_parts, standard_error, widened
from mine.own.order import arrangement
from mine.own.scores import Judged
from mine.own.settings import MOST, OwnSettings
from mine.own.streams import Use, numbers
from mine.own.training import Look
from mine.own.witnesses import DENSITY_RATIO, GAUSSIAN_ABOVE, NEIGHBOURS_ABOVE, NEIGHBOURS_BELOW, UNCALIBRATED, Witness

BY_CHANCE = frozenset(
    {
        "near_log_n",
        "low_ess",
        "validation_test_part",
        "above_entropy",
        "overfitting",
        "clamped",
        NEIGHBOURS_ABOVE,
        NEIGHBOURS_BELOW,
        GAUSSIAN_ABOVE,
        UNCALIBRATED,
    }
)
"""Codes that compare numbers of one split, and count where at least half the splits say them. Of K splits one is
easily the odd one out; a warning that any of them gives would come K times as often by chance."""


def fit_and_estimate(
    x: Sequence[Column],
    z: Sequence[Column],
    settings: OwnSettings,
    *,
    device: torch.device | str = "cpu",
    groups: np.ndarray | None = None,
    trains: Callable[[int, Look], object] = lambda split, look: None,
    judges: Callable[[int, int], object] = lambda split, done: None,
) -> tuple[tuple[Fit, ...], Estimate]:
    """One fit and its estimate; of ``settings.cross_fit`` every fit, and the estimate of all.

    trains, judges: called with the number of the split, from 0, and what ``fit`` and ``estimate`` report. Other
    arguments and errors are those of ``fit``.
    """
    if settings.cross_fit is None:
        fitted = fit(x, z, settings, device=device, groups=groups, report=lambda look: trains(0, look))
        return (fitted,), estimate(fitted, x, z, lambda done: judges(0, done))
    warned = check(x, z, look_at_order=groups is None and settings.blocks is None)
    counts = settings.parts(len(x[0].values))
    together = arrangement(x, z, settings.blocks, groups, min(counts[1:]))
    folds = together.folds(settings.cross_fit, counts, numbers(settings.seed, Use.SPLIT))
    fits, estimates = [], []
    for split, rows in enumerate(folds):
        of_split = replace(settings, seed=int(numbers(settings.seed, Use.FOLDS, split).integers(MOST["seed"])))
        fits.append(
            fit_parts(
                *(x, z, of_split, rows, together, warned),
                device=device,
                report=lambda look, split=split: trains(split, look),
            )
        )
        estimates.append(estimate(fits[-1], x, z, lambda done, split=split: judges(split, done)))
    return tuple(fits), combined(estimates)


def combined(splits: Sequence[Estimate]) -> Estimate:
    """The estimate that all rows give, of the estimates of each split. ``splits``: see Estimate."""
    rows = np.array([each.test_rows for each in splits])
    shares = rows / rows.sum()
    judged = _joined([each.judged for each in splits], shares)

    def mean(name: str) -> float:
        return float(shares @ [getattr(each, name) for each in splits])

    p_values = [each.p_value for each in splits]
    return Estimate(
        judged.value,
        f"mean over {len(splits)} splits of: {splits[0].value_is}",
        _widened(judged, splits, splits[0].level),
        splits[0].level,
        twice_the_median(p_values) if np.isfinite(p_values).all() else math.nan,
        int(rows.sum()),
        min(each.ceiling for each in splits),
        judged,
        tuple(_warnings(splits)),
        validation=mean("validation"),
        training=mean("training"),
        witnesses=tuple(_witness(each) for each in zip(*(each.witnesses for each in splits), strict=True)),
        clamped=mean("clamped"),
        splits=tuple(splits),
    )


def twice_the_median(p_values: Sequence[float]) -> float:
    """Twice the median of p-values, of an even number the lower middle one; at most 1."""
    return min(1.0, 2.0 * sorted(p_values)[(len(p_values) - 1) // 2])


def spread_over_splits(values: Sequence[float], errors: Sequence[float]) -> float:
    """Standard deviation of values over splits beyond their standard errors, nats; 0 where these explain it."""
    return math.sqrt(max(0.0, float(np.var(values, ddof=1) - np.square(errors).mean())))


def _widened(judged: Judged, splits: Sequence[Estimate], level: float) -> tuple[float, float]:
    """See the module; the spread over splits is at least that over the initialisations within them."""
    spread = spread_over_splits([each.mi for each in splits], [each.judged.standard_error for each in splits])
    within = float(np.mean([standard_error([one.test for one in each.initialisations]) ** 2 for each in splits]))
    error = math.sqrt(max(spread**2, within) / len(splits))
    return widened(judged.value, judged.interval(level), level, error)


def _joined(of_splits: Sequence[Judged], shares: np.ndarray) -> Judged:
    """All test rows, each judged by its own split's critics. Effective sizes add up: no pair is in two splits."""
    orders = min(len(each.permuted) for each in of_splits)
    return Judged(
        float(shares @ [each.value for each in of_splits]),
        shares @ np.stack([each.resampled for each in of_splits]),
        float(shares @ [each.joint_mean for each in of_splits]),
        shares @ np.stack([each.permuted[:orders] for each in of_splits]),
        sum(each.ess_pairs for each in of_splits),
        sum(each.ess_rows for each in of_splits),
        sum(each.pairs for each in of_splits),
        min(each.block for each in of_splits),
        np.concatenate([each.joint for each in of_splits]),
        np.concatenate([each.product for each in of_splits]),
        np.concatenate([each.scores for each in of_splits]),
    )


def _witness(of_splits: Sequence[Witness]) -> Witness:
    """The mean over splits. Neighbours and copula read nearly the same rows in each, so their error stays."""
    first = of_splits[0]
    if missing := [each for each in of_splits if each.value is None]:
        return missing[0]
    error = math.sqrt(float(np.mean([each.error**2 for each in of_splits])))
    if first.name == DENSITY_RATIO:
        error /= math.sqrt(len(of_splits))
    return Witness(first.name, float(np.mean([each.value for each in of_splits])), error)


def _warnings(splits: Sequence[Estimate]) -> list[Warned]:
    """Each code once, in the words of the first split that has it, and how many have it."""
    first = {each.code: each for split in reversed(splits) for each in reversed(split.warnings)}
    counts = Counter(code for split in splits for code in {each.code for each in split.warnings})
    everywhere, found = len(splits), []
    for code, each in sorted(first.items(), key=lambda one: -counts[one[0]]):
        if code in BY_CHANCE and 2 * counts[code] < everywhere:
            continue
        if code == "few_rows" and sum(split.test_rows for split in splits) >= FEW_ROWS:
            continue
        several = "" if counts[code] == everywhere else f"In {counts[code]} of {everywhere} splits: "
        found.append(Warned(code, several + each.text))
    return found
