"""Share of runs still live over training, per setting, d and rho; runaway and overflow told apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mine.figures import common, style, traces
from mine.statistics import share_interval


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw every setting of an experiment. Raises UserError for a missing column."""
    summary = common.prepare(summary)
    grid = common.Grid.of(summary)
    places = [(setting, dim) for dim in grid.dims for setting in grid.settings]
    strips = {
        (setting, dim, rho): _strips(common.cell(summary, setting=setting, dim=dim, rho=rho), grid)
        for setting, dim in places
        for rho in grid.rhos
    }
    sheet = style.Sheet(
        len(places),
        len(grid.rhos),
        title=_title(summary, grid),
        subtitle=_subtitle(summary, grid),
        caption=_caption(summary),
        handles=[
            [
                *(style.variant_handle(variant, linewidth=1.8) for variant in grid.variants),
                Line2D([], [], color=style.INK, linewidth=0.9, linestyle=(0, (2, 1.5)), label="not overflowed"),
                Patch(facecolor="#999999", alpha=0.3, linewidth=0, label="exact 95 % interval"),
            ]
        ],
        panel_height=1.0,
        strips=[max(len(strips[*place, rho]) for rho in grid.rhos) for place in places],
    )
    for row, (setting, dim) in enumerate(places):
        for column, rho in enumerate(grid.rhos):
            axes = sheet.axes[row][column]
            runs = common.cell(summary, setting=setting, dim=dim, rho=rho)
            if runs.empty:
                axes.set_axis_off()
                continue
            traces.finish(
                axes,
                float(summary["steps"].max()),
                (-0.03, 1.06),
                first=column == 0,
                last=row == len(places) - 1,
                label="share live",
                per_epoch=common.updates_per_epoch(summary),
            )
            for order, variant in enumerate(grid.variants):
                _draw_variant(axes, common.cell(runs, variant=variant), variant, order, len(grid.variants))
            name = f"d = {dim}, ρ = {rho:g}"
            sheet.head(row, axes, name, "" if setting == "base" else setting, strips[setting, dim, rho])
            axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
    return sheet.figure


def survival(events: np.ndarray, steps: float) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the share of runs without an event, as (step, number left), from step 0 to the last.

    events: step of each run's event, NaN where it had none by the end of training.
    """
    times, counts = np.unique(events[np.isfinite(events)], return_counts=True)
    left = events.size - np.concatenate([[0], np.cumsum(counts)])
    return np.concatenate([[0.0], times, [max(steps, *times, 0.0)]]), np.append(left, left[-1])


def _draw_variant(axes: Axes, runs: pd.DataFrame, variant: str, order: int, count: int) -> None:
    if runs.empty:
        return
    look = style.look(variant)
    total, steps = len(runs), float(runs["steps"].max())
    x, left = survival(runs["diverged_step"].to_numpy(), steps)
    low, high = share_interval(left, total)
    # Curves that coincide stand side by side.
    axes.fill_between(x, low, high, step="post", color=look.colour, alpha=0.13, linewidth=0, zorder=1)
    axes.step(
        x,
        left / total,
        where="post",
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=1.8,
        zorder=4 + 0.1 * order,
        gid=f"live:{variant}",
    )
    spots = steps * (np.arange(5) + (order + 0.5) / count) / 5
    axes.plot(
        spots,
        left[np.searchsorted(x, spots, side="right") - 1] / total,
        linestyle="none",
        marker=look.marker,
        markersize=4,
        color=look.colour,
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=5,
    )
    if runs["diverged"].any():
        x, left = survival(runs["overflow_step"].to_numpy(), steps)
        axes.step(
            x,
            left / total,
            where="post",
            color=look.colour,
            linestyle=(0, (2, 1.5)),
            linewidth=0.9,
            zorder=3,
            gid=f"not-overflowed:{variant}",
        )


def _strips(runs: pd.DataFrame, grid: common.Grid) -> list[style.Strip]:
    strips = []
    for variant in grid.variants:
        rows = common.cell(runs, variant=variant)
        if rows.empty:
            continue
        diverged, total = int(rows["diverged"].sum()), len(rows)
        overflowed = int(rows["overflowed"].sum())
        what = "ran away" if diverged and not overflowed else "diverged"
        text = f"{common.short_label(variant)}: {diverged}/{total} {what}"
        if overflowed:
            text += f", {overflowed} overflowed"
        strips.append(style.Strip(text, style.look(variant).text_colour))
    return strips


def _title(summary: pd.DataFrame, grid: common.Grid) -> str:
    if not 1 < len(grid.settings) <= 3:
        return common.verdict(summary)
    parts = []
    for variant in grid.variants:
        counts = []
        for setting in grid.settings:
            rows = common.cell(summary, variant=variant, setting=setting)
            counts.append(f"{int(rows['diverged'].sum()):,} of {len(rows):,} ({setting})")
        words = "" if parts else " diverged"
        parts.append(f"{style.look(variant).label}{words} in {', '.join(counts)}{'' if parts else ' runs'}")
    return "; ".join(parts)


def _subtitle(summary: pd.DataFrame, grid: common.Grid) -> str:
    """When half the runs of a cell had diverged, over rho, where all correlations got there; and what 0 of n means."""
    parts = []
    for variant in grid.variants:
        halves: dict[float, list[float]] = {}
        cells = common.cell(summary, variant=variant).groupby(["setting", "dim", "rho"], observed=True)
        for (_, _, rho), rows in cells:
            steps = np.sort(rows["diverged_step"].fillna(np.inf).to_numpy())
            half = steps[(len(steps) - 1) // 2]
            if np.isfinite(half):
                halves.setdefault(float(rho), []).append(half)
        if halves:
            listed = ", ".join(
                f"{min(found):,.0f}{f'–{max(found):,.0f}' if max(found) > min(found) else ''} at ρ = {rho:g}"
                for rho, found in sorted(halves.items())
            )
            parts.append(
                f"{style.look(variant).label}: half of a panel's runs had diverged by update {listed} "
                "(panels that got there)."
            )
    sizes = summary.groupby(["setting", "variant", "dim", "rho"], observed=True)["diverged"].agg(["sum", "size"])
    empty = sizes[sizes["sum"] == 0]["size"]
    if len(empty):
        least = int(empty.min())
        bound = 100 * float(share_interval(0, least)[1])
        parts.append(f"0 of {least} diverged is compatible with a true share of up to {bound:.0f} %.")
    return " ".join(parts)


def _caption(summary: pd.DataFrame) -> str:
    span = common.span_text(summary)
    recent = f"100 updates (whole rows of {span})" if span else "100 updates"
    return (
        "Thick: share of runs that have not diverged (neither overflowed nor run away) by this update; thin dashed: "
        "share that has not overflowed; between them are runs that ran away while still finite. Overflow: a non-finite "
        f"estimate or gradient. Runaway: at two evaluations in a row, in-batch mean of {recent} more than 2 nats "
        f"above the truth or above the same critic's population value ({common.RUNAWAY_LOW_ESS}). "
        "Band: Clopper-Pearson, 95 %, two-sided; "
        f"{common.seeds_text(summary)}. "
        f"{common.settings_text(summary)}."
    )
