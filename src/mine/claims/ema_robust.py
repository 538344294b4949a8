"""The EMA stays robust: how many of its runs become non-finite or diverge, and where its gradient spikes come from.

The EMA's gradient is mean grad T - (B_exp / v) times the softmax-weighted grad T. As v holds at least alpha B_exp, its
multiplier B_exp / v is at most 1/alpha; for the biased gradient it is 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd

from mine.claims import pictures, plausible
from mine.claims.claim import (
    BROKEN,
    CHECKED,
    EQUIVALENT,
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
from mine.claims.tables import Tables, cell_name, paired, runs_of
from mine.statistics import LEVEL, Interval, bonferroni, median, share, trend

PRIMARY = ("derangement", "permutation")
"""Product schemes, each pooled over all rho at WRITE_UP_DIM: the write-up says "robust" of all that it trained."""

DIMS, RHOS = (1, 2, 5, 20), (0.85, 0.9, 0.95, 0.99)
"""Of the cells that are pooled over d too; one that is missing leaves the pooled share undecided."""

TOLERATED = 0.05
"""Share of runs that may fail where a method is called robust."""

_OVERFLOWS, _DIVERGES = "share of EMA runs that overflow", "share of EMA runs that diverge"
_ENDS = {_OVERFLOWS: "overflow_step", _DIVERGES: "diverged_step"}

HALF = 0.5
"""A spike comes from the multiplier where at least so much of its height, on a log scale, is the multiplier's."""

ROUNDING = 1e-3
"""Of B_exp / v, whose logs are float32 numbers of up to 100."""

_SPIKE_COLUMNS = ("ema_rate", "overflow_step", "grad_norm_median", "spike_norm", "spike_multiplier")
_MULTIPLIERS = ("multiplier_median", "multiplier_max")


def findings(tables: Tables) -> list[Finding]:
    """Failures pooled and by cell, then the spikes: their multiplier, their trend over alpha, and v's start.

    Between them the share of plausible settings, and the setting fitted to the pictures.
    """
    summary = tables.get("writeup/summary", tuple(_ENDS.values()))
    found = [*_failures(summary), plausible.ema_robust(tables), *pictures.ema_robust(tables)]
    for name, part in (("multiplier", _bound), ("spikes", _spikes), ("start of v", _start)):
        try:
            found += part(tables)
        except Missing as missing:
            found.append(undecided(name, "", str(missing)))
    return found


def _failures(summary: pd.DataFrame) -> Iterator[Finding]:
    """Shares of runs that fail, per product scheme over all rho at WRITE_UP_DIM, over all d too, and in each cell."""
    runs = summary[summary["variant"] == "ema"]
    schemes = sorted({*PRIMARY, *runs["setting"]})
    cells = list(runs.groupby(["setting", "dim", "rho"], sort=True))
    secondary = bonferroni(len(_ENDS) * (len(cells) + 2 * len(schemes) - len(PRIMARY)))
    one = f"{cell_name(dim=WRITE_UP_DIM)}, all ρ"
    for (dims, where), setting in product((((WRITE_UP_DIM,), one), (DIMS, "all d and ρ")), schemes):
        primary = setting in PRIMARY and dims == (WRITE_UP_DIM,)
        cell = f"{setting}, {where}"
        for quantity, column in _ENDS.items():
            try:
                pooled, n = _pool(runs, setting, dims)
            except Missing as missing:
                yield undecided(cell, quantity, str(missing), primary=primary)
                continue
            level = LEVEL if primary else secondary
            yield _failing(cell, quantity, pooled[column].notna(), n, level, primary=primary)
    for (setting, dim, rho), runs_here in cells:
        cell = cell_name(setting=setting, dim=dim, rho=rho)
        for quantity, column in _ENDS.items():
            yield _failing(cell, quantity, runs_here[column].notna(), len(runs_here), secondary)


def _pool(runs: pd.DataFrame, setting: str, dims: Sequence[int]) -> tuple[pd.DataFrame, int]:
    """A scheme's runs at every rho of these d, and the seeds of the cell that has fewest. Raises Missing."""
    cells = [runs_of(runs, variant="ema", setting=setting, dim=dim, rho=rho) for dim in dims for rho in RHOS]
    return pd.concat(cells), min(len(cell) for cell in cells)


def _failing(cell: str, quantity: str, fails: pd.Series, n: int, level: float, *, primary: bool = False) -> Finding:
    """Robust where the share is shown to be at most TOLERATED, not where it is shown to be more."""
    interval = share(int(fails.sum()), len(fails), level)
    verdict = decide(interval.high <= TOLERATED, interval.above(TOLERATED))
    note = f"{int(fails.sum())} of {len(fails)} runs, at most {interval.high:.1%} of such runs"
    return finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=note)


def _bound(tables: Tables) -> list[Finding]:
    """That no multiplier exceeds 1/alpha, which any correct training and logging shows.

    A run that overflows is left out: its v may have been subnormal, where float32 has no digits left.
    """
    found = []
    for experiment in ("writeup", "smoothing", "start"):
        quantity = "largest α·B_exp/v of any update, at most 1"
        try:
            runs = tables.get(f"{experiment}/summary", ("ema_rate", "overflow_step", *_MULTIPLIERS))
            runs = runs[runs["multiplier_max"].notna() & runs["overflow_step"].isna()]
            if runs.empty:
                raise Missing(f"no run of {experiment} with an EMA that did not overflow")
        except Missing as missing:
            found.append(undecided(experiment, quantity, str(missing)))
            continue
        largest = float((runs["multiplier_max"] * runs["ema_rate"]).max())
        verdict = CHECKED if largest <= 1.0 + ROUNDING else BROKEN
        note = f"{len(runs)} runs"
        found.append(Finding(experiment, quantity, largest, None, None, runs["seed"].nunique(), verdict, note=note))
    return found


def _spikes(tables: Tables) -> list[Finding]:
    """Over the smoothing sweep: how much of a spike is the multiplier's, and whether smaller alpha spikes higher."""
    runs = tables.get("smoothing/summary", (*_SPIKE_COLUMNS, *_MULTIPLIERS))
    runs = runs[runs["variant"] == "ema"]
    # With alpha = 1 the multiplier is 1 by definition and explains nothing by definition.
    cells = [key for key in runs.groupby(["dim", "rho", "ema_rate"]).groups if key[2] < 1.0]
    places = list(runs.groupby(["dim", "rho"]).groups)
    level = bonferroni(len(cells) + 2 * len(places))
    found = []
    for dim, rho, rate in cells:
        cell = f"{cell_name(dim=dim, rho=rho)}, α = {rate:g}"
        found.append(_explained(cell, runs_of(runs, dim=dim, rho=rho, ema_rate=rate), level))
    for dim, rho in places:
        here = runs_of(runs, dim=dim, rho=rho)
        overflows = set(here.loc[here["overflow_step"].notna(), "ema_rate"])
        alive = here[~here["ema_rate"].isin(overflows)]
        cell, quantity = cell_name(dim=dim, rho=rho), "Kendall's τ of 1/α and spike norm"
        found.append(_trend(cell, f"{quantity}, every α", here, level))
        # The norms of a run that diverges are large with any multiplier.
        found.append(_trend(cell, f"{quantity}, α at which no run overflows", alive, level))
    return found


def _explained(cell: str, runs: pd.DataFrame, level: float) -> Finding:
    """The multiplier's share of a spike's height: log of its rise over its median by log of the norm's rise."""
    quantity = "share of a spike's log height that is B_exp/v's, median over seeds"
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = np.log((runs["spike_multiplier"] / runs["multiplier_median"]).to_numpy(dtype=float))
        height = np.log((runs["spike_norm"] / runs["grad_norm_median"]).to_numpy(dtype=float))
        explained = rise / height
    if not np.isfinite(explained).all():
        bad = int((~np.isfinite(explained)).sum())
        return undecided(cell, quantity, f"{bad} of {len(runs)} runs have no finite spike", n_seeds=len(runs))
    interval = median(explained, level)
    verdict = decide(interval.above(HALF), interval.below(HALF))
    at_spikes, usual = runs["spike_multiplier"].median(), runs["multiplier_median"].median()
    norm, norm_usual = runs["spike_norm"].median(), runs["grad_norm_median"].median()
    note = f"B_exp/v {at_spikes:.3g} at spikes, usually {usual:.3g}; gradient norm {norm:.3g}, usually {norm_usual:.3g}"
    return finding(cell, quantity, interval, len(runs), verdict, level=level, note=note)


def _trend(cell: str, quantity: str, runs: pd.DataFrame, level: float) -> Finding:
    norms = runs.pivot(index="seed", columns="ema_rate", values="spike_norm")
    if norms.shape[1] < 2:
        return undecided(cell, quantity, "fewer than two values of α", n_seeds=len(norms))
    # A gradient that overflowed is larger than any other; a run that is not there ranks nowhere.
    values, rates = norms.to_numpy(dtype=float), norms.columns.to_numpy(dtype=float)
    if np.isnan(values).any():
        return undecided(cell, quantity, "not every seed has every α with a spike norm", n_seeds=len(norms))
    interval = trend(-rates, values, level)
    verdict = decide(interval.above(0.0), interval.high <= 0.0)
    note = "" if verdict != UNDECIDED else "the interval of τ contains 0"
    note = "; ".join(part for part in (f"α from {norms.columns.min():g} to {norms.columns.max():g}", note) if part)
    return finding(cell, quantity, interval, len(norms), verdict, level=level, note=note)


def _start(tables: Tables) -> list[Finding]:
    """V from the first batch against v = 1, at the same seeds: the ratio of spike norms, and who diverges."""
    columns = ("spike_norm", "diverged_step")
    first = runs_of(tables.get("start/summary", columns), variant="ema", setting="first-batch")
    one = runs_of(tables.get("ablation/summary", columns), variant="ema")
    cells = list(first.groupby(["dim", "rho"]).groups)
    level = bonferroni(len(cells))
    found = []
    for dim, rho in cells:
        cell, quantity = cell_name(dim=dim, rho=rho), "spike norm with v from the first batch over that with v = 1"
        try:
            sides = paired(*(runs_of(side, dim=dim, rho=rho) for side in (first, one)))
        except Missing as missing:
            found.append(undecided(cell, quantity, str(missing)))
            continue
        spikes = [side["spike_norm"].to_numpy(dtype=float) for side in sides]
        ratio = _median_ratio(spikes[0], spikes[1], level)
        differs = ratio.above(EQUIVALENT[1]) or ratio.below(EQUIVALENT[0])
        n = len(sides[0])
        note = "the same within the margin" if ratio.within(*EQUIVALENT) else ""
        verdict = decide(ratio.within(*EQUIVALENT), differs)
        found.append(finding(cell, quantity, ratio, n, verdict, level=level, note=note))
        found.append(_discordant(cell, *(side["diverged_step"].notna().to_numpy() for side in sides)))
    return found


def _median_ratio(first: np.ndarray, one: np.ndarray, level: float) -> Interval:
    """Of pairs, by the median of the difference of logs; two gradients that both overflowed do not differ."""
    with np.errstate(invalid="ignore", divide="ignore"):
        differences = np.where(np.isinf(first) & np.isinf(one), 0.0, np.log(first) - np.log(one))
        logs = median(differences, level)
        return Interval(*(float(np.exp(value)) for value in (logs.value, logs.low, logs.high)))


def _discordant(cell: str, first: np.ndarray, one: np.ndarray) -> Finding:
    interval = share(int((first != one).sum()), len(first))
    note = f"diverge: {int(first.sum())} with v from the first batch, {int(one.sum())} with v = 1, of {len(first)}"
    quantity = "share of seeds of which only one of the two diverges"
    return finding(cell, quantity, interval, len(first), REPORTED, note=note)


CLAIM = Claim(
    name="ema_robust",
    sentence="The EMA variant stays robust.",
    place="Results, first paragraph",
    test=(
        "EMA runs of `writeup` that overflow (the write-up's sense: no inf) and that diverge (overflow or run away), "
        "with exact bounds. Where its gradient spikes come from: the rise of B_exp/v at the 1 % of updates of largest "
        "gradient norm over its median, as a share of the norm's own rise, both as logs, per α of `smoothing`; "
        "Kendall's τ between 1/α and spike norm; and v started at the first batch's mean (`start`) against v = 1 "
        "(`ablation`) at the same seeds, by the median ratio of spike norms."
    ),
    rule=(
        f"Holds in a product scheme where the exact interval of the share of runs over all ρ ends at or below "
        f"{TOLERATED:.0%}, does not where it begins above; primary: overflow and divergence at d = {WRITE_UP_DIM}, "
        "both schemes; single cells, and all d together, are Bonferroni-corrected. "
        f"{SETTINGS_NOTE} {plausible.RULE} Of a run there: the EMA lasts at every ρ. Spikes (at d = 5, never primary) "
        f"come from the multiplier at an α where the whole interval of its share lies above {HALF:.0%}, and grow as α "
        f"shrinks where τ's lies above 0. The start of v makes no difference where the ratio's whole interval lies "
        f"within {EQUIVALENT[0]:g}-{EQUIVALENT[1]:g}. Check of the instrument: no B_exp/v above 1/α."
    ),
    figure="writeup/divergence",
    findings=findings,
    asked_by=WRITE_UP,
)
