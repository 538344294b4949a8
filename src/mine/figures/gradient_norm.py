"""Gradient norm over training, log scale: columns rho, rows d, with the write-up's level of 100 marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from mine.figures import common, style, traces
from mine.figures.panels import Panels, caption

LEVEL = 100.0
"""The write-up: "norm of gradients reaching values of 100"."""
_LEVEL_LINE = {"color": "#111111", "linestyle": (0, (1, 1.5)), "linewidth": 1.3}


@style.styled
def draw(summary: pd.DataFrame, curves: pd.DataFrame, setting: str | None = None) -> Figure:
    """Draw one setting. Raises UserError for an unknown setting or a missing column."""
    summary = common.prepare(summary, ("grad_norm_max", "grad_norm_median"))
    setting = common.choose_setting(summary, setting)
    runs = common.cell(summary, setting=setting)
    grid = common.Grid.of(runs)
    table = traces.read_curves(curves, setting, "grad_norm")
    view = view_of(list(table.values()))

    entries = traces.entries_of(table, runs, grid)
    strips = {place: traces.strips_of(listed, view) for place, listed in entries.items()}
    any_overflow, off_view = bool(runs["overflowed"].any()), traces.leaves_the_view(strips)
    sheet = Panels(
        runs,
        row="dim",
        col="rho",
        share_y=True,
        ylabel="gradient L2 norm\n(nats per unit weight)",
        xlabel=traces.axis_label(runs),
        title=_title(grid, table, "" if setting == "base" else f" — {setting}"),
        subtitle=_subtitle(runs, grid),
        caption=_caption(runs, any_overflow, off_view),
        handles=[
            [
                *(style.variant_handle(variant) for variant in grid.variants),
                Line2D([], [], label="100, the level the write-up names", **_LEVEL_LINE),
                *([style.mark_handle("x", "a run overflowed")] if any_overflow else []),
            ]
        ],
        panel_height=1.6,
        left=0.8,
        strips=traces.rooms(strips, grid),
    )
    for panel in sheet:
        place, axes = (panel.row, panel.column), panel.axes
        axes.set_yscale("log", nonpositive="clip")
        # Limits first: autoscaling would follow the runaways.
        traces.training_axis(axes, runs)
        axes.set_ylim(*view)
        axes.axhline(LEVEL, zorder=5, gid="level", **_LEVEL_LINE)
        traces.draw_entries(axes, entries[place], view, lambda gone: np.full(len(gone), view[1]))
        sheet.title(panel, common.place_name(*place), strips=strips[place])
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_minor_locator(LogLocator(subs=(), numticks=2))
    return sheet.figure


def _caption(runs: pd.DataFrame, overflow: bool, off_view: bool) -> str:
    span = common.span_text(runs)
    largest = f" (the largest of {span})" if span else ""
    return caption(
        f"Line, on a log scale: median over seeds of the L2 norm of the applied gradient over all critic "
        f"parameters{largest}",
        interval="band: quartiles",
        n=common.seeds_text(runs),
        notes=[
            "×: a run overflowed at that update (drawn at the top edge); ended runs stay in the denominator, ranked "
            "above all live ones, and a quantile that falls on one is not drawn."
            if overflow
            else "",
            "▲ ▼: median or quartile leaves the panel and reaches this norm." if off_view else "",
            f"{common.settings_text(runs)}.",
        ],
    )


def view_of(curves: list[traces.Curve]) -> tuple[float, float]:
    """Limits of every panel: whole decades that hold the level and the curves, up to 100,000."""
    values = np.concatenate(
        [part for curve in curves for part in (curve.low, curve.median, curve.high)] or [np.ones(1)]
    )
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (values.min(), values.max()) if values.size else (1.0, LEVEL)
    bottom = max(10.0 ** np.floor(np.log10(min(low, 10.0))), 1e-2)
    return bottom, min(10.0 ** np.ceil(np.log10(max(high, 3 * LEVEL))), 1e5)


def _title(grid: common.Grid, table: dict[traces.Key, traces.Curve], where: str) -> str:
    parts = []
    for variant in grid.variants:
        curves = [curve for (name, _, _), curve in table.items() if name == variant]
        above = sum(bool(np.any(curve.median > LEVEL)) for curve in curves)
        parts.append(f"{style.look(variant).label} in {above} of {len(curves)}{'' if parts else ' panels'}")
    return f"The median gradient norm ever passes 100: {'; '.join(parts)}{where}"


def _subtitle(runs: pd.DataFrame, grid: common.Grid) -> str:
    parts, typical = [], []
    for variant in grid.variants:
        rows, label = common.cell(runs, variant=variant), style.look(variant).label
        largest = pd.to_numeric(rows["grad_norm_max"]).to_numpy(float, na_value=np.nan)
        # A norm that is no longer finite is above any level.
        above = int(np.sum(~(largest <= LEVEL)))
        parts.append(f"{label} {above:,} of {largest.size:,}")
        medians = pd.to_numeric(rows["grad_norm_median"]).to_numpy(float, na_value=np.nan)
        typical.append(f"{label} {common.number(np.median(medians))}")
    return (
        f"Runs whose norm passes 100 at least once (a single spike counts): {'; '.join(parts)}. "
        f"Typical norm (median over runs of a run's median): {'; '.join(typical)}."
    )
