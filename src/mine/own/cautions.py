"""When a value is not to be taken at its word, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from mine.divergence import MIN_ESS
from mine.own.columns import Warned
from mine.own.encoding import FAR, Encoding
from mine.own.scores import Judged
from mine.own.settings import OwnSettings
from mine.own.training import Trained

NEAR_CEILING = 1.0
"""Nats below the ceiling from which on a value is near it."""

PART_ERRORS = 3.0
"""Standard errors of the difference beyond which validation and test values part."""

MOST_APART = 1.0
"""Nats beyond which they part whatever their errors."""

_SHOWN = 4

OVERFITTING = "overfitting"
"""The warning that the critic knows its training rows better than others."""

MARGIN = 0.05
"""Nats up to which a critic may be worth more on its training rows."""

FEW_ROWS = 100
"""Test rows below which an interval is a rough one."""


def of_training(
    trained: Trained, sides: Sequence[Encoding], encoded: Sequence[Tensor], training: np.ndarray, settings: OwnSettings
) -> list[Warned]:
    """Of the rows trained on and of how training went."""
    warned = []
    for encoding, values in zip(sides, encoded, strict=True):
        names = np.array(encoding.encoded_names)
        if encoding.constant.any():
            warned.append(
                Warned(
                    "constant_in_training",
                    f"{_listed(names[encoding.constant])} vary outside the training rows only: the critic cannot have "
                    "learned from that.",
                )
            )
        farthest = np.where(encoding.amounts, _farthest(values.numpy()[training]), 0.0)
        if farthest.max() > FAR:
            warned.append(
                Warned(
                    "heavy_tails",
                    f"{_listed(names[farthest > FAR])} have values up to {farthest.max():.3g} standard deviations from "
                    "their median, by the middle half of the rows: normal scores (--marginals normal-scores) "
                    "leave the mutual information as it is and are easier to learn from.",
                )
            )
    if any(trained.lost):
        warned.append(
            Warned(
                "overflow",
                f"{sum(trained.lost)} of {len(trained.lost)} initialisations became non-finite in training; what they "
                "kept is from before.",
            )
        )
    if not trained.ended:
        patience = settings.patience * settings.eval_every
        warned.append(
            Warned(
                "not_ended",
                f"Training came to its limit of {settings.max_updates:,} updates before {patience:,} passed without "
                "a better validation value: more may be there to learn; raise --max-updates.",
            )
        )
    return warned


def of_test_rows(
    judged: Judged,
    interval: tuple[float, float],
    rows: int,
    ceiling: float,
    validation: Judged | None,
    entropies: tuple[float | None, float | None],
) -> list[Warned]:
    """Of one critic's value on its test rows."""
    warned = []
    if not (math.isfinite(judged.value) and all(map(math.isfinite, interval))):
        warned.append(
            Warned("not_finite", "Value or interval is not finite: the critic's scores leave float64's range.")
        )
    if not judged.value <= ceiling - NEAR_CEILING:
        warned.append(
            Warned(
                "near_log_n",
                f"The value is near {ceiling:.1f} nats, the log of the number of rows it is from: no estimate from so "
                "few rows can show more (McAllester and Stratos 2020), and the truth may be far above.",
            )
        )
    # Written so that what is not a number is few as well.
    if not (judged.ess_pairs >= MIN_ESS and judged.ess_rows >= _few(rows)):
        warned.append(
            Warned(
                "low_ess",
                f"The product term rests on few pairs: effective sample size {judged.ess_pairs:,.0f} of "
                f"{judged.pairs:,} pairs, {judged.ess_rows:,.0f} of {rows:,} rows. The value can be far too high or "
                "too low, and the interval does not show it.",
            )
        )
    if validation is not None:
        error = math.hypot(validation.standard_error, judged.standard_error)
        apart = abs(validation.value - judged.value)
        # An error that a few rows make is as large as what they do to the value, and excuses nothing.
        if not apart <= min(PART_ERRORS * error, MOST_APART):
            warned.append(
                Warned(
                    "validation_test_part",
                    f"Validation rows give {validation.value:.3f} nats and test rows {judged.value:.3f}, more than "
                    f"{PART_ERRORS:g} standard errors or {MOST_APART:g} nats apart: a few rows decide, or "
                    "rows are not alike.",
                )
            )
    for name, limit in zip(("x", "z"), entropies, strict=True):
        if limit is not None and not judged.value <= limit:
            warned.append(
                Warned("above_entropy", f"The value exceeds the entropy of {name}, {limit:.3f} nats: it is too high.")
            )
    if rows < FEW_ROWS:
        warned.append(
            Warned(
                "few_rows",
                f"Only {rows} test rows: another split of the same data (--seed) can move the value by more than the "
                "interval says.",
            )
        )
    return warned


def of_overfitting(training: Judged, test: Judged) -> list[Warned]:
    """Of one critic's value on rows that it was trained on, and on its test rows.

    A critic with rows enough is worth the same on both. One that must learn more than its rows hold is worth more on
    them than the best of its kind, and less than that on others by about as much (Akaike 1974, of likelihoods); early
    stopping ends it before it has learned what there is.
    """
    gap, error = training.value - test.value, math.hypot(training.standard_error, test.standard_error)
    if not gap > max(MARGIN, PART_ERRORS * error):
        return []
    return [
        Warned(
            OVERFITTING,
            f"On rows that it was trained on the critic is worth {training.value:.2f} nats and on test rows "
            f"{test.value:.2f}: there is more to learn than so many rows teach it, and the value is likely too low; "
            "more rows would show more.",
        )
    ]


def _farthest(values: np.ndarray) -> np.ndarray:
    """Largest distance from the median in deviations of a normal column with the same quartiles, (width,).

    The deviation of all rows would grow with the far value itself: of n rows none is beyond sqrt(n - 1) of those. A
    column whose quartiles are one value has no such measure, and 0 here.
    """
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    deviation = (high - low) / 1.349
    return np.divide(np.abs(values - middle).max(0), deviation, out=np.zeros(len(middle)), where=deviation > 0.0)


def _few(rows: int) -> float:
    """Rows that must at least stand behind the product term: those of MIN_ESS, or a tenth where there are few."""
    return min(MIN_ESS, rows / 10.0)


def _listed(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
