"""Claim: the EMA's estimate can be used for control."""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import REPORTED, WRITE_UP, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.control import (
    BEFORE,
    GOALS,
    TEST,
    USABLE,
    encoders,
    ended,
    of_goal,
    over_seeds,
    shares,
    worst_share,
)
from mine.claims.tables import Tables, runs_of
from mine.estimators.names import label

QUANTITY = "exact objective / optimum, smallest over settings, median over seeds"


def findings(tables: Tables) -> list[Finding]:
    """The EMA's share of the optimum for each goal; then every estimator's in every setting, reported."""
    table = encoders(tables)
    return [*(_of_goal(table, goal) for goal in GOALS), *_reported(table)]


def _of_goal(table: pd.DataFrame, goal: str) -> Finding:
    try:
        worst = worst_share(table, goal, "ema")
        note = ended(of_goal(table, goal, "ema"))
    except Missing as missing:
        return undecided(goal, QUANTITY, str(missing), primary=True)
    interval = over_seeds(worst)
    verdict = decide(interval.above(USABLE), interval.below(USABLE))
    return finding(goal, QUANTITY, interval, len(worst), verdict, primary=True, note=note)


def _reported(table: pd.DataFrame) -> list[Finding]:
    found = []
    for setting, variant in table[["setting", "variant"]].drop_duplicates().itertuples(index=False):
        runs = runs_of(table, setting=setting, variant=variant)
        cell = f"{runs['task'].iloc[0]}, {setting}, {label(variant)}"
        words = "exact objective / optimum, median over seeds"
        found.append(finding(cell, words, over_seeds(shares(runs)), len(runs), REPORTED, note=ended(runs)))
    return found


CLAIM = Claim(
    name="control_usable",
    sentence="The EMA's estimate can be used for control: an encoder that it trains comes near the best there is.",
    place="MINE, the end of the section: estimation and control",
    test=TEST,
    rule=(
        f"Holds for a goal where the interval of the EMA's share of the optimum lies above {USABLE:g}, does not where "
        f"it lies below. Primary: maximise, compress and remove. {BEFORE}"
    ),
    figure="control/control_share",
    findings=findings,
    asked_by=WRITE_UP,
)
