"""Claim: a difference of entropies measures mutual information that is large."""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import PAPER, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.papers import stairs
from mine.claims.tables import Tables
from mine.estimators.names import label
from mine.estimators.scores import TOLERANCE
from mine.statistics import LEVEL, bonferroni, median

LARGE = (8.0, stairs.TOP)
"""Stairs of the claim, nats."""

BESIDE = ("nwj", "js", "biased-stable")
QUANTITY = "held-out value less truth / truth, median over seeds"


def findings(tables: Tables) -> list[Finding]:
    """DoE with logistic densities at 8 and 10 nats, primary; lower bounds beside it."""
    table = stairs.stairs(tables)
    level = bonferroni(len(BESIDE) * len(stairs.TASKS) * len(LARGE))
    found = []
    for task in stairs.TASKS:
        for mi in LARGE:
            found.append(_off(table, "doe-logistic", "density", task, mi, True, LEVEL))
            found += [_off(table, name, "separable", task, mi, False, level) for name in BESIDE]
    return found


def _off(table: pd.DataFrame, variant: str, critic: str, task: str, mi: float, primary: bool, level: float) -> Finding:
    cell = f"{label(variant)}, {task}, {mi:g} nats"
    try:
        off = stairs.bias(stairs.runs(table, variant, critic, task), mi, "mi_heldout") / mi
    except Missing as missing:
        return undecided(cell, QUANTITY, str(missing), primary=primary)
    interval = median(off.to_numpy(), level)
    outside = interval.above(TOLERANCE) or interval.below(-TOLERANCE)
    verdict = decide(interval.within(-TOLERANCE, TOLERANCE), outside)
    return finding(cell, QUANTITY, interval, len(off), verdict, primary=primary, level=level)


CLAIM = Claim(
    name="entropies_reach",
    sentence="A difference of entropies measures mutual information that is large, where lower bounds cannot.",
    place=(
        "McAllester and Stratos 2020, abstract of arXiv 1811.04251v1: “While large high-confidence lower bounds are "
        "impossible, in practice one can use estimators without formal guarantees. We suggest expressing mutual "
        "information as a difference of entropies and using cross-entropy as an entropy estimator”"
    ),
    test=(
        "Staircase, d = 20, held-out values on 10,000 fresh pairs at 8 and 10 nats; ln 10,000 is 9.2. Medians over "
        "seeds by order statistics."
    ),
    rule=(
        f"Holds where the interval lies within {TOLERANCE:.0%} of the truth, does not where it lies outside. Primary: "
        "DoE with logistic densities, whose family contains neither task, 8 and 10 nats, Gaussian and cubic; lower "
        f"bounds beside. {stairs.SEEN}"
    ),
    figure="staircase/scores",
    findings=findings,
    asked_by=PAPER,
)
