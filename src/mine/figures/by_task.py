"""Every method on every task of known mutual information, a heat map: the tables of ``mine.reach``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mine.figures import common, style
from mine.figures.looks import luminance
from mine.reach.methods import SETS, TASKS
from mine.reach.scores import label_of, together
from mine.tasks.fixed import GROUPS

NEEDED = ("method", "task", "group", "set", "rows", "draw", "mi_true", "value")
"""Columns without which nothing is drawn."""

_NONE = "#c9ced2"
_ROW, _LABEL, _SIZE = 0.135, 2.55, 5.5
"""Inches: height of a task's row, and room for its name; points."""

_LIGHT = 0.2
"""Luminance from which on dark words stand out better than white ones."""

_MARKS = {SETS[0]: "c", SETS[1]: "", SETS[2]: "f"}

MARKED = (
    "(c): a task whose other draws settings of mine estimate were chosen on; (f): of a family that nothing was chosen "
    "on."
)
"""For the caption."""


def checked_together(
    benchmark: pd.DataFrame, benchmark_diffusion: pd.DataFrame | None, benchmark_peers: pd.DataFrame | None
) -> pd.DataFrame:
    """The rows of all three, see ``mine.reach.scores.together``. Raises UserError for a missing column."""
    tables = {"benchmark": benchmark, "benchmark_diffusion": benchmark_diffusion, "benchmark_peers": benchmark_peers}
    for name, table in tables.items():
        if table is not None:
            common.check_columns(table, name, (*NEEDED, "cpu_s"))
    return together(*tables.values())


@dataclass(frozen=True)
class Cells:
    """What is drawn, tasks by methods. shade: place in ``shades``, NaN without a value. words: of each cell.

    shades: colour and what it says, in the order of the legend.
    """

    shade: pd.DataFrame
    words: pd.DataFrame
    shades: Sequence[tuple[str, str]]


def tasks_in_order(tasks: Sequence[str]) -> list[str]:
    """Tasks by their group, and in it as they are registered; any other after those."""
    known = [name for group in GROUPS for name, task in TASKS.items() if task.group == group and name in set(tasks)]
    return [*known, *(name for name in dict.fromkeys(tasks) if name not in TASKS)]


def draw_cells(shown: pd.DataFrame, cells: Cells, *, title: str, subtitle: str, caption: str) -> Figure:
    """The figure. shown: rows of ``mine.reach.tables.ESTIMATES``, for each task's truth, group and set."""
    handles = [Patch(facecolor=colour, edgecolor="black", linewidth=0.4, label=said) for colour, said in cells.shades]
    sheet = style.Sheet(
        1,
        1,
        title=title,
        subtitle=subtitle,
        caption=f"{caption} {draws_text(shown, list(cells.shade.columns))}.",
        handles=[[*handles, Patch(facecolor=_NONE, label="no value")]],
        panel_height=_ROW * len(cells.shade) + 0.02,
        strips=[10],
        left=_LABEL,
    )
    axes = sheet.axes[0][0]
    _fill(axes, cells)
    _names(axes, shown, list(cells.shade.index), list(cells.shade.columns))
    return sheet.figure


def draws_text(shown: pd.DataFrame, methods: Sequence[str]) -> str:
    """How many draws each method has, a count of the draws that gave it any value."""
    draws = shown[shown["value"].notna()].groupby("method")["draw"].nunique()
    by_count: dict[int, list[str]] = {}
    for name in methods:
        by_count.setdefault(int(draws.get(name, 0)), []).append(label_of(name))
    return "; ".join(
        f"{count} draw{'s' if count != 1 else ''}: {', '.join(names)}" for count, names in by_count.items()
    )


def _fill(axes: Axes, cells: Cells) -> None:
    colours = [colour for colour, _ in cells.shades]
    shades = cells.shade.to_numpy(dtype=float)
    palette = ListedColormap(colours).with_extremes(bad=_NONE)
    axes.imshow(np.ma.masked_invalid(shades), cmap=palette, vmin=-0.5, vmax=len(colours) - 0.5, aspect="auto")
    for (row, column), shade in np.ndenumerate(shades):
        face = _NONE if np.isnan(shade) else colours[int(shade)]
        colour = "black" if luminance(to_rgb(face)) > _LIGHT else "white"
        text = cells.words.iat[row, column]
        axes.text(column, row, text, ha="center", va="center", fontsize=_SIZE, color=colour)


def _names(axes: Axes, shown: pd.DataFrame, tasks: list[str], methods: list[str]) -> None:
    truths = shown.drop_duplicates("task").set_index("task")
    labels = []
    for name in tasks:
        mark = _MARKS.get(truths.at[name, "set"], "")
        label = TASKS[name].label if name in TASKS else name
        labels.append(f"{label}, {truths.at[name, 'mi_true']:.2f}{f' ({mark})' if mark else ''}")
    axes.set_yticks(range(len(tasks)), labels, fontsize=_SIZE)
    labels = [label_of(name).replace(", ", ",\n") for name in methods]
    axes.set_xticks(range(len(methods)), labels, rotation=90, fontsize=6)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    groups = [truths.at[name, "group"] for name in tasks]
    for row in range(1, len(tasks)):
        if groups[row] != groups[row - 1]:
            axes.axhline(row - 0.5, color="black", linewidth=0.8)
    axes.grid(visible=False)
