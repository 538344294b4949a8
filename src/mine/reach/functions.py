"""Methods that are one function of a draw: a file each here, with ``estimate(x, z, seed, ...)``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np

from mine import __version__
from mine.errors import UserError
from mine.own.marginals import Scores
from mine.reach.rows import start_of_row
from mine.tasks.draws import draw


def measured_by_function(
    method: str,
    function: str,
    task: str,
    rows: int,
    numbers: range,
    settings: dict[str, Any],
    report: Callable[[int], object],
) -> Iterator[dict[str, Any]]:
    """A row of ``mine.reach.tables.ESTIMATES`` a draw, of a function of normal scores of each column.

    function: module below ``mine.reach``; ``settings``: what it is called with beside x, z and the number of the draw,
    which is its seed. report: called with each draw's number. What it refuses has the reason in place of a value.
    """
    module = import_module(f"mine.reach.{function}")
    made_with = f"mine {__version__}, {module.made_with()}"
    for number in numbers:
        report(number)
        pairs = draw(task, rows, number)
        row, start, found = start_of_row(method, task, rows, number), time.process_time(), {}
        sides = (np.column_stack([Scores.of(each)(each) for each in side.T.astype(float)]) for side in pairs)
        try:
            found["value"] = module.estimate(*sides, seed=number, **settings)
        except UserError as error:
            found["why"] = str(error)
        yield row | found | {"cpu_s": time.process_time() - start, "made_with": made_with}
