"""Claim: embedding first lets nearest neighbours reach dimensions in which they fail alone."""

from __future__ import annotations

from mine.claims.claim import PAPER, Claim, Finding, Missing
from mine.claims.papers import errors
from mine.claims.papers.errors import MARGIN, RIGHT
from mine.claims.tables import Tables
from mine.reach.methods import TASKS

SPARSE = tuple(name for name, task in TASKS.items() if task.dim_x == 25 and "multinormal-sparse" in name)
"""25 columns a side, of which two pairs depend on each other: all that depends lies in two dimensions a side."""


def findings(tables: Tables) -> list[Finding]:
    """Latent neighbours against neighbours on the sparse tasks, and how near they come to the truth."""
    table = errors.estimates(tables)
    try:
        own = errors.of_method(table, "latent-neighbours", SPARSE)
    except Missing as reason:
        return [errors.missing("sparse tasks of 25 dimensions", reason)]
    found = [errors.near_enough("sparse tasks of 25 dimensions", own)]
    try:
        rival = errors.of_method(table, "neighbours", SPARSE)
        found.append(errors.nearer("against neighbours, sparse tasks of 25 dimensions", rival, own))
    except Missing as reason:
        found.append(errors.missing("against neighbours, sparse tasks of 25 dimensions", reason))
    return found


CLAIM = Claim(
    name="latent_reaches",
    sentence="Nearest neighbours of learned embeddings approximate well where the dependence has few dimensions.",
    place=(
        "Gowri et al. 2024, abstract (arXiv 2409.02732): existing techniques “can reliably estimate MI in up to tens "
        "of dimensions, but fail in higher dimensions”, while “unlike existing techniques, LMI can approximate MI well "
        "for variables with > 10³ dimensions if their dependence structure is captured by low-dimensional "
        "representations”"
    ),
    test=f"{errors.TEST} The {len(SPARSE)} public tasks of 25 columns a side of which two pairs depend on each other.",
    rule=(
        f"Approximates well: the mean error lies below {RIGHT:g} nats; unlike existing techniques: the error of "
        f"nearest neighbours without an embedding is larger by over {MARGIN:g} nats; each with its whole interval, and "
        "does not where it lies on the other side. Primary: both. A thousand dimensions, of which the paper speaks, "
        "are not run here: 25 should be easier."
    ),
    figure="own/benchmark_failures",
    findings=findings,
    asked_by=PAPER,
)
