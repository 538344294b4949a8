"""What the figures of the benchmark share: how a critic's kind looks, names of estimators, errors as coloured cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch, Rectangle

from mine.errors import UserError
from mine.estimators.names import BASELINES, ESTIMATORS, label
from mine.estimators.settings import CONCAT, SEPARABLE
from mine.figures import style

KINDS: dict[str, dict[str, Any]] = {
    "separable": {"color": "#0A4A80", "linestyle": "-"},
    "concat": {"color": "#D55E00", "linestyle": (0, (4, 1.2))},
    "density": {"color": "#00704F", "linestyle": (0, (1.5, 1.2))},
}
"""Line of each kind of critic: colour, and for greyscale the dashes."""

CRITIC_KINDS = (SEPARABLE, CONCAT)
"""Those that one estimator may exist with both of, so that its name is not enough."""

ERROR = LinearSegmentedColormap.from_list("error", ["#1F5E99", "#8DB6DA", "#ffffff", "#F0B27A", "#B34F00"])
"""Relative error to colour: blue too low, orange too high; white is right. Full colour at half of the truth."""

FULL_COLOUR = 0.5

_DIVERGED = {"facecolor": "#f0f0f0", "edgecolor": "#888888", "hatch": "////", "linewidth": 0.6}


@dataclass(frozen=True)
class Row:
    """A line of cells: the estimator, and with which critic."""

    variant: str
    critic: str

    @property
    def label(self) -> str:
        """As the figure writes it."""
        return label(self.variant) + (f", {self.critic}" if self.critic in CRITIC_KINDS else "")


@dataclass(frozen=True)
class Column:
    """A column of cells: their key, and which error they show. quantity: ``bias`` or ``heldout_bias``."""

    task: str
    dim: int
    mi: float
    quantity: str


def names_of(rows: Sequence[Row]) -> str:
    """Estimators in a sentence, each with its kind of critic before it: their own names have commas and brackets."""
    return ", ".join(f"{row.critic} {label(row.variant)}" if row.critic in CRITIC_KINDS else row.label for row in rows)


def holds_gaussian() -> str:
    """For a caption: estimators whose family has the answer on Gaussian data."""
    names = [each.label for each in ESTIMATORS.values() if each.contains_gaussian]
    return f"{', '.join(names)} and CCA have the answer on Gaussian data in their family."


def check(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise UserError unless the table has these columns and a row."""
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"table: has no column {missing[0]!r}; the workflow makes it (`mine stairs`)")
    if table.empty:
        raise UserError("table: has no rows")


def rows_of(scores: pd.DataFrame) -> list[Row]:
    """Estimators in the registry's order, each with its critics together; baselines last."""
    found = {(row.variant, row.critic) for row in scores[["variant", "critic"]].itertuples()}
    order = [*ESTIMATORS, *BASELINES]
    kinds = [*KINDS, "baseline"]
    place = {name: index for index, name in enumerate(order)}
    ranked = sorted(found, key=lambda pair: (place.get(pair[0], len(place)), pair[0], kinds.index(pair[1])))
    return [Row(*pair) for pair in ranked]


def draw_cells(
    axes: Axes, scores: pd.DataFrame, rows: Sequence[Row], columns: Sequence[Column], gaps: Sequence[float]
) -> None:
    """Cells of one sheet: the mean error in nats, coloured by its share of the truth.

    gaps: left edge of each column, in cells. A frame marks a cell whose whole interval lies within 10 % of the truth.
    """
    keyed = scores.set_index(["variant", "critic", "task", "dim", "mi_true"])
    for y, row in enumerate(rows):
        for x, column in zip(gaps, columns, strict=True):
            key = (row.variant, row.critic, column.task, column.dim, column.mi)
            if key in keyed.index:
                _draw_cell(axes, x, y, keyed.loc[key], column)
    axes.set_xlim(min(gaps), max(gaps) + 1)
    axes.set_ylim(len(rows), 0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [row.label for row in rows])
    for y in range(1, len(rows)):
        if rows[y].variant != rows[y - 1].variant:
            axes.axhline(y, color="#cccccc", linewidth=0.5, zorder=0)


def _draw_cell(axes: Axes, x: float, y: int, cell: pd.Series, column: Column) -> None:
    gid = f"{cell.name[0]}:{cell.name[1]}:{column.task}:{column.mi:g}:{column.quantity}"
    if cell["diverged"]:
        axes.add_patch(Rectangle((x, y), 1, 1, gid=f"diverged:{gid}", **_DIVERGED))
        text, ink = f"{int(cell['diverged'])}/{int(cell['seeds'])}", style.INK
    else:
        error = float(cell[column.quantity])
        if np.isnan(error):
            return
        share = error / column.mi
        face = ERROR(0.5 + 0.5 * float(np.clip(share / FULL_COLOUR, -1.0, 1.0)))
        axes.add_patch(Rectangle((x, y), 1, 1, facecolor=face, edgecolor="white", linewidth=0.6, gid=gid))
        if cell["within" if column.quantity == "bias" else "heldout_within"] == "yes":
            inner = Rectangle((x + 0.06, y + 0.08), 0.88, 0.84, fill=False, edgecolor="#111111", linewidth=1.1)
            axes.add_patch(inner)
        lightness = np.dot(face[:3], (0.299, 0.587, 0.114))
        text, ink = signed(error), "white" if lightness < 0.55 else style.INK
    axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=6.5, color=ink)


def signed(error: float) -> str:
    """An error in nats with its sign, short enough for a cell."""
    if abs(error) >= 1000:
        return f"{error:+.0e}".replace("e+0", "e").replace("e+", "e").replace("-", "−")
    digits = 2 if abs(error) < 10 else 1 if abs(error) < 100 else 0
    return f"{error:+.{digits}f}".replace("-", "−")


def cell_handles() -> list[Patch]:
    """Legend entries of cells."""

    def patch(share: float, words: str) -> Patch:
        return Patch(facecolor=ERROR(0.5 + share / (2 * FULL_COLOUR)), edgecolor="#888888", linewidth=0.5, label=words)

    return [
        patch(-0.5, "half of the truth or less"),
        patch(0.0, "right"),
        patch(0.5, "half as much again or more"),
        Patch(fill=False, edgecolor="#111111", linewidth=1.1, label="surely within 10 % of the truth"),
        Patch(**_DIVERGED, label="so many runs overflowed: no number"),
    ]


def seeds_text(scores: pd.DataFrame) -> str:
    """How many seeds stand behind a cell."""
    low, high = int(scores["seeds"].min()), int(scores["seeds"].max())
    return f"n = {high} seeds a cell" if low == high else f"n = {low} to {high} seeds a cell"
