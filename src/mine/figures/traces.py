"""Curves over training on a grid of d by rho: what the estimate's and the gradient norm's figures share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from mine.figures import common, panels, style


class Curve:
    """One cell's curve: steps, median and quartiles as arrays, NaN where the quantile fell on an ended run."""

    def __init__(self, rows: pd.DataFrame) -> None:
        """Take the rows of one cell and quantity."""
        rows = rows.sort_values("step")
        self.step = rows["step"].to_numpy(dtype=float)
        self.median, self.low, self.high = (
            pd.to_numeric(rows[column]).to_numpy(dtype=float, na_value=np.nan) for column in ("median", "q25", "q75")
        )

    @property
    def extremes(self) -> tuple[float, float]:
        """Smallest and largest finite value of median and quartiles; NaN where there is none."""
        values = np.concatenate([self.median, self.low, self.high])
        values = values[np.isfinite(values)]
        return (float(values.min()), float(values.max())) if values.size else (np.nan, np.nan)


Key = tuple[str, int, float]


def read_curves(curves: pd.DataFrame, setting: str, quantity: str) -> dict[Key, Curve]:
    """Curves of one setting and quantity by (variant, dim, rho)."""
    common.check_columns(
        curves, "curves", ("setting", "variant", "dim", "rho", "quantity", "step", "median", "q25", "q75")
    )
    rows = curves[(curves["setting"].astype(str) == setting) & (curves["quantity"].astype(str) == quantity)]
    return {
        (str(variant), int(dim), float(rho)): Curve(part)
        for (variant, dim, rho), part in rows.groupby(["variant", "dim", "rho"], observed=True)
    }


Entry = tuple[str, Curve | None, pd.DataFrame]
"""A variant, its curve where there is one, and its runs."""


def entries_of(table: dict[Key, Curve], runs: pd.DataFrame, grid: common.Grid) -> dict[tuple[int, float], list[Entry]]:
    """What every panel of a grid of d by rho draws, an entry a variant."""
    return {
        (dim, rho): [
            (variant, table.get((variant, dim, rho)), common.cell(runs, variant=variant, dim=dim, rho=rho))
            for variant in grid.variants
        ]
        for dim in grid.dims
        for rho in grid.rhos
    }


def axis_label(runs: pd.DataFrame) -> str:
    """Of the axis of training."""
    return "training (epochs)" if common.updates_per_epoch(runs) else "training (updates)"


def training_axis(axes: Axes, runs: pd.DataFrame, room: float = 1.01) -> None:
    """Limits and ticks of training, in epochs where runs were recorded by them."""
    panels.training_axis(axes, float(runs["steps"].max()), common.updates_per_epoch(runs) or 1, room)


def draw_entries(
    axes: Axes, entries: Sequence[Entry], view: tuple[float, float], heights: Callable[[pd.DataFrame], np.ndarray]
) -> None:
    """Every variant's curve, where it leaves the view, and its overflows. heights: where runs' overflows are marked."""
    for order, (variant, curve, runs) in enumerate(entries):
        if curve is not None:
            draw_curve(axes, curve, variant, order, len(entries))
            draw_exits(axes, curve, variant, view)
        gone = runs[runs["overflowed"]]
        draw_overflows(axes, gone["overflow_step"].to_numpy(), heights(gone), variant)


def leaves_the_view(strips: Mapping[tuple[int, float], Sequence[style.Strip]]) -> bool:
    """Whether the strips of any place say that a curve leaves its panel."""
    return any("▲" in strip.text or "▼" in strip.text for listed in strips.values() for strip in listed)


def rooms(strips: Mapping[tuple[int, float], Sequence[style.Strip]], grid: common.Grid) -> list[int]:
    """Lines of text that each row of panels needs above it."""
    return [max(len(strips[dim, rho]) for rho in grid.rhos) for dim in grid.dims]


def draw_curve(axes: Axes, curve: Curve, variant: str, order: int, count: int) -> None:
    """One variant's median with its interquartile band; sparse markers tell variants apart without colour."""
    look = style.look(variant)
    (x, y), (band_x, low, high) = common.decimate(curve.step, curve.median, curve.low, curve.high)
    axes.fill_between(band_x, low, high, color=look.colour, alpha=0.22, linewidth=0, zorder=2 + 0.01 * order)
    axes.plot(
        x,
        y,
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=0.9,
        zorder=3 + 0.01 * order,
        gid=f"median:{variant}",
    )
    live = np.flatnonzero(np.isfinite(curve.median))
    if live.size:
        # Staggered, so that markers of curves that coincide stand side by side.
        spots = np.linspace(0, live.size - 1, 7)[:-1] + (order + 0.5) * (live.size - 1) / 6 / count
        picks = live[np.unique(spots.round().astype(int).clip(0, live.size - 1))]
        axes.plot(
            curve.step[picks],
            curve.median[picks],
            color=look.colour,
            linestyle="none",
            marker=look.marker,
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=4,
            gid=f"marker:{variant}",
        )


def draw_overflows(axes: Axes, steps: np.ndarray, values: np.ndarray, variant: str) -> None:
    """A cross for each run that overflowed."""
    if steps.size:
        axes.plot(
            steps,
            values,
            color=style.look(variant).colour,
            linestyle="none",
            marker="x",
            markersize=5,
            markeredgewidth=1.1,
            clip_on=False,
            zorder=6,
            gid=f"overflow:{variant}",
        )


def draw_exits(axes: Axes, curve: Curve, variant: str, view: tuple[float, float]) -> None:
    """A triangle at the edge where the median first leaves the view."""
    for edge, marker, outside in ((view[1], "^", curve.median > view[1]), (view[0], "v", curve.median < view[0])):
        if outside.any():
            axes.plot(
                curve.step[np.argmax(outside)],
                edge,
                color=style.look(variant).colour,
                marker=marker,
                markersize=6,
                linestyle="none",
                clip_on=False,
                zorder=7,
                gid=f"exit:{variant}",
            )


def strips_of(entries: Sequence[Entry], view: tuple[float, float]) -> list[style.Strip]:
    """A line above the panel for each variant that overflowed or that leaves the view."""
    strips = []
    for variant, curve, runs in entries:
        notes = []
        overflowed = int(runs["overflowed"].sum())
        if overflowed:
            notes.append(f"{overflowed}/{len(runs)} overflow")
        # What the title counts as diverged and no mark shows.
        ran_away = int((runs["diverged"] & ~runs["overflowed"]).sum())
        if ran_away:
            notes.append(f"{ran_away}/{len(runs)} ran away")
        if curve is not None:
            low, high = curve.extremes
            if high > view[1]:
                notes.append(f"▲ {common.number(high)}")
            if low < view[0]:
                notes.append(f"▼ {common.number(low)}")
        if notes:
            look = style.look(variant)
            strips.append(style.Strip(f"{look.label}: {', '.join(notes)}", look.text_colour))
    return strips
