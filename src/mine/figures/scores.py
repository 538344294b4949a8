"""Every estimator's error at every mutual information of the staircase, in-batch and held out."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mine.figures import style
from mine.figures.estimators import (
    Column,
    cell_handles,
    check,
    draw_cells,
    holds_gaussian,
    names_of,
    rows_of,
    seeds_text,
)

_NEEDED = (
    "critic",
    "variant",
    "task",
    "dim",
    "mi_true",
    "seeds",
    "diverged",
    "bias",
    "heldout_bias",
    "within",
    "heldout_within",
)
_QUANTITIES = {"bias": "in-batch", "heldout_bias": "held out"}


@style.styled
def draw(scores: pd.DataFrame) -> Figure:
    """Draw all cells of a benchmark. Raises UserError for a missing column."""
    check(scores, _NEEDED)
    rows = rows_of(scores)
    tasks = list(pd.unique(scores["task"]))
    dims = [int(dim) for dim in pd.unique(scores["dim"])]
    mis = sorted(float(mi) for mi in pd.unique(scores["mi_true"]))
    columns, gaps, x = [], [], 0.0
    headings = []
    for task in tasks:
        for dim in dims:
            for quantity, words in _QUANTITIES.items():
                where = task if len(dims) == 1 else f"{task}, d = {dim}"
                headings.append((x, f"{where}: {words}"))
                for mi in mis:
                    columns.append(Column(task, dim, mi, quantity))
                    gaps.append(x)
                    x += 1.0
                x += 0.25
    sheet = style.Sheet(
        1,
        1,
        title=_title(scores, max(mis), tasks[0]),
        subtitle="Mean error over seeds, nats, by the true mutual information of the stair.",
        caption=_caption(scores, dims),
        handles=[cell_handles()],
        panel_height=0.185 * len(rows),
        strips=[1],
        left=1.75,
    )
    axes = sheet.axes[0][0]
    draw_cells(axes, scores, rows, columns, gaps)
    axes.set_xticks([place + 0.5 for place in gaps], [f"{column.mi:g}" for column in columns], fontsize=7)
    axes.set_xlabel("true mutual information (nats)")
    for place, words in headings:
        for line, text in enumerate(reversed(style.wrap(words, 1.9, 7.5, "bold"))):
            axes.annotate(
                text,
                (place, 0),
                (0, 3 + 9.7 * line),
                textcoords="offset points",
                fontsize=7.5,
                fontweight="bold",
                annotation_clip=False,
            )
    return sheet.figure


def _title(scores: pd.DataFrame, mi: float, task: str) -> str:
    """Who is surely within 10 % of the truth at the top of the first task's staircase, held out."""
    top = scores[(scores["mi_true"] == mi) & (scores["task"] == task)]
    right = [row for row in rows_of(top[top["heldout_within"] == "yes"]) if row.critic != "baseline"]
    count = len(rows_of(top[top["critic"] != "baseline"]))
    if not right:
        return f"At {mi:g} nats on {task} data none of {count} estimators is surely within 10 % of the truth held out"
    names = names_of(right)
    return (
        f"At {mi:g} nats on {task} data {len(right)} of {count} are surely within 10 % of the truth held out: {names}"
    )


def _caption(scores: pd.DataFrame, dims: list[int]) -> str:
    return (
        f"d = {', '.join(map(str, dims))}; {seeds_text(scores)}. In-batch: mean of the estimator's own value over the "
        "last 500 training batches of the stair, each before its update. Held out: the same estimator on 10,000 fresh "
        "pairs at the stair's end. A frame: the 95 % interval over seeds (Student's t) lies within 10 % of the truth. "
        "Rows: separable critics see all pairs of a batch, concatenated ones a shift of it; densities have no critic. "
        f"{holds_gaussian()}"
    )
