"""Curves over training on a grid of d by rho: what the estimate's and the gradient norm's figures share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mine.figures import common, style


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


def strips_of(curves: Sequence[tuple[str, Curve | None, pd.DataFrame]], view: tuple[float, float]) -> list[style.Strip]:
    """A line above the panel for each variant that overflowed or that leaves the view."""
    strips = []
    for variant, curve, runs in curves:
        notes = []
        overflowed = int(runs["overflowed"].sum())
        if overflowed:
            notes.append(f"{overflowed}/{len(runs)} overflow")
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


def finish(
    axes: Axes,
    steps: float,
    view: tuple[float, float],
    *,
    first: bool,
    last: bool,
    label: str,
    per_epoch: int | None = None,
) -> None:
    """Limits, ticks and labels of one panel; y on the first column, x on the last row.

    steps: updates, the unit of the x axis. per_epoch: updates of an epoch where the axis should be read in epochs.
    """
    axes.set_xlim(0, steps * 1.01)
    axes.set_ylim(*view)
    unit = per_epoch or 1
    values = MaxNLocator(4, steps=[1, 2, 5, 10], integer=True).tick_values(0, steps / unit)
    ticks = [value * unit for value in values if value * unit <= steps]
    if last:
        labels = axes.set_xticks(ticks, [f"{tick / unit:,.0f}" for tick in ticks])
        # Inwards at both ends, so that neighbouring panels' labels do not run into each other.
        labels[0].label1.set_horizontalalignment("left")
        labels[-1].label1.set_horizontalalignment("right" if ticks[-1] > 0.9 * steps else "center")
        axes.set_xlabel("training (epochs)" if per_epoch else "training (updates)")
    else:
        axes.set_xticks(ticks, [""] * len(ticks))
    if first:
        axes.set_ylabel(label)
    else:
        axes.tick_params(labelleft=False)
