"""A value near the truth, read off the training batches: how often the critic behind it is worth far less.

Not in the write-up in so many words: it shows such values as estimates.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import UNDECIDED, US, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import LOW_ESS_ALLOWANCE, MARGIN, MIN_ESS
from mine.statistics import LEVEL, Interval, bonferroni, share

PRIMARY = (("derangement", 5, "biased"), ("derangement", 5, "ema"))
"""Product scheme, d and variant, pooled over rho. Chosen before the write-up's own d came to light; its pictures
are of d = 2, which is corrected for its number of cells like every other d."""

RHOS = (0.85, 0.9, 0.95, 0.99)
"""Of the cells that are pooled; one that is missing leaves the pooled share undecided."""

NEAR = 1.0
"""An in-batch value within so many nats of the truth looks right."""

TOLERATED = 0.05
"""Share of critics that may be worthless where a value that looks right is to be trusted."""

_QUANTITY = f"of runs that end within {NEAR:g} nat of the truth in-batch: share whose critic is worthless"
_COLUMNS = ("mi_true", "mi_batch_mean", "mi_population", "population_ess")


def findings(tables: Tables) -> list[Finding]:
    """Per product scheme, d and variant, pooled over rho and then by rho."""
    summary = tables.get("writeup/summary", _COLUMNS)
    places = list(summary.groupby(["setting", "dim", "variant", "rho"], sort=True).groups)
    pools = sorted({*PRIMARY, *(place[:3] for place in places)})
    secondary = bonferroni(len(places) + len(pools) - len(PRIMARY))
    found = []
    for setting, dim, variant in pools:
        primary = (setting, dim, variant) in PRIMARY
        cell = f"{cell_name(setting=setting, variant=variant, dim=dim)}, all ρ"
        try:
            values = {"setting": setting, "variant": variant, "dim": dim}
            pooled = pd.concat([runs_of(summary, **values, rho=rho) for rho in RHOS])
        except Missing as missing:
            found.append(undecided(cell, _QUANTITY, str(missing), primary=primary))
            continue
        found.append(_worthless(cell, pooled, primary, LEVEL if primary else secondary))
    for setting, dim, variant, rho in places:
        runs = runs_of(summary, setting=setting, variant=variant, dim=dim, rho=rho)
        cell = cell_name(setting=setting, variant=variant, dim=dim, rho=rho)
        found.append(_worthless(cell, runs, False, secondary))
    return found


def _worthless(cell: str, runs: pd.DataFrame, primary: bool, level: float) -> Finding:
    """A value that is no number shows a critic worthless by its bound, and never shows one good."""
    values = {name: pd.to_numeric(runs[name]).to_numpy(dtype=float, na_value=np.nan) for name in _COLUMNS}
    # A value that is not finite is near nothing.
    near = np.abs(values["mi_batch_mean"] - values["mi_true"]) <= NEAR
    if not near.any():
        note = f"none of {len(runs)} runs ends so near"
        return undecided(cell, _QUANTITY, note, n_seeds=runs["seed"].nunique(), primary=primary)
    no_number = ~(values["population_ess"] >= MIN_ESS) | np.isnan(values["mi_population"])
    at_most = values["mi_population"] + np.where(no_number, LOW_ESS_ALLOWANCE, 0.0)
    bad = near & (at_most < values["mi_true"] - MARGIN)
    open_ = near & no_number & ~bad
    n, shown, unknown = int(near.sum()), int(bad.sum()), int(open_.sum())
    surely, perhaps = share(shown, n, level), share(shown + unknown, n, level)
    verdict = decide(perhaps.high <= TOLERATED, surely.above(TOLERATED))
    note = f"{shown} of {n} that look right, of {len(runs)} runs"
    if unknown:
        note += f"; {unknown} more have no population value (effective sample size under {MIN_ESS:g})"
    if verdict == UNDECIDED:
        note += f"; the interval does not tell from {TOLERATED:.0%}"
    interval = Interval(surely.value, surely.low, perhaps.high)
    seeds = runs["seed"][near].nunique()
    return finding(cell, _QUANTITY, interval, seeds, verdict, primary=primary, level=level, note=note)


CLAIM = Claim(
    name="looks_right",
    sentence="An in-batch value near the truth means a good critic.",
    place="Nowhere: suggested by our data; Results takes such values for estimates",
    test=(
        f"Runs of `writeup` whose in-batch value ends within {NEAR:g} nat of the truth, and what their critics are "
        f"worth: worthless is a population value more than {MARGIN:g} nats below the truth. One with an effective "
        f"sample size under {MIN_ESS:g} counts as worthless where even its 95 % bound, ln 20 nats above it, lies so "
        "far below; otherwise it is known neither as worthless nor as good."
    ),
    rule=(
        f"Does not hold where the exact interval of the share of worthless critics lies above {TOLERATED:.0%}; holds "
        f"where it ends at or below {TOLERATED:.0%} with every critic that is known as neither taken as worthless. "
        "Primary: each variant at d = 5 with a derangement, all ρ together; the rest is Bonferroni-corrected."
    ),
    figure="writeup/parting",
    findings=findings,
    asked_by=US,
)
