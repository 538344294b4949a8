"""How much one predicted concept, or all of them, says of something else beyond what the true concepts say.

Two numbers, nats. ``conditional``, I(s; w | c): what the predicted s says of w when the concept c is known. It is never
below 0 and counts all that leaks. ``difference``, I(s; w) - I(c; w), the usual one (Mahinpei et al. 2021), sets against
it what s has lost of c, so it may be below 0 while much leaks, and never exceeds ``conditional``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mine.baselines.mixed import jittered, local_class_values, local_values_given
from mine.errors import UserError
from mine.own.columns import Column, column, entropy
from mine.own.conditional import difference, estimate_conditional, fit_conditional
from mine.own.estimate import estimate, fit
from mine.own.settings import OwnSettings
from mine.own.streams import Use, numbers

LEVEL = 0.95
_HALF_WIDTHS = 1.959963984540054


@dataclass(frozen=True)
class Reading:
    """One measurement, nats; None where there is none, and ``why``.

    of_predicted: I(s; w). of_concept: I(c; w). difference: of the two. conditional: I(s; w | c).
    low, high: of conditional; difference_low, difference_high: of difference; 95 %. p_value: of the test that s and w
    are independent given c. rows: that it is read on. warnings: what to be wary of, each in one sentence, by code.
    """

    of_predicted: float | None = None
    of_concept: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    conditional: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    rows: int | None = None
    warnings: dict[str, str] = field(default_factory=dict)
    why: str = ""


def by_critics(
    predicted: Sequence[Column],
    concepts: Sequence[Column],
    target: Column,
    settings: OwnSettings,
    device: torch.device | str = "cpu",
    groups: np.ndarray | None = None,
) -> Reading:
    """Trained critics on held-out rows: all three estimates on the same split, differences over the same resamples.

    predicted: s; concepts: c, discrete; target: w, discrete. settings, groups: of ``mine.own.conditional``. What
    cannot be estimated, such as a constant prediction, is the reading's ``why``.
    """
    try:
        fitted = fit_conditional(predicted, [target], concepts, settings, device=device, groups=groups)
        given = estimate_conditional(fitted, predicted, [target], concepts)
        alone = fit(predicted, [target], settings, device=device, groups=groups, together=fitted.whole.together)
        of_predicted = estimate(alone, predicted, [target])
    except UserError as error:
        return Reading(why=str(error))
    value, (low, high) = difference(of_predicted, given.part, settings.level)
    return Reading(
        of_predicted.mi,
        given.part.mi,
        value,
        low,
        high,
        given.mi,
        *given.interval,
        None if math.isnan(given.p_value) else given.p_value,
        given.test_rows,
        {each.code: each.text for each in (*of_predicted.warnings, *given.warnings)},
    )


def by_neighbours(
    predicted: Sequence[Column],
    concepts: Sequence[Column],
    target: Column,
    settings: OwnSettings,
    *,
    test: bool = True,
) -> Reading:
    """Nearest neighbours (``mine.baselines.mixed``) on all rows; a discrete s by its counts instead.

    The intervals are of the mean over rows by their standard error, which takes rows as independent; the test puts w in
    ``settings.permutations`` other orders among rows that are alike in c; none without ``test``.
    """
    c, w = codes(concepts), codes([target])
    if not (of_s := _amounts_or_none(predicted)).size:
        return _by_counts(codes(predicted), c, w, settings, test=test)
    x = jittered(of_s)
    given = local_values_given(x, w, c)
    alone = local_class_values(x, w)
    of_c = pointwise(c, w)
    p_value = None
    if test:
        source = numbers(settings.seed, Use.WITHIN_CELLS)
        orders = [within(w, c, source) for _ in range(settings.permutations)]
        others = np.array([local_values_given(x, order, c).mean() for order in orders])
        p_value = float((1 + (others >= given.mean()).sum()) / (1 + len(others)))
    return _reading(alone, of_c, given, p_value)


def _by_counts(s: np.ndarray, c: np.ndarray, w: np.ndarray, settings: OwnSettings, *, test: bool) -> Reading:
    """The same of predictions that are levels: plug-in, which is too high by about half its degrees of freedom / n."""
    if len(np.unique(s)) < 2:
        return Reading(why="the prediction is constant")
    given = pointwise_given(s, w, c)
    p_value = None
    if test:
        source = numbers(settings.seed, Use.WITHIN_CELLS)
        others = np.array([pointwise_given(s, within(w, c, source), c).mean() for _ in range(settings.permutations)])
        p_value = float((1 + (others >= given.mean() - 1e-12).sum()) / (1 + len(others)))
    return _reading(pointwise(s, w), pointwise(c, w), given, p_value)


def _reading(alone: np.ndarray, of_c: np.ndarray, given: np.ndarray, p_value: float | None) -> Reading:
    def half(values: np.ndarray) -> float:
        return _HALF_WIDTHS * float(values.std(ddof=1)) / math.sqrt(len(values))

    less, conditional = float((alone - of_c).mean()), float(given.mean())
    return Reading(
        float(alone.mean()),
        float(of_c.mean()),
        less,
        less - half(alone - of_c),
        less + half(alone - of_c),
        conditional,
        conditional - half(given),
        conditional + half(given),
        p_value,
        len(given),
    )


def within(w: np.ndarray, c: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """Values of w (n,) in another order within each class of c (n,)."""
    order = np.argsort(c, kind="stable")
    shuffled = np.lexsort((source.random(len(c)), c))
    found = np.empty_like(w)
    found[order] = w[shuffled]
    return found


def codes(columns: Sequence[Column]) -> np.ndarray:
    """One whole number a row for levels of several discrete columns together, (n,)."""
    each = np.stack([np.unique(one.values, return_inverse=True)[1] for one in columns], 1)
    return np.asarray(np.unique(each, axis=0, return_inverse=True)[1]).ravel()


def pointwise(s: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Log p(s, w) / p(s) p(w) of each row by counts, (n,); the mean is the plug-in information."""
    n = len(s)
    both = s * (w.max() + 1) + w
    counts = [np.bincount(each)[each] for each in (both, s, w)]
    return np.asarray(np.log(counts[0] * n / (counts[1] * counts[2].astype(float))))


def pointwise_given(s: np.ndarray, w: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The same given c."""
    found = np.empty(len(s))
    for level in np.unique(c):
        rows = c == level
        found[rows] = pointwise(s[rows], w[rows])
    return found


def _amounts_or_none(columns: Sequence[Column]) -> np.ndarray:
    """Amounts (n, d); empty where columns are levels."""
    if any(each.discrete for each in columns):
        return np.empty((0, 0))
    return np.stack([each.values for each in columns], 1)


def plug_in(one: Sequence[Column], other: Sequence[Column]) -> float:
    """I of discrete columns by counts, nats."""
    parts = [entropy(each) for each in (one, other, [*one, *other])]
    assert all(part is not None for part in parts), "columns are discrete"
    return float(parts[0] + parts[1] - parts[2])  # type: ignore[operator]


def as_row(reading: Reading) -> dict[str, Any]:
    """A reading as values of a table's columns."""
    values = {name: value for name, value in vars(reading).items() if name not in ("warnings", "why")}
    return values | {"warnings": ",".join(sorted(reading.warnings)), "why": reading.why or None}


def amount(values: np.ndarray, name: str) -> Column:
    """Numbers (n,) as a column."""
    return column(name, values, discrete=False)


def levels(values: np.ndarray, name: str) -> Column:
    """Whole numbers (n,) as classes."""
    return column(name, values.astype(np.int64), discrete=True)
