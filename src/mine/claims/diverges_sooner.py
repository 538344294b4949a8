"""The biased variant diverges, and the sooner the larger rho is."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims import pictures, plausible
from mine.claims.claim import (
    FAILS,
    REPORTED,
    SETTINGS_NOTE,
    UNDECIDED,
    WRITE_UP,
    WRITE_UP_DIM,
    Claim,
    Finding,
    Missing,
    decide,
    finding,
    undecided,
)
from mine.claims.tables import Tables, cell_name, runs_of
from mine.statistics import LEVEL, bonferroni, share, trend

PRIMARY = (("derangement", WRITE_UP_DIM), ("permutation", WRITE_UP_DIM))
"""Product scheme and d."""


def findings(tables: Tables) -> list[Finding]:
    """Per product scheme and d: Kendall's tau between rho and the step of overflow, and the share that overflows.

    Then the share of plausible settings, and the setting fitted to the pictures.
    """
    summary = tables.get("writeup/summary", ("overflow_step", "diverged_step"))
    biased = runs_of(summary, variant="biased")
    cells = list(dict.fromkeys(zip(biased["setting"], biased["dim"], strict=True)))
    secondary = bonferroni(len([cell for cell in cells if cell not in PRIMARY]))
    found = []
    for setting, dim in sorted({*cells, *PRIMARY}):
        primary = (setting, dim) in PRIMARY
        cell = cell_name(setting=setting, dim=dim)
        try:
            runs = runs_of(biased, setting=setting, dim=dim)
        except Missing as missing:
            found.append(undecided(cell, "Kendall's τ of ρ and step of overflow", str(missing), primary=primary))
            continue
        found += _cell(runs, cell, primary, LEVEL if primary else secondary)
    return [*found, plausible.diverges_sooner(tables), *pictures.diverges_sooner(tables)]


def _cell(runs: pd.DataFrame, cell: str, primary: bool, level: float) -> list[Finding]:
    steps = runs.pivot(index="seed", columns="rho", values="overflow_step")
    n, censored = len(steps), steps.fillna(np.inf).to_numpy()
    overflowed = share(int(np.isfinite(censored).sum()), censored.size, level)
    quantity = "Kendall's τ of ρ and step of overflow"
    if not np.isfinite(censored).any():
        note = f"none of {censored.size} overflows, at most {overflowed.high:.1%} of such runs"
        slope = finding(
            cell, quantity, share(0, censored.size, level), n, FAILS, primary=primary, level=level, note=note
        )
        slope = Finding(cell, quantity, None, None, None, n, slope.verdict, primary, level, slope.note)
    elif steps.shape[1] < 2:
        slope = undecided(cell, quantity, "a single ρ shows no trend", n_seeds=n, primary=primary)
    else:
        # A run that never overflowed comes after every one that did, and ties with its like.
        interval = trend(steps.columns.to_numpy(dtype=float), censored, level)
        verdict = decide(interval.below(0.0), interval.low >= 0.0)
        note = "" if verdict != UNDECIDED else "the interval of τ contains 0"
        slope = finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=note)
    # A run that runs away without a non-finite value is no overflow; how many there are is said beside it.
    diverged = runs["diverged_step"].notna()
    counts = diverged.groupby(runs["rho"]).agg(["sum", "size"]).itertuples()
    note = ", ".join(f"{count} of {size} at {rho:g}" for rho, count, size in counts)
    either = share(int(diverged.sum()), len(runs), level)
    return [
        slope,
        finding(cell, "share of runs that overflow", overflowed, n, REPORTED, level=level),
        finding(cell, "share of runs that overflow or run away", either, n, REPORTED, level=level, note=note),
    ]


CLAIM = Claim(
    name="diverges_sooner",
    sentence="The biased variant's estimates diverge, and the sooner the larger ρ is.",
    place="Results, first paragraph",
    test=(
        "Step of overflow of every biased run of `writeup`, runs that never overflowed ranked last (censored); "
        "Kendall's τ between ρ and that step within a seed, mean over seeds, interval by a bootstrap over seeds. How "
        "many overflow or run away is reported."
    ),
    rule=(
        "Holds in a product scheme and d where τ's whole interval is below 0; does not where it is at or above 0 or "
        f"no run overflows. Primary: d = {WRITE_UP_DIM}, both product schemes; the other d are Bonferroni-corrected. "
        f"{SETTINGS_NOTE} {plausible.RULE} Of a run there: biased ends at one ρ at least, at no ρ later than at a "
        "smaller one, and sooner at the largest ρ than at the smallest."
    ),
    figure="writeup/divergence",
    findings=findings,
    asked_by=WRITE_UP,
)
