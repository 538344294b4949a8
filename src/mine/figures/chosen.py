"""Which cell the figure of parting values draws: the one whose batches look right while its critic is worth least."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mine.divergence import LOW_ESS_ALLOWANCE, MIN_ESS

NEAR = 1.0
"""An in-batch value this near the truth looks right, nats."""
CELL = ["setting", "variant", "dim", "rho"]


@dataclass(frozen=True)
class Place:
    """One cell's final values: medians over its runs, nats; NaN where there are none."""

    setting: str
    variant: str
    dim: int
    rho: float
    overflowed: int
    runs: int
    truth: float
    batch: float
    population: float
    low_ess: bool

    @property
    def worth(self) -> float:
        """What the critic is worth at most: the population value, or its 95 % bound where its ESS is low."""
        return self.population + (LOW_ESS_ALLOWANCE if self.low_ess else 0.0)

    @property
    def gap(self) -> float:
        """By how much its batches read more than that, nats."""
        return self.batch - self.worth


def places_of(summary: pd.DataFrame) -> list[Place]:
    """Every cell of a prepared summary, in its order."""
    places = []
    for (setting, variant, dim, rho), rows in summary.groupby(CELL, observed=True, sort=False):
        population, ess = rows["mi_population"], rows["population_ess"]
        places.append(
            Place(
                str(setting),
                str(variant),
                int(dim),
                float(rho),
                int(rows["overflowed"].sum()),
                len(rows),
                float(rows["mi_true"].iloc[0]),
                median(rows["mi_batch_mean"]),
                median(population),
                not median(ess) >= MIN_ESS,
            )
        )
    return places


def choose(places: list[Place]) -> tuple[Place, bool, bool]:
    """The cell to draw, whether its batches end near the truth, and whether none of its runs overflowed.

    Of the cells without an overflow (of all, where there is none such) those whose in-batch median ends within NEAR of
    the truth, or the nearest one; of these the one with the largest gap.
    """
    whole = [place for place in places if not place.overflowed]
    pool = whole or places
    usable = [place for place in pool if math.isfinite(place.batch)] or pool

    def distance(place: Place) -> float:
        return abs(place.batch - place.truth) if math.isfinite(place.batch) else math.inf

    near = [place for place in usable if distance(place) <= NEAR]
    candidates = near or [min(usable, key=distance)]
    found = max(candidates, key=lambda place: place.gap if math.isfinite(place.gap) else -math.inf)
    return found, bool(near), bool(whole)


def other(places: list[Place], chosen: Place) -> list[Place]:
    """Of the same cell's other variants the one whose population value ends nearest the truth, if there is one."""
    others = [
        place
        for place in places
        if place.variant != chosen.variant
        and (place.setting, place.dim, place.rho) == (chosen.setting, chosen.dim, chosen.rho)
    ]

    def distance(place: Place) -> float:
        return abs(place.population - place.truth) if math.isfinite(place.population) else math.inf

    return [min(others, key=distance)] if others else []


def median(values: pd.Series | np.ndarray) -> float:
    """Of the finite values; NaN of none."""
    numbers = pd.to_numeric(pd.Series(values)).to_numpy(dtype=float, na_value=np.nan)
    numbers = numbers[np.isfinite(numbers)]
    return float(np.median(numbers)) if numbers.size else math.nan
