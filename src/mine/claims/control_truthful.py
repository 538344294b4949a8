"""Claim: what the training estimate says of the encoder is true."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import REPORTED, US, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.control import (
    BEFORE,
    GOALS,
    MARGIN,
    TEST,
    by_seed,
    encoders,
    ended,
    errors,
    of_goal,
    over_seeds,
)
from mine.claims.tables import Tables, runs_of
from mine.control.words import INFORMATION
from mine.estimators.names import label

QUANTITY = "|in-batch estimate less exact value| of {}, largest over settings, median over seeds, nats"


def findings(tables: Tables) -> list[Finding]:
    """The EMA's error for each goal and term; then every estimator's in every setting, and the fresh critic's."""
    table = encoders(tables)
    primary = [_of_term(table, goal, term) for goal, terms in GOALS.items() for term in terms]
    return [*primary, *_reported(table)]


def _of_term(table: pd.DataFrame, goal: str, term: str) -> Finding:
    quantity = QUANTITY.format(INFORMATION[term])
    try:
        runs = of_goal(table, goal, "ema")
    except Missing as missing:
        return undecided(goal, quantity, str(missing), primary=True)
    worst = by_seed(runs, np.abs(errors(runs, term)), "max")
    interval = over_seeds(worst)
    verdict = decide(interval.below(MARGIN), interval.above(MARGIN))
    return finding(goal, quantity, interval, len(worst), verdict, primary=True, note=ended(runs))


def _reported(table: pd.DataFrame) -> list[Finding]:
    found = []
    for setting, variant in table[["setting", "variant"]].drop_duplicates().itertuples(index=False):
        runs = runs_of(table, setting=setting, variant=variant)
        goal = str(runs["task"].iloc[0])
        cell = f"{goal}, {setting}, {label(variant)}"
        for term in GOALS[goal]:
            words = f"in-batch estimate less exact {INFORMATION[term]}, median over seeds, nats"
            interval = over_seeds(errors(runs, term))
            found.append(finding(cell, words, interval, len(runs), REPORTED, note=ended(runs)))
        if goal == "remove":
            difference = _fresh_less_exact(runs)
            words = "what a fresh critic finds less exact I(t; s), median over seeds, nats"
            found.append(finding(cell, words, over_seeds(difference), len(runs), REPORTED, note=ended(runs)))
    return found


def _fresh_less_exact(runs: pd.DataFrame) -> np.ndarray:
    """Nats; inf of a run that ended, whose encoder no fresh critic has seen."""
    fresh, exact = (pd.to_numeric(runs[name]).to_numpy(dtype=float, na_value=np.nan) for name in ("fresh_s", "mi_s"))
    return np.where(np.isnan(fresh), np.inf, fresh - exact)


CLAIM = Claim(
    name="control_truthful",
    sentence="What the training estimate says of the encoder that it trains is true.",
    place="Nowhere; whoever trains by an estimate has no other number to look at",
    test=(
        f"{TEST} The mean in-batch estimate of the last 500 updates less the exact value of the finished encoder. Of "
        "remove also what a fresh critic, trained on the finished encoder, is worth at the population."
    ),
    rule=(
        f"Holds for a goal and term where the interval of the EMA's error lies below {MARGIN:g} nats, does not where "
        f"it lies above. Primary: every term of maximise, compress and remove. {BEFORE}"
    ),
    figure="control/control_estimates",
    findings=findings,
    asked_by=US,
)
