"""Final in-batch, held-out and population values against the truth over rho, with the optimal critic beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mine.divergence import MIN_ESS
from mine.figures import common, style
from mine.figures.panels import Panels, caption, folded
from mine.statistics import mean_interval

_GROUP = 0.84
"""Share of the room between two correlations that points take."""


@dataclass(frozen=True)
class Point:
    """One mean over seeds: where it stands and how it is drawn."""

    x: float
    mean: float
    low: float
    high: float
    hollow: bool
    marker: str
    diverged: np.ndarray
    """The same value of each diverged run."""


@style.styled
def draw(summary: pd.DataFrame, optimal: pd.DataFrame | None = None) -> Figure:
    """Draw every setting of an experiment. Raises UserError for a missing column."""
    columns = [column for names in common.QUANTITIES for column in names[:2] if column]
    summary = common.prepare(summary, columns)
    grid = common.Grid.of(summary)
    if optimal is not None:
        common.check_columns(optimal, "optimal", ("setting", "dim", "rho", *columns))
        optimal = optimal.assign(setting=optimal["setting"].astype(str))

    if len(grid.dims) > 1 or len(grid.settings) == 1:
        places = [[(setting, dim) for dim in grid.dims] for setting in grid.settings]
    else:
        # One dimension and many settings: two panels a row.
        flat = [(setting, grid.dims[0]) for setting in grid.settings]
        places = [flat[start : start + 2] for start in range(0, len(flat), 2)]
    blocks = len(grid.variants) + (optimal is not None)
    panels = {
        (setting, dim): _points(
            common.cell(summary, setting=setting, dim=dim),
            common.cell(optimal, setting=setting, dim=dim) if optimal is not None else None,
            grid,
            blocks,
        )
        for row in places
        for setting, dim in row
    }
    views = {dim: _view(common.cell(summary, dim=dim), panels, dim) for dim in grid.dims}
    widest = max(style.text_width(style.look(variant).label, style.SMALL) for variant in grid.variants)
    sheet = Panels(
        folded(summary, ("setting", "dim"), places),
        row="line",
        col="place",
        share_x=False,
        share_y=False,
        xlabel="correlation ρ (no unit)",
        ylabel="MI (nats)",
        title=common.verdict(summary),
        subtitle=_subtitle(summary, grid),
        caption=_caption(summary, optimal),
        handles=_handles(grid, optimal is not None),
        panel_height=2.3,
        strips=[len(grid.variants)] * len(places),
        column_gap=0.5,
        row_gap=0.32,
        left=max(0.86, widest + 0.16),
    )
    for panel in sheet:
        setting, dim = places[panel.row][panel.column]
        _draw_panel(panel.axes, panel.rows, panels[setting, dim], grid, views[dim])
        sheet.title(panel, f"d = {dim}" if setting == "base" else f"d = {dim}, {setting}")
        _draw_counts(panel.axes, panel.rows, grid, first=panel.column == 0)
    return sheet.figure


def _points(runs: pd.DataFrame, optimal: pd.DataFrame | None, grid: common.Grid, blocks: int) -> dict[str, list[Point]]:
    """Every mean of one panel by variant; the optimal critic under the name ``optimal``."""
    step = _GROUP / (blocks * 3.4)
    points: dict[str, list[Point]] = {}
    names = [*grid.variants, *(["optimal"] if optimal is not None else [])]
    for block, name in enumerate(names):
        for group, rho in enumerate(grid.rhos):
            rows = common.cell(optimal if name == "optimal" else runs, rho=rho)
            if name != "optimal":
                rows = common.cell(rows, variant=name)
            gone = rows["diverged"].to_numpy(bool) if name != "optimal" else np.zeros(len(rows), dtype=bool)
            for index, (value, size, _, marker) in enumerate(common.QUANTITIES):
                values = pd.to_numeric(rows[value]).to_numpy(dtype=float, na_value=np.nan)
                mean, low, high = mean_interval(values[~gone])
                sizes = rows.loc[~gone, size].to_numpy(dtype=float) if size else np.array([np.inf])
                x = group - _GROUP / 2 + (block + 0.5) * _GROUP / blocks + (index - 1) * step
                points.setdefault(name, []).append(Point(x, mean, low, high, is_low(sizes), marker, values[gone]))
    return points


def is_low(sizes: np.ndarray) -> bool:
    """Whether the median effective sample size is too low; an unknown one is."""
    return sizes.size > 0 and not np.nanmedian(np.nan_to_num(sizes, nan=0.0)) >= MIN_ESS


def _view(runs: pd.DataFrame, panels: dict, dim: int) -> tuple[float, float]:
    """Limits of a dimension's panels: the truth and the means of live runs near it, with zero."""
    span = max(float(runs["mi_true"].abs().max()), 0.5)
    means = [
        point.mean
        for (_, here), points in panels.items()
        if here == dim
        for name, listed in points.items()
        if name != "optimal"
        for point in listed
        if np.isfinite(point.mean)
    ]
    low, high = min([0.0, *means]), max([span, *means])
    return max(low, -0.5 * span) - 0.1 * span, min(high, 1.5 * span) + 0.15 * span


def _draw_panel(
    axes: Axes, runs: pd.DataFrame, points: dict[str, list[Point]], grid: common.Grid, view: tuple[float, float]
) -> None:
    axes.set_xlim(-0.5, len(grid.rhos) - 0.5)
    axes.set_ylim(*view)
    for group, rho in enumerate(grid.rhos):
        here = common.cell(runs, rho=rho)
        if not here.empty:
            truth = float(here["mi_true"].iloc[0])
            axes.plot([group - 0.47, group + 0.47], [truth, truth], zorder=2, gid="truth", **style.TRUTH)
        if group:
            axes.axvline(group - 0.5, color="#cccccc", linewidth=0.6, zorder=0)
    for name, listed in points.items():
        colour = style.OPTIMAL_COLOUR if name == "optimal" else style.look(name).colour
        for start in range(0, len(listed), 3):
            trio = listed[start : start + 3]
            # A thin line joins the three values of the same critics.
            axes.plot(
                [point.x for point in trio],
                [np.clip(point.mean, *view) for point in trio],
                color=colour,
                linewidth=0.7,
                alpha=0.6,
                zorder=3,
            )
            for point in trio:
                _draw_point(axes, point, colour, view, name)
            _draw_beyond(axes, trio, colour, view)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_xticks(range(len(grid.rhos)), [f"{rho:g}" for rho in grid.rhos])
    axes.tick_params(axis="x", length=0)


def _draw_point(axes: Axes, point: Point, colour: str, view: tuple[float, float], name: str) -> None:
    if point.diverged.size:
        # What is not a number ran off upwards, or below where it is -inf.
        values = np.nan_to_num(point.diverged, nan=np.inf, posinf=np.inf, neginf=-np.inf)
        axes.plot(
            np.full(values.size, point.x),
            values.clip(*view),
            linestyle="none",
            marker="+",
            markersize=3.2,
            markeredgewidth=0.7,
            color=colour,
            alpha=0.55,
            clip_on=False,
            zorder=4,
            gid=f"diverged:{name}",
        )
    if np.isnan(point.mean):
        return
    if np.isfinite(point.low):
        axes.vlines(point.x, point.low, point.high, color=colour, linewidth=1.2, zorder=4)
    at = float(np.clip(point.mean, *view))
    axes.plot(
        point.x,
        at,
        linestyle="none",
        marker=point.marker,
        markersize=4.6,
        markerfacecolor="white" if point.hollow else colour,
        markeredgecolor=colour,
        markeredgewidth=1.0,
        clip_on=False,
        zorder=5,
        gid=f"{'low-ess' if point.hollow else 'value'}:{name}",
    )


def _draw_beyond(axes: Axes, trio: list[Point], colour: str, view: tuple[float, float]) -> None:
    """The means of one critic that lie outside the panel, below each other and inside their own correlation's room."""
    for edge, side in ((view[1], 1), (view[0], -1)):
        beyond = [point for point in trio if side * (point.mean - edge) > 0]
        if beyond:
            axes.annotate(
                "\n".join(common.number(point.mean) for point in beyond),
                (beyond[0].x, edge),
                (-5, -side),
                textcoords="offset points",
                ha="right",
                va="top" if side > 0 else "bottom",
                fontsize=7,
                color=colour,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
                zorder=6,
                gid="beyond",
            )


def _draw_counts(axes: Axes, runs: pd.DataFrame, grid: common.Grid, *, first: bool) -> None:
    """Above each correlation, how many runs of each variant diverged."""
    total = len(grid.variants)
    for index, variant in enumerate(grid.variants):
        look = style.look(variant)
        offset = 3 + 9.7 * (total - 1 - index)
        for group, rho in enumerate(grid.rhos):
            rows = common.cell(runs, variant=variant, rho=rho)
            if len(rows):
                axes.annotate(
                    f"+ {int(rows['diverged'].sum())}/{len(rows)}",
                    (group, 1),
                    (0, offset),
                    xycoords=axes.get_xaxis_transform(),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=style.SMALL,
                    color=look.text_colour,
                    annotation_clip=False,
                    gid=f"count:{variant}",
                )
        if first:
            axes.annotate(
                look.label,
                (0, 1),
                (-4, offset),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                va="bottom",
                fontsize=style.SMALL,
                color=look.text_colour,
                annotation_clip=False,
            )


def _handles(grid: common.Grid, optimal: bool) -> list[list]:
    squares = [
        style.mark_handle("s", style.look(variant).label, color=style.look(variant).colour, markersize=8)
        for variant in grid.variants
    ]
    if optimal:
        squares.append(style.mark_handle("s", "optimal critic", color=style.OPTIMAL_COLOUR, markersize=8))
    return [
        [*squares, style.truth_handle()],
        [
            *(style.mark_handle(marker, word) for _, _, word, marker in common.QUANTITIES),
            style.mark_handle("s", "ESS under 50", markerfacecolor="white"),
            style.mark_handle("+", "a diverged run"),
        ],
    ]


def _subtitle(summary: pd.DataFrame, grid: common.Grid) -> str:
    """What the batches say and what the critic is worth, as shares of the truth."""
    parts = []
    for variant in grid.variants:
        rows = common.cell(summary, variant=variant, diverged=False)
        said, worth = [], []
        for (_, _, _), part in rows.groupby(["setting", "dim", "rho"], observed=True):
            truth = float(part["mi_true"].iloc[0])
            if truth <= 0:
                continue
            said.append(float(part["mi_batch_mean"].mean()) / truth)
            if not is_low(part["population_ess"].to_numpy(dtype=float)):
                worth.append(float(part["mi_population"].mean()) / truth)
        said = [value for value in said if np.isfinite(value)]
        worth = [value for value in worth if np.isfinite(value)]
        if said and worth:
            parts.append(
                f"{style.look(variant).label}: in-batch {common.share_of(said, 'the truth')}, "
                f"at the population {common.share_of(worth, 'it')}"
            )
    if not parts:
        return ""
    return "Means over runs that did not diverge, across cells: " + "; ".join(parts) + "."


def _caption(summary: pd.DataFrame, optimal: pd.DataFrame | None) -> str:
    return caption(
        "Points: mean over the runs that did not diverge",
        interval="bars: 95 % bootstrap interval over seeds",
        n=common.seeds_text(summary),
        notes=[
            f"At each ρ from left to right as in the legend{'' if optimal is None else ', the optimal critic last'}. "
            "+ k/n above a panel: k of n runs diverged; each is a +, at the edge where its value is outside or not a "
            "number. A number at the edge is a mean outside the panel, in the order of the marks. In-batch: mean over "
            f"the last 10 % of updates. Hollow: median effective sample size of the product term under {MIN_ESS:g}, no "
            "evidence as a number.",
            "The optimal critic is not among the tables of this drawing." if optimal is None else "",
            f"{common.settings_text(summary)}.",
        ],
    )
