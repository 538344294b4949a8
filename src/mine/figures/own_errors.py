"""The error of every method on every task of known mutual information: a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.figures import common, style
from mine.figures.by_task import MARKED, NEEDED, Cells, draw_cells, tasks_in_order
from mine.reach.methods import CROSS_FIT, OURS
from mine.reach.scores import in_order, label_of

_BOUNDS = (0.03, 0.1, 0.3, 1.0)
"""Nats at which the shade changes; 0.1 is what counts as right."""

_COLOURS = ("#ffffff", "#f7e8c8", "#eab765", "#c8741b", "#6b2f00")


@style.styled
def draw(estimates: pd.DataFrame) -> Figure:
    """Draw all tasks at the largest number of pairs. Raises UserError for a missing column."""
    common.check_columns(estimates, "estimates", NEEDED)
    rows = int(estimates["rows"].max())
    shown = estimates[estimates["rows"] == rows]
    errors = shown.assign(error=(shown["value"] - shown["mi_true"]).abs()).pivot_table(
        values="error", index="task", columns="method", aggfunc="mean", dropna=False
    )
    methods = [name for name in in_order(errors.columns) if errors[name].notna().any()]
    common.check_columns(shown[shown["method"].isin(methods)], "estimates", NEEDED)
    errors = errors.reindex(index=tasks_in_order(list(errors.index)), columns=methods)
    ends = [f"up to {bound:g}" for bound in _BOUNDS] + [f"over {_BOUNDS[-1]:g} nats"]
    shade = errors.apply(lambda column: np.where(column.isna(), np.nan, np.digitize(column, _BOUNDS, right=True)))
    return draw_cells(
        shown,
        Cells(shade, errors.map(_word), tuple(zip(_COLOURS, ends, strict=True))),
        title=_title(errors, rows),
        subtitle=f"Mean absolute error over draws of {rows:,} pairs, nats, by task (with its truth) and method.",
        caption=f"Values as they are, not clipped. {MARKED} Grey: no value.",
    )


def _word(error: float) -> str:
    if np.isnan(error):
        return ""
    return f"{error:.2f}" if error < 9.995 else common.number(error)


def _title(errors: pd.DataFrame, rows: int) -> str:
    """How often ours is right, and the best of the others."""
    right = (errors <= 0.1).sum()
    total = len(errors)
    if OURS not in right:
        return f"Errors of {len(right)} methods on {total} tasks of {rows:,} pairs"
    others = right.drop([name for name in (OURS, CROSS_FIT) if name in right])
    best = f", the best of the others on {others.max()} ({label_of(others.idxmax())})" if len(others) else ""
    return f"mine estimate is within 0.1 nats on {right[OURS]} of {total} tasks{best}"
