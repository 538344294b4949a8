"""How product pairs are made: does it matter, and is a permutation's ceiling log k?

A permutation leaves one pair of k in its place on average, so what it estimates is KL(P || (1 - 1/k) Q + P/k), which
is at most log k (Letizia, Novello and Tonello, arXiv 2305.20025). That caps the target, not a value: a batch's own has
the log of a mean over k pairs, and every third batch leaves none in place; the population value is taken against Q.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mine.claims.claim import EQUIVALENT, REPORTED, US, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.pairs import QUANTITIES, median_difference, notes, pair
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, bonferroni, share

PRIMARY = ("permutation", "derangement")
"""The pair of readings, at d = 5: of `ema` the in-batch value, of `biased` whether it diverges.

Scheme and d were named beforehand. Which quantity of which variant decides was chosen with an earlier run's numbers
known: where both runs of a pair diverged there are no values to compare, so biased values would decide nothing.
"""

PRIMARY_DIM = 5
"""Named beforehand, when probes had shown biased diverge there. The question is ours; the write-up's pictures are of
d = 2, whose cells are corrected for their number like those of every other d."""

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's; one that is missing is named."""

OTHERS = (("independent", "derangement"), ("independent", "permutation"))

VALUES = ("in-batch", "population")

MARGIN = 0.25
"""Nats that do not matter."""

TOLERATED = 0.2
"""Share of seeds of which one may diverge with one scheme only. Twenty seeds of which none does show no less."""

NEAR_CEILING = 0.9
"""A value between so much of log k and log k is at a ceiling there."""

FAR = 2.0
"""The truth is far above a ceiling at so many times log k."""

_DIVERGES = "share of seeds that diverge with one scheme only"
_COLUMNS = ("mi_true", "diverged_step", "mi_batch_mean", "mi_population", "population_ess")


def findings(tables: Tables) -> list[Finding]:
    """Pairs of schemes, per variant, d and rho; then the ceiling."""
    summary = tables.get("writeup/summary", _COLUMNS)
    found: list[Finding] = []
    more: dict[str, pd.DataFrame] = {}
    for name, column in (("independent", "diverged_step"), ("ceiling", "batch_size")):
        try:
            more[name] = tables.get(f"{name}/summary", (*_COLUMNS, column))
        except Missing as missing:
            found.append(undecided(name, "", str(missing)))
    expected = {(variant, PRIMARY_DIM, rho) for variant in ("biased", "ema") for rho in RHOS}
    cells = [(PRIMARY, *cell) for cell in sorted(expected | _cells(summary))]
    if "independent" in more:
        cells += [(schemes, *cell) for schemes in OTHERS for cell in sorted(_cells(more["independent"]))]

    runs = pd.concat([summary, more["independent"]]) if "independent" in more else summary
    for schemes, variant, dim, rho in cells:
        # A question is a pair of schemes and a quantity; over all of them at once ten seeds could never decide.
        questions = [cell for cell in cells if cell[0] == schemes]
        levels = {
            name: bonferroni(sum(not _is_primary(*cell, name) for cell in questions)) for name in (*VALUES, _DIVERGES)
        }
        found += _compared(runs, schemes, variant, dim, rho, levels)
    if "ceiling" in more:
        found += _ceiling(more["ceiling"])
    return found


def _cells(runs: pd.DataFrame) -> set[tuple[str, int, float]]:
    return set(runs[["variant", "dim", "rho"]].itertuples(index=False, name=None))


def _is_primary(schemes: tuple[str, str], variant: str, dim: int, rho: float, quantity: str) -> bool:
    here = schemes == PRIMARY and dim == PRIMARY_DIM and rho in RHOS
    return here and quantity == {"ema": "in-batch", "biased": _DIVERGES}.get(variant)


def _compared(
    runs: pd.DataFrame, schemes: tuple[str, str], variant: str, dim: int, rho: float, levels: dict[str, float]
) -> Iterator[Finding]:
    """levels: of each quantity where it is not primary."""
    place = cell_name(variant=variant, dim=dim, rho=rho)
    cell = f"{schemes[0]} against {schemes[1]}, {place}"
    primary = {name: _is_primary(schemes, variant, dim, rho, name) for name in levels}
    levels = {name: LEVEL if primary[name] else level for name, level in levels.items()}
    try:
        one, other, alone = pair(
            *(runs_of(runs, setting=scheme, variant=variant, dim=dim, rho=rho) for scheme in schemes)
        )
    except Missing as missing:
        why = notes(str(missing), "" if "runs of" in str(missing) else cell)
        for name, is_primary in primary.items():
            yield undecided(cell, _difference(name), why, primary=is_primary)
        return
    gone = [side["diverged_step"].notna().to_numpy() for side in (one, other)]
    counts = f"diverged: {int(gone[0].sum())} and {int(gone[1].sum())} of {len(one)}"
    for name in VALUES:
        difference = _paired_difference(one, other, name)
        interval = median_difference(difference, levels[name])
        differs = interval.above(MARGIN) or interval.below(-MARGIN)
        verdict = decide(interval.within(-MARGIN, MARGIN), differs)
        unknown = int(np.isnan(difference).sum())
        column = QUANTITIES[name][0]
        note = notes(
            f"medians {one[column].median():.2f} and {other[column].median():.2f}",
            counts,
            f"{unknown} pairs cannot be compared (both diverged, or a value is no number)" if unknown else "",
            alone,
        )
        yield finding(
            cell, _difference(name), interval, len(one), verdict, primary=primary[name], level=levels[name], note=note
        )
    level = levels[_DIVERGES]
    interval = share(int((gone[0] != gone[1]).sum()), len(one), level)
    verdict = decide(interval.high <= TOLERATED, interval.above(TOLERATED))
    note = notes(counts, alone)
    yield finding(cell, _DIVERGES, interval, len(one), verdict, primary=primary[_DIVERGES], level=level, note=note)


def _difference(name: str) -> str:
    return name if name == _DIVERGES else f"{name} value with the former less with the latter, median over pairs, nats"


def _value(runs: pd.DataFrame, quantity: str) -> np.ndarray:
    """Final value of each run, nats: NaN where it is no number, +-inf where the run diverged.

    A run that diverged reads too much in its batches and is worth nothing at the population.
    """
    column, size = QUANTITIES[quantity]
    values = pd.to_numeric(runs[column]).to_numpy(dtype=float, na_value=np.nan).copy()
    if size is not None:
        values[~(runs[size].to_numpy(dtype=float) >= MIN_ESS)] = np.nan
    values[runs["diverged_step"].notna().to_numpy()] = np.inf if quantity == "in-batch" else -np.inf
    return values


def _paired_difference(one: pd.DataFrame, other: pd.DataFrame, quantity: str) -> np.ndarray:
    """NaN, which may be anything, where a side is no number or both diverged: nothing is left to compare then."""
    with np.errstate(invalid="ignore"):
        return _value(one, quantity) - _value(other, quantity)


def _ceiling(ceiling: pd.DataFrame) -> Iterator[Finding]:
    """Value over log k in each cell, and the slope of the value over log k from k to k."""
    runs = ceiling[ceiling["variant"] == "ema"]
    cells = runs[["dim", "rho", "batch_size"]].drop_duplicates()
    level = bonferroni(len(VALUES) * (len(cells) + len(cells[["dim", "rho"]].drop_duplicates())))
    for (dim, rho), place in runs.groupby(["dim", "rho"], sort=True):
        for name in VALUES:
            for k, here in place.groupby("batch_size", sort=True):
                yield _at_ceiling(f"{cell_name(dim=dim, rho=rho)}, k = {k:g}", name, here, float(np.log(k)), level)
            yield _slope(cell_name(dim=dim, rho=rho), name, place, level)


def _at_ceiling(cell: str, name: str, runs: pd.DataFrame, log_k: float, level: float) -> Finding:
    quantity = f"{name} value over ln k, a permutation's (1 is a ceiling at ln k)"
    values, truth = _value(runs, name), float(runs["mi_true"].iloc[0])
    interval = median_difference(values / log_k, level)
    verdict = decide(interval.within(NEAR_CEILING, 1.0), interval.above(1.0) or interval.below(NEAR_CEILING))
    lost, gone = int(np.isnan(values).sum()), int(runs["diverged_step"].notna().sum())
    note = notes(
        f"ln k {log_k:.2f}, truth {truth:.2f}, all nats",
        "" if truth >= FAR * log_k else "the truth is not far above ln k",
        f"{lost} of {len(runs)} without a number" if lost else "",
        f"{gone} of {len(runs)} diverged" if gone else "",
        "the theorem caps the target of a permutation, not this value" if interval.above(1.0) else "",
    )
    if truth < FAR * log_k:
        verdict = REPORTED
    return finding(cell, quantity, interval, len(runs), verdict, level=level, note=note)


def _slope(cell: str, name: str, runs: pd.DataFrame, level: float) -> Finding:
    """Least squares over ln k within a seed, median over seeds."""
    quantity = f"slope of the {name} value over ln k, a permutation's (1 is a ceiling at ln k)"
    table = runs.assign(value=_value(runs, name)).pivot(index="seed", columns="batch_size", values="value")
    if table.shape[1] < 2:
        return undecided(cell, quantity, "a single batch size has no slope", n_seeds=len(table))
    x = np.log(table.columns.to_numpy(dtype=float))
    x -= x.mean()
    values = table.to_numpy(dtype=float)
    known = np.isfinite(values).all(axis=1)
    slopes = np.full(len(values), np.nan)
    slopes[known] = values[known] @ x / (x @ x)
    interval = median_difference(slopes, level)
    verdict = decide(interval.within(*EQUIVALENT), interval.above(EQUIVALENT[1]) or interval.below(EQUIVALENT[0]))
    sizes = ", ".join(f"{k:g}" for k in table.columns)
    lost = int((~known).sum())
    note = notes(f"k = {sizes}", f"{lost} of {len(values)} seeds lack a number at some k" if lost else "")
    return finding(cell, quantity, interval, len(values), verdict, level=level, note=note)


CLAIM = Claim(
    name="shuffle",
    sentence="How z is shuffled does not matter: a permutation, a derangement and independent draws give the same.",
    place="Nowhere as a claim: MINE, where z is shuffled, and Algorithm 1, step 2, leave it open",
    test=(
        "At the same seeds (same critic, same joint batches): median paired difference of the final in-batch and "
        "population values between two schemes (order statistics), and the share of seeds that diverge with one of "
        "them only (exact), per variant, d and ρ of `writeup` and `independent`. A run that diverged lies above every "
        "other in-batch value and below every other population value; where both diverged, or an effective sample "
        f"size is under {MIN_ESS:g}, the difference could be anything. The ceiling: final values of the EMA with a "
        "permutation in `ceiling`, over ln k, and their slope over ln k. A permutation's target is at most ln k "
        "(Letizia, Novello and Tonello, arXiv 2305.20025); in-batch and population values are not capped by that."
    ),
    rule=(
        f"Holds in a cell where the difference's whole interval lies within ±{MARGIN:g} nats, or that of the share "
        f"ends at or below {TOLERATED:.0%}; does not where it lies outside, or above. Primary: permutation against "
        "derangement at d = 5, four ρ: of the EMA the in-batch value, of biased, which is said to diverge, whether it "
        "does. The rest is Bonferroni-corrected over the cells of each pair of schemes and quantity. A value has its "
        f"ceiling at ln k where the whole interval of value/ln k lies within {NEAR_CEILING:g}-1 with a truth of at "
        f"least {FAR:g} ln k, and has not where it lies above 1 or below {NEAR_CEILING:g}; it follows ln k where the "
        f"slope's interval lies within {EQUIVALENT[0]:g}-{EQUIVALENT[1]:g}; both corrected together."
    ),
    figure="writeup/estimate_permutation",
    findings=findings,
    asked_by=US,
)
