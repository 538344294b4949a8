"""Conditional mutual information in words for a person, and as a JSON object for a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mine.errors import escaped
from mine.own.conditional import WIDE_CELLS, Conditional, ConditionalFit
from mine.own.normalised import Form
from mine.own.order import DEPENDENT_ROWS, NOT_STATIONARY
from mine.own.record import CONTRACT, of_witnesses, plain, record
from mine.own.report import (
    DEPENDENT_ROWS_SAYS,
    NOT_STATIONARY_SAYS,
    SHAKY,
    SIGNIFICANT,
    Made,
    normalised_lines,
    witness_lines,
)

INTERVAL_IS = (
    "bootstrap over the test rows, the same resamples for both estimates, with the critics fixed, widened by the "
    "standard errors over initialisations: it leaves out what another split or better critics would change"
)
EXACT = "z in other orders within levels of the given columns"
APPROXIMATE = (
    "z in other orders among neighbours in the given columns: approximate, and the better the more rows there are"
)


def verdict(found: Conditional) -> str:
    """One sentence on whether x and z share information beyond what c tells, and what the value is worth."""
    codes = {each.code for each in found.warnings}
    if NOT_STATIONARY in codes:
        return NOT_STATIONARY_SAYS
    if DEPENDENT_ROWS in codes:
        return DEPENDENT_ROWS_SAYS
    low, high = found.interval
    p = f"{'' if found.cells.exact else 'approximate '}p = {found.p_value:.3g}"
    shows = f"{found.mi:.2f} nats, {low:.2f} to {high:.2f} by the test rows"
    no_bound = "a difference of two estimates, so no bound"
    if math.isnan(found.p_value):
        return f"x and z given the rest: {shows}; {no_bound}, and no test: {found.no_test}."
    if found.p_value > SIGNIFICANT:
        return (
            f"No dependence found beyond what the given columns tell ({p}). That is no proof of conditional "
            f"independence. The value, {no_bound}, may be negative."
        )
    depend = f"x and z depend on each other beyond what the given columns tell ({p})"
    if codes & SHAKY:
        return f"{depend}, but do not take the value at its word: see the warnings."
    if WIDE_CELLS in codes:
        return f"{depend}, but neighbours there are far from alike, so that p is too small: see the warnings."
    if not low > 0.0:
        return f"{depend}, but how much is open: the interval reaches zero."
    return f"{depend}: {shows}; {no_bound}."


def render(fitted: ConditionalFit, found: Conditional, made: Made, forms: Sequence[Form] = ()) -> str:
    """What the command prints."""
    low, high = found.interval
    rows = [len(part) for part in fitted.whole.rows]
    dropped = f", {made.dropped:,} dropped for a missing value" if made.dropped else ""
    lines = [
        verdict(found),
        "",
        f"value           {found.mi:.3f} nats ({found.mi / math.log(2):.3f} bits)",
        f"                {found.value_is}",
        f"interval        {low:.3f} to {high:.3f} nats ({found.level:.0%}), given this split",
        *normalised_lines(forms),
        f"permutations    {_test(found)}",
        f"I(x, c; z)      {_part(found.whole)}",
        f"I(c; z)         {_part(found.part)}",
        *witness_lines(found.witnesses),
        f"rows            {rows[0]:,} training, {rows[1]:,} validation, {rows[2]:,} test{dropped}",
    ]
    if found.warnings:
        lines += ["", *(f"warning: {escaped(each.text)}" for each in found.warnings)]
    return "\n".join(lines)


def _part(estimate: Any) -> str:
    low, high = estimate.interval
    return f"{estimate.mi:.3f} nats, {low:.3f} to {high:.3f}"


def _test(found: Conditional) -> str:
    if found.no_test:
        return f"none: {found.no_test}"
    how = EXACT if found.cells.exact else APPROXIMATE
    return f"p = {found.p_value:.3g} ({len(found.permuted):,} orders of the test rows, {how})"


def record_conditional(fitted: ConditionalFit, found: Conditional, made: Made) -> dict[str, Any]:
    """All of it, ready for JSON: information in nats, a number that is not finite as null."""
    low, high = found.interval
    made_of = {"whole": replace(made, x=[*made.x, *made.given]), "part": replace(made, x=list(made.given))}
    return plain(
        {
            "contract": CONTRACT,
            "mi": found.mi,
            "unit": "nats",
            "value_is": found.value_is,
            "interval": {
                "low": low,
                "high": high,
                "level": found.level,
                "standard_error": found.standard_error,
                "is": INTERVAL_IS,
            },
            "permutation_test": {
                "p_value": found.p_value,
                "orders": len(found.permuted),
                "is": EXACT if found.cells.exact else APPROXIMATE,
                "exact": found.cells.exact,
                "why_none": found.no_test or None,
                "cells": len(found.cells.members),
                "levels": found.cells.levels,
                "levels_of_few_rows": found.cells.small_levels,
                "rows_in_levels_of_few_rows": found.cells.rows_in_small,
                "variance_left_within_cells": found.cells.within,
            },
            "verdict": verdict(found),
            "warnings": [{"code": each.code, "text": each.text} for each in found.warnings],
            "witnesses": of_witnesses(found.witnesses),
            "data": {
                "x": [each.name for each in made.x],
                "z": [each.name for each in made.z],
                "given": [each.name for each in made.given],
            },
            "of": {
                "x_and_given_with_z": record([fitted.whole], found.whole, made_of["whole"], fitted.whole.settings),
                "given_with_z": record([fitted.part], found.part, made_of["part"], fitted.part.settings),
            },
        }
    )
