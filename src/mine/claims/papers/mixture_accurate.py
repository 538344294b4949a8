"""Claim: a Gaussian mixture estimates mutual information of one column a side accurately."""

from __future__ import annotations

from mine.claims.claim import OF_TASKS, PAPER, Claim, Finding, Missing, decide, finding
from mine.claims.papers import errors
from mine.claims.papers.errors import MARGIN, RIGHT
from mine.claims.tables import Tables
from mine.reach.methods import TASKS

SIDE_BY_SIDE = tuple(name for name, task in TASKS.items() if task.dim_x == task.dim_z == 1)
"""One column a side, as the paper's package takes them."""

RIVALS = ("neighbours", "mine")
"""The established estimators that the paper's notebooks compare with: nearest neighbours and MINE."""


def findings(tables: Tables) -> list[Finding]:
    """How near the mixture comes, and whether it is as near as each rival."""
    table = errors.estimates(tables)
    try:
        own = errors.of_method(table, "gaussian-mixture", SIDE_BY_SIDE)
    except Missing as reason:
        return [errors.missing("one column a side", reason)]
    found = [errors.near_enough("one column a side", own)]
    for rival in RIVALS:
        cell = f"against {rival}, one column a side"
        try:
            less = errors.gains(errors.of_method(table, rival, SIDE_BY_SIDE), own)
        except Missing as reason:
            found.append(errors.missing(cell, reason))
            continue
        interval = errors.over_tasks(less)
        words = f"{OF_TASKS}: |error| of the rival less this one's, nats"
        verdict = decide(interval.above(-MARGIN), interval.below(-MARGIN))
        found.append(finding(cell, words, interval, len(less), verdict, primary=True))
    return found


CLAIM = Claim(
    name="mixture_accurate",
    sentence="A Gaussian mixture is accurate with one column a side, and no worse than nearest neighbours and MINE.",
    place=(
        "Piras et al. 2023, abstract (arXiv 2211.00024): “to accurately estimate MI from a finite number of samples, "
        "we present GMM-MI”, “comparing its performance against established mutual information estimators”, which are "
        "nearest neighbours and MINE in its notebooks"
    ),
    test=f"{errors.TEST} The {len(SIDE_BY_SIDE)} fixed tasks of one column a side.",
    rule=(
        f"Accurate: the mean error lies below {RIGHT:g} nats. No worse: the rival's error less the mixture's lies "
        f"above −{MARGIN:g} nats. Each with its whole interval, and does not where it lies on the other side. Primary: "
        "all three."
    ),
    figure="own/benchmark_failures",
    findings=findings,
    asked_by=PAPER,
)
