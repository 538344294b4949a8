"""An estimate in words for a person and as a JSON object for a program."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mine import __version__
from mine.errors import escaped
from mine.estimators.names import ESTIMATORS
from mine.own.columns import Column
from mine.own.estimate import Estimate, Fit
from mine.own.order import NOT_STATIONARY
from mine.own.reading import Source
from mine.own.settings import NORMAL_SCORES, OwnSettings
from mine.own.witnesses import LABELS
from mine.provenance import code_hash

CONTRACT = 1
"""Raised by one whenever a key of the JSON object changes its meaning."""

SIGNIFICANT = 0.05

INTERVAL_IS = (
    "bootstrap over the test rows with the critic fixed, widened by the standard error over initialisations: it leaves "
    "out what another split or a better critic would change"
)
P_VALUE_IS = (
    "share of derangements of the test rows whose mean score is at least that of the rows as they are, the critic "
    "fixed, both counted with the rows as they are"
)


@dataclass(frozen=True)
class Made:
    """What an estimate was made from. dropped: rows left out for a missing value."""

    source: Source
    x: Sequence[Column]
    z: Sequence[Column]
    dropped: int
    device: str
    threads: int


def verdict(estimate: Estimate) -> str:
    """One sentence on whether x and z share information, and what the value is worth."""
    shaky = {
        "near_log_n",
        "low_ess",
        "validation_test_part",
        "not_finite",
        "above_entropy",
        "noise_free",
        "near_copies",
        "uncalibrated",
        "maybe_names",
    } & {each.code for each in estimate.warnings}
    kept = max((each.kept for each in estimate.initialisations), default=None)
    codes = {each.code for each in estimate.warnings}
    if NOT_STATIONARY in codes:
        return (
            "x and z are not stationary: take differences first. Nothing is said on whether they depend on each other."
        )
    if "dependent_rows" in codes:
        return (
            "Neighbouring rows resemble each other, so that neither p nor the interval holds: say --blocks of a time "
            "series, --group of several rows of one subject, or --blocks 1 if the rows are independent all the same."
        )
    if "same_column" in codes and not estimate.p_value <= SIGNIFICANT:
        return (
            "x and z hold the same column, so their mutual information is at least its entropy; the critic did not "
            "find it, and its value says nothing."
        )
    if estimate.p_value > SIGNIFICANT:
        nothing = "The critic found nothing" if kept == 0 else "No dependence found"
        how = "no update improved on the critic as initialised, " if kept == 0 else ""
        return (
            f"{nothing} ({how}p = {estimate.p_value:.3g}). That is no proof of independence: other critics or more "
            "rows may find some."
        )
    depend = f"depend on each other (p = {estimate.p_value:.3g})"
    if shaky:
        return f"x and z {depend}, but do not take the value at its word: see the warnings."
    low, high = estimate.interval
    if not low > 0.0:
        return f"x and z {depend}, but how much is open: the interval reaches zero."
    parted = codes & {"neighbours_above", "gaussian_above", "neighbours_below"}
    if parted:
        which = "nearest neighbours" if any(each.startswith("neighbours") for each in parted) else "a Gaussian copula"
        how = "fewer" if parted == {"neighbours_below"} else "more"
        return (
            f"x and z {depend}: the critic shows {estimate.mi:.2f} nats, {low:.2f} to {high:.2f} by its test rows, but "
            f"{which} show {how}: see the warnings."
        )
    few = ", and these are few rows" if any(each.code == "few_rows" for each in estimate.warnings) else ""
    return (
        f"x and z {depend}: the critic shows {estimate.mi:.2f} nats, {low:.2f} to {high:.2f} by its test rows{few}; a "
        "better critic may show more."
    )


def render(fitted: Fit, estimate: Estimate, made: Made) -> str:
    """What the command prints."""
    settings, rows = fitted.settings, [len(part) for part in fitted.rows]
    low, high = estimate.interval
    dropped = f", {made.dropped:,} dropped for a missing value" if made.dropped else ""
    lines = [
        verdict(estimate),
        "",
        f"value           {estimate.mi:.3f} nats ({estimate.mi / math.log(2):.3f} bits)",
        f"                {estimate.value_is}",
        f"interval        {low:.3f} to {high:.3f} nats ({estimate.level:.0%}), given this split",
        f"permutations    {_p_value(estimate)}",
        f"initialisations test values {_values(each.test for each in estimate.initialisations)}; {_read(fitted)}",
        f"starts from     {_start(fitted)}",
        f"validation      {estimate.validation:.3f} nats",
        *_witnesses(estimate),
        f"marginals       {settings.marginals}{_clamped(estimate, settings)}",
        f"rows            {rows[0]:,} training, {rows[1]:,} validation, {rows[2]:,} test{dropped}",
        f"product term    effective sample size {estimate.judged.ess_pairs:,.0f} of {estimate.judged.pairs:,} pairs, "
        f"{estimate.judged.ess_rows:,.0f} of {estimate.test_rows:,} rows",
    ]
    if estimate.warnings:
        lines += ["", *(f"warning: {escaped(each.text)}" for each in estimate.warnings)]
    return "\n".join(lines)


def _read(fitted: Fit) -> str:
    if fitted.blend is None:
        return f"number {fitted.trained.chosen + 1} was chosen by the validation rows"
    return "their mean, calibrated on the validation rows, is read"


def _start(fitted: Fit) -> str:
    if fitted.copula is None:
        return "nothing"
    kind = "Gaussian" if math.isinf(fitted.copula.dof) else f"t copula of {fitted.copula.dof:g} degrees of freedom"
    kind = kind if kind != "Gaussian" else "Gaussian copula"
    return f"the log ratio of a {kind}, {len(fitted.copula.rho)} canonical correlations"


def _witnesses(estimate: Estimate) -> list[str]:
    lines = []
    for each in estimate.witnesses:
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
    return f"p = {estimate.p_value:.3g} ({len(estimate.judged.permuted):,} other orders of the test rows)"


def _values(numbers) -> str:
    return ", ".join(f"{number:.3f}" for number in numbers)


def record(fitted: Fit, estimate: Estimate, made: Made) -> dict[str, Any]:
    """All of an estimate, ready for JSON: information in nats, a number that is not finite as null."""
    low, high = estimate.interval
    training, validation, test = fitted.rows
    spread = estimate.spread
    made_with = {
        "packages": {
            "mine": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "code": _code_hash(fitted.settings.estimator),
        "device": made.device,
        "threads": made.threads,
    }
    return plain(
        {
            "contract": CONTRACT,
            "mi": estimate.mi,
            "unit": "nats",
            "value_is": estimate.value_is,
            "interval": {
                "low": low,
                "high": high,
                "level": estimate.level,
                "standard_error": estimate.judged.standard_error,
                "is": INTERVAL_IS,
            },
            "permutation_test": {
                "p_value": estimate.p_value,
                "derangements": len(estimate.judged.permuted),
                "is": P_VALUE_IS,
            },
            "verdict": verdict(estimate),
            "warnings": [{"code": each.code, "text": each.text} for each in estimate.warnings],
            "initialisations": [
                {"kept_update": each.kept, "validation": each.validation, "test": each.test, "overflow": each.lost}
                for each in estimate.initialisations
            ],
            "chosen": estimate.chosen,
            "spread": None if spread is None else {"low": spread[0], "high": spread[1]},
            "validation": estimate.validation,
            "combined": None if fitted.blend is None else fitted.blend.to_dict(),
            "starts_from": None if fitted.copula is None else fitted.copula.to_dict(),
            "witnesses": [
                {
                    "name": each.name,
                    "value": each.value,
                    "standard_error": each.error,
                    "is": each.what_it_is,
                    "why_none": each.why or None,
                }
                for each in estimate.witnesses
            ],
            "marginals": {"kind": fitted.settings.marginals, "clamped_share_of_test_rows": estimate.clamped},
            "effective_sample_size": {"pairs": estimate.judged.ess_pairs, "rows": estimate.judged.ess_rows},
            "ceiling": estimate.ceiling,
            "rows": {
                "given": len(made.x[0].values) + made.dropped,
                "dropped": made.dropped,
                "training": len(training),
                "validation": len(validation),
                "test": len(test),
                "between_parts": len(made.x[0].values) - len(training) - len(validation) - len(test),
                "product_pairs": estimate.judged.pairs,
            },
            "training": {"updates": fitted.trained.updates, "ended_by_itself": fitted.trained.ended},
            "data": {
                "file": made.source.name,
                "sha256": made.source.sha256,
                "read_as": dict(made.source.read_as),
                "x": [each.name for each in made.x],
                "z": [each.name for each in made.z],
                "discrete": [each.name for each in (*made.x, *made.z) if each.discrete],
            },
            "settings": fitted.settings.to_dict(),
            "made_with": made_with,
        }
    )


def _code_hash(estimator: str) -> str:
    """SHA-256 of the source, docstrings left out, that a value depends on; the estimator's file is imported by name."""
    own = f"estimators.{ESTIMATORS[estimator].module}"
    return code_hash("own.estimate", "own.reading", own)


def plain(value: Any) -> Any:
    """Values that JSON has: tuples as lists, and null for what is not finite."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
