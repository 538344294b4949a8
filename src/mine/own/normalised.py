"""Mutual information on scales from 0 to 1."""

from __future__ import annotations

import math
from dataclasses import dataclass

CORRELATION, OF_X, OF_Z = "correlation", "share_of_entropy_of_x", "share_of_entropy_of_z"


@dataclass(frozen=True)
class Form:
    """A normalised value with its interval. name: of CORRELATION, OF_X, OF_Z; what_it_is: in words."""

    name: str
    value: float
    low: float
    high: float
    what_it_is: str


def correlation(mi: float) -> float:
    """sqrt(1 - e^(-2 I)): the correlation that two Gaussian columns of I nats have; 0 below 0.

    Source: Linfoot, "An informational measure of correlation", 1957.
    """
    return math.sqrt(-math.expm1(-2.0 * max(mi, 0.0))) if not math.isnan(mi) else math.nan


def normalised(
    mi: float, interval: tuple[float, float], entropies: tuple[float | None, float | None], given: bool = False
) -> list[Form]:
    """Every form that the value has.

    Args:
        mi: nats.
        interval: low and high, nats.
        entropies: of x and of z, nats; None of a side that is not discrete, which has no share.
        given: whether they are conditional ones.
    """
    kind = "partial correlation" if given else "correlation"
    forms = [
        Form(CORRELATION, *map(correlation, (mi, *interval)), f"the {kind} that two Gaussian columns of it would have")
    ]
    for name, side, limit in zip((OF_X, OF_Z), "xz", entropies, strict=True):
        if limit is not None and limit > 0.0:
            shares = (each / limit for each in (mi, *interval))
            forms.append(Form(name, *shares, f"share of the entropy of {side}, {limit:.3f} nats"))
    return forms
