"""Gradient norm over training, log scale: columns rho, rows d, with the write-up's level of 100 marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from mine.figures import common, style, traces

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

    panels = {}
    for dim in grid.dims:
        for rho in grid.rhos:
            entries = [
                (variant, table.get((variant, dim, rho)), common.cell(runs, variant=variant, dim=dim, rho=rho))
                for variant in grid.variants
            ]
            panels[dim, rho] = (entries, traces.strips_of(entries, view))
    any_overflow = bool(runs["overflowed"].any())
    span = common.span_text(runs)
    largest = f" (the largest of {span})" if span else ""
    sheet = style.Sheet(
        len(grid.dims),
        len(grid.rhos),
        title=_title(grid, table, "" if setting == "base" else f" — {setting}"),
        subtitle=_subtitle(runs, grid),
        caption=(
            f"Line: median over seeds of the L2 norm of the applied gradient over all critic parameters{largest}; "
            f"band: quartiles; {common.seeds_text(runs)}; log scale. "
            + (
                "×: a run overflowed at that update (drawn at the top edge); ended runs stay in the denominator, "
                "ranked above all live ones, and a quantile that falls on one is not drawn. "
                if any_overflow
                else ""
            )
            + (
                "▲ ▼: median or quartile leaves the panel and reaches this norm. "
                if any("▲" in strip.text or "▼" in strip.text for _, strips in panels.values() for strip in strips)
                else ""
            )
            + f"{common.settings_text(runs)}."
        ),
        handles=[
            [
                *(style.variant_handle(variant) for variant in grid.variants),
                Line2D([], [], label="100, the level the write-up names", **_LEVEL_LINE),
                *([style.mark_handle("x", "a run overflowed")] if any_overflow else []),
            ]
        ],
        panel_height=1.6,
        left=0.8,
        strips=[max(len(panels[dim, rho][1]) for rho in grid.rhos) for dim in grid.dims],
    )
    for row, dim in enumerate(grid.dims):
        for column, rho in enumerate(grid.rhos):
            axes = sheet.axes[row][column]
            entries, strips = panels[dim, rho]
            if common.cell(runs, dim=dim, rho=rho).empty:
                axes.set_axis_off()
                continue
            axes.set_yscale("log", nonpositive="clip")
            # Limits first: autoscaling would follow the runaways.
            traces.finish(
                axes,
                float(runs["steps"].max()),
                view,
                first=column == 0,
                last=row == len(grid.dims) - 1,
                label="gradient L2 norm\n(nats per unit weight)",
                per_epoch=common.updates_per_epoch(runs),
            )
            axes.axhline(LEVEL, zorder=5, gid="level", **_LEVEL_LINE)
            for order, (variant, curve, rows) in enumerate(entries):
                if curve is not None:
                    traces.draw_curve(axes, curve, variant, order, len(entries))
                    traces.draw_exits(axes, curve, variant, view)
                gone = rows.loc[rows["overflowed"], "overflow_step"].to_numpy()
                traces.draw_overflows(axes, gone, np.full(gone.size, view[1]), variant)
            sheet.head(row, axes, f"d = {dim}, ρ = {rho:g}", strips=strips)
            axes.yaxis.set_major_locator(LogLocator(numticks=6))
            axes.yaxis.set_minor_locator(LogLocator(subs=(), numticks=2))
    return sheet.figure


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
        words = "" if parts else " median gradient norm ever passes 100"
        parts.append(f"{style.look(variant).label}'s{words} in {above} of {len(curves)}{'' if parts else ' panels'}")
    return ", ".join(parts) + where


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
        f"Typical norm (median over runs of a run's median): {', '.join(typical)}."
    )
