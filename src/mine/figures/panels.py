"""Panels that figures share: seaborn's grid of facets laid out on a sheet, and seaborn's heat map for tables of cells.

Of seaborn only these two are used. Its own estimators and error bars leave out missing values, and so the runs that
ended, which every figure here keeps in its denominator: medians and intervals are computed before anything is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from mine.figures import style
from mine.figures.looks import luminance

HATCHED = {"facecolor": "#f0f0f0", "edgecolor": "#888888", "hatch": "////", "linewidth": 0.6}
"""A cell of a heat map that has no number."""

_LIGHT = 0.2
"""Luminance from which on dark words stand out better than white ones."""


Label = str | Mapping[Any, str]


@dataclass(frozen=True)
class Panel:
    """One panel: the rows of the table that belong to it, its facets' values, and the sheet's row that it is in."""

    axes: Axes
    rows: pd.DataFrame
    row: Any
    column: Any
    line: int


class Panels(style.Sheet):
    """A sheet with a panel for each value of one or two of a table's columns: ``seaborn.FacetGrid``, laid out here.

    Iterate over it for the panels that have rows; the others are left blank.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        *,
        col: str,
        row: str | None = None,
        col_order: Sequence[Any] | None = None,
        row_order: Sequence[Any] | None = None,
        abreast: int | None = None,
        share_x: bool | str = True,
        share_y: bool | str = "row",
        xlabel: Label = "",
        ylabel: Label = "",
        **sheet: Any,
    ) -> None:
        """Make the panels; ``sheet``: what ``style.Sheet`` takes.

        col, row: columns of the table. abreast: so many panels side by side, then on; without ``row`` only.
        share_x, share_y: as matplotlib's, for whom limits, scale and ticks are the same. Where they are shared, only
        the lowest panel of a column and the first of a row have tick labels.
        xlabel, ylabel: below the lowest panel of each column and beside the first of each row; where these differ, by
        the column's or the row's name.
        """
        grid = _facets(
            table,
            col=col,
            row=row,
            col_order=col_order,
            row_order=row_order,
            col_wrap=abreast,
            sharex=share_x,
            sharey=share_y,
        )
        flat = list(grid.axes.flat)
        columns = abreast or len(grid.col_names)
        super().__init__(
            math.ceil(len(flat) / columns),
            columns,
            axes=[flat[start : start + columns] for start in range(0, len(flat), columns)],
            **sheet,
        )
        self._panels: list[Panel] = []
        for index, ((i, j, _), rows) in enumerate(grid.facet_data()):
            if rows.empty:
                flat[index].set_axis_off()
                continue
            name = grid.row_names[i] if row is not None else None
            self._panels.append(Panel(flat[index], rows, name, grid.col_names[j], index // columns))
        self._label(flat, columns, bool(share_x), bool(share_y), xlabel, ylabel)

    def _label(
        self, flat: Sequence[Axes], columns: int, share_x: bool, share_y: bool, xlabel: Label, ylabel: Label
    ) -> None:
        """Labels of axes at the lowest panel of each column and the first of each row, of those that have rows."""
        place = {id(axes): index for index, axes in enumerate(flat)}
        shown = [place[id(panel.axes)] for panel in self]
        for index, panel in zip(shown, self, strict=True):
            axes = panel.axes
            lowest = not any(other > index and other % columns == index % columns for other in shown)
            first = not any(other // columns == panel.line and other < index for other in shown)
            axes.tick_params(axis="x", which="both", labelbottom=lowest or not share_x)
            axes.tick_params(axis="y", which="both", labelleft=first or not share_y)
            for axis, text, name, here in (
                (axes.xaxis, xlabel, panel.column, lowest),
                (axes.yaxis, ylabel, panel.row, first),
            ):
                axis.set_label_text((text if isinstance(text, str) else text[name]) if here else "")
                axis.label.set_visible(True)

    def __iter__(self) -> Iterator[Panel]:
        """Over the panels that have rows, in reading order."""
        return iter(self._panels)

    def title(self, panel: Panel, text: str, right: str = "", strips: Sequence[style.Strip] = ()) -> None:
        """Write a panel's heading, see ``head``."""
        self.head(panel.line, panel.axes, text, right, strips)


def folded(table: pd.DataFrame, keys: Sequence[str], places: Sequence[Sequence[tuple]]) -> pd.DataFrame:
    """A copy with columns ``line`` and ``place``, of where each row's panel stands. places: by line, values of keys."""
    at = {key: (line, place) for line, row in enumerate(places) for place, key in enumerate(row)}
    spots = [at[key] for key in table[list(keys)].itertuples(index=False, name=None)]
    return table.assign(line=[line for line, _ in spots], place=[place for _, place in spots])


def _facets(table: pd.DataFrame, **options: Any) -> Any:
    """A ``seaborn.FacetGrid`` without titles or layout of its own, and out of pyplot's list of open figures."""
    # Here, since it takes pyplot with it, which naming the figures should not need.
    import seaborn
    from matplotlib import pyplot

    class Facets(seaborn.FacetGrid):
        """Sheet computes all positions; a layout engine would only take its time."""

        def set_titles(self, *args: Any, **kwargs: Any) -> Facets:
            return self

        def tight_layout(self, *args: Any, **kwargs: Any) -> Facets:
            return self

    grid = Facets(table, despine=False, **options)
    pyplot.close(grid.figure)
    return grid


def caption(shows: str, *, interval: str, n: str, notes: Sequence[str] = ()) -> str:
    """A caption with what every one must have: what is shown, which interval, and how many seeds; then notes."""
    return " ".join([f"{shows}; {interval}; {n}.", *(note for note in notes if note)])


def truth(axes: Axes, value: float, zorder: float = 5) -> None:
    """The true value, dashed across a panel."""
    axes.axhline(value, zorder=zorder, gid="truth", **style.TRUTH)


def ticks_to(end: float) -> list[float]:
    """Four or so round ticks from 0, the last of them at ``end``, evenly spaced where a round step reaches it."""
    found = []
    for count in (4, 5, 3, 6, 2):
        ticks = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(0, end)
        found.append([float(tick) for tick in ticks if 0 <= tick <= end * (1 + 1e-9)])
        if math.isclose(found[-1][-1], end):
            return found[-1]
    # Of the first try those that leave room for a label at the end.
    return [*(tick for tick in found[0] if end - tick > 0.75 * found[0][1]), float(end)]


def training_axis(axes: Axes, end: float, unit: float = 1.0, room: float = 1.01) -> None:
    """Limits and ticks of an x axis from 0 to the end of training, ``room`` times as long.

    unit: how many of the axis' numbers one of the labels' is, as updates of an epoch. The labels at both ends stand
    inwards, so that neighbouring panels' do not run into each other.
    """
    axes.set_xlim(0, room * end)
    ticks = ticks_to(end / unit)
    words = [f"{tick:,.0f}" if tick.is_integer() else f"{tick:g}" for tick in ticks]
    labels = axes.set_xticks([tick * unit for tick in ticks], words)
    labels[0].label1.set_horizontalalignment("left")
    labels[-1].label1.set_horizontalalignment("right" if ticks[-1] * unit > 0.9 * room * end else "center")


def heat(
    axes: Axes,
    values: pd.DataFrame,
    words: pd.DataFrame,
    *,
    colours: Colormap,
    limits: tuple[float, float],
    hatched: pd.DataFrame | None = None,
    gid: Callable[[Hashable, Hashable], str],
    size: float = 6.5,
    line: str = "white",
) -> dict[str, Text]:
    """A ``seaborn.heatmap`` of a table, its first row on top, with words in its cells. Returns these by their gid.

    values: its row's and column's names are the ticks'; NaN leaves a cell blank. words, hatched: of the same shape; a
    hatched cell has words and no colour. gid: of a cell, from its row's and its column's name.
    """
    import seaborn  # here for the same reason as above

    hatches = np.zeros(values.shape, dtype=bool) if hatched is None else hatched.to_numpy(bool)
    blank = values.isna().to_numpy() | hatches
    if not hasattr(axes.figure.canvas, "get_renderer"):
        FigureCanvasAgg(axes.figure)  # seaborn measures the labels with it
    labels, before = (axes.get_xlabel(), axes.get_ylabel()), len(axes.texts)
    seaborn.heatmap(
        values.astype(float),
        mask=blank,
        annot=words.to_numpy(dtype=object),
        fmt="",
        annot_kws={"size": size},
        cmap=colours,
        vmin=limits[0],
        vmax=limits[1],
        cbar=False,
        linewidths=0.6,
        linecolor=line,
        xticklabels=False,
        yticklabels=False,
        ax=axes,
    )
    texts = dict(zip(zip(*np.nonzero(~blank), strict=True), axes.texts[before:], strict=True))
    shares = (values.astype(float) - limits[0]) / (limits[1] - limits[0])
    for (y, x), text in texts.items():
        # seaborn's own choice is white already on light orange, where it can hardly be read.
        text.set_color(style.INK if luminance(colours(shares.iat[y, x])) > _LIGHT else "white")
    for y, x in zip(*np.nonzero(hatches), strict=True):
        name = gid(values.index[y], values.columns[x])
        axes.add_patch(Rectangle((x, y), 1, 1, gid=f"hatched:{name}", **HATCHED))
        texts[y, x] = axes.text(x + 0.5, y + 0.5, words.iat[y, x], ha="center", va="center", fontsize=size)
    for (y, x), text in texts.items():
        text.set_gid(gid(values.index[y], values.columns[x]))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(values.shape[1]) + 0.5, [str(name) for name in values.columns])
    axes.set_yticks(np.arange(values.shape[0]) + 0.5, [str(name) for name in values.index], rotation="horizontal")
    axes.set(xlabel=labels[0], ylabel=labels[1])
    return {text.get_gid(): text for text in texts.values()}
