"""What each named setting does to a variant: final values against the truth, and how many runs diverge."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mine.divergence import MIN_ESS
from mine.figures import common, style
from mine.figures.final_values import is_low
from mine.figures.panels import Panels, caption
from mine.statistics import quantile, share_interval

_VALUES = (("mi_batch_mean", None, "in-batch"), ("mi_population", "population_ess", "population"))
BASE = "base"
"""The setting without a remedy."""
_SHARE = "diverged"


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw every setting by its name; a row of panels for each d and rho. Raises UserError for a missing column."""
    summary = common.prepare(summary, [name for names in _VALUES for name in names[:2] if name])
    for name, _, _ in _VALUES:
        summary[name] = pd.to_numeric(summary[name]).astype("float64")
    # A run that ended without a number ran off: it stays in the median, above every finite one.
    summary.loc[summary["overflowed"] & summary["mi_batch_mean"].isna(), "mi_batch_mean"] = np.inf
    grid = common.Grid.of(summary)
    places = [(dim, rho) for dim in grid.dims for rho in grid.rhos if not common.cell(summary, dim=dim, rho=rho).empty]
    named = max(style.text_width(setting, 8) for setting in grid.settings)
    lost = int(summary[[name for name, _, _ in _VALUES]].isna().to_numpy().sum())
    names = {common.place_name(*place): place for place in places}
    words = [word for _, _, word in _VALUES]
    sheet = Panels(
        pd.DataFrame([(name, word) for name in names for word in (*words, _SHARE)], columns=["place", "shows"]),
        row="place",
        col="shows",
        share_x=False,
        share_y=True,
        xlabel={**{word: f"{word} value (nats)" for word in words}, _SHARE: "share of runs"},
        title=_title(summary, grid),
        subtitle=_subtitle(summary, grid, places),
        caption=_caption(summary, lost),
        handles=[
            [
                *(style.variant_handle(variant, linestyle="none", markersize=6.5) for variant in grid.variants),
                style.truth_handle(),
                style.mark_handle("o", "median ESS under 50", markerfacecolor="white"),
                style.mark_handle(".", "a run"),
                style.mark_handle("+", "a diverged run"),
            ]
        ],
        panel_height=max(1.1, (0.2 + 0.12 * len(grid.variants)) * len(grid.settings)),
        column_gap=0.25,
        row_gap=0.32,
        left=min(3.0, named + 0.3),
    )
    for panel in sheet:
        runs = common.cell(summary, **dict(zip(("dim", "rho"), names[panel.row], strict=True)))
        _frame(panel.axes, grid)
        if panel.column == _SHARE:
            panel.axes.set_xlim(-0.04, 1.46 if summary["overflowed"].any() else 1.24)
            panel.axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
            for y, variant, rows in _rows(runs, grid):
                _draw_share(panel.axes, y, rows, variant)
        else:
            _draw_panel(panel.axes, runs, panel.column, grid)
        right = f"truth {float(runs['mi_true'].iloc[0]):.2f}" if panel.column == words[0] else ""
        sheet.title(panel, f"{panel.row}: {panel.column}", right)
    return sheet.figure


def _draw_panel(axes: Axes, runs: pd.DataFrame, word: str, grid: common.Grid) -> None:
    """One final value of every setting and variant, the truth dashed."""
    truth = float(runs["mi_true"].iloc[0])
    value, size = next((value, size) for value, size, known in _VALUES if known == word)
    view = _view(runs, value, truth)
    axes.set_xlim(*view)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.axvline(truth, zorder=2, gid="truth", **style.TRUTH)
    for y, variant, rows in _rows(runs, grid):
        _draw_values(axes, y, rows, value, size, variant, view)


def _frame(axes: Axes, grid: common.Grid) -> None:
    count = len(grid.settings)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks(range(count), grid.settings)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for edge in range(1, count):
        axes.axhline(edge - 0.5, color="#dddddd", linewidth=0.6, zorder=0)


def _rows(runs: pd.DataFrame, grid: common.Grid) -> list[tuple[float, str, pd.DataFrame]]:
    """Height, variant and runs of every line of a panel that has any."""
    room = 0.7 / len(grid.variants)
    lines = []
    for index, setting in enumerate(grid.settings):
        for order, variant in enumerate(grid.variants):
            rows = common.cell(runs, setting=setting, variant=variant)
            if not rows.empty:
                lines.append((index + (order - (len(grid.variants) - 1) / 2) * room, variant, rows))
    return lines


def _view(runs: pd.DataFrame, value: str, truth: float) -> tuple[float, float]:
    """Limits from zero to somewhat above the truth, widened to values near; never to where runaways go."""
    span = max(abs(truth), 0.5)
    values = runs[value].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    low = float(values.min()) if values.size else 0.0
    high = float(values.max()) if values.size else span
    return min(0.0, max(low, -0.6 * span)) - 0.08 * span, max(1.15 * span, min(high, 1.8 * span)) + 0.12 * span


def _draw_values(
    axes: Axes, y: float, rows: pd.DataFrame, value: str, size: str | None, variant: str, view: tuple[float, float]
) -> None:
    look = style.look(variant)
    values = rows[value].to_numpy(dtype=float)
    gone = rows["diverged"].to_numpy(bool)
    known = ~np.isnan(values)
    for part, marker, gid in ((known & ~gone, ".", "run"), (known & gone, "+", "diverged")):
        axes.plot(
            values[part].clip(*view),
            np.full(int(part.sum()), y),
            linestyle="none",
            marker=marker,
            markersize=3.2,
            markeredgewidth=0.7,
            color=look.colour,
            alpha=0.6,
            clip_on=False,
            zorder=3,
            gid=f"{gid}:{variant}",
        )
    if not known.any():
        return
    low, middle, high = (quantile(values[known], level) for level in (0.25, 0.5, 0.75))
    axes.hlines(y, *np.clip([low, high], *view), color=look.colour, linewidth=1.5, zorder=4)
    hollow = is_low(rows[size].to_numpy(dtype=float)) if size else False
    at = float(np.clip(middle, *view))
    gid = f"{'low-ess' if hollow else 'median'}:{variant}"
    style.judged_mark(axes, at, y, look, hollow, markersize=6, zorder=5, gid=gid)
    if at != middle:
        above = middle > at
        axes.annotate(
            common.number(middle),
            (at, y),
            (-6 if above else 6, 0),
            textcoords="offset points",
            ha="right" if above else "left",
            va="center",
            fontsize=style.SMALL,
            color=look.text_colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.85},
            zorder=6,
        )


def _draw_share(axes: Axes, y: float, rows: pd.DataFrame, variant: str) -> None:
    look = style.look(variant)
    count, overflowed, total = int(rows["diverged"].sum()), int(rows["overflowed"].sum()), len(rows)
    low, high = share_interval(count, total)
    axes.hlines(y, float(low), float(high), color=look.colour, linewidth=1.2, alpha=0.6, zorder=3)
    axes.plot(
        count / total,
        y,
        linestyle="none",
        marker=look.marker,
        color=look.colour,
        markersize=6,
        zorder=4,
        gid=f"share:{variant}",
    )
    text = f"{count}/{total}" + (f" (× {overflowed})" if overflowed else "")
    axes.annotate(
        text, (1.04, y), va="center", ha="left", fontsize=style.SMALL, color=look.text_colour, annotation_clip=False
    )


def _title(summary: pd.DataFrame, grid: common.Grid) -> str:
    parts = []
    for variant in grid.variants:
        rows = common.cell(summary, variant=variant)
        known = [setting for setting in grid.settings if (rows["setting"] == setting).any()]
        safe = [setting for setting in known if not rows.loc[rows["setting"] == setting, "diverged"].any()]
        count = f"{len(known)} settings"
        if len(known) == 1:
            text = f"{'no' if safe else 'some'} run diverged with {known[0]}"
        elif not safe:
            text = f"some run diverged with every one of {count}"
        elif len(safe) == len(known):
            text = f"no run diverged with any of {count}"
        else:
            text = f"no run diverged with {', '.join(safe)} ({len(safe)} of {count})"
        parts.append(f"{style.look(variant).label}: {text}")
    return "; ".join(parts)


def _subtitle(summary: pd.DataFrame, grid: common.Grid, places: list[tuple[int, float]]) -> str:
    """Per panel the highest median population value of a line none of whose runs diverged, beside EMA's own."""
    parts = []
    for dim, rho in places:
        runs = common.cell(summary, dim=dim, rho=rho)
        best = None
        for _, variant, rows in _rows(runs, grid):
            if rows["diverged"].any() or is_low(rows["population_ess"].to_numpy(dtype=float)):
                continue
            middle = float(rows["mi_population"].median())
            if math.isfinite(middle) and (best is None or middle > best[0]):
                best = (middle, f"{style.look(variant).label} with {rows['setting'].iloc[0]}")
        truth = float(runs["mi_true"].iloc[0])
        found = f"{best[1]}, {common.number(best[0])} of {truth:.2f} nats" if best else "none"
        parts.append(f"d = {dim}, ρ = {rho:g}: {found}{_plain(common.cell(runs, setting=BASE, variant='ema'))}")
    return f"Highest median population value where no run diverged — {'; '.join(parts)}."


def _plain(rows: pd.DataFrame) -> str:
    """What EMA does without a remedy, in brackets; nothing where it was not run."""
    values = rows["mi_population"][np.isfinite(rows["mi_population"])]
    if values.empty:
        return ""
    low = ", ESS under 50" if is_low(rows["population_ess"].to_numpy(dtype=float)) else ""
    value = common.number(float(values.median()))
    return f" (EMA with {BASE}: {value}{low}, {int(rows['diverged'].sum())}/{len(rows)} diverged)"


def _caption(summary: pd.DataFrame, lost: int) -> str:
    return caption(
        "Large marks: median over all runs of a line, diverged ones too (those that ended without a finite value above "
        "all)",
        interval="bars: quartiles, of shares exact 95 % intervals",
        n=common.seeds_text(summary),
        notes=[
            "Small marks: each run, at the edge where its value is outside; a number at the edge is a median outside. "
            "Right: share that diverged; × how many overflowed. In-batch: mean over the last 10 % of updates. Hollow: "
            f"effective sample size of the product term under {MIN_ESS:g}, no evidence as a number.",
            f"{common.settings_text(summary)}, but for what a setting's name says.",
            f"Values not drawn because not numbers: {lost:,}." if lost else "",
        ],
    )
