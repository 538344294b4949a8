"""The estimate is a lower bound on the mutual information: of which of the three values is that so?

Donsker and Varadhan make it one of the population value of any fixed critic. The mean of a batch's own values and a
held-out value are estimates, and McAllester and Stratos (2020, arXiv 1811.04251) show that no high-confidence lower
bound from N samples can be much above ln N, whatever the estimator.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mine.claims.claim import REPORTED, WRITE_UP, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables, cell_name
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, bonferroni, median, share

PRIMARY = tuple(
    (setting, variant, dim, rho)
    for setting in ("derangement", "permutation")
    for variant in ("biased", "ema")
    for dim in (1, 2, 5, 20)
    for rho in (0.85, 0.9, 0.95, 0.99)
)
"""The cells whose runs are pooled. All published ones: a bound has to hold wherever it is used."""

TOLERATED = 0.05
"""Share of runs above the truth that a bound of 95 % confidence may have."""

PRODUCT_PAIRS = 100_000
"""N of a held-out value's product term."""

_CELL = ("setting", "variant", "dim", "rho")
_RUN = (*_CELL, "seed")

_VALUES = {
    "population": ("mi_population", "population_ess"),
    "in-batch": ("mi_batch_recent", None),
    "held out": ("mi_heldout", "heldout_ess"),
}
"""Each value's column, and that of its product term's effective sample size, where it has one."""


def findings(tables: Tables) -> list[Finding]:
    """Shares of runs above the truth and excess over it: pooled, per (scheme, variant, d), and the limit of log N."""
    columns = ("mi_true", "mi_batch_recent", "mi_heldout", "heldout_ess", "mi_population", "population_ess")
    evaluations = tables.get("writeup/evaluations", (*_RUN, "step", *columns))
    optimal = tables.get("writeup/optimal", ("dim", "rho", "seed", "mi_true", "mi_heldout", "mi_population"))
    evaluations = _with_instrument_error(evaluations, optimal)
    last = evaluations[evaluations["step"] == evaluations.groupby(list(_RUN))["step"].transform("max")]
    later = evaluations[evaluations["step"] > 1]
    cells = last.groupby(["setting", "variant", "dim"], sort=True)
    secondary = bonferroni(len(_VALUES) * len(cells) + 1)
    absent = _absent(last)
    found = []
    for name in _VALUES:
        found += _pooled(name, last, later, absent)
    for (setting, variant, dim), runs in cells:
        cell = cell_name(setting=setting, variant=variant, dim=dim)
        for name in _VALUES:
            found += _of_cell(cell, name, runs, secondary)
    return found + _log_n(last, optimal, secondary)


def _with_instrument_error(evaluations: pd.DataFrame, optimal: pd.DataFrame) -> pd.DataFrame:
    """The evaluations with a column ``allowance``: the population instrument's largest error on the optimal critic.

    That critic's population value is the truth, so what it misses it by is error of the instrument alone.
    """
    error = (optimal["mi_population"] - optimal["mi_true"]).abs().groupby([optimal["dim"], optimal["rho"]]).max()
    places = pd.MultiIndex.from_frame(evaluations[["dim", "rho"]])
    allowance = error.reindex(places).to_numpy()
    if np.isnan(allowance).any():
        dim, rho = places[np.isnan(allowance).argmax()]
        raise Missing(f"no optimal critic of {cell_name(dim=dim, rho=rho)}")
    return evaluations.assign(allowance=allowance)


def _absent(last: pd.DataFrame) -> str:
    """Which of the cells to be pooled are not there, in words; "" where all are."""
    there = set(last[list(_CELL)].itertuples(index=False, name=None))
    absent = [cell for cell in PRIMARY if cell not in there]
    if not absent:
        return ""
    first = cell_name(**dict(zip(_CELL, absent[0], strict=True)))
    return f"no runs of {first}" + (f" and of {len(absent) - 1} more cells" if len(absent) > 1 else "")


def _pooled(name: str, last: pd.DataFrame, later: pd.DataFrame, absent: str) -> list[Finding]:
    cell, quantity = "all cells of writeup", f"{name} value: share of runs above the truth"
    if absent:
        return [undecided(cell, quantity, absent, primary=True)]
    pooled = last[pd.MultiIndex.from_frame(last[list(_CELL)]).isin(PRIMARY)]
    later = later[pd.MultiIndex.from_frame(later[list(_CELL)]).isin(PRIMARY)]
    n = _seeds(pooled)
    known, unknown = _by_ess(name, pooled)
    found = [_share_above(cell, quantity, name, known, n, primary=True)]
    known_later, _ = _by_ess(name, later)
    if len(known_later):
        above = _excess(name, known_later) > known_later["allowance"].to_numpy()
        ever = pd.Series(above, index=known_later.index).groupby([known_later[key] for key in _RUN]).any()
        words = f"{name} value: share of runs above the truth at any evaluation after step 1"
        note = f"{int(ever.sum())} of {len(ever)} runs, {int(above.sum())} of {len(above)} evaluations"
        found.append(finding(cell, words, share(int(ever.sum()), len(ever)), n, REPORTED, note=note))
    if len(unknown):
        words = f"{name} value of ESS < {MIN_ESS:g}: share of runs above the truth"
        found.append(_share_above(cell, words, name, unknown, n, verdict=REPORTED))
    found.append(_median_excess(cell, name, known, n))
    if name == "population":
        allowance = pooled["allowance"]
        note = f"median {allowance.median():.3f}; a value has to be higher above the truth than that to count"
        words = "largest instrument error of a (d, ρ), nats"
        found.append(Finding(cell, words, float(allowance.max()), None, None, n, REPORTED, note=note))
    return found


def _of_cell(cell: str, name: str, runs: pd.DataFrame, level: float) -> list[Finding]:
    known, unknown = _by_ess(name, runs)
    quantity = f"{name} value: share of runs above the truth"
    n = _seeds(runs)
    if known.empty:
        note = f"all {len(unknown)} runs have an effective sample size under {MIN_ESS:g}"
        return [undecided(cell, quantity, note, n_seeds=n)]
    left_out = f"{len(unknown)} of {len(runs)} runs left out, ESS < {MIN_ESS:g}" if len(unknown) else ""
    return [
        _share_above(cell, quantity, name, known, n, level=level, note=left_out),
        _median_excess(cell, name, known, n, level),
    ]


def _share_above(
    cell: str,
    quantity: str,
    name: str,
    runs: pd.DataFrame,
    n: int,
    *,
    primary: bool = False,
    level: float = LEVEL,
    note: str = "",
    verdict: str | None = None,
) -> Finding:
    if runs.empty:
        note = f"no run has an effective sample size of at least {MIN_ESS:g}"
        return undecided(cell, quantity, note, n_seeds=n, primary=primary)
    above = int((_excess(name, runs) > runs["allowance"].to_numpy()).sum())
    interval = share(above, len(runs), level)
    verdict = verdict or decide(interval.high <= TOLERATED, interval.above(TOLERATED))
    note = "; ".join(part for part in (f"{above} of {len(runs)} runs", note) if part)
    return finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=note)


def _median_excess(cell: str, name: str, runs: pd.DataFrame, n: int, level: float = LEVEL) -> Finding:
    quantity = f"{name} value - truth, median over runs, nats"
    if runs.empty:
        return undecided(cell, quantity, f"no run has an effective sample size of at least {MIN_ESS:g}", n_seeds=n)
    excess = _excess(name, runs)
    above = excess[excess > runs["allowance"].to_numpy()]
    note = f"of the {above.size} above: median {np.median(above):.2f}, largest {above.max():.4g}" if above.size else ""
    return finding(cell, quantity, median(excess, level), n, REPORTED, level=level, note=note)


def _excess(name: str, runs: pd.DataFrame) -> np.ndarray:
    """Value less truth, nats. A run whose value is not a number counts as infinitely far above."""
    excess = (runs[_VALUES[name][0]] - runs["mi_true"]).to_numpy(dtype=float)
    return np.where(np.isnan(excess), np.inf, excess)


def _by_ess(name: str, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that count as numbers, and those of a low effective sample size."""
    ess = _VALUES[name][1]
    if ess is None:
        return runs, runs.iloc[:0]
    # A value that is not a number has no effective sample size either.
    known = (runs[ess] >= MIN_ESS) & runs[_VALUES[name][0]].notna()
    return runs[known], runs[~known]


def _seeds(runs: pd.DataFrame) -> int:
    """Seeds of the cell that has fewest."""
    return int(runs.groupby(list(_CELL))["seed"].nunique().min())


def _log_n(last: pd.DataFrame, optimal: pd.DataFrame, level: float) -> list[Finding]:
    """What N product pairs can certify: the optimal critic's held-out error where the truth is above ln N and below."""
    log_n = math.log(PRODUCT_PAIRS)
    cell, quantity = "optimal critic, writeup", f"held-out |error| where the truth is above ln N = {log_n:.1f}"
    error = (optimal["mi_heldout"] - optimal["mi_true"]).abs()
    high = optimal["mi_true"] > log_n
    sides = [error[side].groupby(optimal.loc[side, "seed"]).median() for side in (high, ~high)]
    seeds = sorted(set(sides[0].index) & set(sides[1].index))
    found = []
    if not seeds:
        found.append(undecided(cell, quantity, "no seed with truths on both sides of ln N"))
    else:
        above, below = (side.loc[seeds].to_numpy() for side in sides)
        gap = median(above - below, level)
        words = f"{quantity}, less that below, nats"
        found = [finding(cell, words, gap, len(seeds), decide(gap.above(0.0), gap.high <= 0.0), level=level)]
        for words, side in ((f"{quantity}, nats", above), (f"{quantity.replace('above', 'below')}, nats", below)):
            found.append(finding(cell, words, median(side), len(seeds), REPORTED))
    return found + _certified(last, log_n)


def _certified(last: pd.DataFrame, log_n: float) -> list[Finding]:
    """How many held-out values of trained critics lie above ln N, and what is behind these."""
    over = last[last["mi_heldout"] > log_n]
    n = _seeds(last)
    known = int((over["heldout_ess"] >= MIN_ESS).sum())
    note = f"{len(over)} of {len(last)} runs, of which {known} with ESS ≥ {MIN_ESS:g}"
    if len(over):
        above = int((_excess("held out", over) > over["allowance"].to_numpy()).sum())
        note += f" and {above} above the truth"
    words = f"share of runs with a held-out value above ln N = {log_n:.1f}"
    return [finding("writeup", words, share(len(over), len(last)), n, REPORTED, note=note)]


CLAIM = Claim(
    name="lower_bound",
    sentence="The estimate is a lower bound on the mutual information.",
    place="MINE, the estimator's displayed inequality",
    test=(
        "Population, in-batch (mean of the last 100 batches) and held-out value at the last evaluation of each run of "
        "`writeup`. A value is above the truth where it exceeds it by more than the population instrument's largest "
        "error on the optimal critic of the same d and ρ. Held-out and population values of an effective sample size "
        f"(ESS) under {MIN_ESS:g} are counted apart; a run without a finite in-batch value counts as above."
    ),
    rule=(
        f"Holds for a value where the exact interval of the share of runs above the truth ends at or below "
        f"{TOLERATED:.0%}; does not where it begins above. Primary: each of the three values over all cells. The limit "
        f"of ln N (N = {PRODUCT_PAIRS:,} product pairs) shows where the optimal critic's median held-out |error| over "
        "cells with a truth above ln N, less that over those below, has its whole interval over seeds above 0."
    ),
    figure="writeup/parting",
    findings=findings,
    asked_by=WRITE_UP,
)
