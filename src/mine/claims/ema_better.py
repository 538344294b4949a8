"""The EMA estimates better: how often it ends nearer the truth than the biased variant, and by how much."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims import pictures, plausible
from mine.claims.claim import (
    REPORTED,
    SETTINGS_NOTE,
    WRITE_UP,
    WRITE_UP_DIM,
    Claim,
    Finding,
    Missing,
    decide,
    finding,
    undecided,
)
from mine.claims.pairs import COLUMNS, QUANTITIES, distance, farther, median_difference, notes, pair, plain_distance
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, Interval, bonferroni, share

PRIMARY = (("derangement", WRITE_UP_DIM), ("permutation", WRITE_UP_DIM))
"""Product scheme and d, of the in-batch value: what the write-up plots, at its d."""

PRIMARY_QUANTITY = "in-batch"

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's; one that is missing is named."""

HALF = 0.5


def findings(tables: Tables) -> list[Finding]:
    """Per product scheme, d and rho, and per quantity: the share of seeds, then the median paired difference.

    Then the share of plausible settings, and the setting fitted to the pictures.
    """
    summary = tables.get("writeup/summary", COLUMNS)
    there = summary[summary["variant"].isin(["biased", "ema"])]
    expected = {(*place, rho) for place in PRIMARY for rho in RHOS}
    cells = sorted({*expected, *zip(there["setting"], there["dim"], there["rho"], strict=True)})
    secondary = bonferroni(len(cells) * len(QUANTITIES) - len(expected))
    found: list[Finding] = []
    for setting, dim, rho in cells:
        cell = cell_name(setting=setting, dim=dim, rho=rho)
        deciding = PRIMARY_QUANTITY if (setting, dim, rho) in expected else ""
        try:
            biased, ema, note = pair(
                *(runs_of(summary, variant=name, setting=setting, dim=dim, rho=rho) for name in ("biased", "ema"))
            )
        except Missing as missing:
            why = notes(str(missing), "" if "runs of" in str(missing) else cell)
            found += [undecided(cell, _share_of(name), why, primary=name == deciding) for name in QUANTITIES]
            continue
        for quantity in QUANTITIES:
            primary = quantity == deciding
            level = LEVEL if primary else secondary
            difference = farther(distance(biased, quantity), distance(ema, quantity))
            found += [
                _nearer(cell, quantity, difference, primary, level, note),
                _by_how_much(cell, quantity, difference, level),
            ]
        found.append(_as_plotted(cell, biased, ema))
    return [*found, plausible.ema_better(tables), *pictures.ema_better(tables)]


def _nearer(cell: str, quantity: str, difference: np.ndarray, primary: bool, level: float, note: str) -> Finding:
    """The claim's own question. A pair that nobody can judge counts as the EMA's where that would save the claim."""
    n, nearer, unknown = len(difference), int((difference > 0).sum()), int(np.isnan(difference).sum())
    surely, perhaps = share(nearer, n, level), share(nearer + unknown, n, level)
    verdict = decide(surely.above(HALF), perhaps.below(HALF))
    ties = int((difference == 0).sum())
    counts = notes(
        f"the EMA nearer in {nearer} of {n}",
        f"biased in {int((difference < 0).sum())}",
        f"{ties} ties (both diverged, or equal)" if ties else "",
        f"{unknown} without a number on either side" if unknown else "",
    )
    interval = Interval(surely.value, surely.low, perhaps.high)
    quantity = _share_of(quantity)
    return finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=notes(counts, note))


def _by_how_much(cell: str, quantity: str, difference: np.ndarray, level: float) -> Finding:
    interval = median_difference(difference, level)
    infinite = int(np.isinf(difference).sum())
    note = f"infinite in {infinite} of {len(difference)} pairs" if infinite else ""
    words = f"|error| of biased less that of EMA, {quantity}, median over pairs, nats"
    return finding(cell, words, interval, len(difference), REPORTED, level=level, note=note)


def _as_plotted(cell: str, biased: pd.DataFrame, ema: pd.DataFrame) -> Finding:
    """What a plot shows: a run that ran away keeps its number, and only a non-finite one is worse than any."""
    sides = [plain_distance(runs, "mi_batch_mean") for runs in (biased, ema)]
    difference = farther(*(np.where(np.isfinite(side), side, np.inf) for side in sides))
    interval = share(int((difference > 0).sum()), len(difference))
    words = "share of seeds in which the EMA ends nearer, in-batch, a runaway's number taken as it is"
    return finding(cell, words, interval, len(difference), REPORTED)


def _share_of(quantity: str) -> str:
    return f"share of seeds in which the EMA ends nearer the truth, {quantity}"


CLAIM = Claim(
    name="ema_better",
    sentence="The EMA variant gives better estimates than the biased one.",
    place="Results, first paragraph",
    test=(
        "Final values of `writeup`, paired by seed: the share of seeds in which the EMA's ends nearer the truth "
        "(Clopper-Pearson), and by how much (median of |error| biased less EMA, order statistics). A run that "
        "diverged is worse than any other; a held-out or population value with an effective sample size under "
        f"{MIN_ESS:g} is no number and worse than any number. Where both diverged neither is nearer: a tie, which "
        "counts for neither and stays in the denominator."
    ),
    rule=(
        "Holds in a cell where the share's interval lies above one half, does not where it lies below even if every "
        "pair that neither diverged nor has a number went to the EMA. Primary: in-batch, what the write-up plots, at "
        f"d = {WRITE_UP_DIM} with both product schemes and every ρ; the rest is Bonferroni-corrected. {SETTINGS_NOTE} "
        f"{plausible.RULE} Of a run there: the EMA's mean in-batch value over the last epochs is nearer the truth at "
        f"{plausible.MOST_RHOS} of {len(plausible.RHOS)} ρ at least; a run that ended is infinitely far."
    ),
    figure="writeup/final_values",
    findings=findings,
    asked_by=WRITE_UP,
)
