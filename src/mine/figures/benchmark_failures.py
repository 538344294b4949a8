"""Where each estimator fails: how far off it is on every task, too low or too high, run away or without a value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.divergence import MARGIN
from mine.figures import common, style
from mine.figures.by_task import MARKED, Cells, checked_together, draw_cells, tasks_in_order
from mine.reach.aims import RIGHT
from mine.reach.scores import in_order, label_of

_BOUNDS = (-1.0, -0.3, -RIGHT, RIGHT, 0.3, 1.0, MARGIN)
"""Nats at which the shade changes."""

_SHADES = (
    ("#0a3a66", "under −1"),
    ("#5b9bd0", "−1 to −0.3"),
    ("#cfe3f3", "−0.3 to −0.1"),
    ("#ffffff", "within 0.1"),
    ("#f7e0b5", "0.1 to 0.3"),
    ("#e9a94b", "0.3 to 1"),
    ("#b4620f", f"1 to {MARGIN:g}"),
    ("#2a1000", f"over {MARGIN:g}: ran away"),
)


@style.styled
def draw(
    benchmark: pd.DataFrame,
    benchmark_diffusion: pd.DataFrame | None = None,
    benchmark_peers: pd.DataFrame | None = None,
) -> Figure:
    """Draw all tasks. Raises UserError for a missing column."""
    shown = checked_together(benchmark, benchmark_diffusion, benchmark_peers)
    middle = middle_draws(shown)
    tasks, methods = tasks_in_order(list(shown["task"])), in_order(shown["method"])
    off = middle.pivot(index="task", columns="method", values="off").reindex(index=tasks, columns=methods)
    shade = off.apply(lambda column: np.where(column.isna(), np.nan, np.digitize(column, _BOUNDS)))
    words = middle.assign(word=middle["off"].map(_word) + np.where(middle["mixed"], "*", ""))
    words = words.pivot(index="task", columns="method", values="word").reindex(index=tasks, columns=methods).fillna("")
    return draw_cells(
        shown,
        Cells(shade, words, _SHADES),
        title=_title(middle, len(tasks)),
        subtitle=f"Estimate less truth on {shown['rows'].max():,} pairs, nats, by task (and truth). {_kinds(middle)}.",
        caption=(
            "A cell is the draw whose error is the middle one (of two the larger). Star: other draws ran away or gave "
            f"no value, or this one did and others did not. Grey with a dash: no value; without: not measured. {MARKED}"
        ),
    )


def middle_draws(estimates: pd.DataFrame) -> pd.DataFrame:
    """A row a task and method, columns task, group, method, off and mixed; estimates: of ``together``.

    off: value less truth of the draw whose absolute error is the middle one, of an even number the larger one; NaN
    without a value. mixed: whether some of the draws failed and some did not.
    """
    rows = estimates.assign(off=estimates["value"].astype(float) - estimates["mi_true"])
    found = []
    for (task, method), draws in rows.sort_values("error", kind="stable").groupby(["task", "method"], sort=False):
        row = draws.iloc[len(draws) // 2]
        mixed = bool(draws["failed"].any() and not draws["failed"].all())
        found.append({"task": task, "group": row["group"], "method": method, "off": row["off"], "mixed": mixed})
    return pd.DataFrame(found)


def _word(off: float) -> str:
    if np.isnan(off):
        return "–"
    if abs(off) >= 9.995:
        return f"{'+' if off > 0 else ''}{common.number(off)}"
    return "0.00" if abs(off) < 0.005 else f"{off:+.2f}".replace("-", "−")


def _kinds(middle: pd.DataFrame) -> str:
    """How many cells are wrong, and how."""
    off = middle["off"]
    low, high, away = (off < -RIGHT).sum(), ((off > RIGHT) & (off <= MARGIN)).sum(), (off > MARGIN).sum()
    return (
        f"Of {len(off):,} cells {low} are over {RIGHT:g} too low, {high} too high, {away} ran away, "
        f"{off.isna().sum()} without a value"
    )


def _title(middle: pd.DataFrame, tasks: int) -> str:
    """Who misses the fewest tasks, and the kind of data that most methods miss."""
    missed = middle.assign(missed=~(middle["off"].abs() <= RIGHT))
    of_method = missed.groupby("method", sort=False)["missed"].agg(["sum", "size"])
    fewest = of_method[of_method["size"] == tasks]["sum"].reindex(in_order(of_method.index)).dropna()
    most = (missed.groupby(["group", "method"], sort=False)["missed"].mean() > 0.5).groupby("group", sort=False).sum()
    hardest = f"hardest is {most.idxmax()}, where {most.max()} of {len(of_method)} methods miss more than half"
    if fewest.empty:
        return f"Of the groups of tasks {hardest}"
    words = f"{label_of(fewest.idxmin())} misses the fewest tasks, {fewest.min():.0f} of {tasks} by over {RIGHT:g} nats"
    return f"{words}; {hardest}"
