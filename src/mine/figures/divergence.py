"""Share of runs still live over training, per setting, d and rho; runaway and overflow told apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mine.figures import common, style, traces
from mine.figures.panels import Panels, caption, folded
from mine.statistics import share_interval


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw every setting of an experiment. Raises UserError for a missing column."""
    summary = common.prepare(summary)
    grid = common.Grid.of(summary)
    # A line of panels for each d and setting, in this order; where nothing ever diverged, words say it as well.
    every = [(dim, setting) for dim in grid.dims for setting in grid.settings]
    lines = [place for place in every if common.cell(summary, dim=place[0], setting=place[1])["diverged"].any()]
    idle = [place for place in every if place not in lines] if lines else []
    lines = lines or every
    shown = pd.concat([common.cell(summary, dim=dim, setting=setting) for dim, setting in lines])
    strips = {
        (line, rho): _strips(common.cell(summary, dim=dim, setting=setting, rho=rho), grid)
        for line, (dim, setting) in enumerate(lines)
        for rho in grid.rhos
    }
    sheet = Panels(
        folded(shown, ("dim", "setting"), [[line] for line in lines]),
        row="line",
        col="rho",
        share_y=True,
        ylabel="share live",
        xlabel=traces.axis_label(summary),
        title=_title(summary, grid),
        subtitle=" ".join([_subtitle(summary, grid), *_idle(summary, idle)]).strip(),
        caption=_caption(summary),
        handles=[
            [
                *(style.variant_handle(variant, linewidth=1.8) for variant in grid.variants),
                Line2D([], [], color=style.INK, linewidth=0.9, linestyle=(0, (2, 1.5)), label="not overflowed"),
                Patch(facecolor="#999999", alpha=0.3, linewidth=0, label="exact 95 % interval"),
            ]
        ],
        panel_height=1.0,
        strips=[max(len(strips[line, rho]) for rho in grid.rhos) for line in range(len(lines))],
    )
    for panel in sheet:
        (dim, setting), axes = lines[panel.row], panel.axes
        traces.training_axis(axes, summary)
        axes.set_ylim(-0.03, 1.06)
        axes.set_yticks([0, 0.5, 1], ["0", "½", "1"])
        for order, variant in enumerate(grid.variants):
            _draw_variant(axes, common.cell(panel.rows, variant=variant), variant, order, len(grid.variants))
        right = "" if setting == "base" else setting
        sheet.title(panel, common.place_name(dim, panel.column), right, strips[panel.row, panel.column])
    return sheet.figure


def _idle(summary: pd.DataFrame, places: Sequence[tuple[int, str]]) -> list[str]:
    """Where nothing diverged, which no panel shows."""
    if not places:
        return []
    runs = sum(len(common.cell(summary, dim=dim, setting=setting)) for dim, setting in places)
    words = [f"d = {dim}" + (f" ({setting})" if setting != "base" else "") for dim, setting in places]
    return [f"Not drawn, since none of {runs:,} runs diverged: {', '.join(words)}."]


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
        text, short = f"{style.look(variant).label}: {diverged}/{total} {what}", ""
        if overflowed:
            text, short = f"{text}, {overflowed} overflowed", f"{text}, × {overflowed}"
        strips.append(style.Strip(text, style.look(variant).text_colour, short))
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
    looks = _looks(summary)
    for variant in grid.variants:
        halves: dict[float, list[float]] = {}
        cells = common.cell(summary, variant=variant).groupby(["setting", "dim", "rho"], observed=True)
        for (_, _, rho), rows in cells:
            steps = np.sort(rows["diverged_step"].fillna(np.inf).to_numpy())
            half = steps[(len(steps) - 1) // 2]
            if np.isfinite(half):
                halves.setdefault(float(rho), []).append(half)
        if halves:
            listed = ", ".join(f"{_span(found, looks)} at ρ = {rho:g}" for rho, found in sorted(halves.items()))
            parts.append(
                f"{style.look(variant).label}: half of a panel's runs had diverged by update {listed} "
                "(panels that got there)."
            )
    if parts and looks:
        parts.append(f"A runaway is looked for every {looks:,} updates, and known to so many only.")
    sizes = summary.groupby(["setting", "variant", "dim", "rho"], observed=True)["diverged"].agg(["sum", "size"])
    empty = sizes[sizes["sum"] == 0]["size"]
    if len(empty):
        least = int(empty.min())
        bound = 100 * float(share_interval(0, least)[1])
        parts.append(f"0 of {least} diverged is compatible with a true share of up to {bound:.0f} %.")
    return " ".join(parts)


def _looks(summary: pd.DataFrame) -> int | None:
    """Updates between two looks for a runaway, where all runs have the same."""
    every = pd.unique(pd.to_numeric(summary["eval_every"])) if "eval_every" in summary else ()
    return int(every[0]) if len(every) == 1 else None


def _span(steps: Sequence[float], looks: int | None) -> str:
    """First to last of some updates; what was seen at a look, the update after a multiple of ``looks``, as that."""
    ends = [step - 1 if looks and step % looks == 1 else step for step in (min(steps), max(steps))]
    low, high = (f"{end:,.0f}" for end in ends)
    return low if low == high else f"{low}–{high}"


def _caption(summary: pd.DataFrame) -> str:
    span = common.span_text(summary)
    recent = f"100 updates (whole rows of {span})" if span else "100 updates"
    return caption(
        "Thick: share of runs that have not diverged (neither overflowed nor run away) by this update; thin dashed: "
        "share that has not overflowed; between them are runs that ran away while still finite",
        interval="band: exact 95 % interval of the share, two-sided (Clopper-Pearson)",
        n=common.seeds_text(summary),
        notes=[
            "Overflow (×): a non-finite estimate or gradient. Runaway: at two evaluations in a row, in-batch mean of "
            f"{recent} more than 2 nats above the truth or above the same critic's population value "
            f"({common.RUNAWAY_LOW_ESS}).",
            f"{common.settings_text(summary)}.",
        ],
    )
