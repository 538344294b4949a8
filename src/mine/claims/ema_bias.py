"""The moving average's gradient is less biased than the batch's; and what its variance costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import REPORTED, UNDECIDED, WRITE_UP, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.frozen_critics import BATCH, CRITICS, MIN_REFERENCE_ESS, RUNS, cells_of, low_ess
from mine.claims.tables import Tables, cell_name, runs_of
from mine.statistics import LEVEL, bonferroni, ratio_of_means

RATE = 0.01
"""MINE's usual alpha, the published runs'."""

PRIMARY = tuple((*critic, RATE) for critic in CRITICS)
"""d, rho, updates done and alpha: the frozen critics of the batch gradient's bias, at the alpha that trained them."""

_SMALLER = f"squared bias of the EMA gradient / of the batch gradient, k = {BATCH}"
_VARIANCE = f"variance of the EMA gradient / of the batch gradient, k = {BATCH}"
_ERROR = f"mean squared error (bias² and variance) of the EMA gradient / of the batch gradient, k = {BATCH}"


def findings(tables: Tables) -> list[Finding]:
    """Per critic and alpha: ratios of squared bias, variance and mean squared error, EMA's over biased's."""
    columns = (
        *RUNS,
        "scheme",
        "estimator",
        "ema_rate",
        "batch_size",
        "bias_squared",
        "variance",
        "ess",
    )
    bias = tables.get("frozen/bias", columns)
    bias = bias[(bias["scheme"] == "independent") & (bias["batch_size"] == BATCH)]
    rates = sorted({RATE, *bias["ema_rate"].dropna()}, reverse=True)
    cells = cells_of(bias)
    secondary = bonferroni(len(cells) * len(rates) - len(PRIMARY))
    found = []
    for dim, rho, step in cells:
        for rate in rates:
            primary = (dim, rho, step, rate) in PRIMARY
            # With an alpha of 1 it is the batch gradient itself.
            if rate == 1.0:
                continue
            cell = f"{cell_name(dim=dim, rho=rho, step=step)}, α = {rate:g}"
            try:
                rows = runs_of(bias, dim=dim, rho=rho, step=step)
                found += _of_cell(cell, rows, rate, primary, LEVEL if primary else secondary)
            except Missing as missing:
                found.append(undecided(cell, _SMALLER, str(missing), primary=primary))
    return found


def _of_cell(cell: str, rows: pd.DataFrame, rate: float, primary: bool, level: float) -> list[Finding]:
    biased = rows[rows["estimator"] == "biased"].set_index("seed")
    ema = rows[(rows["estimator"] == "ema") & (rows["ema_rate"] == rate)].set_index("seed")
    ema = ema[ema["bias_squared"].notna()]
    seeds = sorted(set(biased.index) & set(ema.index))
    if not seeds:
        raise Missing(f"no seed with both gradients measured, {cell}")
    if note := low_ess(rows):
        return [undecided(cell, _SMALLER, note, n_seeds=len(seeds), primary=primary)]
    biased, ema, n = biased.loc[seeds], ema.loc[seeds], len(seeds)
    interval = ratio_of_means(ema["bias_squared"], biased["bias_squared"], level)
    verdict, note = decide(interval.below(1.0), interval.low >= 1.0), ""
    if verdict == UNDECIDED:
        note = (
            "the batch gradient's own bias is not clear of 0" if np.isnan(interval.low) else "the interval contains 1"
        )
    found = [finding(cell, _SMALLER, interval, n, verdict, primary=primary, level=level, note=note)]
    if ema["variance"].notna().all() and biased["variance"].notna().all():
        error_ema, error_biased = (side["variance"] + side["bias_squared"] for side in (ema, biased))
        found += [
            finding(
                cell, _VARIANCE, ratio_of_means(ema["variance"], biased["variance"], level), n, REPORTED, level=level
            ),
            finding(cell, _ERROR, ratio_of_means(error_ema, error_biased, level), n, REPORTED, level=level),
        ]
    return found


CLAIM = Claim(
    name="ema_bias",
    sentence="Dividing by the moving average instead of the batch's mean makes the gradient's bias smaller.",
    place="MINE, below the gradient with v, where its covariance is split",
    test=(
        "Frozen critics of the EMA variant (d = 5), independent product batches of 128, v settled: squared bias of "
        "the second term's gradient by split halves, of A / v over that of A / B, for each α; the same of its variance "
        "(trace of the covariance of one batch's gradient) and of their sum. Ratios of means over seeds, intervals by "
        "a bootstrap over seeds."
    ),
    rule=(
        "Holds at a critic and α where the whole interval of the ratio of squared biases lies below 1; does not where "
        f"it lies at or above 1. Primary: α = {RATE:g}, ρ = 0.85 and 0.95 after 100, 1,000 and 3,000 updates. Where a "
        f"true gradient's effective sample size is under {MIN_REFERENCE_ESS:,.0f}, or the batch gradient's own bias is "
        "not clear of 0, nothing is decided. Ratios of variances and of mean squared errors say what it costs or saves "
        "and enter no verdict."
    ),
    figure="claims/ema_bias",
    findings=findings,
    asked_by=WRITE_UP,
)
