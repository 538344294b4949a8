"""One method on draws of one task, and one kind of null data: rows of ``mine.reach.tables``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from mine import __version__
from mine.errors import UserError
from mine.own.columns import Column, column
from mine.own.crossfit import fit_and_estimate
from mine.own.settings import OwnSettings
from mine.reach.nulls import null_data
from mine.reach.rows import NOTHING, start_of_row
from mine.reach.settings import own_settings
from mine.tasks.draws import draw

MADE_WITH = f"mine {__version__}, torch {torch.__version__.partition('+')[0]}"


LEVELS = frozenset({"turned-labels-5-1-4-1.5"})
"""Tasks whose z is declared discrete, as a user would."""


def measured(
    method: str, task: str, rows: int, numbers: range, settings: dict[str, Any], report: Callable[[int], object]
) -> Iterator[dict[str, Any]]:
    """A row a draw of ``mine estimate`` with these settings. report: called with each draw's number."""
    of_method = own_settings(settings)
    for number in numbers:
        report(number)
        x, z = draw(task, rows, number)
        row = start_of_row(method, task, rows, number) | {"made_with": MADE_WITH}
        sides = _columns(x, "x", discrete=False), _columns(z, "z", discrete=task in LEVELS)
        yield row | _timed(partial(_estimated, *sides, of_method, None))


def null_tests(
    kind: str, rows: int, numbers: range, settings: dict[str, Any], report: Callable[[int], object]
) -> Iterator[dict[str, Any]]:
    """A row a draw of one kind of null data."""
    for number in numbers:
        report(number)
        data = null_data(kind, rows, number)
        of_kind = own_settings(settings, blocks=data.blocks)
        x, z = (_columns(side, name, discrete=data.discrete) for side, name in ((data.x, "x"), (data.z, "z")))
        found = _timed(partial(_estimated, x, z, of_kind, data.groups))
        row = {"kind": kind, "rows": rows, "draw": number, **NOTHING, **found, "made_with": MADE_WITH}
        yield {name: value for name, value in row.items() if name not in ("low", "high")}


def _columns(values: np.ndarray, name: str, *, discrete: bool) -> list[Column]:
    return [column(f"{name}{place}", each, discrete=discrete) for place, each in enumerate(values.T)]


def _estimated(x: list[Column], z: list[Column], settings: OwnSettings, groups: np.ndarray | None) -> dict[str, Any]:
    _, estimate = fit_and_estimate(x, z, settings, groups=groups)
    low, high = estimate.interval
    return {
        "value": estimate.mi,
        "low": low,
        "high": high,
        "p_value": estimate.p_value,
        "warnings": ",".join(each.code for each in estimate.warnings),
    }


def _timed(made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is made and how long it took; of what this method refuses, why."""
    start = time.process_time()
    try:
        found = made()
    except UserError as error:
        found = {"why": str(error)}
    if found.get("value") is not None and math.isnan(found["value"]):
        found["why"] = "not a number"
    return {**found, "cpu_s": time.process_time() - start}
