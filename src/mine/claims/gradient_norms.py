"""Gradient norms of the biased variant: do they grow with rho, do they reach 100, and is the second term the cause?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims import pictures, plausible
from mine.claims.claim import (
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
from mine.statistics import LEVEL, bonferroni, median, share, trend

PRIMARY = (("derangement", WRITE_UP_DIM), ("permutation", WRITE_UP_DIM))
"""Product scheme and d."""

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's; one that is missing is named."""

HALF = 0.5
"""Of runs that reach 100, and of the gradient that is its second term."""

_EARLY = "Kendall's τ of ρ and gradient norm, first 200 updates"
_MEDIAN = "Kendall's τ of ρ and gradient norm, all updates"
_REACHES = "share of biased runs whose gradient norm reaches 100"
_EMA_REACHES = "share of EMA runs whose gradient norm reaches 100"
_SECOND = "second term's share of both terms' norms once the norm has passed 100"
_COLUMNS = ("overflow_step", "grad_norm_early", "grad_norm_median", "norm_100_step", "norm_100_product_share")


def findings(tables: Tables) -> list[Finding]:
    """Per product scheme and d: growth, the second term's share; and in each cell who reaches 100.

    Then the share of plausible settings, and the setting fitted to the pictures.
    """
    summary = tables.get("writeup/summary", _COLUMNS)
    places = sorted({*PRIMARY, *summary[["setting", "dim"]].itertuples(index=False, name=None)})
    cells = sorted(
        {*((*place, rho) for place in PRIMARY for rho in RHOS)}
        | {*summary[["setting", "dim", "rho"]].itertuples(index=False, name=None)}
    )
    # Judged besides the primary ones: the second τ of every place, one share more of every cell, both of the others.
    others = len(places) - len(PRIMARY)
    secondary = bonferroni(len(places) + 2 * others + 2 * len(cells) - len(PRIMARY) * len(RHOS))
    found: list[Finding] = []
    for setting, dim in places:
        found += _place(summary, setting, dim, secondary)
    for setting, dim, rho in cells:
        found += _cell(summary, setting, dim, rho, secondary)
    return [*found, plausible.gradient_norms(tables), *pictures.gradient_norms(tables)]


def _place(summary: pd.DataFrame, setting: str, dim: int, secondary: float) -> list[Finding]:
    cell, primary = cell_name(setting=setting, dim=dim), (setting, dim) in PRIMARY
    level = LEVEL if primary else secondary
    try:
        biased = runs_of(summary, variant="biased", setting=setting, dim=dim)
        for rho in RHOS:
            runs_of(biased, variant="biased", setting=setting, dim=dim, rho=rho)
    except Missing as missing:
        return [undecided(cell, quantity, str(missing), primary=primary) for quantity in (_EARLY, _SECOND)]
    found = [
        _growth(cell, _EARLY, biased, "grad_norm_early", level, primary=primary),
        _growth(cell, _MEDIAN, biased, "grad_norm_median", secondary),
        _second_term(f"{cell}, all ρ", biased, level, primary=primary),
    ]
    ema = summary[(summary["variant"] == "ema") & (summary["setting"] == setting) & (summary["dim"] == dim)]
    if not ema.empty:
        found.append(_growth(cell, f"{_EARLY}, EMA", ema, "grad_norm_early", LEVEL, judged=False))
    return found


def _growth(
    cell: str,
    quantity: str,
    runs: pd.DataFrame,
    column: str,
    level: float,
    *,
    primary: bool = False,
    judged: bool = True,
) -> Finding:
    """Kendall's tau-b within a seed, mean over the seeds of a place."""
    norms = runs.pivot(index="seed", columns="rho", values=column)
    n, values = len(norms), norms.to_numpy(dtype=float)
    if norms.shape[1] < 2:
        return undecided(cell, quantity, "a single ρ shows no trend", n_seeds=n, primary=primary)
    if np.isnan(values).any():
        return undecided(cell, quantity, f"not every seed has a {column} at every ρ", n_seeds=n, primary=primary)
    interval = trend(norms.columns.to_numpy(dtype=float), values, level)
    verdict = decide(interval.above(0.0), interval.high <= 0.0) if judged else REPORTED
    medians = ", ".join(f"{value:.3g} at {rho:g}" for rho, value in norms.median().items())
    note = f"medians {medians}" + ("; the interval of τ contains 0" if verdict == UNDECIDED else "")
    return finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=note)


def _second_term(cell: str, runs: pd.DataFrame, level: float, *, primary: bool = False) -> Finding:
    """Median over seeds of a seed's mean over rho: the seed is the unit."""
    reached = runs[runs["norm_100_step"].notna()]
    recorded = reached.dropna(subset="norm_100_product_share")
    note = f"{len(reached)} of {len(runs)} runs reach 100, {len(recorded)} have a record of the terms from then on"
    if recorded.empty:
        return undecided(cell, _SECOND, note, n_seeds=runs["seed"].nunique(), primary=primary)
    shares = recorded.groupby("seed")["norm_100_product_share"].mean()
    interval = median(shares, level)
    verdict = decide(interval.above(HALF), interval.below(HALF))
    return finding(cell, _SECOND, interval, len(shares), verdict, primary=primary, level=level, note=note)


def _cell(summary: pd.DataFrame, setting: str, dim: int, rho: float, secondary: float) -> list[Finding]:
    cell, primary = cell_name(setting=setting, dim=dim, rho=rho), (setting, dim) in PRIMARY and rho in RHOS
    level = LEVEL if primary else secondary
    found: list[Finding] = []
    try:
        biased = runs_of(summary, variant="biased", setting=setting, dim=dim, rho=rho)
        reaches, first = _reaches(biased)
        interval = share(int(reaches.sum()), len(biased), level)
        overflows = biased["overflow_step"].notna()
        note = f"{int(reaches.sum())} of {len(biased)}"
        if overflows.any():
            note += f"; of {int(overflows.sum())} that overflow, {int((reaches & overflows).sum())} reach it before"
        if reaches.any():
            note += f"; first at update {first.min():,.0f}-{first.max():,.0f}"
        verdict = decide(interval.above(HALF), interval.below(HALF))
        found.append(finding(cell, _REACHES, interval, len(biased), verdict, primary=primary, level=level, note=note))
        if reaches.any():
            found.append(_second_term(cell, biased, secondary))
    except Missing as missing:
        found.append(undecided(cell, _REACHES, str(missing), primary=primary))
    try:
        ema = runs_of(summary, variant="ema", setting=setting, dim=dim, rho=rho)
    except Missing as missing:
        return [*found, undecided(cell, _EMA_REACHES, str(missing))]
    reaches, _ = _reaches(ema)
    note = f"{int(reaches.sum())} of {len(ema)}; median of a run's median norm {ema['grad_norm_median'].median():.3g}"
    return [*found, finding(cell, _EMA_REACHES, share(int(reaches.sum()), len(ema)), len(ema), REPORTED, note=note)]


def _reaches(runs: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Which runs reach 100 before they overflow, and at which update those do."""
    at = pd.to_numeric(runs["norm_100_step"]).astype("float64")
    # NaN, never, is not at or after anything.
    reaches = at.notna() & ~(at >= runs["overflow_step"])
    return reaches, at[reaches]


CLAIM = Claim(
    name="gradient_norms",
    sentence="The biased variant's gradient norms grow with ρ and reach 100, and the second term is the cause.",
    place="Results, second paragraph",
    test=(
        "Biased runs of `writeup`. Growth: Kendall's τ between ρ and a run's median gradient norm over its first 200 "
        "updates (the same time for every run, before any overflows), bootstrap over seeds; the same over all "
        "updates. Reaching 100: share of runs with a norm of at least 100 before they overflow, exact interval, with "
        "the EMA's beside it. Cause: ‖second term‖ / (‖first‖ + ‖second‖) at the first record from then on (every 50 "
        "updates), a seed's mean over ρ, median over seeds."
    ),
    rule=(
        "Growth holds where τ's whole interval is above 0, and does not where it is at or below 0. 100 is reached in "
        f"a cell where the share's interval lies above {HALF:.0%}, and is not where it lies below. The second term is "
        "the cause where the interval of its share lies above one half, and is not where it lies below. Primary: at d "
        f"= {WRITE_UP_DIM}, both product schemes, early growth, the share in each ρ, and the second term over all ρ "
        f"together; the rest is Bonferroni-corrected. {SETTINGS_NOTE} {plausible.RULE} Of a run there: biased's mean "
        f"norm rises from ρ to ρ, its largest at ρ = {plausible.RHOS[-1]:g} is at least {plausible.LARGE:g} and larger "
        "than the EMA's."
    ),
    figure="writeup/gradient_norm_derangement",
    findings=findings,
    asked_by=WRITE_UP,
)
