"""The moving average cuts covariance and variance by the write-up's factors: at frozen critics, and in training."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mine.claims.claim import (
    BROKEN,
    CHECKED,
    EQUIVALENT,
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
from mine.claims.tables import Tables, cell_name, runs_of
from mine.divergence import MIN_ESS
from mine.statistics import LEVEL, Interval, bonferroni, bootstrap, ratio_of_means

DIM = 5

PRIMARY_RHOS = (0.85, 0.9, 0.95, 0.99)
"""Of the runs of `writeup` at d = 5, as of the critics that were saved, with a derangement: the write-up's rho, and
product batches whose mean of e^T has the expectation E_Q[e^T] (a permutation's have not)."""

PRIMARY_CRITICS = (0.85, 0.95)
"""rho of the runs whose critics were saved, of which E_Q[e^T] is known along training."""

SETTLED = 500
"""Updates after which v has forgotten that it started at 1 (5 / alpha of the published alpha)."""

SETTLED_IDENTITY = 40
"""An identity is checked where the batches last so many times 1 / alpha: fewer say little of what v does in the end."""

MAX_APART = 5
"""Updates between saved critics at which a straight line in log E_Q[e^T] is as good as all of them.

Against critics at every update (d = 5, two runs at rho = 0.85, one at 0.95), the size of v's noise comes out at most
5 % off from every fifth, and up to 65 % too large from every 25th.
"""

MAJORITY = 0.5

_SHARE = "share of sampling noise in the mean squared error of log v"
_QUANTITIES = {
    "same": "Cov(v, B_exp) / (α Var(B_exp)), over seeds",
    "gradient": "Cov(v, ‖A‖) / (α Cov(B_exp, ‖A‖)), over seeds",
    "spread": "Var(v) / (α/(2-α) Var(B_exp)), over seeds",
}
_GIVEN = {
    "same": "given the critics: covariance of v and B_exp about their expectations / (α Var(B_exp))",
    "spread": "given the critics: variance of v about its expectation / (α/(2-α) Var(B_exp))",
}


def findings(tables: Tables) -> list[Finding]:
    """The instrument's check at frozen critics, then training: lag against noise, and moments of v."""
    found = []
    for part, primary, cell in (
        (_identities, False, "frozen critics"),
        (_lag, True, "training, E_Q[e^T] known"),
        (_across_seeds, True, "training, over seeds"),
    ):
        try:
            found += part(tables)
        except Missing as missing:
            found.append(undecided(cell, "", str(missing), primary=primary))
    return found


def _identities(tables: Tables) -> list[Finding]:
    columns = ("dim", "rho", "step", "seed", "direction", "ema_rate", "n_batches", "covariance_ratio", "variance_ratio")
    table = tables.get("frozen/identities", columns)
    table = table[(table["direction"] == "true gradient") & (table["ema_rate"] < 1.0)]
    groups = table.groupby(["dim", "rho", "ema_rate"], sort=True)
    level, found = bonferroni(2 * len(groups)), []
    for (dim, rho, rate), rows in groups:
        cell = f"frozen critics, {cell_name(dim=dim, rho=rho)}, α = {rate:g}"
        last = rows[rows["n_batches"] == rows["n_batches"].max()]
        batches = int(last["n_batches"].max())
        for column, words in (
            ("covariance_ratio", "Cov(v, A) / (α Cov(B_exp, A))"),
            ("variance_ratio", "Var(v) / (α/(2-α) Var(B_exp))"),
        ):
            # Critics of one run count as one seed.
            values = last.groupby("seed")[column].mean().to_numpy()
            interval = bootstrap(_mean_of(values), len(values), level)
            verdict, note = CHECKED, f"{batches:,} batches"
            if batches < SETTLED_IDENTITY / rate:
                verdict, note = REPORTED, f"{note}: too few for this α to check anything"
            elif np.isnan(interval.low) or not (interval.low <= EQUIVALENT[1] and interval.high >= EQUIVALENT[0]):
                verdict = REPORTED if np.isnan(interval.low) else BROKEN
            elif not interval.within(*EQUIVALENT):
                verdict, note = REPORTED, f"{note}: heavy tails leave the interval wider than the margin"
            quantity = f"{words}, an identity"
            found.append(finding(cell, quantity, interval, len(values), verdict, level=level, note=note))
    return found


def _lag(tables: Tables) -> list[Finding]:
    columns = (
        "dim",
        "rho",
        "seed",
        "step",
        "ema_rate",
        "log_v",
        "log_expectation",
        "lag",
        "updates",
        "noise_squared",
        "batch_squared",
        "noise_batch",
        "ess",
    )
    table = tables.get("frozen/lag", columns)
    table = table[table["step"] >= SETTLED]
    if table.empty:
        raise Missing(f"frozen/lag.parquet has no update from {SETTLED} on, where v has forgotten its start")
    cells = sorted({*((DIM, rho) for rho in PRIMARY_CRITICS), *zip(table["dim"], table["rho"], strict=True)})
    given_level, found = bonferroni(2 * len(cells)), []
    for dim, rho in cells:
        primary = dim == DIM and rho in PRIMARY_CRITICS
        cell = f"training, {cell_name(dim=dim, rho=rho)}"
        level = LEVEL if primary else bonferroni(len(cells) - len(PRIMARY_CRITICS))
        try:
            rows = runs_of(table, dim=dim, rho=rho)
            found += _of_run(cell, rows, primary, level, given_level)
        except Missing as missing:
            found.append(undecided(cell, _SHARE, str(missing), primary=primary))
    return found


def _of_run(cell: str, rows: pd.DataFrame, primary: bool, level: float, given_level: float) -> list[Finding]:
    good = rows[rows["ess"] >= MIN_ESS]
    note = f"{len(rows) - len(good)} of {len(rows)} values left out, effective sample size under {MIN_ESS:.0f}"
    note = "" if len(good) == len(rows) else note
    if good.empty:
        raise Missing(f"no E_Q[e^T] with an effective sample size of {MIN_ESS:.0f}, {cell}")
    # In logs, since v divides: half the expectation is as wrong as twice of it. log v-bar is v less its noise.
    log_error = good["log_v"] - good["log_expectation"]
    log_lag = np.log1p(good["lag"])
    log_noise = log_error - log_lag
    squares = pd.DataFrame({"seed": good["seed"], "noise": log_noise**2, "lag": log_lag**2}).groupby("seed").mean()
    noise, lag = squares["noise"].to_numpy(), squares["lag"].to_numpy()
    interval = ratio_of_means(noise, noise + lag, level)
    verdict = decide(interval.above(MAJORITY), interval.below(MAJORITY))
    if verdict == UNDECIDED:
        note = "; ".join(part for part in ("the interval contains a half", note) if part)
    found = [finding(cell, _SHARE, interval, len(noise), verdict, primary=primary, level=level, note=note)]
    for name, squared in (("sampling noise", noise), ("lag", lag)):
        size = bootstrap(_root_mean_of(squared), len(squared))
        found.append(finding(cell, f"root mean square {name} of log v", size, len(squared), REPORTED))

    # Moments over every update, about the expectations, in one unit for all of a run.
    unit = np.exp(2.0 * (good["log_expectation"] - good.groupby("seed")["log_expectation"].transform("mean")))
    moments = good[["noise_squared", "noise_batch", "batch_squared"]].mul(good["updates"] * unit, axis=0)
    sums, rate = moments.groupby(good["seed"]).sum(), _one(good["ema_rate"], cell)
    apart = int(good["updates"].max())
    if apart > MAX_APART:
        why = f"saved critics are {apart} updates apart, at most {MAX_APART} tell v's noise from E_Q[e^T] between them"
        return found + [undecided(cell, quantity, why, n_seeds=len(sums)) for quantity in _GIVEN.values()]
    for key, above, factor in (("same", "noise_batch", rate), ("spread", "noise_squared", rate / (2.0 - rate))):
        ratio = ratio_of_means(sums[above], factor * sums["batch_squared"], given_level)
        found.append(_equivalent(cell, _GIVEN[key], ratio, len(sums), given_level))
    return found


def _across_seeds(tables: Tables) -> list[Finding]:
    columns = ("setting", "variant", "dim", "rho", "seed", "step", "log_ema", "log_mean_exp", "grad_norm_product")
    evaluations = tables.get("writeup/evaluations", columns)
    summary = tables.get("writeup/summary", ("setting", "variant", "dim", "rho", "ema_rate"))
    ema = evaluations[(evaluations["variant"] == "ema") & (evaluations["dim"] == DIM)]
    primary_cells = {("derangement", rho) for rho in PRIMARY_RHOS}
    cells = sorted({*primary_cells, *zip(ema["setting"], ema["rho"], strict=True)})
    secondary, found = bonferroni(len(_QUANTITIES) * (len(cells) - len(primary_cells))), []
    for setting, rho in cells:
        primary = (setting, rho) in primary_cells
        where = {"setting": setting, "dim": DIM, "rho": rho}
        cell = f"training, {cell_name(**where)}"
        level = LEVEL if primary else secondary
        try:
            rate = _one(runs_of(summary, variant="ema", **where)["ema_rate"], cell)
            v, b, a, note = _moments_of(runs_of(ema, variant="ema", **where), cell)
        except Missing as missing:
            found += [undecided(cell, quantity, str(missing), primary=primary) for quantity in _QUANTITIES.values()]
            continue
        for key, above, below, factor in (
            ("same", (v, b), (b, b), rate),
            ("gradient", (v, a), (b, a), rate),
            ("spread", (v, v), (b, b), rate / (2.0 - rate)),
        ):
            interval = bootstrap(_ratio_of_covariances(above, below, factor), len(v), level)
            found.append(_equivalent(cell, _QUANTITIES[key], interval, len(v), level, primary, note))
    return found


def _moments_of(rows: pd.DataFrame, cell: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, str]:
    """v, B_exp and |A| of the seeds that have all three at every evaluation past the start, each (seeds, steps).

    Each step's are in units of their geometric mean over seeds: a critic's constant is free, and no step may outweigh
    the others for it. The fourth says how many seeds were left out.
    """
    # The critic that training ends with has no update, and so no v of its own.
    rows = rows[(rows["step"] > SETTLED) & (rows["step"] < rows["step"].max())]
    if rows.empty:
        raise Missing(f"no evaluation past update {SETTLED} and before the last, {cell}")
    wide = {
        name: rows.pivot(index="seed", columns="step", values=name)
        for name in ("log_ema", "log_mean_exp", "grad_norm_product")
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        # The second term's gradient is A / v.
        wide["grad_norm_product"] = np.log(wide["grad_norm_product"]) + wide["log_ema"]
    whole = np.all([np.isfinite(values.to_numpy()).all(1) for values in wide.values()], axis=0)
    if not whole.any():
        raise Missing(f"no run with v, B_exp and the second term's norm at every evaluation, {cell}")
    scaled = [np.exp(values[whole] - values[whole].mean()).to_numpy() for values in wide.values()]
    note = (
        "" if whole.all() else f"{int((~whole).sum())} of {len(whole)} runs left out: a value is missing or not finite"
    )
    v, b, a = scaled
    return v, b, a, note


def _ratio_of_covariances(
    above: tuple[np.ndarray, np.ndarray], below: tuple[np.ndarray, np.ndarray], factor: float
) -> Callable[[np.ndarray], float]:
    """Statistic of seeds: Cov(above) over ``factor`` times Cov(below), both summed over steps; NaN below 0."""
    n_steps = above[0].shape[1]
    # All that a resample needs of a seed in one row: the four values at each step, and two products summed over steps.
    rows = np.concatenate([*above, *below, *((x * y).sum(1, keepdims=True) for x, y in (above, below))], 1)

    def ratio(seeds: np.ndarray) -> float:
        means = rows[seeds].mean(0)
        x, y, under_x, under_y = means[:-2].reshape(4, n_steps)
        under = means[-1] - under_x @ under_y
        return float((means[-2] - x @ y) / (factor * under)) if under > 0.0 else np.nan

    return ratio


def _equivalent(
    cell: str, quantity: str, interval: Interval, n: int, level: float, primary: bool = False, note: str = ""
) -> Finding:
    verdict = equivalence(interval)
    if verdict == UNDECIDED:
        note = "; ".join(part for part in ("the interval reaches across the margin", note) if part)
    return finding(cell, quantity, interval, n, verdict, primary=primary, level=level, note=note)


def _one(rates: pd.Series, cell: str) -> float:
    """The alpha that all these runs share. Raises Missing where they do not share one."""
    values = rates.unique()
    if len(values) != 1:
        raise Missing(f"runs with several α, {cell}")
    return float(values[0])


CLAIM = Claim(
    name="moving_average",
    sentence=(
        "The moving average v cuts the covariance of numerator and denominator to α times its size, and what v is off "
        "by is sampling noise of α/(2-α) times the variance of B_exp."
    ),
    place="MINE, the covariance of v and the second term, and the variance of v",
    test=(
        "At frozen critics with independent batches both are identities and check the instrument. In training (EMA "
        "runs, d = 5, derangement): v's error against E_Q[e^T], known at critics saved along it, split in logs "
        "into lag (v's own average of the true expectations against the last of them) and sampling noise; covariances "
        "and variances of v, B_exp and the norm of the second term's numerator A over seeds, at the evaluations past "
        f"update {SETTLED} together, each in units of its geometric mean over seeds; and, given the critics, about the "
        "expectations. Intervals by a bootstrap over seeds."
    ),
    rule=(
        "Holds in a cell where noise, all that the write-up's formula knows of, is shown to be more than half of v's "
        f"mean squared error, and does not where it is less; and where a ratio to the write-up's factor lies within "
        f"{margin()} by its whole interval, and does not where it lies outside. Primary: share of noise at ρ = 0.85 "
        "and 0.95; the three ratios over seeds at the four ρ. Ratios given the critics are judged and not primary, and "
        f"cannot be decided from critics more than {MAX_APART} updates apart, which overstate noise. An "
        f"identity passes within {margin()}, fails wholly outside, and says nothing in between or from fewer than "
        f"{SETTLED_IDENTITY} / α batches; one that fails leaves everything undecided."
    ),
    figure="claims/lag_and_noise",
    findings=findings,
    asked_by=WRITE_UP,
)


def _mean_of(values: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda seeds: float(values[seeds].mean())


def _root_mean_of(squared: np.ndarray) -> Callable[[np.ndarray], float]:
    return lambda seeds: float(np.sqrt(squared[seeds].mean()))
