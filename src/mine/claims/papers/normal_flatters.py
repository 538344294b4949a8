"""Claim: who looks at normal data only thinks too well of estimators."""

from __future__ import annotations

from mine.claims.claim import OF_TASKS, PAPER, Claim, Finding, Missing, decide, finding
from mine.claims.papers import errors
from mine.claims.papers.errors import MARGIN, PUBLIC
from mine.claims.papers.minde_better import difference
from mine.claims.tables import Tables

METHODS = ("mine", "dv", "nwj", "infonce", "neighbours", "cca")
"""What the paper runs too: four neural estimators, nearest neighbours, canonical correlations."""

NORMAL = tuple(name for name in PUBLIC if name.startswith(("1v1-normal", "multinormal")))
BEYOND = tuple(name for name in PUBLIC if name not in NORMAL)


def findings(tables: Tables) -> list[Finding]:
    """Of each method its error on the other public tasks less that on normal ones."""
    table = errors.estimates(tables)
    found = []
    for method in METHODS:
        try:
            beyond, normal = (errors.by_task(errors.of_method(table, method, tasks)) for tasks in (BEYOND, NORMAL))
        except Missing as reason:
            found.append(errors.missing(method, reason))
            continue
        if min(len(beyond), len(normal)) < 2:
            found.append(errors.missing(method, Missing("fewer than two tasks on a side")))
            continue
        interval = difference(beyond, normal)
        words = f"{OF_TASKS}: |error| beyond normal data less that on normal data, nats"
        verdict = decide(interval.above(MARGIN), interval.below(MARGIN))
        found.append(finding(method, words, interval, len(beyond) + len(normal), verdict, primary=True))
    return found


CLAIM = Claim(
    name="normal_flatters",
    sentence="Estimators are worse beyond normal data, so that normal data alone flatter them.",
    place=(
        "Czyż et al. 2023, abstract (arXiv 2306.11078): estimators “are typically evaluated on simple families of "
        "probability distributions, namely multivariate normal distribution”; the paper shows their “limitations [...] "
        "in settings involving high dimensions, sparse interactions, long-tailed distributions”"
    ),
    test=(
        f"{errors.TEST} The {len(BEYOND)} public tasks that are not normal against the {len(NORMAL)} that are, Welch's "
        "interval."
    ),
    rule=(
        f"Holds for a method where the difference lies above {MARGIN:g} nats with its whole interval, does not where "
        "it lies below. Primary: MINE, Donsker-Varadhan, NWJ, InfoNCE, nearest neighbours and canonical correlations. "
        "Normal scores of every column, which all take here and which undo what a map does to a single column, make "
        "it harder for the claim."
    ),
    figure="own/benchmark_failures",
    findings=findings,
    asked_by=PAPER,
)
