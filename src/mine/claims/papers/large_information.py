"""Claim: lower bounds have a high bias or a high variance where the mutual information is large."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import PAPER, REPORTED, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.papers import stairs
from mine.claims.tables import Tables
from mine.estimators.names import label
from mine.estimators.scores import TOLERANCE
from mine.statistics import LEVEL, bonferroni, median

BOUNDS = ("nwj", "infonce", "js")
LOW = 2.0
"""The lowest stair, nats: shown beside, so that what is high is so where the information is large."""

QUANTITY = "larger of |bias| and standard deviation / truth, median over seeds"


def findings(tables: Tables) -> list[Finding]:
    """Of each bound at 10 nats with all pairs of a batch, primary; with a concatenated critic; and at 2 nats."""
    table = stairs.stairs(tables)
    found, level = [], bonferroni(len(stairs.TASKS) * (len(BOUNDS) - 1))
    for task in stairs.TASKS:
        for variant in BOUNDS:
            found.append(_worse(table, variant, "separable", task, stairs.TOP, primary=True, level=LEVEL))
            found.append(_worse(table, variant, "separable", task, LOW, primary=False, level=LEVEL))
            if variant != "infonce":  # it needs all pairs
                found.append(_worse(table, variant, "concat", task, stairs.TOP, primary=False, level=level))
    return found


def _worse(
    table: pd.DataFrame, variant: str, critic: str, task: str, mi: float, *, primary: bool, level: float
) -> Finding:
    cell = f"{label(variant)}, {critic}, {task}, {mi:g} nats"
    try:
        of = stairs.runs(table, variant, critic, task)
        off, deviation = stairs.bias(of, mi).abs(), np.sqrt(stairs.at(of, mi, "mi_batch_variance"))
    except Missing as missing:
        return undecided(cell, QUANTITY, str(missing), primary=primary)
    worse = np.maximum(off, deviation) / mi
    interval = median(worse.to_numpy(), level)
    verdict = REPORTED if mi == LOW else decide(interval.above(TOLERANCE), interval.below(TOLERANCE))
    ended = int(np.isinf(worse).sum())
    kind = "bias" if (off >= deviation).mean() > 0.5 else "variance"
    note = f"{ended} of {len(worse)} runs ended" if ended else f"by its {kind}"
    return finding(cell, QUANTITY, interval, len(worse), verdict, primary=primary, level=level, note=note)


CLAIM = Claim(
    name="large_information",
    sentence="Where the mutual information is large, lower bounds exhibit either high bias or high variance.",
    place=(
        "Poole et al. 2019, abstract (arXiv 1905.06922): “the existing variational lower bounds degrade when the MI is "
        "large, exhibiting either high bias or high variance”"
    ),
    test=(
        f"{stairs.TEST} At 10 nats: the larger of |bias| and standard deviation within a run, as a share of the truth."
    ),
    rule=(
        f"High is over {TOLERANCE:.0%} of the truth, the tolerance of the benchmark's own tables. Holds for a bound "
        "where the interval lies above it, does not where it lies below. Primary: NWJ, InfoNCE and JS with all pairs "
        f"of a batch, Gaussian and cubic. {stairs.SEEN}"
    ),
    figure="staircase/scores",
    findings=findings,
    asked_by=PAPER,
)
