"""An estimate in words for a person; ``mine.own.record`` has it for a program."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from mine.errors import escaped
from mine.own.cautions import OVERFITTING
from mine.own.columns import Column
from mine.own.estimate import Estimate, Fit
from mine.own.normalised import Form
from mine.own.order import DEPENDENT_ROWS, NOT_STATIONARY
from mine.own.reading import Source
from mine.own.relations import MAYBE_NAMES
from mine.own.seen import ROWS_SEEN
from mine.own.settings import NORMAL_SCORES, OwnSettings
from mine.own.witnesses import GAUSSIAN_ABOVE, LABELS, NEIGHBOURS_ABOVE, NEIGHBOURS_BELOW, UNCALIBRATED, Witness

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Made:
    """What an estimate was made from. dropped: rows left out for a missing value.

    given: columns that x and z are looked at beyond. groups (n,): whose each row is, where that is said.
    """

    source: Source
    x: Sequence[Column]
    z: Sequence[Column]
    dropped: int
    device: str
    threads: int
    given: Sequence[Column] = ()
    groups: np.ndarray | None = None


SHAKY = frozenset(
    {
        "near_log_n",
        "low_ess",
        "validation_test_part",
        "not_finite",
        "above_entropy",
        "noise_free",
        "near_copies",
        ROWS_SEEN,
        UNCALIBRATED,
    }
)
"""Codes of warnings with which no amount is stated."""

NOT_STATIONARY_SAYS = (
    "x and z are not stationary: take differences first. Nothing is said on whether they depend on each other."
)
DEPENDENT_ROWS_SAYS = (
    "Neighbouring rows resemble each other, so that neither p nor the interval holds: say --blocks of a time "
    "series, --group of several rows of one subject, or --blocks 1 if the rows are independent all the same."
)

_ABOVE = {NEIGHBOURS_ABOVE: "nearest neighbours show", GAUSSIAN_ABOVE: "a Gaussian copula shows"}


def verdict(estimate: Estimate) -> str:
    """One sentence on whether x and z share information, and what the value is worth."""
    codes = {each.code for each in estimate.warnings}
    if NOT_STATIONARY in codes:
        return NOT_STATIONARY_SAYS
    if DEPENDENT_ROWS in codes:
        return DEPENDENT_ROWS_SAYS
    if "same_column" in codes and not estimate.p_value <= SIGNIFICANT:
        return (
            "x and z hold the same column, so their mutual information is at least its entropy; the critic did not "
            "find it, and its value says nothing."
        )
    if estimate.p_value > SIGNIFICANT:
        return _nothing_found(estimate, codes)
    depend = f"x and z depend on each other (p = {estimate.p_value:.3g})"
    if codes & SHAKY:
        return f"{depend}, but do not take the value at its word: see the warnings."
    low, high = estimate.interval
    other = _by_witnesses(codes)
    if not low > 0.0:
        return f"{depend}, but how much is open: the interval reaches zero{f', and {other}' if other else ''}."
    by = f"{estimate.mi:.2f} nats, {low:.2f} to {high:.2f} by"
    shows = f"{depend}: the critic shows {by} its test rows"
    if splits := len(estimate.splits):
        shows = f"{depend}: the critics of {splits} splits show {by} every row once"
    if other:
        return f"{shows}, but {other}."
    few = ", and these are few rows" if "few_rows" in codes else ""
    more = "likely too low, more rows would show more" if OVERFITTING in codes else "a better critic may show more"
    return f"{shows}{few}; {more}{_names(codes)}."


def _nothing_found(estimate: Estimate, codes: Set[str]) -> str:
    tried = [one for each in (estimate, *estimate.splits) for one in each.initialisations]
    kept = max((each.kept for each in tried), default=None)
    nothing = "The critic found nothing" if kept == 0 else "No dependence found"
    how = "no update improved on the critic as initialised, " if kept == 0 else ""
    found = f"{nothing} ({how}p = {estimate.p_value:.3g})"
    if codes & {NEIGHBOURS_ABOVE, GAUSSIAN_ABOVE}:
        return f"{found}, but {_by_witnesses(codes)}."
    return f"{found}. That is no proof of independence: other critics or more rows may find some{_names(codes)}."


def _names(codes: Set[str]) -> str:
    """Whole numbers that are names are no amounts, and a critic that takes them for such finds less or nothing."""
    return ", and so may --discrete: see the warnings" if MAYBE_NAMES in codes else ""


def _by_witnesses(codes: Set[str]) -> str:
    """What witnesses say that contradict the value, and which to believe; nothing where none does."""
    above = [words for code, words in _ABOVE.items() if code in codes]
    if above:
        return f"{' and '.join(above)} more, which is the better guess"
    return "nearest neighbours show less, so that it may be too high" if NEIGHBOURS_BELOW in codes else ""


def render(fits: Sequence[Fit], estimate: Estimate, made: Made, forms: Sequence[Form] = ()) -> str:
    """What the command prints. fits: one, or that of every split. forms: normalised forms that were asked for."""
    settings = fits[0].settings
    low, high = estimate.interval
    given = "spread over splits in it" if estimate.splits else "given this split"
    lines = [
        verdict(estimate),
        "",
        f"value           {estimate.mi:.3f} nats ({estimate.mi / math.log(2):.3f} bits)",
        f"                {estimate.value_is}",
        f"interval        {low:.3f} to {high:.3f} nats ({estimate.level:.0%}), {given}",
        *normalised_lines(forms),
        f"permutations    {_p_value(estimate)}",
        *(_splits(fits, estimate) if estimate.splits else _one(fits[0], estimate)),
        f"validation      {estimate.validation:.3f} nats; on rows that it was trained on {estimate.training:.3f} nats",
        *witness_lines(estimate.witnesses),
        f"marginals       {settings.marginals}{_clamped(estimate, settings)}",
        f"rows            {_rows(fits, estimate, made)}",
        f"product term    effective sample size {estimate.judged.ess_pairs:,.0f} of {estimate.judged.pairs:,} pairs, "
        f"{estimate.judged.ess_rows:,.0f} of {estimate.test_rows:,} rows",
    ]
    if estimate.warnings:
        lines += ["", *(f"warning: {escaped(each.text)}" for each in estimate.warnings)]
    return "\n".join(lines)


def render_of_new_rows(fitted: Fit, estimate: Estimate, made: Made, model: str, forms: Sequence[Form] = ()) -> str:
    """What the command prints of a fitted model on rows that it was not given. model: its file's name."""
    low, high = estimate.interval
    dropped = f", {made.dropped:,} dropped for a missing value" if made.dropped else ""
    seen = ROWS_SEEN in {each.code for each in estimate.warnings}
    lines = [
        verdict(estimate),
        "",
        f"value           {estimate.mi:.3f} nats ({estimate.mi / math.log(2):.3f} bits)",
        f"                {estimate.value_is}",
        f"interval        {low:.3f} to {high:.3f} nats ({estimate.level:.0%}), given the model",
        *normalised_lines(forms),
        f"permutations    {_p_value(estimate)}",
        f"model           {model}, trained on {len(fitted.rows[0]):,} {'' if seen else 'other '}rows",
        f"marginals       {fitted.settings.marginals}{_clamped(estimate, fitted.settings)}",
        f"rows            {estimate.test_rows:,}{dropped}",
    ]
    if estimate.warnings:
        lines += ["", *(f"warning: {escaped(each.text)}" for each in estimate.warnings)]
    return "\n".join(lines)


def _one(fitted: Fit, estimate: Estimate) -> list[str]:
    return [
        *_critic(fitted),
        f"initialisations test values {_values(each.test for each in estimate.initialisations)}; {_read(fitted)}",
        f"starts from     {_start(fitted)}",
    ]


def _splits(fits: Sequence[Fit], estimate: Estimate) -> list[str]:
    p_values = ", ".join(f"{each.p_value:.3g}" for each in estimate.splits)
    values = _values(each.mi for each in estimate.splits)
    kinds = [each.kind for each in fits]
    return [
        f"splits          values {values}; p = {p_values}; of each, {_read(fits[0])}",
        *(["critics         of each split, the validation rows chose " + ", ".join(kinds)] if fits[0].tried else []),
        *(f"{'' if place else 'starts from':<15} {_start(each)}" for place, each in enumerate(fits)),
    ]


def _rows(fits: Sequence[Fit], estimate: Estimate, made: Made) -> str:
    training, validation, test = (f"{len(part):,}" for part in fits[0].rows)
    dropped = f", {made.dropped:,} dropped for a missing value" if made.dropped else ""
    if estimate.splits:
        of_first = f"of the first split {training} training, {validation} validation"
        return f"{estimate.test_rows:,}, each judged once; {of_first}{dropped}"
    return f"{training} training, {validation} validation, {test} test{dropped}"


def _read(fitted: Fit) -> str:
    if fitted.blend is None:
        return f"number {fitted.trained.chosen + 1} was chosen by the validation rows"
    return "their mean, calibrated on the validation rows, is read"


def _critic(fitted: Fit) -> list[str]:
    """Which kind is read, where there was a choice."""
    if not fitted.tried:
        return []
    values = ", ".join(f"{kind} {value:.3f}" for kind, value in fitted.tried.items())
    best = max(fitted.tried, key=fitted.tried.__getitem__)
    return [f"critic          {best}; chosen by the validation rows: {values} nats on them"]


def _start(fitted: Fit) -> str:
    if fitted.copula is None:
        return "nothing"
    kind = "Gaussian" if math.isinf(fitted.copula.dof) else f"t copula of {fitted.copula.dof:g} degrees of freedom"
    kind = kind if kind != "Gaussian" else "Gaussian copula"
    of_what = " of columns and columns times length" if fitted.copula.turning else ""
    return f"the log ratio of a {kind}{of_what}, {len(fitted.copula.rho)} canonical correlations"


def normalised_lines(forms: Sequence[Form]) -> list[str]:
    """A line for each normalised form."""
    return [
        f"{'' if place else 'normalised':<15} {each.value:.3f}, {each.low:.3f} to {each.high:.3f}: {each.what_it_is}"
        for place, each in enumerate(forms)
    ]


def witness_lines(witnesses: Sequence[Witness]) -> list[str]:
    """A line for each witness."""
    lines: list[str] = []
    for each in witnesses:
        found = f"none, {each.why}" if each.value is None else f"{each.value:.3f} nats, standard error {each.error:.3f}"
        lines.append(f"{'' if lines else 'witnesses':<15} {LABELS[each.name]}: {found}")
    return lines


def _clamped(estimate: Estimate, settings: OwnSettings) -> str:
    if settings.marginals != NORMAL_SCORES:
        return ""
    return f"; {estimate.clamped:.1%} of the test rows are beyond the training rows and were put at their end"


def _p_value(estimate: Estimate) -> str:
    if not math.isfinite(estimate.p_value):
        return "none: not stationary"
    orders = f"{len(estimate.judged.permuted):,} other orders of the test rows"
    of_splits = f"twice the median of the splits, {orders} of each" if estimate.splits else orders
    return f"p = {estimate.p_value:.3g} ({of_splits})"


def _values(numbers) -> str:
    return ", ".join(f"{number:.3f}" for number in numbers)
