"""The published numbers as targets, and how far a run is from them.

Written before any run that it judges. A run is measured by a *reading*, since the write-up does not say what a point
and what a gradient norm of its pictures is. Its difference from a target counts what lies beyond the error of reading
the picture, in units of 0.1 nats or 10 %, and no single target counts for more than LARGEST units. A variant's
distance is the mean over its groups of the mean over the group's targets; a setting's the mean of both variants'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mine import writeup

QUARTER = 125
"""Epochs over which a trend is averaged."""

NATS, RATIO = 0.03, math.log(1.03)
"""Error of reading a trend and a gradient norm off the pictures."""

SPREAD_ERROR = math.log(1.25)
"""The same of the spread of a line, which is rough."""

END_ERROR = 1.0
"""The same of the last epoch, epochs."""

UNIT_NATS, UNIT_RATIO = 0.1, math.log(1.1)
LARGEST = 20.0

POINTS = ("mean", "last")
"""What a point of the trend is: the mean of an epoch's batch values, or its last batch's."""

BY_V = (False, True)
"""Whether the EMA's point is mean T - log v, by its own denominator, in place of mean T - log mean e^T."""

NORMS = ("update", "mean", "last", "unclipped")
"""What a norm of the violins is: each update's, an epoch's mean or last; or its last before clipping."""


@dataclass(frozen=True)
class Target:
    """One published number. group: end, trend, spread or norm. first, until: epochs that a trend is averaged over."""

    variant: str
    rho: float
    group: str
    name: str
    value: float
    first: int = 0
    until: int = writeup.EPOCHS


@cache
def targets(epochs: int = writeup.EPOCHS) -> tuple[Target, ...]:
    """Every published number, of runs that last ``epochs`` epochs at most."""
    found = []
    norms = writeup.gradient_norms().set_index(["variant", "rho"])
    for variant in writeup.VARIANTS:
        for rho in writeup.RHOS:
            last = writeup.LAST_EPOCH[rho] if variant == "biased" else None
            if variant == "biased":
                found.append(Target(variant, rho, "end", "end", math.inf if last is None else last))
            for quarter in range(4):
                first, until = quarter * QUARTER, min((quarter + 1) * QUARTER, epochs)
                if first < until and (last is None or until <= last):
                    value = _trend(variant, rho, first, until)
                    found.append(Target(variant, rho, "trend", f"trend_{quarter + 1}", value, first, until))
            found.append(Target(variant, rho, "spread", "spread", writeup.SPREAD[variant][rho]))
            for name in ("min", "mean", "max"):
                value = float(norms.loc[(variant, rho), name])
                found.append(Target(variant, rho, "norm", f"norm_{name}", value))
    return tuple(found)


@cache
def targets_of(variant: str, rho: float, epochs: int = writeup.EPOCHS) -> tuple[Target, ...]:
    """Those of one variant at one rho."""
    return tuple(target for target in targets(epochs) if target.variant == variant and target.rho == rho)


def _trend(variant: str, rho: float, first: int, until: int) -> float:
    line = writeup.trend()
    here = line[(line["variant"] == variant) & (line["rho"] == rho) & line["epoch"].between(first, until - 1)]
    return float(here["trend_nats"].mean())


def difference(
    target: Target, value: float | np.ndarray, other: float | None = None, epochs: int = writeup.EPOCHS
) -> np.ndarray:
    """How far values are from the target's, or from ``other``, in units; nan, for "there is none", is LARGEST.

    value: one, or an array of any shape, which the result has. epochs: that a run lasted at most, for an end that may
    not have come yet; never ended is inf.
    """
    value, aim = np.asarray(value, dtype=np.float64), np.float64(target.value if other is None else other)
    with np.errstate(invalid="ignore", divide="ignore"):
        if target.group == "end":
            # A run that never ends is one that ends at the last epoch or later; one that ended in its first (-1), at
            # once.
            ours, theirs = (np.clip(each, 0.0, epochs) for each in (value, aim))
            error, unit = np.log1p(END_ERROR / (1.0 + np.minimum(ours, theirs))), UNIT_RATIO
            gap = np.abs(np.log((1.0 + ours) / (1.0 + theirs)))
        elif target.group == "trend":
            error, unit, gap = NATS, UNIT_NATS, np.abs(value - aim)
        else:
            error, unit = (SPREAD_ERROR if target.group == "spread" else RATIO), UNIT_RATIO
            gap = np.where((value > 0) & (aim > 0), np.abs(np.log(value / aim)), np.inf)
        units = np.minimum(np.maximum(gap - error, 0.0) / unit, LARGEST)
    return np.where(np.isnan(value) | np.isnan(aim), LARGEST, units)


def distance(
    of: Mapping[Target, float],
    to: Mapping[Target, float] | None = None,
    epochs: int = writeup.EPOCHS,
) -> float:
    """Mean over variants of the mean over groups of the mean difference of their targets.

    of: target to value. to: what it is held against, the published values where not given. Each variant present counts
    alike. Raises ValueError where there is no target.
    """
    by_group: dict[tuple[str, str], list[float]] = {}
    for target, value in of.items():
        gap = difference(target, value, None if to is None else to[target], epochs)
        by_group.setdefault((target.variant, target.group), []).append(float(gap))
    by_variant: dict[str, list[float]] = {}
    for (variant, _), gaps in by_group.items():
        by_variant.setdefault(variant, []).append(float(np.mean(gaps)))
    if not by_variant:
        raise ValueError("no targets")
    return float(np.mean([np.mean(groups) for groups in by_variant.values()]))


def measure(points: np.ndarray, norms: Mapping[str, float], of: Sequence[Target]) -> dict[Target, float]:
    """The values of one run's targets.

    points: one an epoch, nats; the first that is not finite ends the run. norms: min, mean and max of its gradient
    norms. of: targets of this variant and rho.
    """
    finite = np.isfinite(points)
    last = len(points) if finite.all() else int(finite.argmin())
    points = points[:last]
    quarters = [points[at : at + QUARTER] for at in range(0, len(points), QUARTER)]
    residuals = np.concatenate([quarter - quarter.mean() for quarter in quarters]) if quarters else np.empty(0)
    values = {}
    for target in of:
        if target.group == "end":
            values[target] = math.inf if finite.all() else last - 1.0
        elif target.group == "trend":
            part = points[target.first : target.until]
            values[target] = float(part.mean()) if len(part) else math.nan
        elif target.group == "spread":
            values[target] = float(residuals.std()) if len(residuals) > 1 else math.nan
        else:
            values[target] = float(norms[target.name.removeprefix("norm_")])
    return values
