"""Methods that are one function of a draw: a file each here, with ``estimate(x, z, seed)``.

Beside ``mine.reach.methods``, whose methods and tables are those that `snakemake own` plans: a line here leaves what it
measured made. Names and modules need neither torch nor numpy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from mine.errors import UserError

FUNCTIONS = {"gaussian-mixture": "mixture", "latent-neighbours": "latent"}
"""Name to module below ``mine.reach``."""


def measured_by_function(
    method: str, task: str, rows: int, numbers: range, report: Callable[[int], object]
) -> Iterator[dict[str, Any]]:
    """A row of ``mine.reach.tables.ESTIMATES`` a draw, of one of FUNCTIONS on normal scores of each column.

    The number of a draw is the method's seed. report: called with each draw's number. What a method refuses has the
    reason in place of a value.
    """
    import numpy as np
    import sklearn

    from mine import __version__
    from mine.own.marginals import Scores
    from mine.reach.rows import start_of_row
    from mine.tasks.draws import draw

    estimate = import_module(f"mine.reach.{FUNCTIONS[method]}").estimate
    made_with = f"mine {__version__}, scikit-learn {sklearn.__version__}"
    for number in numbers:
        report(number)
        pairs = draw(task, rows, number)
        row, start, found = start_of_row(method, task, rows, number), time.process_time(), {}
        sides = (np.column_stack([Scores.of(each)(each) for each in side.T.astype(float)]) for side in pairs)
        try:
            found["value"] = estimate(*sides, seed=number)
        except UserError as error:
            found["why"] = str(error)
        yield row | found | {"cpu_s": time.process_time() - start, "made_with": made_with}
