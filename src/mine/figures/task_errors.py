"""Every estimator's held-out error on every task: a heat map."""

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

_NEEDED = ("critic", "variant", "task", "dim", "mi_true", "seeds", "diverged", "heldout_bias", "heldout_within")


@style.styled
def draw(scores: pd.DataFrame) -> Figure:
    """Draw all cells of a benchmark. Raises UserError for a missing column."""
    check(scores, _NEEDED)
    rows = rows_of(scores)
    cells = cells_of(scores, "heldout_bias").sort_values(["dim", "mi_true"], kind="stable")
    cells = cells.assign(
        block=[f"d = {dim}, truth {mi:g} nats" for dim, mi in zip(cells["dim"], cells["mi_true"], strict=True)]
    )
    blocks = cells.groupby("block", sort=False)["task"].nunique()
    sheet = Panels(
        cells,
        col="block",
        col_order=list(blocks.index),
        share_x=False,
        share_y=True,
        xlabel="task",
        title=_title(scores),
        subtitle="Held-out value less the truth, nats, mean over seeds, by task.",
        caption=caption(
            "Cells: value of each estimator on 10,000 fresh pairs at the end of training, less the truth",
            interval="a frame: the 95 % interval over seeds (Student's t) lies within 10 % of the truth",
            n=seeds_text(scores),
            notes=["Baselines train nothing and are given 10,000 pairs.", holds_gaussian()],
        ),
        handles=[cell_handles()],
        panel_height=0.2 * len(rows),
        widths=list(blocks),
        left=room_for(rows),
    )
    for panel in sheet:
        draw_cells(panel.axes, panel.rows, rows, "task")
        sheet.title(panel, panel.column)
    return sheet.figure


def _title(scores: pd.DataFrame) -> str:
    """On how many tasks the best trained estimators are surely right, and which."""
    trained = scores[scores["critic"] != "baseline"]
    right = trained.assign(right=trained["heldout_within"] == "yes")
    counts = right.groupby(["variant", "critic"], sort=False)["right"].sum()
    total = len(scores[["task", "dim", "mi_true"]].drop_duplicates())
    best = int(counts.max())
    names = [names_of([row]) for row in rows_of(trained) if counts[(row.variant, row.critic)] == best]
    if best == 0:
        return f"No trained estimator is surely within 10 % of the truth on any of {total} tasks"
    shown = ("; " if any("," in name for name in names) else ", ").join(names[:4]) + (
        f" and {len(names) - 4} more" if len(names) > 4 else ""
    )
    return f"Surely within 10 % of the truth on most tasks ({best} of {total}): {shown}"
