"""Claim: correcting the bias is what makes the estimate usable for control."""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import WRITE_UP, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.control import BEFORE, GAIN, GOALS, TEST, USABLE, encoders, over_seeds, worst_share
from mine.claims.pairs import by_seed_less
from mine.claims.tables import Tables

QUANTITY = "share of the optimum, EMA less biased, median over pairs"


def findings(tables: Tables) -> list[Finding]:
    """For each goal the paired difference of the two shares."""
    table = encoders(tables)
    return [_of_goal(table, goal) for goal in GOALS]


def _of_goal(table: pd.DataFrame, goal: str) -> Finding:
    try:
        one, other = (worst_share(table, goal, variant) for variant in ("ema", "biased"))
        ema, biased, less = by_seed_less(one, other)
    except Missing as missing:
        return undecided(goal, QUANTITY, str(missing), primary=True)
    interval = over_seeds(less)
    of_ema, of_biased = over_seeds(ema), over_seeds(biased)
    makes = of_ema.above(USABLE) and of_biased.below(USABLE) and interval.above(GAIN)
    verdict = decide(makes, of_biased.above(USABLE) or interval.below(GAIN))
    note = f"share {of_ema.value:.3f} of the EMA, {of_biased.value:.3f} of biased"
    return finding(goal, QUANTITY, interval, len(ema), verdict, primary=True, note=note)


CLAIM = Claim(
    name="control_correction",
    sentence="Correcting the bias of the gradient is what makes the estimate usable for control.",
    place="MINE, the end of the section: now that the bias is corrected, control",
    test=f"{TEST} EMA against biased, paired by seed; where both ended neither is better.",
    rule=(
        f"Holds for a goal where the EMA's share lies above {USABLE:g}, biased's below, and the difference above "
        f"{GAIN:g}, each with its whole interval; does not where biased's lies above {USABLE:g} too, or the difference "
        f"below {GAIN:g}. Primary: maximise, compress and remove. {BEFORE}"
    ),
    figure="control/control_share",
    findings=findings,
    asked_by=WRITE_UP,
)
