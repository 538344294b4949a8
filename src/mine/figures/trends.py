"""The write-up's "MI Estimation" again: a panel a rho, value and smoothed trend per epoch, the published line drawn in.

One run's line and trend as in the picture, and the band of all seeds' trends, which the picture does not have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter1d

from mine import writeup
from mine.curves import quantiles_with_ended
from mine.errors import UserError
from mine.figures import common, style
from mine.figures.panels import Panels
from mine.writeup import agreement
from mine.writeup.agreement import READING, Reading

PUBLISHED = {"biased": ("#8f8f8f", "o"), "ema": ("#474747", "^")}
"""Grey and marker of each variant's published line; markers are those of the variants' own looks."""
_DASHES = (0, (2.6, 1.1))
_TRUTH = {**style.TRUTH, "linestyle": (0, (12, 4)), "linewidth": 1.0}
"""Long dashes: the published lines have short ones, and cross it all the way at the smaller rho."""
_YES, _NO = "✓", "✗"


@dataclass(frozen=True)
class Line:
    """One variant at one rho. points, trends: (runs, epochs), seeds rising; NaN from the epoch in which a run ended."""

    variant: str
    points: np.ndarray
    trends: np.ndarray
    seeds: list[int]

    @property
    def ends(self) -> np.ndarray:
        """Last epoch of each run that ended, counted from 0, rising; -1 of one that ended in its first."""
        gone = np.isnan(self.points)
        return np.sort(gone.argmax(axis=1)[gone.any(axis=1)] - 1)


@style.styled
def draw(summary: pd.DataFrame, epochs: pd.DataFrame, setting: str | None = None, reading: Reading = READING) -> Figure:
    """Draw both variants at the named setting, or each at the one that it was trained with. reading: what a point is.

    Raises UserError for an unknown setting, or several of a variant and none named, or a missing column.
    """
    summary = common.prepare(summary)
    common.check_columns(epochs, "epochs", agreement.KEYS)
    runs, rows = (common.cell(agreement.of_setting(table, setting), dim=writeup.DIM) for table in (summary, epochs))
    if runs.empty or rows.empty:
        raise UserError(f"figure 'trends': no runs at d = {writeup.DIM}, the picture's")
    held = agreement.agreement(epochs, reading, setting)
    held = held[held["group"] != "norm"]
    grid = common.Grid.of(runs)
    variants = [variant for variant in grid.variants if variant in writeup.VARIANTS]
    rhos = [rho for rho in grid.rhos if rho in writeup.RHOS]
    lasted = int(rows["epoch"].max()) + 1
    lines = {
        (variant, rho): line_of(rows, variant, rho, lasted, reading)
        for rho in rhos
        for variant in variants
        if len(common.cell(rows, variant=variant, rho=rho))
    }
    sheet = Panels(
        runs[runs["rho"].isin(rhos)],
        row="rho",
        col="dim",
        row_order=rhos,
        xlabel="training (epochs)",
        ylabel="MI estimate (nats)",
        title=title(held, lines),
        subtitle=_subtitle(held, lines),
        caption=_caption(runs, lines, reading),
        handles=_handles(variants, lines),
        panel_height=1.75,
        strips=[sum((variant, rho) in lines for variant in variants) for rho in rhos],
        row_gap=0.16,
        left=0.6,
    )
    for panel in sheet:
        rho, axes = panel.row, panel.axes
        here = [lines[variant, rho] for variant in variants if (variant, rho) in lines]
        value = float(panel.rows["mi_true"].iloc[0])
        axes.set_xlim(-0.01 * lasted, 1.01 * lasted)
        axes.set_ylim(*view_of(here, rho, value, lasted))
        axes.axhline(value, zorder=4.5, gid="truth", **_TRUTH)
        for order, line in enumerate(here):
            _draw_line(axes, line, order)
            _draw_published(axes, line.variant, rho, lasted)
        _draw_ends(axes, here, rho, lasted)
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        strips = [style.Strip(_strip(line, rho, held), style.look(line.variant).text_colour) for line in here]
        sheet.title(panel, f"ρ = {rho:g}", f"truth {value:.2f} nats", strips)
    sheet.figure.align_ylabels()
    return sheet.figure


def line_of(rows: pd.DataFrame, variant: str, rho: float, lasted: int, reading: Reading = READING) -> Line:
    """The runs of one cell. rows: of one setting and d of the epochs table. lasted: epochs of the longest run."""
    runs = agreement.runs_of(rows, variant=variant, rho=rho)
    points = np.full((len(runs), lasted), np.nan)
    for index, run in enumerate(runs):
        values = agreement.points_of(run, reading)
        points[index, : len(values)] = values
    return Line(variant, points, smoothed(points), [int(run["seed"].iloc[0]) for run in runs])


def smoothed(points: np.ndarray) -> np.ndarray:
    """The picture's trend of each run, NaN where the Gaussian's window reaches into epochs that a run does not have.

    points: (runs, epochs), nats. At the first and the last epoch of all the line is reflected, as SciPy does unasked.
    """
    return gaussian_filter1d(points, writeup.SIGMA, axis=1)


def published_of(variant: str, rho: float, lasted: int) -> tuple[np.ndarray, np.ndarray]:
    """Epochs and nats of a published trend, as far as runs of ``lasted`` epochs get."""
    table = writeup.trend()
    here = table[(table["variant"] == variant) & (table["rho"] == rho) & (table["epoch"] < lasted)]
    return here["epoch"].to_numpy(dtype=float), here["trend_nats"].to_numpy(dtype=float)


def view_of(lines: list[Line], rho: float, value: float, lasted: int) -> tuple[float, float]:
    """Limits of a panel: truth, bands and published trends whole, one run's line without its rarest spikes.

    Never below minus half the truth nor above 2.5 of it, about as far as the picture's own panels reach: what a run
    does on its way to infinity would flatten all else.
    """
    reach = [value, 0.5 * value]
    for line in lines:
        for quantile in quantiles_with_ended(line.trends, (0.25, 0.75)):
            reach += quantile[np.isfinite(quantile)].tolist()
        first = line.points[0][np.isfinite(line.points[0])]
        if first.size:
            reach += np.quantile(first, (0.01, 0.99)).tolist()
    low, high = max(min(reach), -0.5 * value), min(max(reach), 2.5 * value)
    for line in lines:
        _, published = published_of(line.variant, rho, lasted)
        if published.size:
            low, high = min(low, published.min()), max(high, published.max())
    # Room below for the ticks at which runs end.
    return low - 0.16 * (high - low), high + 0.05 * (high - low)


def _draw_line(axes: Axes, line: Line, order: int) -> None:
    colour = style.look(line.variant).colour
    epoch = np.arange(line.points.shape[1])
    low, high = quantiles_with_ended(line.trends, (0.25, 0.75))
    if len(line.seeds) > 1:
        axes.fill_between(epoch, low, high, color=colour, alpha=0.28, linewidth=0, zorder=2 + 0.1 * order)
    axes.plot(epoch, line.points[0], color=colour, linewidth=0.5, alpha=0.45, zorder=3, gid=f"run:{line.variant}")
    axes.plot(epoch, line.trends[0], color=colour, linewidth=1.7, zorder=4 + 0.1 * order, gid=f"trend:{line.variant}")


def _draw_published(axes: Axes, variant: str, rho: float, lasted: int) -> None:
    grey, marker = PUBLISHED[variant]
    epoch, trend = published_of(variant, rho, lasted)
    # A white rim keeps it apart from the lines that it crosses.
    axes.plot(epoch, trend, color="white", linewidth=2.8, alpha=0.7, zorder=5)
    start = len(epoch) // (12 if variant == "ema" else 24)
    axes.plot(
        epoch,
        trend,
        color=grey,
        linestyle=_DASHES,
        linewidth=1.5,
        marker=marker,
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        markevery=(start, max(1, len(epoch) // 6)),
        zorder=5.1,
        gid=f"published:{variant}",
    )


def _draw_ends(axes: Axes, lines: list[Line], rho: float, lasted: int) -> None:
    """A tick at the bottom for each run that ended; of the published one a longer grey tick with its epoch."""
    across = axes.get_xaxis_transform()
    for line in lines:
        if line.ends.size:
            axes.vlines(
                line.ends,
                0,
                0.075,
                transform=across,
                color=style.look(line.variant).colour,
                linewidth=1.0,
                zorder=7,
                gid=f"ends:{line.variant}",
            )
    last = writeup.LAST_EPOCH[rho]
    if last is not None and last < lasted and any(line.variant == "biased" for line in lines):
        axes.vlines(last, 0, 0.15, transform=across, color=style.INK, linewidth=1.6, zorder=8, gid="published-end")
        axes.annotate(
            f"published end {last}",
            (last, 0.15),
            (4, -1),
            xycoords=across,
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=style.SMALL,
            color=style.INK,
            zorder=8,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
        )


def _handles(variants: list[str], lines: dict[tuple[str, float], Line]) -> list[list]:
    rows = []
    for variant in variants:
        look, (grey, marker) = style.look(variant), PUBLISHED[variant]
        seeds = [line.seeds[0] for (name, _), line in lines.items() if name == variant]
        rows.append(
            [
                Line2D([], [], color=look.colour, linewidth=1.7, label=f"{look.label}, seed {min(seeds)}: trend"),
                Line2D([], [], color=look.colour, linewidth=0.5, alpha=0.6, label="its epochs"),
                Patch(facecolor=look.colour, alpha=0.28, label="quartiles of all seeds' trends"),
                Line2D([], [], color=grey, linestyle=_DASHES, marker=marker, label=f"{look.label} as published"),
                *([Line2D([], [], label="truth", **_TRUTH)] if variant == variants[-1] else []),
                *(
                    [style.mark_handle("|", f"a run of {look.label} ends", color=look.colour, markersize=7)]
                    if any(line.ends.size for (name, _), line in lines.items() if name == variant)
                    else []
                ),
            ]
        )
    return rows


def _strip(line: Line, rho: float, held: pd.DataFrame) -> str:
    """What of one line agrees with the picture: its quarters, its spread, its end."""
    rows = held[(held["variant"] == line.variant) & (held["rho"] == rho)]
    parts = []
    quarters = rows[rows["group"] == "trend"]
    if len(quarters):
        marks = " · ".join(
            f"{row['published']:.2f} {_mark(row)} ({agreement.span(row) if row['n_values'] else 'none'})"
            for row in quarters.to_dict("records")
        )
        parts.append(f"trend by quarters {marks}")
    parts += [
        f"spread {row['published']:.2f} {_mark(row)} ({agreement.span(row) if row['n_values'] else 'none'})"
        for row in rows[rows["group"] == "spread"].to_dict("records")
    ]
    parts += [
        f"end {agreement.said('end', row['published']).removeprefix('epoch ')} {_mark(row)} ({_ended(line)})"
        for row in rows[rows["group"] == "end"].to_dict("records")
    ]
    if not (rows["group"] == "end").any() and line.ends.size:
        parts.append(f"end never {_NO} ({_ended(line)})")
    return f"{style.look(line.variant).label}: {', '.join(parts)}".replace("-", "−")


def _mark(row: dict) -> str:
    return _YES if row["inside"] else _NO


def _ended(line: Line) -> str:
    ends, runs = line.ends, len(line.seeds)
    if not ends.size:
        return f"0 of {runs}"
    first, last = int(ends[0]), int(ends[-1])
    return f"{ends.size} of {runs}, {f'{first}' if first == last else f'{first}–{last}'}"


def title(held: pd.DataFrame, lines: dict[tuple[str, float], Line]) -> str:
    """The finding: where biased ends, here and in the picture, and how many published trends the runs give again.

    held: rows of ``mine.writeup.agreement.agreement``. lines: by variant and rho.
    """
    clauses = [_ends_clause(held, {rho: line for (variant, rho), line in lines.items() if variant == "biased"})]
    matched = []
    for variant in writeup.VARIANTS:
        trends = held[(held["variant"] == variant) & (held["group"] == "trend")]
        if len(trends):
            sides = _side(trends)
            off = [f"{np.sum(sides == side)} {word}" for side, word in _SIDES.items() if side in sides]
            brackets = f" ({', '.join(off)})" if off else ""
            count = f"{int(trends['inside'].sum())} of {len(trends)}{'' if matched else ' quarters'}"
            matched.append(f"{count} for {style.look(variant).label}{brackets}")
    if matched:
        clauses.append(f"the published trend comes out in {', '.join(matched)}")
    return "; ".join(clause for clause in clauses if clause)


def _ends_clause(held: pd.DataFrame, biased: dict[float, Line]) -> str:
    """Where biased ends: here and as published. biased: by rho."""
    ends, lasts = [], []
    for rho, line in sorted(biased.items(), reverse=True):
        row = held[(held["variant"] == "biased") & (held["rho"] == rho) & (held["group"] == "end")].iloc[0]
        published = "lasts" if math.isinf(row["published"]) else f"{row['published']:.0f}"
        where = f"at {'' if ends or lasts else 'ρ = '}{rho:g}"
        if line.ends.size:
            first, last = line.ends[0], line.ends[-1]
            epochs = f"epoch {first}" if first == last else f"epochs {first}–{last}"
            ends.append(f"in {line.ends.size} of {len(line.seeds)} {where} ({epochs}; published {published})")
        elif published == "lasts":
            # Of runs that stop before the published one ends, no more is known.
            short = f" for {line.points.shape[1]} epochs" if writeup.LAST_EPOCH[rho] is not None else ""
            lasts.append(where + short)
        else:
            ends.append(f"in none of {len(line.seeds)} {where} (published {published})")
    parts = [f"ends {', '.join(ends)}"] if ends else []
    if lasts:
        listed = " and ".join([part for part in (", ".join(lasts[:-1]), lasts[-1]) if part])
        parts.append(f"lasts {listed} as published")
    return f"Biased {' and '.join(parts)}" if parts else ""


_SIDES = {-1: "too low", 1: "too high", 2: "ended before"}


def _side(rows: pd.DataFrame) -> np.ndarray:
    """Where the runs lie of each number outside, a key of _SIDES; 0 inside."""
    above = rows["min"].to_numpy() > rows["published"].to_numpy()
    sides = np.where(rows["n_values"].to_numpy() == 0, 2, np.where(above, 1, -1))
    return np.where(rows["inside"].to_numpy(), 0, sides)


def _subtitle(held: pd.DataFrame, lines: dict[tuple[str, float], Line]) -> str:
    return (
        f"{_YES}: the published number, give or take the error of reading it off the picture, lies between the "
        f"smallest and the largest of the runs (in brackets), where {_chance(lines)} of further runs would; {_NO}: it "
        f"does not. Of this picture's numbers {int(held['inside'].sum())} of {len(held)} do."
    )


def _chance(lines: dict[tuple[str, float], Line]) -> str:
    return f"{100 * agreement.coverage(min(len(line.seeds) for line in lines.values())):.0f}\u00a0%"


def _caption(runs: pd.DataFrame, lines: dict[tuple[str, float], Line], reading: Reading) -> str:
    parts = [
        f"A point: {reading.point_words}. Trend: Gaussian over epochs, σ = {writeup.SIGMA:g}, only where its window "
        f"sees epochs that the run has. Published: the write-up's smoothed lines, one run each, digitised (± 0.03 "
        "nats). Quarters: means of 125 epochs; spread: standard deviation of the points about them, nats."
    ]
    if any(line.ends.size for line in lines.values()):
        parts.append(
            "Ended (non-finite) runs rank above all live ones, and a quartile that falls on one is not drawn; ticks at "
            "the bottom: their last epochs."
        )
    parts.append("Single spikes may leave the panel.")
    parts.append(f"d = {writeup.DIM}; {common.seeds_text(runs)}; {common.settings_of_variants(runs)}.")
    return " ".join(parts)
