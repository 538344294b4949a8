"""Final values and share diverged against the one training setting that an experiment sweeps."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mine.divergence import MIN_ESS
from mine.errors import UserError
from mine.figures import common, style
from mine.figures.final_values import is_low
from mine.figures.panels import Panel, Panels, caption, truth
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

_SHARE = "diverged"


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw a sweep. Raises UserError where several settings do not differ in exactly one training setting."""
    columns = [column for names in common.QUANTITIES for column in names[:2] if column]
    summary = common.prepare(summary, columns)
    field = swept_field(summary)
    summary["swept"] = summary[field].astype(str)
    values = sorted(pd.unique(summary["swept"]), key=_order)
    grid = common.Grid.of(summary)
    ceilings = _ceilings(summary, field, values)
    places = {
        common.place_name(dim, rho): (dim, rho)
        for dim in grid.dims
        for rho in grid.rhos
        if not common.cell(summary, dim=dim, rho=rho).empty
    }
    shown = [word for _, _, word, _ in common.QUANTITIES]
    sheet = Panels(
        pd.DataFrame([(word, name) for word in (*shown, _SHARE) for name in places], columns=["shows", "place"]),
        row="shows",
        col="place",
        share_x="col",
        share_y=False,
        xlabel=NAMES.get(field, field),
        ylabel={**{word: f"{word} (nats)" for word in shown}, _SHARE: "share of runs"},
        title=common.verdict(summary),
        subtitle=_best(summary, grid, list(places.values()), field, values),
        caption=_caption(summary, bool(ceilings)),
        handles=[
            [
                *(style.variant_handle(variant) for variant in grid.variants),
                style.truth_handle(),
                *([Line2D([], [], color=style.FAINT, linestyle=(0, (1, 1.2)), label="ln k")] if ceilings else []),
                style.mark_handle("o", "ESS under 50", markerfacecolor="white"),
                style.mark_handle("+", "all runs diverged"),
            ]
        ],
        panel_height=[1.5, 1.5, 1.5, 0.95],
        column_gap=0.45 if len(grid.dims) > 1 else 0.3,
        row_gap=0.08,
        left=0.8,
    )
    means = {name: _means(common.cell(summary, dim=dim, rho=rho), grid, values) for name, (dim, rho) in places.items()}
    for panel in sheet:
        runs = common.cell(summary, **dict(zip(("dim", "rho"), places[panel.column], strict=True)))
        _draw_panel(panel, runs, means[panel.column], grid, values, ceilings)
        value = float(runs["mi_true"].iloc[0])
        right = f"truth {value:.2f}" if panel.line == 0 else ""
        sheet.title(panel, f"{panel.column}: {panel.row}", right)
    return sheet.figure


def _ceilings(summary: pd.DataFrame, field: str, values: list[str]) -> list[float] | None:
    """The logarithm of each batch size of a sweep over it, if all its product pairs are permutations; else None."""
    if field != "batch_size" or "product" not in summary or set(summary["product"].astype(str)) != {"permutation"}:
        return None
    return [math.log(float(value)) for value in values]


def _draw_panel(
    panel: Panel,
    runs: pd.DataFrame,
    means: Means,
    grid: common.Grid,
    values: list[str],
    ceilings: list[float] | None,
) -> None:
    """One final value, or the share diverged, of every variant against the swept setting."""
    axes, count = panel.axes, len(grid.variants)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_xticks(range(len(values)), [_label(value) for value in values])
    if panel.row == _SHARE:
        axes.set_ylim(-0.05, 1.08)
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        for order, variant in enumerate(grid.variants):
            _draw_shares(axes, common.cell(runs, variant=variant), values, variant, _shift(order, count))
        return
    value = float(runs["mi_true"].iloc[0])
    view = _view(means, value)
    axes.set_ylim(*view)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    truth(axes, value, zorder=2)
    # It bounds the value of permuted batches. Held-out and population values are of product pairs without a joint one.
    if ceilings is not None and panel.row == "in-batch":
        axes.plot(range(len(values)), ceilings, color=style.FAINT, linestyle=(0, (1, 1.2)), zorder=2, gid="ceiling")
    column = next(column for column, _, word, _ in common.QUANTITIES if word == panel.row)
    for order, variant in enumerate(grid.variants):
        _draw_values(axes, means[variant, column], variant, _shift(order, count), view)


def _caption(summary: pd.DataFrame, ceiling: bool) -> str:
    return caption(
        "Points: mean over the runs that did not diverge; the bottom row has the others",
        interval="bars: 95 % bootstrap interval over seeds, in the bottom row exact 95 % intervals",
        n=common.seeds_text(summary),
        notes=[
            f"+ at the top: every run of a cell diverged. Hollow: median effective sample size under {MIN_ESS:g}, no "
            "evidence as a number. A number at the edge is a mean outside the panel. In-batch: mean over the last "
            "10 % of updates.",
            "ln k, k the batch size: what the target of a permutation cannot exceed, since one of its product pairs is "
            "a joint one on average. The in-batch value is biased upward from its target, most in small batches."
            if ceiling
            else "",
            f"{common.settings_text(summary)}.",
        ],
    )


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
Means = dict[tuple[str, str], list[Mean]]
"""By variant and quantity, one a swept value."""


def _means(runs: pd.DataFrame, grid: common.Grid, values: list[str]) -> Means:
    means: Means = {}
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


def _view(means: Means, value: float) -> tuple[float, float]:
    span = max(abs(value), 0.5)
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
                marker="+",
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
        gid = f"{'low-ess' if hollow else 'value'}:{variant}"
        style.judged_mark(axes, place, at, look, hollow, zorder=4, gid=gid)
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
        truths = common.cell(summary, dim=dim, rho=rho)["mi_true"]
        if best is not None and len(truths):
            name = {"ema_rate": "α = ", "data": "n = ", "setting": ""}.get(field, f"{field} = ")
            parts.append(
                f"d = {dim}, ρ = {rho:g}: {style.look(best[1]).label} with {name}{_label(best[2])}, "
                f"{common.number(best[0])} of {float(truths.iloc[0]):.2f} nats"
            )
    if not parts:
        return "No value of the sweep left every run undiverged with a population value that counts."
    return "Highest population value where no run diverged — " + "; ".join(parts) + "."
