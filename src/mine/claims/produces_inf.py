"""The biased variant produces inf; and is that the objective or float32, and what is left without it?

``biased`` computes e^T as it is written, which float32 ends at T = 88.7; ``biased-stable`` is the same objective by
log-sum-exp, from the same critic on the same batches.
"""

from __future__ import annotations

import pandas as pd

from mine.claims import plausible
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
from mine.claims.tables import Tables, cell_name, paired, runs_of
from mine.statistics import LEVEL, bonferroni, share

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's; one that is missing is named."""

PRIMARY = tuple((scheme, WRITE_UP_DIM, rho) for scheme in ("derangement", "permutation") for rho in RHOS)
"""Product scheme, d and rho, of `writeup`'s biased runs."""

ABLATION = tuple((5, rho) for rho in RHOS)
"""d and rho: the only d of `ablation`. Never primary: the write-up's pictures are of another d."""

MAJORITY = 0.5

_BECOMES_INF = "share of biased runs that become non-finite"
_ITSELF = "share of biased-stable runs that become non-finite"
_IS_FLOAT32 = "of biased runs that become non-finite: share finite under biased-stable (inf is float32 overflow)"
_WITHOUT = "of biased runs that diverge: share that runs away, but finite, under biased-stable (divergence without inf)"
_RUNAWAY = "share of biased-stable runs that run away without becoming non-finite"
_BEFORE = "of biased runs that become non-finite: share that ran away at an earlier evaluation"


def findings(tables: Tables) -> list[Finding]:
    """How often biased runs become non-finite, in `writeup` and of plausible settings; then the ablation's answer."""
    summary = tables.get("writeup/summary", ("overflow_step",))
    there = summary[summary["variant"] == "biased"]
    cells = sorted({*PRIMARY, *zip(there["setting"], there["dim"], there["rho"], strict=True)})
    note = ""
    try:
        ablation = tables.get("ablation/summary", ("overflow_step", "runaway_step", "diverged_step"))
    except Missing as missing:
        ablation, note = None, str(missing)
    # One family: `writeup`'s other cells, and both shares of each cell of the ablation.
    secondary = bonferroni(len(cells) - len(PRIMARY) + 2 * len(_ablated(ablation)))
    found = []
    for setting, dim, rho in cells:
        primary = (setting, dim, rho) in PRIMARY
        cell = cell_name(setting=setting, dim=dim, rho=rho)
        try:
            runs = runs_of(summary, variant="biased", setting=setting, dim=dim, rho=rho)
        except Missing as missing:
            found.append(undecided(cell, _BECOMES_INF, str(missing), primary=primary))
            continue
        level = LEVEL if primary else secondary
        overflows = runs["overflow_step"].notna()
        found.append(_majority(cell, _BECOMES_INF, overflows, runs["seed"], level, primary=primary))
    found.append(plausible.produces_inf(tables))
    if ablation is None:
        return [*found, undecided("ablation", _ITSELF, note)]
    return found + _of_the_ablation(ablation, secondary)


def _ablated(ablation: pd.DataFrame | None) -> list[tuple[int, float]]:
    """The cells of the ablation, those that it should have among them."""
    if ablation is None:
        return list(ABLATION)
    there = ablation[ablation["variant"].isin(["biased", "biased-stable"])]
    return sorted({*ABLATION, *zip(there["dim"], there["rho"], strict=True)})


def _of_the_ablation(ablation: pd.DataFrame, level: float) -> list[Finding]:
    """Per d and rho: how often each becomes non-finite, and, pooled too, what a biased run does without overflow."""
    cells = _ablated(ablation)
    decomposed = bonferroni(2 * len(cells) + 2)
    found, pairs = [], []
    for dim, rho in cells:
        cell = f"ablation, {cell_name(dim=dim, rho=rho)}"
        try:
            sides = [runs_of(ablation, variant=name, dim=dim, rho=rho) for name in ("biased", "biased-stable")]
            pair = paired(*sides)
        except Missing as missing:
            note = str(missing) if "runs of" in str(missing) else f"{missing} in {cell}"
            found += [undecided(cell, quantity, note) for quantity in (_BECOMES_INF, _ITSELF)]
            continue
        pairs.append(pair)
        for quantity, runs in zip((_BECOMES_INF, _ITSELF), pair, strict=True):
            found.append(_majority(cell, quantity, runs["overflow_step"].notna(), runs["seed"], level))
        found += _decomposition(cell, *pair, decomposed)
    if pairs:
        biased, stable = (pd.concat(side, ignore_index=True) for side in zip(*pairs, strict=True))
        pooled = f"{len(pairs)} of {len(cells)} cells of ablation, pooled"
        found += _decomposition(pooled, biased, stable, decomposed)
    return found


def _decomposition(cell: str, biased: pd.DataFrame, stable: pd.DataFrame, level: float) -> list[Finding]:
    """What becomes of the biased runs where e^T cannot overflow; the rows of both are of the same runs."""
    seeds, inf, diverged = biased["seed"], biased["overflow_step"].notna(), biased["diverged_step"].notna()
    finite = stable["overflow_step"].isna()
    without = finite & stable["runaway_step"].notna()
    # Of a run that never ran away the comparison with NaN is False.
    before = biased["runaway_step"] < biased["overflow_step"]
    return [
        _majority(cell, _IS_FLOAT32, finite[inf], seeds[inf], level, none="no biased run becomes non-finite"),
        _majority(cell, _WITHOUT, without[diverged], seeds[diverged], level, none="no biased run diverges"),
        _reported(cell, _RUNAWAY, without, seeds),
        _reported(cell, _BEFORE, before[inf], seeds[inf]),
    ]


def _majority(
    cell: str,
    quantity: str,
    counted: pd.Series,
    seeds: pd.Series,
    level: float,
    *,
    primary: bool = False,
    none: str = "",
) -> Finding:
    """A share that has to be shown to be more than half, or less. none: what there is to say where it is of nothing."""
    if counted.empty:
        return undecided(cell, quantity, none, primary=primary)
    interval = share(int(counted.sum()), len(counted), level)
    verdict = decide(interval.above(MAJORITY), interval.below(MAJORITY))
    note = f"{int(counted.sum())} of {len(counted)} runs"
    return finding(cell, quantity, interval, seeds.nunique(), verdict, primary=primary, level=level, note=note)


def _reported(cell: str, quantity: str, counted: pd.Series, seeds: pd.Series) -> Finding:
    if counted.empty:
        return Finding(cell, quantity, None, None, None, 0, REPORTED, note="no such run")
    interval = share(int(counted.sum()), len(counted))
    note = f"{int(counted.sum())} of {len(counted)} runs"
    return finding(cell, quantity, interval, seeds.nunique(), REPORTED, note=note)


CLAIM = Claim(
    name="produces_inf",
    sentence="The biased variant produces inf.",
    place="Results, first paragraph",
    test=(
        "Biased runs (e^T as written) of `writeup` that become non-finite. Whether that is the objective or float32: "
        "in `ablation` (d = 5) also runs of `biased-stable`, the same objective by log-sum-exp, at the same seeds; "
        "what becomes of the former under the latter tells float32 overflow from divergence: finite, and run away or "
        "not."
    ),
    rule=(
        f"In a product scheme and ρ: inf is produced where the exact interval of the share of runs lies above "
        f"{MAJORITY:.0%}, and is not where it lies below. Primary: d = {WRITE_UP_DIM}, both product schemes, four ρ. "
        f"{SETTINGS_NOTE} {plausible.RULE} Of a run there: biased ends at ρ = {plausible.RHOS[-1]:g}. Never primary, "
        "Bonferroni-corrected and judged by the same majority: the other d; both shares of the ablation; that inf is "
        "float32 overflow, where most runs that become non-finite stay finite by log-sum-exp; and that there is "
        "divergence without inf, where most diverging runs run away then."
    ),
    figure="writeup/divergence",
    findings=findings,
    asked_by=WRITE_UP,
)
