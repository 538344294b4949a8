"""v along training, held against the expectation that it follows: how much of its error is lag, how much noise.

v is a moving average of batch means B_exp, each of which has the expectation E_Q[e^T] of its own critic. Were every
batch infinite, v would be the same moving average of these expectations, v-bar. So v - E, the error of v, is
v-bar - E, the lag behind a critic that moves (which the write-up leaves out), and v - v-bar, the noise of batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mine.errors import UserError
from mine.frozen.averages import moving_average
from mine.frozen.critics import Critics
from mine.frozen.gradients import FrozenCritic
from mine.frozen.measure import ROWS
from mine.frozen.sampling import Purpose, mixture_pairs, source
from mine.frozen.tables import LAG, table
from mine.settings import STREAM
from mine.trace import Trace

PAIRS = 40_000
"""Of the mixture (P + Q) / 2, the same at every step, so that log E moves smoothly from step to step."""


def lag_table(
    critics: Critics,
    trace: Trace,
    trace_path: Path,
    pairs: int = PAIRS,
    report: Callable[[int, str], Any] = lambda done, text: None,
) -> pa.Table:
    """A row for each saved critic that trained on: columns ``mine.frozen.tables.LAG``.

    log E_Q[e^T] is interpolated in a straight line between saved critics. The critic after n updates is what row n + 1
    of the trace describes, whose log_ema is log v with this critic's batch in it.
    report: called with critics done, and what is at work.
    Raises UserError where the trace is of another run than the critics, has no v, or its batches' expectation is not
    E_Q[e^T]: a permutation leaves some pairs joint, and a data set has an expectation of its own.
    """
    _check(critics, trace, trace_path)
    cell, settings = critics.cell, critics.settings
    log_ema = trace.frame["log_ema"].to_numpy(dtype=np.float64)
    log_mean_exp = trace.frame["log_mean_exp"].to_numpy(dtype=np.float64)
    updates = int(np.isfinite(log_ema).sum())

    generator = source(cell.seed, cell.dim, cell.rho, Purpose.LAG)
    samples = [mixture_pairs(ROWS, cell.dim, cell.rho, generator) for _ in range(math.ceil(pairs / ROWS))]
    known = np.array([step for step in critics.steps if step < updates])
    log_expectation, ess = np.empty(len(known)), np.empty(len(known))
    for place, step in enumerate(known):
        critic = FrozenCritic.of(critics, int(step))
        summands = [(critic.scores(drawn).double() + log_weight).numpy() for drawn, log_weight in samples]
        log_expectation[place], ess[place] = _log_mean_and_ess(np.concatenate(summands))
        report(place + 1, f"critic after {step} updates")

    along = np.interp(np.arange(updates), known, log_expectation)
    # In units of the last expectation, so that no critic's constant can overflow.
    unit = along[-1]
    expectations = np.exp(along - unit)
    start = expectations[0] if settings.ema_init == "first-batch" else math.exp(-unit)
    smooth = moving_average(expectations, np.array([settings.ema_rate]), np.array([start]))[:, 0]
    noise = np.exp(log_ema[:updates] - unit) - smooth
    batch = np.exp(log_mean_exp[:updates] - unit) - expectations
    rows = []
    for place, step in enumerate(known):
        expectation = expectations[step]
        since = slice(known[place - 1] + 1 if place else 0, step + 1)
        rows.append(
            {
                "dim": cell.dim,
                "rho": cell.rho,
                "seed": cell.seed,
                "step": int(step),
                "ema_rate": settings.ema_rate,
                "log_v": log_ema[step],
                "log_mean_exp": log_mean_exp[step],
                "log_expectation": log_expectation[place],
                "lag": smooth[step] / expectation - 1.0,
                "noise": noise[step] / expectation,
                "updates": since.stop - since.start,
                "noise_squared": np.mean(noise[since] ** 2) / expectation**2,
                "batch_squared": np.mean(batch[since] ** 2) / expectation**2,
                "noise_batch": np.mean(noise[since] * batch[since]) / expectation**2,
                "ess": ess[place],
            }
        )
    return table(LAG, rows)


def _log_mean_and_ess(log_summands: np.ndarray) -> tuple[float, float]:
    largest = log_summands.max()
    summands = np.exp(log_summands - largest)
    return largest + math.log(summands.mean()), float(summands.sum() ** 2 / np.square(summands).sum())


def _check(critics: Critics, trace: Trace, path: Path) -> None:
    for key in ("cell", "settings", "code"):
        if trace.metadata.get(key) != critics.metadata.get(key):
            raise UserError(f"{path}: its {key} is not that of {critics.path}; train both at once")
    settings = critics.settings
    if trace.frame["log_ema"].isna().all():
        raise UserError(f"{path}: no moving average in a run of {critics.cell.variant}; lag is about v")
    if settings.product == "permutation" or settings.data != STREAM:
        what = "product: 'permutation'" if settings.data == STREAM else f"data: {settings.data}"
        raise UserError(
            f"{path}: {what} makes batches whose expectation is not E_Q[e^T]; train with fresh derangements"
        )
    if len(critics.steps) == 0 or critics.steps[0] != 0:
        raise UserError(f"{critics.path}: no critic after 0 updates; lag needs the expectations from the start")
    if len(critics.steps) < 2:
        raise UserError(f"{critics.path}: a single critic; lag needs them along training")
