"""The write-up's "Distribution of Gradient Norms" again: a violin a rho and variant, the published lines beside it.

The violin is one run's, as the picture's is; beside it stand the smallest, mean and largest norm of every seed's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator

from mine import writeup
from mine.errors import UserError
from mine.figures import common, style
from mine.writeup import agreement
from mine.writeup.agreement import READING, Reading

LINES = ("min", "mean", "max")
"""What is marked of each distribution."""

_PUBLISHED = style.INK
_HALF = 0.12
"""Half the width of a violin; a rho's panel is 1 wide."""
_AT = {"biased": -0.38, "ema": 0.1}
"""Middle of each variant's violin, from its rho's."""
_BESIDE = 0.185
"""Where the seeds' ranges stand, from the violin's middle."""


@style.styled
def draw(
    summary: pd.DataFrame,
    epochs: pd.DataFrame,
    setting: str | None = None,
    reading: Reading = READING,
    norm: str | None = None,
) -> Figure:
    """Draw both variants at the named setting, or each at the one that it was trained with.

    reading: what a norm is; norm: in place of the reading's, ``mean``, ``last`` or ``update``. Raises UserError for an
    unknown setting or norm, or several settings of a variant and none named, or a missing column.
    """
    reading = reading if norm is None else Reading(reading.point, reading.by_v, norm)
    summary = common.prepare(summary)
    common.check_columns(epochs, "epochs", agreement.KEYS)
    runs, rows = (common.cell(agreement.of_setting(table, setting), dim=writeup.DIM) for table in (summary, epochs))
    if runs.empty or rows.empty:
        raise UserError(f"figure 'norm_violins': no runs at d = {writeup.DIM}, the picture's")
    held = agreement.agreement(epochs, reading, setting)
    held = held[held["group"] == "norm"]
    grid = common.Grid.of(runs)
    variants = [variant for variant in grid.variants if variant in writeup.VARIANTS]
    rhos = [rho for rho in grid.rhos if rho in writeup.RHOS]
    # Of each cell the lowest seed's norms by name, and which seed that is.
    first = {}
    for rho in rhos:
        for variant in variants:
            of_cell = agreement.runs_of(rows, variant=variant, rho=rho)
            if of_cell:
                first[variant, rho] = (agreement.norms_of(of_cell[0], reading), int(of_cell[0]["seed"].iloc[0]))
    sheet = style.Sheet(
        1,
        1,
        title=title(held),
        subtitle=_subtitle(held),
        caption=_caption(runs, first, reading),
        handles=_handles(variants, first),
        panel_height=4.6,
        left=0.75,
        row_gap=0,
    )
    axes = sheet.axes[0][0]
    axes.set_xlim(-0.53, len(rhos) - 0.52)
    _draw_bodies(axes, rhos, first)
    for (variant, rho), (norms, _) in first.items():
        at = rhos.index(rho) + _AT[variant]
        _draw_lines(axes, at, agreement.extremes(norms), variant)
        _draw_beside(axes, at + _BESIDE, held[(held["variant"] == variant) & (held["rho"] == rho)], variant)
    axes.set_yscale("log")
    axes.set_ylim(*view_of(held, first))
    axes.yaxis.set_major_locator(LogLocator(numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: common.number(value)))
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 4, 5, 6, 7, 8, 9), numticks=12))
    axes.tick_params(axis="y", which="minor", size=2, width=0.5)
    axes.set_ylabel("gradient L2 norm (nats per unit weight)")
    axes.set_xlabel("correlation ρ")
    axes.set_xticks(range(len(rhos)), [f"{rho:g}" for rho in rhos])
    axes.grid(visible=False, axis="x")
    for edge in range(1, len(rhos)):
        axes.axvline(edge - 0.525, color="#cccccc", linewidth=0.7, zorder=0)
    sheet.head(0, axes, f"d = {writeup.DIM}")
    return sheet.figure


def view_of(held: pd.DataFrame, first: dict[tuple[str, float], Any]) -> tuple[float, float]:
    """Limits of the axis: every number that is drawn, and room for their labels."""
    values = held[["published", "min", "max"]].to_numpy(dtype=float).ravel().tolist()
    values += [value for norms, _ in first.values() for value in (*norms["min"], *norms["max"])]
    values = [value for value in values if math.isfinite(value) and value > 0]
    return 0.75 * min(values), 1.4 * max(values)


def _draw_bodies(axes: Axes, rhos: list[float], first: dict[tuple[str, float], Any]) -> None:
    """The violins, of equal width: how a run's epochs spread over log norm."""
    import seaborn  # here, since it takes pyplot with it, which no other figure needs

    for (variant, rho), (norms, _) in first.items():
        body = norms["mean"][norms["mean"] > 0]
        # A density needs some numbers that differ.
        if np.unique(body).size < 3:
            continue
        before = len(axes.collections)
        seaborn.violinplot(
            x=np.full(body.size, rhos.index(rho) + _AT[variant]),
            y=body,
            ax=axes,
            color=style.look(variant).colour,
            native_scale=True,
            log_scale=(False, True),
            width=2 * _HALF,
            density_norm="width",
            cut=0,
            inner=None,
            linewidth=0.8,
            saturation=1.0,
        )
        for collection in axes.collections[before:]:
            collection.set(alpha=0.35, zorder=2, gid=f"violin:{variant}:{rho:g}")


def _draw_lines(axes: Axes, at: float, marks: dict[str, float], variant: str) -> None:
    """The picture's own marks on a violin: a line at the smallest, the mean and the largest norm, and one through."""
    if not math.isfinite(marks["mean"]):
        return
    colour = style.look(variant).colour
    axes.vlines(at, marks["min"], marks["max"], color=colour, linewidth=1.0, zorder=3)
    for name in LINES:
        width = _HALF * (0.75 if name == "mean" else 0.5)
        axes.hlines(
            marks[name],
            at - width,
            at + width,
            color=colour,
            linewidth=1.6,
            zorder=3,
            gid=f"run:{variant}:{name}",
        )


def _draw_beside(axes: Axes, at: float, rows: pd.DataFrame, variant: str) -> None:
    """Range and median over seeds of the three marks, and the published ones as ticks across, with their numbers."""
    look = style.look(variant)
    # Dashed, so that nobody takes it for a run of ours.
    span = (rows["published"].min(), rows["published"].max())
    axes.vlines(at, *span, color=_PUBLISHED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=2.5)
    for row in rows.to_dict("records"):
        name = row["name"].removeprefix("norm_")
        if row["n_values"]:
            axes.vlines(
                at,
                row["min"],
                row["max"],
                color=look.colour,
                linewidth=6,
                alpha=0.4,
                zorder=3,
                gid=f"range:{variant}:{name}",
            )
            axes.plot(
                at, row["median"], color=look.colour, marker=look.marker, markersize=5, markeredgecolor="white",
                markeredgewidth=0.5, linestyle="none", zorder=4, gid=f"median:{variant}:{name}",
            )  # fmt: skip
        axes.hlines(
            row["published"],
            at - 0.05,
            at + 0.05,
            color=_PUBLISHED,
            linewidth=2.0,
            zorder=5,
            gid=f"published:{variant}:{name}",
        )
        axes.annotate(
            f"{agreement.said('norm', row['published'])} {'✓' if row['inside'] else '✗'}",
            (at + 0.05, row["published"]),
            (1.5, 0),
            textcoords="offset points",
            ha="left",
            va="center",
            fontsize=style.SMALL,
            color=_PUBLISHED,
            zorder=6,
        )


def _handles(variants: list[str], first: dict[tuple[str, float], Any]) -> list[list]:
    rows = []
    for variant in variants:
        look = style.look(variant)
        seeds = [seed for (name, _), (_, seed) in first.items() if name == variant]
        rows.append(
            [
                Patch(
                    facecolor=look.colour, alpha=0.35, edgecolor=look.colour, label=f"{look.label}, seed {min(seeds)}"
                ),
                Line2D([], [], color=look.colour, linewidth=1.6, label="its smallest, mean and largest norm"),
                Line2D(
                    [], [], color=look.colour, alpha=0.55, linewidth=6, marker=look.marker, markeredgecolor="white",
                    label="those of all seeds: range, median",
                ),
            ]
        )  # fmt: skip
    rows[-1].append(Line2D([], [], color=_PUBLISHED, linewidth=2.0, label="published ✓ in the range ✗ not"))
    return rows


def title(held: pd.DataFrame) -> str:
    """The finding: the largest norms at the highest rho beside the published ones, and how many lines come out.

    held: rows of ``mine.writeup.agreement.agreement`` of the gradient norms.
    """
    parts = []
    top = held["rho"].max()
    for row in held[(held["rho"] == top) & (held["name"] == "norm_max")].to_dict("records"):
        label = style.look(row["variant"]).label
        ours = "none" if not row["n_values"] else agreement.said("norm", row["median"])
        bracket = f"{agreement.span(row)}; " if row["n_values"] > 1 else ""
        of = "" if parts else f" largest norm at ρ = {top:g} is"
        parts.append(f"{label}'s{of} {ours} ({bracket}published {agreement.said('norm', row['published'])})")
    counts = []
    for variant, rows in held.groupby("variant", sort=True):
        words = "" if counts else " published lines"
        counts.append(f"{int(rows['inside'].sum())} of {style.look(variant).label}'s {len(rows)}{words}")
    return f"{', '.join(parts)}; {' and '.join(counts)} lie in the runs' range"


_WORDS = {"norm_min": "smallest", "norm_mean": "mean", "norm_max": "largest"}


def _subtitle(held: pd.DataFrame) -> str:
    sides = []
    for variant, rows in held[~held["inside"] & (held["n_values"] > 0)].groupby("variant", sort=True):
        rhos = held.loc[held["variant"] == variant, "rho"].nunique()
        for name, here in rows.groupby("name", sort=False):
            above = here["min"] > here["published"]
            for word, where in (("larger", above), ("smaller", ~above)):
                if where.any():
                    at = ", ".join(f"{rho:g}" for rho in here.loc[where, "rho"])
                    at = "every ρ" if where.sum() == rhos else f"ρ = {at}"
                    sides.append(f"{style.look(variant).label}'s {_WORDS[name]} norm {word} at {at}")
    return f"Ours against the published where they differ: {'; '.join(sides)}." if sides else "They differ nowhere."


def _caption(runs: pd.DataFrame, first: dict[tuple[str, float], Any], reading: Reading) -> str:
    sizes = [len(norms["mean"]) for norms, _ in first.values()]
    body = "epoch means" if reading.norm in ("update", "mean") else "epochs' last updates"
    marks = "of every update" if reading.norm == "update" else "of the same numbers"
    low = int(common.cell(runs, rho=max(rho for _, rho in first)).groupby("variant", observed=True).size().min())
    return (
        f"L2 norm of the gradient over all critic parameters, {reading.norm_words}. Violin: density over log norm of "
        f"one run's {body} ({min(sizes)} to {max(sizes)} epochs, up to its end), equal widths; lines: smallest, mean "
        f"and largest {marks}. Bars, from bottom to top the smallest, mean and largest norm: range over seeds, where "
        f"{100 * agreement.coverage(low):.0f}\u00a0% of further runs would lie; marker: median. Published: the "
        "write-up's violins' lines, one run each, digitised (± 3 %), joined by a dashed line; ✓ where its own bar "
        f"holds it, give or take that. d = {writeup.DIM}; {common.seeds_text(runs)}; "
        f"{common.settings_of_variants(runs)}."
    )
