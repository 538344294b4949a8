"""What the figures of the benchmark share: how a critic's kind looks, names of estimators, errors as coloured cells."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Patch, Rectangle

from mine.errors import UserError
from mine.estimators.names import BASELINES, ESTIMATORS, label
from mine.figures import style
from mine.figures.panels import HATCHED, heat
from mine.settings import CONCAT, CONCAT_ALL, SEPARABLE

KINDS: dict[str, dict[str, Any]] = {
    "separable": {"color": "#0A4A80", "linestyle": "-"},
    "concat": {"color": "#D55E00", "linestyle": (0, (4, 1.2))},
    "concat-all": {"color": "#7A3E9D", "linestyle": (0, (4, 1.2, 1, 1.2))},
    "density": {"color": "#00704F", "linestyle": (0, (1.5, 1.2))},
}
"""Line of each kind of critic: colour, and for greyscale the dashes."""

CRITIC_KINDS = (SEPARABLE, CONCAT, CONCAT_ALL)
"""Those that one estimator may exist with several of, so that its name is not enough."""

ERROR = LinearSegmentedColormap.from_list("error", ["#1F5E99", "#8DB6DA", "#ffffff", "#F0B27A", "#B34F00"])
"""Relative error to colour: blue too low, orange too high; white is right. Full colour at half of the truth."""

FULL_COLOUR = 0.5

_FRAME = {"fill": False, "edgecolor": "#111111", "linewidth": 1.1}


@dataclass(frozen=True)
class Row:
    """A line of cells: the estimator, and with which critic."""

    variant: str
    critic: str

    @property
    def label(self) -> str:
        """As the figure writes it."""
        return label(self.variant) + (f", {self.critic}" if self.critic in CRITIC_KINDS else "")


def names_of(rows: Sequence[Row]) -> str:
    """Estimators in a sentence, each with its kind of critic before it: their own names have commas and brackets."""
    names = [f"{row.critic} {label(row.variant)}" if row.critic in CRITIC_KINDS else row.label for row in rows]
    return ("; " if any("," in name for name in names) else ", ").join(names)


def holds_gaussian() -> str:
    """For a caption: estimators whose family has the answer on Gaussian data."""
    names = [each.label for each in ESTIMATORS.values() if each.contains_gaussian]
    return f"{', '.join(names)} and CCA have the answer on Gaussian data in their family."


def check(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise UserError unless the table has these columns and a row."""
    missing = [name for name in columns if name not in table]
    if missing:
        raise UserError(f"table: has no column {missing[0]!r}; the workflow makes it (`mine collect`)")
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


def cells_of(scores: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """What a cell says of each row of scores. quantity: ``bias`` or ``heldout_bias``.

    Columns besides those that name the row: ``share``, the mean error as a share of the truth; ``words``; ``diverged``;
    and ``right``, whether the whole interval lies within 10 % of the truth.
    """
    diverged = scores["diverged"].to_numpy(dtype=float) > 0
    error = pd.to_numeric(scores[quantity]).where(~diverged).astype("float64")
    counts = zip(scores["diverged"], scores["seeds"], strict=True)
    return scores[["variant", "critic", "task", "dim", "mi_true"]].assign(
        quantity=quantity,
        share=error / scores["mi_true"],
        words=[
            f"{int(gone)}/{int(seeds)}" if ended else signed(value) if np.isfinite(value) else ""
            for ended, value, (gone, seeds) in zip(diverged, error, counts, strict=True)
        ],
        diverged=diverged,
        right=(scores["within" if quantity == "bias" else "heldout_within"] == "yes") & ~diverged,
    )


def draw_cells(axes: Axes, cells: pd.DataFrame, rows: Sequence[Row], across: str) -> None:
    """One block of cells: the mean error in nats, coloured by its share of the truth, framed where it is right.

    cells: see ``cells_of``. across: its column whose values stand beside each other.
    """
    kinds = {row.label: row for row in rows}
    named = cells.assign(label=[Row(*pair).label for pair in zip(cells["variant"], cells["critic"], strict=True)])
    columns = list(pd.unique(named[across]))

    def spread(column: str, blank: object) -> pd.DataFrame:
        table = named.pivot(index="label", columns=across, values=column).reindex(index=list(kinds), columns=columns)
        return table.astype(object).where(table.notna(), blank)

    def gid(name: Hashable, column: Hashable) -> str:
        one = named[named[across] == column].iloc[0]
        row = kinds[str(name)]
        return f"{row.variant}:{row.critic}:{one['task']}:{one['mi_true']:g}:{one['quantity']}"

    heat(
        axes,
        spread("share", np.nan).astype(float),
        spread("words", ""),
        colours=ERROR,
        limits=(-FULL_COLOUR, FULL_COLOUR),
        hatched=spread("diverged", False).astype(bool),
        gid=gid,
    )
    right = spread("right", False).to_numpy(dtype=bool)
    for y, x in zip(*np.nonzero(right), strict=True):
        axes.add_patch(Rectangle((x + 0.06, y + 0.08), 0.88, 0.84, zorder=3, **_FRAME))
    for y in range(1, len(rows)):
        if rows[y].variant != rows[y - 1].variant:
            axes.axhline(y, color="white", linewidth=2.2)


def room_for(rows: Sequence[Row]) -> float:
    """Inches that the names of rows take beside a panel."""
    return 0.2 + max(style.text_width(row.label, 8) for row in rows)


def signed(error: float) -> str:
    """An error in nats with its sign, short enough for a cell."""
    if abs(error) >= 1000:
        return f"{error:+.0e}".replace("e+0", "e").replace("e+", "e").replace("-", "−")
    digits = 2 if abs(error) < 10 else 1 if abs(error) < 100 else 0
    return f"{error:+.{digits}f}".replace("-", "−")


def cell_handles() -> list[Patch]:
    """Legend entries of cells; the sign of the number says in greyscale which of two colours a dark cell has."""

    def patch(share: float, words: str) -> Patch:
        return Patch(facecolor=ERROR(0.5 + share / (2 * FULL_COLOUR)), edgecolor="#888888", linewidth=0.5, label=words)

    return [
        patch(-0.5, "half of the truth or less (−)"),
        patch(0.0, "right"),
        patch(0.5, "half as much again or more (+)"),
        Patch(**_FRAME, label="surely within 10 % of the truth"),
        Patch(**HATCHED, label="so many runs overflowed: no number"),
    ]


def seeds_text(scores: pd.DataFrame) -> str:
    """How many seeds stand behind a cell."""
    low, high = int(scores["seeds"].min()), int(scores["seeds"].max())
    return f"n = {high} seeds a cell" if low == high else f"n = {low} to {high} seeds a cell"
