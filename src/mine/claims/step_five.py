"""Step 5 of Algorithm 1 as it is printed, against the gradient of the derivation above it.

Printed is grad[mean(T e^T)] / v, which is mean((1 + T) e^T grad T) / v; derived is mean(e^T grad T) / v.
"""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import WRITE_UP, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.pairs import COLUMNS, QUANTITIES, distance, farther, median_difference, notes, pair
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, bonferroni

PRIMARY = ((5, 0.85), (5, 0.9), (5, 0.95), (5, 0.99))
"""d and rho: the only d of `ablation`, at the write-up's four rho. Step 5 and the derivation are about any d; no
picture of the write-up is about them."""

PRIMARY_QUANTITIES = ("in-batch", "population")
"""What the write-up plots, and what the critic is worth."""

MARGIN = 0.25
"""Nats that do not matter: less than a tenth of the smallest true value here, 3.2."""

PRINTED, DERIVED = "ema-as-printed", "ema"


def findings(tables: Tables) -> list[Finding]:
    """Per d, rho and quantity: by how much step 5 as printed ends farther from the truth."""
    summary = tables.get("ablation/summary", COLUMNS)
    there = summary[summary["variant"].isin([PRINTED, DERIVED])]
    cells = sorted({*PRIMARY, *zip(there["dim"], there["rho"], strict=True)})
    primaries = len(PRIMARY) * len(PRIMARY_QUANTITIES)
    secondary = bonferroni(len(cells) * len(QUANTITIES) - primaries)
    found = []
    for dim, rho in cells:
        cell = cell_name(dim=dim, rho=rho)
        for quantity in QUANTITIES:
            primary = (dim, rho) in PRIMARY and quantity in PRIMARY_QUANTITIES
            words = f"|error| of step 5 as printed less that of the derivation, {quantity}, nats"
            try:
                sides = pair(*(runs_of(summary, variant=name, dim=dim, rho=rho) for name in (PRINTED, DERIVED)))
            except Missing as missing:
                why = notes(str(missing), "" if "runs of" in str(missing) else cell)
                found.append(undecided(cell, words, why, primary=primary))
                continue
            found.append(_compared(cell, words, quantity, sides, primary, LEVEL if primary else secondary))
    return found


def _compared(
    cell: str,
    words: str,
    quantity: str,
    sides: tuple[pd.DataFrame, pd.DataFrame, str],
    primary: bool,
    level: float,
) -> Finding:
    printed, derived, alone = sides
    difference = farther(distance(printed, quantity), distance(derived, quantity))
    interval = median_difference(difference, level)
    farther_away = interval.above(0.0) and not interval.within(-MARGIN, MARGIN)
    verdict = decide(interval.high <= MARGIN, farther_away)
    column = QUANTITIES[quantity][0]
    note = notes(
        f"median as printed {_median(printed, column)}, derivation {_median(derived, column)}, "
        f"truth {_median(printed, 'mi_true')}",
        f"diverged: {_diverged(printed)} as printed, {_diverged(derived)} of the derivation's, of {len(printed)}",
        alone,
    )
    return finding(cell, words, interval, len(difference), verdict, primary=primary, level=level, note=note)


def _median(runs: pd.DataFrame, column: str) -> str:
    return f"{runs[column].median():.2f}"


def _diverged(runs: pd.DataFrame) -> int:
    return int(runs["diverged_step"].notna().sum())


CLAIM = Claim(
    name="step_five",
    sentence="Step 5 of Algorithm 1, as it is printed, estimates as well as the gradient that is derived above it.",
    place="Algorithm 1, step 5, against the gradient with v_new",
    test=(
        "`ablation`, `ema-as-printed` against `ema` at the same seeds: median paired difference of |error| (order "
        "statistics), in-batch, held out and at the population. A run that diverged is farther than any other; a "
        f"value with an effective sample size under {MIN_ESS:g} is farther than any number, and of a pair without a "
        "number the difference could be anything."
    ),
    rule=(
        f"Holds where the interval ends at or below {MARGIN:g} nats (as near, or nearer). Does not where it lies above "
        f"0 and not within ±{MARGIN:g} nats. Primary: in-batch and population, d = 5, four ρ."
    ),
    figure="ablation/estimate_base",
    findings=findings,
    asked_by=WRITE_UP,
)
