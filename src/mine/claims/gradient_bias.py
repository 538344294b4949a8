"""The gradient of a batch is biased; by how much, how that falls with the batch, and what the expansion says of it."""

from __future__ import annotations

from math import log
from operator import mul

import numpy as np
import pandas as pd

from mine.claims.claim import (
    REPORTED,
    UNDECIDED,
    WRITE_UP,
    Claim,
    Finding,
    Missing,
    decide,
    equivalence,
    finding,
    margin,
    undecided,
)
from mine.claims.frozen_critics import BATCH, CRITICS, MIN_REFERENCE_ESS, RUNS, cells_of, low_ess
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, Interval, bonferroni, bootstrap, ratio_of_means

NEGLIGIBLE = 1e-4
"""A squared bias of so much of the true gradient's is none: 1 % of its norm."""

FALLS_FROM = 64
"""Batch sizes from here on show whether the bias falls as 1 / batch; smaller ones, where that breaks down."""

_BIASED = f"squared bias at k = {BATCH}, of the true second term's"
_FALLS = f"exponent at which the bias falls with k, k ≥ {FALLS_FROM} (1: as 1/k)"
_CURVES = f"the same, k ≤ {FALLS_FROM}"
_TAYLOR = "bias along the true gradient, measured / Taylor"


def findings(tables: Tables) -> list[Finding]:
    """Per critic: its squared bias, how it falls with k, and the ratio of measured bias to Taylor's."""
    bias = tables.get(
        "frozen/bias", (*RUNS, "scheme", "estimator", "batch_size", "bias_squared", "reference_squared", "ess")
    )
    bias = bias[bias["estimator"] == "biased"]
    found = []
    cells = cells_of(bias)
    for dim, rho, step in cells:
        primary = (dim, rho, step) in CRITICS
        cell = cell_name(dim=dim, rho=rho, step=step)
        try:
            rows = runs_of(bias, dim=dim, rho=rho, step=step)
            level = LEVEL if primary else bonferroni(len(cells) - len(CRITICS))
            found += _of_cell(cell, rows, primary, level, bonferroni(len(cells)))
        except Missing as missing:
            found.append(undecided(cell, _BIASED, str(missing), primary=primary))
    try:
        found += _taylor(tables)
    except Missing as missing:
        found.append(undecided("all", _TAYLOR, str(missing)))
    return found


def _of_cell(cell: str, rows: pd.DataFrame, primary: bool, level: float, falls_level: float) -> list[Finding]:
    n = rows["seed"].nunique()
    if note := low_ess(rows):
        return [undecided(cell, _BIASED, note, n_seeds=n, primary=primary)]
    found = []
    for scheme in ("independent", "permutation"):
        of_scheme = rows[rows["scheme"] == scheme]
        squared = of_scheme.pivot(index="seed", columns="batch_size", values="bias_squared").dropna()
        if BATCH not in squared or squared.empty:
            if scheme == "independent":
                found.append(undecided(cell, _BIASED, f"no {scheme} batches of {BATCH}", primary=primary))
            continue
        reference = of_scheme.groupby("seed")["reference_squared"].first().loc[squared.index].to_numpy()
        interval = ratio_of_means(squared[BATCH].to_numpy(), reference, level)
        shown = interval.above(0.0)
        verdict = decide(shown, interval.below(NEGLIGIBLE) and not shown)
        note = "" if verdict != UNDECIDED else "neither above 0 nor shown to be negligible"
        if scheme == "independent":
            falls = _falls(squared, FALLS_FROM, np.inf, falls_level)
            found += [
                finding(cell, _BIASED, interval, len(squared), verdict, primary=primary, level=level, note=note),
                _judged(cell, _FALLS, falls, len(squared), falls_level, "the bias is lost in noise at some batch size"),
                finding(cell, _CURVES, _falls(squared, 0, FALLS_FROM, LEVEL), len(squared), REPORTED),
            ]
        else:
            found += [
                finding(cell, f"{_BIASED}, z permuted", interval, len(squared), REPORTED, level=level),
                finding(
                    cell, f"{_FALLS}, z permuted", _falls(squared, FALLS_FROM, np.inf, LEVEL), len(squared), REPORTED
                ),
            ]
    return found


def _falls(squared: pd.DataFrame, low: float, high: float, level: float) -> Interval:
    """Minus the slope of log |bias| over log k, for k in [low, high]; NaN where a mean squared bias is not positive.

    squared: squared bias, a row a seed and a column a batch size.
    """
    sizes = [k for k in squared.columns if low <= k <= high]
    if len(sizes) < 2:
        return Interval(np.nan, np.nan, np.nan)
    values, log_k = squared[sizes].to_numpy(dtype=float), np.log(np.array(sizes, dtype=float))
    # Least squares: a slope is a weighted sum, and the weights add up to 0, so that sums do for means.
    weights = (-0.5 * (log_k - log_k.mean()) / np.square(log_k - log_k.mean()).sum()).tolist()

    def exponent(seeds: np.ndarray) -> float:
        sums = values[seeds].sum(0).tolist()
        return sum(map(mul, weights, map(log, sums))) if min(sums) > 0.0 else np.nan

    return bootstrap(exponent, len(values), level)


def _taylor(tables: Tables) -> list[Finding]:
    columns = (*RUNS, "direction", "batch_size", "bias", "taylor", "taylor_ess", "ess")
    directions = tables.get("frozen/directions", columns)
    along = directions[directions["direction"] == "true gradient"]
    random = directions[directions["direction"] != "true gradient"]
    groups = along.groupby(["dim", "rho", "step", "batch_size"], sort=True)
    level, there = bonferroni(len(groups)), {key[:3] for key, _ in groups}
    found = [
        undecided(cell_name(dim=dim, rho=rho, step=step), _TAYLOR, "no bias measured along the true gradient")
        for dim, rho, step in CRITICS
        if (dim, rho, step) not in there
    ]
    for (dim, rho, step, k), rows in groups:
        cell = cell_name(dim=dim, rho=rho, step=step)
        quantity = f"{_TAYLOR}, k = {k:,}"
        note = low_ess(rows)
        low_moments = int((rows["taylor_ess"] < MIN_ESS).sum())
        if not note and low_moments:
            note = f"Taylor's second moments have an effective sample size under {MIN_ESS:.0f} in {low_moments} seeds"
        if note:
            found.append(undecided(cell, quantity, note, n_seeds=len(rows)))
            continue
        interval = ratio_of_means(rows["bias"].to_numpy(), rows["taylor"].to_numpy(), level)
        found.append(_judged(cell, quantity, interval, len(rows), level, "Taylor's bias is not clear of 0"))
    for (dim, rho, step, k), rows in random.groupby(["dim", "rho", "step", "batch_size"], sort=True):
        if k in (BATCH, random["batch_size"].max()):
            quantity = f"bias along random directions, measured / Taylor (least squares), k = {k:,}"
            cell = cell_name(dim=dim, rho=rho, step=step)
            found.append(finding(cell, quantity, _least_squares(rows), rows["seed"].nunique(), REPORTED))
    return found


def _least_squares(rows: pd.DataFrame) -> Interval:
    """Slope through 0 of measured over predicted bias, all directions of a seed together."""
    sums = pd.DataFrame({"up": rows["bias"] * rows["taylor"], "down": rows["taylor"] ** 2, "seed": rows["seed"]})
    sums = sums.groupby("seed").sum()
    return ratio_of_means(sums["up"].to_numpy(), sums["down"].to_numpy(), LEVEL)


def _judged(cell: str, quantity: str, interval: Interval, n: int, level: float, why: str) -> Finding:
    """A ratio that should be 1, by equivalence. why: what it means that it has no interval."""
    verdict = equivalence(interval)
    note = "" if verdict != UNDECIDED else why if np.isnan(interval.low) else "the interval reaches across the margin"
    return finding(cell, quantity, interval, n, verdict, level=level, note=note)


CLAIM = Claim(
    name="gradient_bias",
    sentence="The gradient of a batch is biased.",
    place="MINE, below the second gradient, with the Taylor expansion of a ratio",
    test=(
        "Frozen critics of the EMA variant (d = 5): mean over independent product batches of the second term's "
        "gradient, less the true one by importance sampling. Its squared norm as an inner product of two independent "
        "halves, which is unbiased, of the true term's squared norm. From batches of 16 to 1,024 the exponent at which "
        "the bias falls; along the true gradient the ratio of measured to Taylor's second-order bias. Ratios of means "
        "over seeds, intervals by a bootstrap over seeds. Batches with z permuted are a second curve, reported."
    ),
    rule=(
        f"Holds at a critic where the whole interval of the squared bias at k = {BATCH} lies above 0; does not where "
        f"it does not and lies below {NEGLIGIBLE:g}. Primary: ρ = 0.85 and 0.95 after 100, 1,000 and 3,000 updates. "
        f"'As 1/k' and 'as Taylor says' hold where exponent and ratio lie within {margin()} by their whole interval, "
        f"and do not where it lies outside. Where a true gradient's effective sample size is under "
        f"{MIN_REFERENCE_ESS:,.0f} nothing is decided."
    ),
    figure="claims/bias_against_batch",
    findings=findings,
    asked_by=WRITE_UP,
)
