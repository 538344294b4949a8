"""The biased objective itself produces inf: or is that float32, and what is left without it?

``biased`` computes e^T as it is written, which float32 ends at T = 88.7; ``biased-stable`` is the same objective by
log-sum-exp, from the same critic on the same batches.
"""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import REPORTED, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables, cell_name, paired, runs_of
from mine.statistics import LEVEL, bonferroni, share

PRIMARY = ((5, 0.85), (5, 0.9), (5, 0.95), (5, 0.99))
"""d and rho: the only d of `ablation`, at the write-up's four rho."""

MAJORITY = 0.5

_BECOMES_INF = "share of biased runs that become non-finite"
_ITSELF = "share of biased-stable runs that become non-finite"
_IS_FLOAT32 = "of biased runs that become non-finite: share finite under biased-stable (inf is float32 overflow)"
_WITHOUT = "of biased runs that diverge: share that runs away, but finite, under biased-stable (divergence without inf)"
_RUNAWAY = "share of biased-stable runs that run away without becoming non-finite"
_BEFORE = "of biased runs that become non-finite: share that ran away at an earlier evaluation"


def findings(tables: Tables) -> list[Finding]:
    """Per d and rho: how often each becomes non-finite, and, pooled too, what a biased run does without overflow."""
    summary = tables.get("ablation/summary", ("overflow_step", "runaway_step", "diverged_step"))
    there = summary[summary["variant"].isin(["biased", "biased-stable"])]
    cells = sorted({*PRIMARY, *zip(there["dim"], there["rho"], strict=True)})
    secondary = bonferroni(len(cells) - len(PRIMARY))
    decomposed = bonferroni(2 * len(cells) + 2)
    found, pairs = [], []
    for dim, rho in cells:
        primary = (dim, rho) in PRIMARY
        cell = cell_name(dim=dim, rho=rho)
        try:
            sides = [runs_of(summary, variant=name, dim=dim, rho=rho) for name in ("biased", "biased-stable")]
            pair = paired(*sides)
        except Missing as missing:
            note = str(missing) if "runs of" in str(missing) else f"{missing} in {cell}"
            found += [undecided(cell, quantity, note, primary=primary) for quantity in (_BECOMES_INF, _ITSELF)]
            continue
        pairs.append(pair)
        level = LEVEL if primary else secondary
        for quantity, runs in zip((_BECOMES_INF, _ITSELF), pair, strict=True):
            overflows = runs["overflow_step"].notna()
            found.append(_majority(cell, quantity, overflows, runs["seed"], level, primary=primary))
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
    sentence="The biased objective itself produces inf.",
    place="Results, first paragraph",
    test=(
        "`ablation`: runs of `biased` (e^T as written) that become non-finite, and of `biased-stable` (the same "
        "objective by log-sum-exp) at the same seeds. What becomes of the former under the latter tells float32 "
        "overflow from divergence of the objective: finite, and run away or not."
    ),
    rule=(
        f"Per ρ, of each of the two: inf is produced where the exact interval of the share of runs lies above "
        f"{MAJORITY:.0%}, and is not where it lies below. So the claim holds in full only where inf needs no float32 "
        "e^T. The decomposition is judged by the same majority: inf is float32 overflow where most runs that become "
        "non-finite stay finite by log-sum-exp; there is divergence without inf where most diverging runs run away "
        "then. Primary: both shares at d = 5, four ρ."
    ),
    figure="ablation/divergence",
    findings=findings,
)
