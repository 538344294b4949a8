"""Final values and share diverged against the one training setting that an experiment sweeps."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mine.errors import UserError
from mine.figures import common, style
from mine.figures.final_values import is_low
from mine.settings import TrainingSettings
from mine.statistics import mean_interval, share_interval

NAMES = {
    "ema_rate": "EMA rate α (no unit)",
    "data": "size of the data set (pairs)",
    "batch_size": "batch size (pairs)",
    "learning_rate": "learning rate (per update)",
    "steps": "training (updates)",
    "hidden": "width of the critic (units)",
    "layers": "depth of the critic (layers)",
    "grad_clip": "largest gradient norm (nats / unit)",
    "product": "product scheme",
    "activation": "activation",
    "optimizer": "optimiser",
    "ema_init": "start of the EMA",
    "setting": "setting (the only one)",
}
"""Words and unit for a swept field; another goes by its own name."""


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw a sweep. Raises UserError where several settings do not differ in exactly one training setting."""
    columns = [column for names in common.QUANTITIES for column in names[:2] if column]
    summary = common.prepare(summary, columns)
    field = swept_field(summary)
    summary["swept"] = summary[field].astype(str)
    values = sorted(pd.unique(summary["swept"]), key=_order)
    grid = common.Grid.of(summary)
    panels = [(dim, rho) for dim in grid.dims for rho in grid.rhos]
    many_dims = len(grid.dims) > 1
    sheet = style.Sheet(
        4,
        len(panels),
        title=common.verdict(summary),
        subtitle=_best(summary, grid, panels, field, values),
        caption=(
            "Points: mean over the runs that did not diverge, with 95 % bootstrap interval over seeds; "
            f"{common.seeds_text(summary)}; what diverged is the bottom row, with exact 95 % intervals. Crosses: "
            "cells whose runs all diverged. Hollow: median effective sample size under 50, no evidence as a number. "
            f"A number at the edge is a mean outside the panel. In-batch: mean over the last 10 % of updates. "
            f"{common.settings_text(summary)}."
        ),
        handles=[
            [
                *(style.variant_handle(variant) for variant in grid.variants),
                style.truth_handle(),
                style.mark_handle("o", "ESS under 50", markerfacecolor="white"),
                style.mark_handle("x", "all runs diverged"),
            ]
        ],
        panel_height=[1.5, 1.5, 1.5, 0.95],
        column_gap=0.45 if many_dims else 0.3,
        row_gap=0.08,
        left=0.8,
    )
    for column, (dim, rho) in enumerate(panels):
        runs = common.cell(summary, dim=dim, rho=rho)
        if runs.empty:
            for line in sheet.axes:
                line[column].set_axis_off()
            continue
        truth = float(runs["mi_true"].iloc[0])
        means = _means(runs, grid, values)
        view = _view(means, truth)
        for row, (quantity, _, word, _) in enumerate(common.QUANTITIES):
            axes = sheet.axes[row][column]
            _finish(axes, values, view, last=False)
            axes.axhline(truth, gid="truth", zorder=2, **style.TRUTH)
            for order, variant in enumerate(grid.variants):
                _draw_values(axes, means[variant, quantity], variant, _shift(order, len(grid.variants)), view)
            name = f"d = {dim}, ρ = {rho:g}: {word}"
            sheet.head(row, axes, name, f"truth {truth:.2f}" if row == 0 else "")
            axes.yaxis.set_major_locator(MaxNLocator(5))
            if column == 0:
                axes.set_ylabel(f"{word} (nats)")
        axes = sheet.axes[3][column]
        _finish(axes, values, (-0.05, 1.08), last=True)
        for order, variant in enumerate(grid.variants):
            _draw_shares(axes, common.cell(runs, variant=variant), values, variant, _shift(order, len(grid.variants)))
        sheet.head(3, axes, f"d = {dim}, ρ = {rho:g}: diverged")
        axes.set_xlabel(NAMES.get(field, field))
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        if column == 0:
            axes.set_ylabel("share of runs")
    return sheet.figure


def swept_field(summary: pd.DataFrame) -> str:
    """The training setting whose value differs between settings, or ``setting``, the name, where there is one only.

    Raises UserError where several settings differ in none or in more than one.
    """
    if summary["setting"].nunique() == 1:
        return "setting"
    names = [field.name for field in fields(TrainingSettings) if field.name in summary.columns]
    differing = [name for name in names if summary[name].nunique(dropna=False) > 1]
    if len(differing) != 1:
        found = ", ".join(differing) if differing else "none"
        raise UserError(f"figure 'sweep' needs settings that differ in exactly one training setting; found: {found}")
    return differing[0]


def _order(text: str) -> tuple[int, float, str]:
    """Numbers first, rising; words after them (``stream`` is more than any number of pairs)."""
    try:
        return 0, float(text), ""
    except ValueError:
        return 1, 0.0, text


def _label(text: str) -> str:
    if _order(text)[0]:
        return text
    number = float(text)
    return f"{number:,.0f}" if number >= 1000 and number.is_integer() else f"{number:g}"


def _shift(order: int, count: int) -> float:
    return (order - (count - 1) / 2) * 0.1


Mean = tuple[float, float, float, bool, int, int]
"""Mean, interval's ends, whether its ESS is low, runs that diverged, runs."""


def _means(runs: pd.DataFrame, grid: common.Grid, values: list[str]) -> dict[tuple[str, str], list[Mean]]:
    means: dict[tuple[str, str], list[Mean]] = {}
    for variant in grid.variants:
        for quantity, size, _, _ in common.QUANTITIES:
            for value in values:
                rows = common.cell(runs, variant=variant, swept=value)
                live = rows[~rows["diverged"]]
                mean = mean_interval(pd.to_numeric(live[quantity]).to_numpy(dtype=float, na_value=np.nan))
                low = is_low(live[size].to_numpy(dtype=float)) if size else False
                entry = (*mean, low, int(rows["diverged"].sum()), len(rows))
                means.setdefault((variant, quantity), []).append(entry)
    return means


def _view(means: dict[tuple[str, str], list[Mean]], truth: float) -> tuple[float, float]:
    span = max(abs(truth), 0.5)
    ends = [end for listed in means.values() for entry in listed for end in entry[:3] if np.isfinite(end)]
    low, high = min([0.0, *ends]), max([span, *ends])
    return max(low, -0.6 * span) - 0.1 * span, min(high, 1.6 * span) + 0.12 * span


def _draw_values(axes: Axes, means: list[Mean], variant: str, shift: float, view: tuple[float, float]) -> None:
    look = style.look(variant)
    x = np.arange(len(means)) + shift
    mean = np.array([entry[0] for entry in means])
    drawn = np.where(np.isnan(mean), np.nan, mean.clip(*view))
    axes.plot(x, drawn, color=look.colour, linestyle=look.linestyle, linewidth=1.0, zorder=3, gid=f"mean:{variant}")
    for place, (value, low, high, hollow, diverged, total) in zip(x, means, strict=True):
        if total and diverged == total:
            axes.plot(
                place,
                view[1],
                marker="x",
                color=look.colour,
                linestyle="none",
                clip_on=False,
                zorder=5,
                gid=f"all-diverged:{variant}",
            )
        if np.isnan(value):
            continue
        if np.isfinite(low):
            axes.vlines(place, low, high, color=look.colour, linewidth=1.2, zorder=3)
        at = float(np.clip(value, *view))
        axes.plot(
            place,
            at,
            linestyle="none",
            marker=look.marker,
            markerfacecolor="white" if hollow else look.colour,
            markeredgecolor=look.colour,
            clip_on=False,
            zorder=4,
            gid=f"{'low-ess' if hollow else 'value'}:{variant}",
        )
        if at != value:
            above = value > at
            axes.annotate(
                common.number(value),
                (place, at),
                (0, -5 if above else 5),
                textcoords="offset points",
                ha="center",
                va="top" if above else "bottom",
                fontsize=style.SMALL,
                color=look.text_colour,
            )


def _draw_shares(axes: Axes, runs: pd.DataFrame, values: list[str], variant: str, shift: float) -> None:
    look = style.look(variant)
    places, shares = [], []
    for index, value in enumerate(values):
        rows = common.cell(runs, swept=value)
        if rows.empty:
            continue
        count = int(rows["diverged"].sum())
        low, high = share_interval(count, len(rows))
        axes.vlines(index + shift, float(low), float(high), color=look.colour, linewidth=1.2, alpha=0.6)
        places.append(index + shift)
        shares.append(count / len(rows))
    axes.plot(
        places,
        shares,
        color=look.colour,
        linestyle=look.linestyle,
        linewidth=1.0,
        marker=look.marker,
        clip_on=False,
        gid=f"share:{variant}",
    )


def _finish(axes: Axes, values: list[str], view: tuple[float, float], *, last: bool) -> None:
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_ylim(*view)
    axes.set_xticks(range(len(values)), [_label(value) for value in values])
    if not last:
        axes.tick_params(labelbottom=False)


def _best(
    summary: pd.DataFrame, grid: common.Grid, panels: list[tuple[int, float]], field: str, values: list[str]
) -> str:
    """Per panel, the swept value whose critics are worth most at the population without exceeding the evidence."""
    parts = []
    for dim, rho in panels:
        best = None
        for variant in grid.variants:
            for value in values:
                rows = common.cell(summary, dim=dim, rho=rho, variant=variant, swept=value)
                if rows.empty or rows["diverged"].any() or is_low(rows["population_ess"].to_numpy(dtype=float)):
                    continue
                mean = float(rows["mi_population"].mean())
                if np.isfinite(mean) and (best is None or mean > best[0]):
                    best = (mean, variant, value)
        truth = common.cell(summary, dim=dim, rho=rho)["mi_true"]
        if best is not None and len(truth):
            name = {"ema_rate": "α = ", "data": "n = ", "setting": ""}.get(field, f"{field} = ")
            parts.append(
                f"d = {dim}, ρ = {rho:g}: {style.look(best[1]).label} with {name}{_label(best[2])}, "
                f"{common.number(best[0])} of {float(truth.iloc[0]):.2f} nats"
            )
    if not parts:
        return "No value of the sweep left every run undiverged with a population value that counts."
    return "Highest population value where no run diverged — " + "; ".join(parts) + "."
