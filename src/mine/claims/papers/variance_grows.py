"""Claim: the variance of MINE and NWJ grows exponentially with the mutual information."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mine.claims.claim import PAPER, Claim, Finding, Missing, decide, finding, undecided
from mine.claims.papers import stairs
from mine.claims.tables import Tables
from mine.estimators.names import label
from mine.statistics import LEVEL, bonferroni, median

PRIMARY = ("biased-stable", "ema-log", "nwj")
BESIDE = ("smile", "gan-dime", "doe-logistic")
STEP = 2.0
"""Nats from stair to stair."""

DOUBLES = math.log(2.0) / STEP
"""Slope of the logarithm of a variance that doubles from stair to stair, per nat. Ours."""

QUANTITY = "slope of ln(in-batch variance) over the stairs, per nat, median over seeds"


def findings(tables: Tables) -> list[Finding]:
    """The slope for each estimator and critic; of those that the paper puts beside, not primary."""
    table = stairs.stairs(tables)
    cells = [(name, critic) for name in (*PRIMARY, *BESIDE) for critic in ("separable", "concat", "density")]
    kept = [cell for cell in cells if (cell[1] == "density") == cell[0].startswith("doe")]
    level = bonferroni(len(kept) * len(stairs.TASKS) - 2 * len(PRIMARY))
    found = []
    for task in stairs.TASKS:
        for name, critic in kept:
            primary = name in PRIMARY and task == "gaussian"
            found.append(_slope(table, name, critic, task, primary, LEVEL if primary else level))
    return found


def _slope(table: pd.DataFrame, variant: str, critic: str, task: str, primary: bool, level: float) -> Finding:
    cell = f"{label(variant)}, {critic}, {task}"
    try:
        of = stairs.runs(table, variant, critic, task)
        truths = sorted(of["mi_true"].unique())
        if len(truths) < 3:
            raise Missing("fewer than three stairs have no curve")
        variances = pd.concat([stairs.at(of, mi, "mi_batch_variance") for mi in truths], axis=1)
    except Missing as missing:
        return undecided(cell, QUANTITY, str(missing), primary=primary)
    slopes = np.array([slope(np.array(truths), row) for row in variances.to_numpy()])
    interval = median(slopes, level)
    ended = int(np.isinf(slopes).sum())
    note = f"{ended} of {len(slopes)} runs ended" if ended else ""
    verdict = decide(interval.above(DOUBLES), interval.below(DOUBLES))
    return finding(cell, QUANTITY, interval, len(slopes), verdict, primary=primary, level=level, note=note)


def slope(truths: np.ndarray, variances: np.ndarray) -> float:
    """Least squares slope of ln(variance), per nat; inf of a run that ended."""
    if not np.isfinite(variances).all():
        return np.inf
    return float(np.polyfit(truths, np.log(np.maximum(variances, np.finfo(float).tiny)), 1)[0])


CLAIM = Claim(
    name="variance_grows",
    sentence="The variance of MINE and NWJ grows exponentially with the true mutual information.",
    place=(
        "Song and Ermon 2020, introduction (arXiv 1910.06222): “the variance of certain estimators, such as MINE, "
        "could grow exponentially with the ground truth MI”; also in the abstract"
    ),
    test=(
        f"{stairs.TEST} The slope of the logarithm of the variance within a run over the five stairs, of each seed; a "
        "run that overflowed has an infinite one."
    ),
    rule=(
        "What grows exponentially doubles again and again: holds where the variance at least doubles from stair to "
        f"stair (slope above {DOUBLES:.3f} per nat, the whole interval), does not where it lies below. Primary: the "
        "Donsker-Varadhan bound, MINE and NWJ, all pairs and concatenated, Gaussian; SMILE, GAN-DIME, DoE and the "
        f"cubic task beside. {stairs.SEEN}"
    ),
    figure="staircase/scores",
    findings=findings,
    asked_by=PAPER,
)
