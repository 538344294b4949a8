"""The EMA estimates better: how often it ends nearer the truth than the biased variant, and by how much.

What it means that one run ends nearer the truth than another is defined here for every claim that asks it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import REPORTED, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables, cell_name, paired, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, Interval, bonferroni, median, share

PRIMARY = (("derangement", 5), ("permutation", 5))
"""Product scheme and d, of the in-batch value: what the write-up plots, at the d where probes had shown its picture."""

PRIMARY_QUANTITY = "in-batch"

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's; one that is missing is named."""

QUANTITIES: dict[str, tuple[str, str | None]] = {
    "in-batch": ("mi_batch_mean", None),
    "held-out": ("mi_heldout", "heldout_ess"),
    "population": ("mi_population", "population_ess"),
}
"""Final value of a run and its effective sample size, columns of the summary."""

COLUMNS = ("mi_true", "diverged_step", *(name for names in QUANTITIES.values() for name in names if name))

HALF = 0.5


def distance(runs: pd.DataFrame, quantity: str) -> np.ndarray:
    """|value - truth| of each run, nats, (n,).

    Infinite for a run that diverged, whatever its last value; NaN for one that did not and whose value is no number: an
    effective sample size under MIN_ESS, or no value. quantity: a name of QUANTITIES.
    """
    value, size = QUANTITIES[quantity]
    far = _plain(runs, value)
    if size is not None:
        far[~(runs[size].to_numpy(dtype=float) >= MIN_ESS)] = np.nan
    far[runs["diverged_step"].notna().to_numpy()] = np.inf
    return far


def farther(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """By how much the first of each pair is farther from the truth than the second, nats, (n,).

    one, other: as ``distance`` gives them. A number is nearer than none, and anything nearer than a run that diverged:
    the difference is infinite then. 0 where both diverged (a tie); NaN where neither did and neither is a number.
    """
    with np.errstate(invalid="ignore"):
        difference = one - other
    difference = np.where(np.isnan(one) & np.isfinite(other), np.inf, difference)
    difference = np.where(np.isfinite(one) & np.isnan(other), -np.inf, difference)
    difference = np.where(np.isposinf(one) & ~np.isposinf(other), np.inf, difference)
    difference = np.where(~np.isposinf(one) & np.isposinf(other), -np.inf, difference)
    return np.where(np.isposinf(one) & np.isposinf(other), 0.0, difference)


def median_difference(differences: np.ndarray, level: float = LEVEL) -> Interval:
    """Median over pairs. A pair without a difference (NaN) could have any, so it widens the interval on both sides."""
    unknown = np.isnan(differences)
    low, high = (median(np.where(unknown, bound, differences), level) for bound in (-np.inf, np.inf))
    value = low.value if low.value == high.value else np.nan
    return Interval(value, low.low, high.high)


def pair(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """As ``mine.claims.tables.paired``, and a note of how many seeds only one side has ("" for none)."""
    sides = paired(one, other)
    alone = len(set(one["seed"]) ^ set(other["seed"]))
    return *sides, f"{alone} seed{'s' if alone > 1 else ''} of one side only left out" if alone else ""


def notes(*parts: str) -> str:
    """The parts that are not empty, as one note."""
    return "; ".join(part for part in parts if part)


def findings(tables: Tables) -> list[Finding]:
    """Per product scheme, d and rho, and per quantity: the share of seeds, then the median paired difference."""
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
    return found


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
    sides = [_plain(runs, "mi_batch_mean") for runs in (biased, ema)]
    difference = farther(*(np.where(np.isfinite(side), side, np.inf) for side in sides))
    interval = share(int((difference > 0).sum()), len(difference))
    words = "share of seeds in which the EMA ends nearer, in-batch, a runaway's number taken as it is"
    return finding(cell, words, interval, len(difference), REPORTED)


def _plain(runs: pd.DataFrame, column: str) -> np.ndarray:
    """|value - truth| with nothing left out."""
    value, truth = (pd.to_numeric(runs[name]).to_numpy(dtype=float, na_value=np.nan) for name in (column, "mi_true"))
    return np.abs(value - truth)


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
        "d = 5 with both product schemes and every ρ; the rest is Bonferroni-corrected."
    ),
    figure="writeup/final_values",
    findings=findings,
)
