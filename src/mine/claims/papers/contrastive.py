"""Claim: InfoNCE has little variance and much bias, NWJ the other way round."""

from __future__ import annotations

from mine.claims.claim import PAPER, Claim, Finding, Missing, undecided
from mine.claims.papers import stairs
from mine.claims.tables import Tables
from mine.statistics import LEVEL, bonferroni

TRUTHS = (2.0, 4.0, 6.0, 8.0, stairs.TOP)


def findings(tables: Tables) -> list[Finding]:
    """NWJ's variance against InfoNCE's, and InfoNCE's bias against NWJ's, at every stair; at 10 nats primary."""
    table = stairs.stairs(tables)
    level = bonferroni(2 * len(stairs.TASKS) * (len(TRUTHS) - 1))
    found = []
    for task in stairs.TASKS:
        for mi in TRUTHS:
            cell, primary = f"{task}, {mi:g} nats", mi == stairs.TOP
            try:
                nwj, nce = (stairs.runs(table, name, "separable", task) for name in ("nwj", "infonce"))
                pairs = {
                    "variance, NWJ / InfoNCE": [stairs.at(of, mi, "mi_batch_variance") for of in (nwj, nce)],
                    "|bias|, InfoNCE / NWJ": [stairs.bias(of, mi).abs() for of in (nce, nwj)],
                }
            except Missing as missing:
                found.append(undecided(cell, "", str(missing), primary=primary))
                continue
            for what, sides in pairs.items():
                found.append(stairs.compared(cell, what, *sides, primary=primary, level=LEVEL if primary else level))
    return found


CLAIM = Claim(
    name="contrastive",
    sentence="InfoNCE has low variance and high bias; NWJ has low bias and high variance.",
    place=(
        "Poole et al. 2019, the authors' notebook: InfoNCE “typically provides low variance but high bias estimates of "
        "MI”, TUBA and NWJ “can be low bias, but are typically high variance”"
    ),
    test=f"{stairs.TEST} Ratios paired by seed, critics on all pairs of a batch.",
    rule=(
        f"Holds where both ratios, NWJ's variance to InfoNCE's and InfoNCE's |bias| to NWJ's, lie above "
        f"{stairs.BETTER:g} with their whole intervals; one that lies below does not. Primary: 10 nats, Gaussian and "
        f"cubic. {stairs.SEEN}"
    ),
    figure="staircase/scores",
    findings=findings,
    asked_by=PAPER,
)
