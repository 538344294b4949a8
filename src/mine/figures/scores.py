"""Every estimator's error at every mutual information of the staircase, in-batch and held out."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from mine.figures import style
from mine.figures.estimators import (
    cell_handles,
    cells_of,
    check,
    draw_cells,
    holds_gaussian,
    names_of,
    room_for,
    rows_of,
    seeds_text,
)
from mine.figures.panels import Panels, caption

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
_ABREAST = 4
"""Blocks side by side."""


@style.styled
def draw(scores: pd.DataFrame) -> Figure:
    """Draw all cells of a benchmark. Raises UserError for a missing column."""
    check(scores, _NEEDED)
    rows = rows_of(scores)
    dims = [int(dim) for dim in pd.unique(scores["dim"])]
    cells = pd.concat([cells_of(scores, quantity) for quantity in _QUANTITIES])
    cells = cells.assign(
        block=[
            f"{task}{f', d = {dim}' if len(dims) > 1 else ''}: {_QUANTITIES[quantity]}"
            for task, dim, quantity in zip(cells["task"], cells["dim"], cells["quantity"], strict=True)
        ],
        nats=[f"{mi:g}" for mi in cells["mi_true"]],
    )
    keys = ["task", "dim"]
    order = {key: place for place, key in enumerate(scores[keys].drop_duplicates().itertuples(index=False, name=None))}
    places = [order[key] for key in cells[keys].itertuples(index=False, name=None)]
    cells = cells.assign(place=places).sort_values(["place", "quantity", "mi_true"], kind="stable")
    blocks = list(pd.unique(cells["block"]))
    abreast = min(_ABREAST, len(blocks))
    sheet = Panels(
        cells,
        col="block",
        col_order=blocks,
        abreast=abreast,
        share_x=False,
        share_y=True,
        xlabel="true MI (nats)",
        title=_title(scores, float(scores["mi_true"].max()), scores["task"].iloc[0]),
        subtitle="Mean error over seeds, nats, by the true mutual information (MI) of the stair.",
        caption=_caption(scores, dims),
        handles=[cell_handles()],
        panel_height=0.185 * len(rows),
        column_gap=0.1,
        row_gap=0.3,
        left=room_for(rows),
    )
    for panel in sheet:
        draw_cells(panel.axes, panel.rows, rows, "nats")
        panel.axes.tick_params(axis="x", labelsize=7)
        sheet.title(panel, panel.column)
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
    return caption(
        f"Cells: mean error at d = {', '.join(map(str, dims))}",
        interval="a frame: the 95 % interval over seeds (Student's t) lies within 10 % of the truth",
        n=seeds_text(scores),
        notes=[
            "In-batch: mean of the estimator's own value over the last 500 training batches of the stair, each before "
            "its update. Held out: the same estimator on 10,000 fresh pairs at the stair's end. Rows: separable critics"
            " see all pairs of a batch, concatenated ones a shift of it; densities have no critic.",
            holds_gaussian(),
        ],
    )
