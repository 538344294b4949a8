"""Claim: what are called lower bounds lie below the mutual information."""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import OF_TASKS, PAPER, Claim, Finding, Missing, decide, finding
from mine.claims.papers import errors
from mine.claims.papers.errors import CAP, MARGIN, ROWS
from mine.claims.tables import Tables
from mine.statistics import LEVEL, bonferroni

BOUNDS = ("nwj", "infonce", "js")
NO_BOUNDS = ("dv", "mine", "smile", "gan-dime", "doe-flow")
"""For comparison: of these the value on test rows need be none."""


def findings(tables: Tables) -> list[Finding]:
    """Of each method by how much its value on test rows lies above the truth, over the public tasks."""
    table = errors.estimates(tables)
    level = bonferroni(len(NO_BOUNDS))
    return [
        *(_excess(table, method, True, LEVEL) for method in BOUNDS),
        *(_excess(table, method, False, level) for method in NO_BOUNDS if (table["method"] == method).any()),
    ]


def _excess(table: pd.DataFrame, method: str, primary: bool, level: float) -> Finding:
    try:
        of = errors.of_method(table, method)
    except Missing as reason:
        return errors.missing(method, reason)
    over = (pd.to_numeric(of["value"]).astype(float) - of["mi_true"]).groupby(of["task"]).mean().dropna()
    excess = over.clip(lower=0.0, upper=CAP)
    interval = errors.over_tasks(excess, level)
    words = f"{OF_TASKS}: value on test rows above the truth, 0 where it is below, nats"
    note = f"above by over {MARGIN:g} nats on {int((over > MARGIN).sum())} of {len(over)} tasks"
    verdict = decide(interval.below(MARGIN), interval.above(MARGIN))
    return finding(method, words, interval, len(over), verdict, primary=primary, level=level, note=note)


CLAIM = Claim(
    name="bounds_hold",
    sentence="The variational lower bounds NWJ, InfoNCE and JS do not read more than the mutual information.",
    place=(
        "Poole et al. 2019, abstract (arXiv 1905.06922): “recent work has turned to variational bounds”, “the existing "
        "variational lower bounds”; the bounds NWJ, InfoNCE and JS in the authors' notebook"
    ),
    test=(
        f"Values on test rows that no critic was trained on, 40 public tasks at {ROWS:,} pairs, the mean over the "
        f"draws of a task less the truth; where it is below it counts as 0, and {CAP:g} nat at most. Draws without a "
        "value are left out. Mean over tasks with Student's t interval."
    ),
    rule=(
        f"Holds for a method where the interval lies below {MARGIN:g} nats, which is what the sampling of test rows "
        "alone makes of a bound that is tight; does not where it lies above. Primary: NWJ, InfoNCE and JS."
    ),
    figure="own/benchmark_failures",
    findings=findings,
    asked_by=PAPER,
)
