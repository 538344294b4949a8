"""Every estimator's held-out error on every task: a heat map."""

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

_NEEDED = ("critic", "variant", "task", "dim", "mi_true", "seeds", "diverged", "heldout_bias", "heldout_within")


@style.styled
def draw(scores: pd.DataFrame) -> Figure:
    """Draw all cells of a benchmark. Raises UserError for a missing column."""
    check(scores, _NEEDED)
    rows = rows_of(scores)
    keys = scores[["dim", "mi_true", "task"]].drop_duplicates()
    columns, gaps, x, before = [], [], 0.0, None
    for dim, mi, task in keys.sort_values(["dim", "mi_true"], kind="stable").itertuples(index=False):
        if before is not None and before != (dim, mi):
            x += 0.25
        columns.append(Column(task, int(dim), float(mi), "heldout_bias"))
        gaps.append(x)
        before, x = (dim, mi), x + 1.0
    sheet = style.Sheet(
        1,
        1,
        title=_title(scores),
        subtitle="Held-out value less the truth, nats, mean over seeds, by task.",
        caption=(
            f"{seeds_text(scores)}. Value of each estimator on 10,000 fresh pairs at the end of training; baselines "
            "train nothing and are given 10,000 pairs. A frame: the 95 % interval over seeds (Student's t) lies within "
            f"10 % of the truth. {holds_gaussian()}"
        ),
        handles=[cell_handles()],
        panel_height=0.2 * len(rows),
        left=1.75,
    )
    axes = sheet.axes[0][0]
    draw_cells(axes, scores, rows, columns, gaps)
    several = len(keys[["dim", "mi_true"]].drop_duplicates()) > 1
    names = [f"{column.task}\nd {column.dim}, {column.mi:g}" if several else column.task for column in columns]
    axes.set_xticks([place + 0.5 for place in gaps], names, fontsize=8)
    if not several:
        axes.set_xlabel(f"task, d = {columns[0].dim}, true mutual information {columns[0].mi:g} nats")
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
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    return f"Surely within 10 % of the truth on most tasks ({best} of {total}): {shown}"
