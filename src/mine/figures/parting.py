"""In-batch, held-out and population value over training, for the one cell where they part most while looking right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mine.curves import quantiles_with_ended
from mine.divergence import LOW_ESS_ALLOWANCE, MARGIN, MIN_ESS
from mine.figures import common, style, traces
from mine.figures.chosen import CELL, NEAR, Place, choose, median, other, places_of
from mine.figures.panels import Panels, caption

_WORTH = (
    ("mi_heldout", "heldout_ess", "held-out", "s", (0, (4, 1.5))),
    ("mi_population", "population_ess", "population", "^", "-"),
)
_BATCH = "o"
"""Marker of the in-batch value."""


@dataclass(frozen=True)
class Series:
    """One evaluated quantity of one cell: quartiles at each step (rows: lower, median, upper), each seed's value."""

    step: np.ndarray
    quartiles: np.ndarray
    low_ess: np.ndarray
    points: pd.DataFrame
    """Finite values: step, value, low."""
    lost: int
    """Values that are not numbers."""

    @property
    def last(self) -> float:
        """The last median, NaN where it fell on an ended run."""
        return float(self.quartiles[1, -1]) if self.step.size else math.nan


@style.styled
def draw(summary: pd.DataFrame, curves: pd.DataFrame, evaluations: pd.DataFrame) -> Figure:
    """Draw the cell that the data choose, and the same cell's other variant. Raises UserError for a missing column."""
    summary = common.prepare(summary, ("mi_batch_mean", "mi_population", "population_ess"))
    values = [name for quantity in _WORTH for name in quantity[:2]]
    common.check_columns(evaluations, "evaluations", (*CELL, "seed", "step", *values))
    evaluations = evaluations.assign(**{name: evaluations[name].astype(str) for name in ("setting", "variant")})
    places = places_of(summary)
    chosen, near, whole = choose(places)
    shown = [chosen, *other(places, chosen)]
    table = traces.read_curves(curves, chosen.setting, "mi_batch")
    runs = common.cell(summary, setting=chosen.setting, dim=chosen.dim, rho=chosen.rho)

    panels = []
    for place in shown:
        rows = common.cell(evaluations, setting=place.setting, variant=place.variant, dim=place.dim, rho=place.rho)
        series = [_series(rows, name, size, place.runs) for name, size, *_ in _WORTH]
        panels.append((place, table.get((place.variant, place.dim, place.rho)), series))
    view, linear = _view(panels)
    lost = sum(series.lost for _, _, listed in panels for series in listed)
    facets = pd.DataFrame({"variant": [place.variant for place in shown]})
    sheet = Panels(
        facets,
        col="variant",
        col_order=list(facets["variant"]),
        xlabel=traces.axis_label(runs),
        ylabel="MI (nats)",
        title=_title(shown),
        subtitle=_subtitle(chosen, near, whole, len(places)),
        caption=_caption(runs, linear, lost),
        handles=[
            [
                style.mark_handle(_BATCH, "in-batch", linestyle="-"),
                *(style.mark_handle(marker, word, linestyle=line) for _, _, word, marker, line in _WORTH),
                style.mark_handle("s", "ESS under 50", markerfacecolor="white"),
                style.truth_handle(),
            ]
        ],
        panel_height=3.1,
        column_gap=0.3,
        left=0.75,
    )
    steps = float(runs["steps"].max())
    for panel, (place, curve, listed) in zip(sheet, panels, strict=True):
        axes = panel.axes
        # Room inside the panel for the curves' names.
        traces.training_axis(axes, runs, room=1.34)
        axes.set_ylim(*view)
        _scale(axes, view, linear)
        axes.plot([0, steps], [place.truth] * 2, zorder=5, gid="truth", **style.TRUTH)
        if curve is not None:
            _draw_batch(axes, curve, place.variant)
        for series, (_, _, word, marker, line) in zip(listed, _WORTH, strict=True):
            _draw_series(axes, series, place.variant, word, marker, line)
        _label(axes, place, curve, listed, steps)
        sheet.title(panel, style.look(place.variant).label, _where(place))
    return sheet.figure


def _series(rows: pd.DataFrame, value: str, size: str, runs: int) -> Series:
    steps = np.array(sorted(pd.unique(rows["step"])), dtype=float)
    numbers = pd.to_numeric(rows[value]).to_numpy(dtype=float, na_value=np.nan)
    ess = pd.to_numeric(rows[size]).to_numpy(dtype=float, na_value=np.nan)
    at = rows["step"].to_numpy(dtype=float)
    quartiles, low = np.full((3, steps.size), np.nan), np.ones(steps.size, dtype=bool)
    for index, step in enumerate(steps):
        here = numbers[at == step]
        # A run that has no value here has ended: ranked above all live ones.
        padded = np.concatenate([here, np.full(max(0, runs - here.size), np.inf)])
        quartiles[:, index] = quantiles_with_ended(padded[:, None], (0.25, 0.5, 0.75))[:, 0]
        low[index] = not median(ess[at == step]) >= MIN_ESS
    finite = np.isfinite(numbers)
    points = pd.DataFrame({"step": at, "value": numbers, "low": ~(ess >= MIN_ESS)})[finite]
    return Series(steps, quartiles, low, points, int((~finite).sum()))


def _view(panels: list) -> tuple[tuple[float, float], float | None]:
    """Limits of the values' axis, holding every value; and up to where it is linear, None where it is so everywhere."""
    ends = [0.0]
    for place, curve, listed in panels:
        ends += [place.truth, *(curve.extremes if curve is not None else ())]
        for series in listed:
            ends += [*series.points["value"], *series.quartiles.ravel()]
    ends = [end for end in ends if np.isfinite(end)]
    low, high = min(ends), max(ends)
    span = max(abs(panels[0][0].truth), 1.0)
    if low >= -2.0 * span and high <= 3.0 * span:
        return (low - 0.05 * (high - low), max(high, span) + 0.08 * (max(high, span) - low)), None
    linear = float(math.ceil(1.5 * span))
    return (1.3 * low if low < -linear else -0.2 * linear, 1.3 * high if high > linear else 1.1 * linear), linear


def _scale(axes: Axes, view: tuple[float, float], linear: float | None) -> None:
    if linear is None:
        axes.yaxis.set_major_locator(MaxNLocator(6))
        return
    axes.set_yscale("symlog", linthresh=linear, linscale=1.0)
    axes.set_ylim(*view)
    ticks = [tick for tick in MaxNLocator(3).tick_values(0, linear) if 0 <= tick <= linear]
    ticks += [-tick for tick in ticks if tick]
    far = max(abs(view[0]), abs(view[1]))
    leaders = (1, 2, 5) if far < 30 * linear else (1,)
    decades = range(math.floor(math.log10(linear)), math.floor(math.log10(far)) + 1)
    ticks += [
        sign * lead * 10.0**power
        for power in decades
        for lead in leaders
        for sign in (-1, 1)
        if lead * 10.0**power > 1.3 * linear
    ]
    ticks = sorted({tick for tick in ticks if view[0] <= tick <= view[1]})
    axes.set_yticks(ticks, [common.number(tick) for tick in ticks])
    for edge in (-linear, linear):
        if view[0] < edge < view[1]:
            axes.axhline(edge, color="#999999", linewidth=0.7, linestyle=(0, (1, 2)), zorder=1, gid="linear")


def _draw_batch(axes: Axes, curve: traces.Curve, variant: str) -> None:
    """Median of the batches' own values with its quartile band; a few marks, the same for every variant."""
    colour = style.look(variant).colour
    (x, y), (band, low, high) = common.decimate(curve.step, curve.median, curve.low, curve.high)
    axes.fill_between(band, low, high, color=colour, alpha=0.22, linewidth=0, zorder=2)
    axes.plot(x, y, color=colour, linewidth=0.9, zorder=3, gid=f"median:in-batch:{variant}")
    live = np.flatnonzero(np.isfinite(curve.median))
    if live.size:
        picks = live[np.unique(np.linspace(0, live.size - 1, 13).astype(int)[1::2])]
        options = {"marker": _BATCH, "markersize": 4.4, "markeredgecolor": "white", "markeredgewidth": 0.5, "zorder": 5}
        axes.plot(curve.step[picks], curve.median[picks], color=colour, linestyle="none", **options)


def _draw_series(axes: Axes, series: Series, variant: str, word: str, marker: str, line: object) -> None:
    look = style.look(variant)
    low, median, high = series.quartiles
    live = np.isfinite(median)
    axes.vlines(
        series.step[live],
        low[live],
        np.where(np.isfinite(high), high, median)[live],
        color=look.colour,
        lw=1.0,
        zorder=4,
    )
    axes.plot(
        series.step[live],
        median[live],
        color=look.colour,
        linestyle=line,
        linewidth=1.1,
        zorder=4,
        gid=f"median:{word}:{variant}",
    )
    for hollow in (False, True):
        rows = series.points[series.points["low"] == hollow]
        axes.plot(
            rows["step"],
            rows["value"],
            linestyle="none",
            marker=marker,
            markersize=2.4,
            markerfacecolor="none" if hollow else look.colour,
            markeredgecolor=look.colour,
            markeredgewidth=0.4,
            alpha=0.45,
            clip_on=False,
            zorder=3,
            gid=f"{'low-ess' if hollow else 'seeds'}:{word}:{variant}",
        )
        at = live & (series.low_ess == hollow)
        axes.plot(
            series.step[at],
            median[at],
            linestyle="none",
            marker=marker,
            markersize=5.2,
            markerfacecolor="white" if hollow else look.colour,
            markeredgecolor=look.colour,
            clip_on=False,
            zorder=6,
        )


def _label(axes: Axes, place: Place, curve: traces.Curve | None, listed: list[Series], steps: float) -> None:
    """Names of the curves at their ends, kept apart; the truth's too."""
    entries = [("truth", place.truth, style.INK)]
    colour = style.look(place.variant).text_colour
    if curve is not None and math.isfinite(place.batch) and np.isfinite(curve.median).any():
        entries.append(("in-batch", place.batch, colour))
    for series, (_, _, word, _, _) in zip(listed, _WORTH, strict=True):
        if math.isfinite(series.last):
            entries.append((word, series.last, colour))
    to_axes = axes.transAxes.inverted()
    spots = [float(to_axes.transform(axes.transData.transform((0.0, value)))[1]) for _, value, _ in entries]
    for spot, (word, value, ink) in zip(_apart(spots, 0.055), entries, strict=True):
        axes.annotate(
            f"{word} {_nats(value)}",
            (1.03 * steps, spot),
            xycoords=("data", "axes fraction"),
            va="center",
            ha="left",
            fontsize=8,
            color=ink,
            annotation_clip=False,
            zorder=7,
        )


def _apart(spots: list[float], least: float) -> list[float]:
    """The same positions, moved as little as keeps them ``least`` apart and inside [0, 1]."""
    order = np.argsort(spots, kind="stable")
    moved = np.clip(np.array(spots, dtype=float)[order], 0.0, 1.0)
    for _ in range(50):
        for index in range(1, moved.size):
            short = least - (moved[index] - moved[index - 1])
            if short > 0:
                moved[index - 1] -= short / 2
                moved[index] += short / 2
        moved += max(0.0, 0.02 - moved[0]) - max(0.0, moved[-1] - 0.98)
    result = np.empty_like(moved)
    result[order] = moved
    return result.tolist()


def _where(place: Place) -> str:
    cell = f"d = {place.dim}, ρ = {place.rho:g}"
    return cell if place.setting == "base" else f"{place.setting}, {cell}"


def _worth(place: Place) -> str:
    if not math.isfinite(place.population):
        return "of no known worth at the population"
    return f"worth {'at most ' if place.low_ess else ''}{_nats(place.worth)} at the population"


def _reads(place: Place) -> str:
    return f"read {_nats(place.batch)} nats" if math.isfinite(place.batch) else "end without a number"


def _nats(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if abs(value) < 10 else common.number(value)


def _title(shown: list[Place]) -> str:
    chosen = shown[0]
    label = style.look(chosen.variant).label
    reads = f"The batches of {label} {_reads(chosen)} for a truth of {_nats(chosen.truth)}"
    if not math.isfinite(chosen.gap):
        lead = f"{reads}; its critic is {_worth(chosen)}"
    elif chosen.gap > MARGIN:
        lead = f"{reads}, but its critic is {_worth(chosen)}"
    else:
        lead = f"No cell parts by more than {MARGIN:g} nats: {_lowered(reads)}, its critic is {_worth(chosen)}"
    others = [
        f"; those of {style.look(place.variant).label} {_reads(place)}, its critic is {_worth(place)}"
        for place in shown[1:]
    ]
    return lead + "".join(others)


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _subtitle(chosen: Place, near: bool, whole: bool, cells: int) -> str:
    among = "without an overflow" if whole else "there are (a run overflowed in every one)"
    if near:
        rule = f"whose batches end within {NEAR:g} nat of the truth, the one whose population value lies farthest below"
    elif math.isfinite(chosen.batch):
        rule = f"the one whose batches end nearest the truth (none within {NEAR:g} nat)"
    else:
        rule = "the first, because no cell's batches end at a number"
    return f"Chosen by the data, {_where(chosen)}: of the cells {among}, {rule}. {cells} cells looked at."


def _caption(runs: pd.DataFrame, linear: float | None, lost: int) -> str:
    span = common.span_text(runs)
    every = f"mean over {span}, median over seeds" if span else "median over seeds at every update"
    return caption(
        f"In-batch: Donsker-Varadhan value of the training batch, {every}. Held-out (fresh samples) and population "
        "(exact density ratio): the same critic, large marks the median, small marks each seed",
        interval="bands and bars: quartiles",
        n=common.seeds_text(runs),
        notes=[
            "Ended runs rank above all live ones. Hollow: effective sample size of the product term under "
            f"{MIN_ESS:g}, no evidence as a number; a population value then lies under what is drawn plus "
            f"{LOW_ESS_ALLOWANCE:.1f} nats (95 %), the bound in the title.",
            f"Axis: linear within ±{linear:g} nats (dotted), logarithmic beyond." if linear is not None else "",
            f"Values not drawn because not numbers: {lost:,}." if lost else "",
            f"{common.settings_text(runs)}.",
        ],
    )
