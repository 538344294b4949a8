"""An estimate as a JSON object, for a program."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mine import __version__
from mine.estimators.names import ESTIMATORS
from mine.own.estimate import Estimate, Fit
from mine.own.report import Made, verdict
from mine.own.settings import OwnSettings
from mine.own.witnesses import Witness
from mine.provenance import code_hash

CONTRACT = 1
"""Raised by one whenever a key of the JSON object changes its meaning."""

INTERVAL_IS = (
    "bootstrap over the test rows with the critic fixed, widened by the standard error over initialisations: it leaves "
    "out what another split or a better critic would change"
)
INTERVAL_OF_SPLITS_IS = (
    "bootstrap over all rows, each with its own split's critic fixed, widened by the standard deviation of the splits' "
    "values beyond their standard errors over the root of the number of splits: it leaves out what a better critic "
    "would change"
)
P_VALUE_IS = (
    "share of derangements of the test rows whose mean score is at least that of the rows as they are, the critic "
    "fixed, both counted with the rows as they are"
)


P_VALUE_OF_SPLITS_IS = f"twice the median of the splits' p-values, at most 1; of a split the {P_VALUE_IS}"


def record(fits: Sequence[Fit], estimate: Estimate, made: Made, settings: OwnSettings) -> dict[str, Any]:
    """All of an estimate, ready for JSON: information in nats, a number that is not finite as null.

    fits: one, or that of every split. settings: as they were given.
    """
    return plain(
        {
            **_head(estimate),
            **(_splits(fits, estimate) if estimate.splits else _critics(fits[0], estimate)),
            "witnesses": of_witnesses(estimate.witnesses),
            **_limits(settings, estimate),
            "rows": _rows(fits, estimate, made),
            "data": _data(made),
            "settings": settings.to_dict(),
            "made_with": _made_with(settings, made),
        }
    )


def record_of_new_rows(fitted: Fit, estimate: Estimate, made: Made, model: str) -> dict[str, Any]:
    """The same of a fitted model on rows that it was not given. model: its file's name."""
    kept = len(made.x[0].values)
    return plain(
        {
            **_head(estimate),
            **_limits(fitted.settings, estimate),
            "rows": {
                "given": kept + made.dropped,
                "dropped": made.dropped,
                "test": kept,
                "product_pairs": estimate.judged.pairs,
            },
            "data": _data(made),
            "model": model,
            "settings": fitted.settings.to_dict(),
            "made_with": _made_with(fitted.settings, made),
        }
    )


def _head(estimate: Estimate) -> dict[str, Any]:
    """What comes first: the value and what it is worth."""
    return {
        "contract": CONTRACT,
        **_value(estimate),
        "verdict": verdict(estimate),
        "warnings": [{"code": each.code, "text": each.text} for each in estimate.warnings],
    }


def _limits(settings: OwnSettings, estimate: Estimate) -> dict[str, Any]:
    """What the rows judged allow."""
    return {
        "marginals": {"kind": settings.marginals, "clamped_share_of_test_rows": estimate.clamped},
        "effective_sample_size": {"pairs": estimate.judged.ess_pairs, "rows": estimate.judged.ess_rows},
        "ceiling": estimate.ceiling,
    }


def _data(made: Made) -> dict[str, Any]:
    """Where the columns are from."""
    return {
        "file": made.source.name,
        "sha256": made.source.sha256,
        "read_as": dict(made.source.read_as),
        "x": [each.name for each in made.x],
        "z": [each.name for each in made.z],
        "discrete": [each.name for each in (*made.x, *made.z) if each.discrete],
    }


def of_witnesses(witnesses: Sequence[Witness]) -> list[dict[str, Any]]:
    """Each with what it is, or why there is none."""
    return [
        {
            "name": each.name,
            "value": each.value,
            "standard_error": each.error,
            "is": each.what_it_is,
            "why_none": each.why or None,
        }
        for each in witnesses
    ]


def _value(estimate: Estimate) -> dict[str, Any]:
    """The value, its interval and the permutation test."""
    low, high = estimate.interval
    return {
        "mi": estimate.mi,
        "unit": "nats",
        "value_is": estimate.value_is,
        "interval": {
            "low": low,
            "high": high,
            "level": estimate.level,
            "standard_error": estimate.judged.standard_error,
            "is": INTERVAL_OF_SPLITS_IS if estimate.splits else INTERVAL_IS,
        },
        "permutation_test": {
            "p_value": estimate.p_value,
            "derangements": len(estimate.judged.permuted),
            "is": P_VALUE_OF_SPLITS_IS if estimate.splits else P_VALUE_IS,
        },
    }


def _critics(fitted: Fit, estimate: Estimate) -> dict[str, Any]:
    """The initialisations, and how they became the critic that is read."""
    spread = estimate.spread
    return {
        "critic": fitted.read.critic,
        "critics_on_validation_rows": dict(fitted.tried) or None,
        "initialisations": [
            {"kept_update": each.kept, "validation": each.validation, "test": each.test, "overflow": each.lost}
            for each in estimate.initialisations
        ],
        "chosen": estimate.chosen,
        "spread": None if spread is None else {"low": spread[0], "high": spread[1]},
        "validation": estimate.validation,
        "combined": None if fitted.blend is None else fitted.blend.to_dict(),
        "starts_from": None if fitted.copula is None else fitted.copula.to_dict(),
        "training": {
            "value": estimate.training,
            "updates": fitted.trained.updates,
            "ended_by_itself": fitted.trained.ended,
        },
    }


def _splits(fits: Sequence[Fit], estimate: Estimate) -> dict[str, Any]:
    """Each split's value and critics; ``spread``: lowest and highest value of a split."""
    values = [each.mi for each in estimate.splits]
    return {
        "spread": {"low": min(values), "high": max(values)},
        "validation": estimate.validation,
        "training": {"value": estimate.training},
        "splits": [
            {
                **_value(each),
                "warnings": [one.code for one in each.warnings],
                **_critics(fitted, each),
                "rows": _parts(fitted),
                "seed": fitted.settings.seed,
            }
            for fitted, each in zip(fits, estimate.splits, strict=True)
        ],
    }


def _rows(fits: Sequence[Fit], estimate: Estimate, made: Made) -> dict[str, int]:
    """How many rows there are of each kind; where there are several splits, ``splits`` has those that train."""
    kept = len(made.x[0].values)
    parts = {"judged": estimate.test_rows}
    if not estimate.splits:
        parts = _parts(fits[0])
        parts["between_parts"] = kept - sum(parts.values())
    return {"given": kept + made.dropped, "dropped": made.dropped, **parts, "product_pairs": estimate.judged.pairs}


def _parts(fitted: Fit) -> dict[str, int]:
    return dict(zip(("training", "validation", "test"), map(len, fitted.rows), strict=True))


def _made_with(settings: OwnSettings, made: Made) -> dict[str, Any]:
    """What another run needs for the same numbers."""
    return {
        "packages": {
            "mine": __version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "code": _code_hash(settings.estimator),
        "device": made.device,
        "threads": made.threads,
    }


def _code_hash(estimator: str) -> str:
    """SHA-256 of the source, docstrings left out, that a value depends on; the estimator's file is imported by name."""
    own = f"estimators.{ESTIMATORS[estimator].module}"
    return code_hash("own.crossfit", "own.reading", own)


def plain(value: Any) -> Any:
    """Values that JSON has: tuples as lists, and null for what is not finite."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
