"""Claim: f-DIME is more accurate than the neural estimators before it."""

from __future__ import annotations

from mine.claims.claim import PAPER, Claim, Finding
from mine.claims.papers import stairs
from mine.claims.tables import Tables

RIVALS = ("ema-log", "nwj", "smile", "infonce")


def findings(tables: Tables) -> list[Finding]:
    """See ``mine.claims.papers.stairs.against``."""
    return stairs.against(tables, "gan-dime", RIVALS)


CLAIM = Claim(
    name="dime_better",
    sentence="GAN-DIME is more accurate than MINE, NWJ, SMILE and InfoNCE.",
    place=(
        "Letizia et al. 2024, abstract (arXiv 2305.20025): “an excellent bias/variance trade-off”, “the comparison "
        "with state-of-the-art neural estimators [...] shows that our approach offers higher accuracy”; its repository "
        "names MINE, NWJ, InfoNCE, SMILE and NJEE"
    ),
    test=f"{stairs.TEST} Mean squared error about the truth, mean over the five stairs.",
    rule=(
        f"Holds against a rival where its squared error is over {stairs.BETTER:g} times GAN-DIME's (the whole interval "
        "of the ratio, paired by seed), does not where it lies below. Primary: four rivals, Gaussian and cubic, all "
        "pairs of a batch. From one seed SMILE and GAN-DIME train one and the same critic here: they differ in what is "
        f"read off it. NJEE is not in this benchmark. {stairs.SEEN}"
    ),
    figure="staircase/scores",
    findings=findings,
    asked_by=PAPER,
)
