"""The error of every method on every task of known mutual information: a heat map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mine.figures import common, style
from mine.reach.methods import METHODS, OURS, SETS, TASKS
from mine.tasks.fixed import GROUPS

_NEEDED = ("method", "task", "group", "set", "rows", "draw", "mi_true", "value")
_BOUNDS = (0.0, 0.03, 0.1, 0.3, 1.0)
"""Nats at which the shade changes; 0.1 is what counts as right."""

_SHADES = ("#ffffff", "#f7e8c8", "#eab765", "#c8741b", "#6b2f00")
_NONE = "#c9ced2"
_ROW, _LABEL = 0.135, 2.55
"""Inches: height of a task's row, and room for its name."""

_MARKS = {SETS[0]: "c", SETS[1]: "", SETS[2]: "f"}


@style.styled
def draw(estimates: pd.DataFrame) -> Figure:
    """Draw all tasks at the largest number of pairs. Raises UserError for a missing column."""
    common.check_columns(estimates, "estimates", _NEEDED)
    rows = int(estimates["rows"].max())
    shown = estimates[estimates["rows"] == rows]
    errors = shown.assign(error=(shown["value"] - shown["mi_true"]).abs()).pivot_table(
        values="error", index="task", columns="method", aggfunc="mean", dropna=False
    )
    methods = [name for name in METHODS if name in errors and errors[name].notna().any()]
    common.check_columns(shown[shown["method"].isin(methods)], "estimates", _NEEDED)
    tasks = [name for group in GROUPS for name, task in TASKS.items() if task.group == group and name in errors.index]
    errors = errors.reindex(index=tasks, columns=methods)
    sheet = style.Sheet(
        1,
        1,
        title=_title(errors, rows),
        subtitle=f"Mean absolute error over draws of {rows:,} pairs, nats, by task (with its truth) and method.",
        caption=_caption(shown, methods),
        handles=[_handles()],
        panel_height=_ROW * len(tasks) + 0.02,
        strips=[10],
        left=_LABEL,
    )
    axes = sheet.axes[0][0]
    _cells(axes, errors)
    _names(axes, shown, tasks, methods)
    return sheet.figure


def _cells(axes: Axes, errors: pd.DataFrame) -> None:
    values = errors.to_numpy(dtype=float)
    palette = ListedColormap(_SHADES).with_extremes(bad=_NONE)
    norm = BoundaryNorm([*_BOUNDS, 1e6], len(_SHADES))
    axes.imshow(np.ma.masked_invalid(np.minimum(values, 1e5)), cmap=palette, norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            text = f"{value:.2f}" if value < 9.995 else common.number(value)
            colour = "white" if value > _BOUNDS[-1] else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=5.5, color=colour)


def _names(axes: Axes, shown: pd.DataFrame, tasks: list[str], methods: list[str]) -> None:
    truths = shown.drop_duplicates("task").set_index("task")
    labels = []
    for name in tasks:
        mark = _MARKS[truths.at[name, "set"]]
        labels.append(f"{TASKS[name].label}, {truths.at[name, 'mi_true']:.2f}{f' ({mark})' if mark else ''}")
    axes.set_yticks(range(len(tasks)), labels, fontsize=5.5)
    labels = [METHODS[name].label.replace(", ", ",\n") for name in methods]
    axes.set_xticks(range(len(methods)), labels, rotation=90, fontsize=6)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    groups = [TASKS[name].group for name in tasks]
    for row in range(1, len(tasks)):
        if groups[row] != groups[row - 1]:
            axes.axhline(row - 0.5, color="black", linewidth=0.8)
    axes.grid(visible=False)


def _title(errors: pd.DataFrame, rows: int) -> str:
    """How often ours is right, and the best of the others."""
    right = (errors <= 0.1).sum()
    total = len(errors)
    if OURS not in right:
        return f"Errors of {len(right)} methods on {total} tasks of {rows:,} pairs"
    others = right.drop([name for name in ("ours", "cross-fit") if name in right])
    best = f", the best of the others on {others.max()} ({METHODS[others.idxmax()].label})" if len(others) else ""
    return f"mine estimate is within 0.1 nats on {right[OURS]} of {total} tasks{best}"


def _caption(shown: pd.DataFrame, methods: list[str]) -> str:
    draws = shown[shown["value"].notna()].groupby("method")["draw"].nunique()
    by_count: dict[int, list[str]] = {}
    for name in methods:
        by_count.setdefault(int(draws[name]), []).append(METHODS[name].label)
    counts = "; ".join(
        f"{count} draw{'s' if count > 1 else ''}: {', '.join(names)}" for count, names in by_count.items()
    )
    return (
        "Values as they are, not clipped. (c): a task whose other draws settings were chosen on; (f): of a family that "
        f"nothing was chosen on. Grey: no value. {counts}."
    )


def _handles() -> list[Patch]:
    ends = [f"up to {bound:g}" for bound in _BOUNDS[1:]] + [f"over {_BOUNDS[-1]:g} nats"]
    found = [
        Patch(facecolor=colour, edgecolor="black", linewidth=0.4, label=end)
        for colour, end in zip(_SHADES, ends, strict=True)
    ]
    return [*found, Patch(facecolor=_NONE, label="no value")]
