"""Share of runs that diverge over (d, rho), a panel a variant: where an estimator can be used at all."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from mine.figures import common, style
from mine.statistics import share_interval

RAMP = LinearSegmentedColormap.from_list("share", ["#ffffff", "#b4bcc9", "#3d4654"])
"""Share to colour: one ramp for every variant, lighter to darker, so that panels compare, in greyscale too."""

_ABREAST = 2
_NOT_RUN = {"facecolor": "#f6f6f6", "edgecolor": "#c4c4c4", "hatch": "////", "linewidth": 0.6}


@style.styled
def draw(summary: pd.DataFrame) -> Figure:
    """Draw every setting and variant of an experiment. Raises UserError for a missing column."""
    summary = common.prepare(summary)
    grid = common.Grid.of(summary)
    places = [
        [(setting, variant) for variant in grid.variants[start : start + _ABREAST]]
        for setting in grid.settings
        for start in range(0, len(grid.variants), _ABREAST)
    ]
    counts = _counts(summary)
    absent = len(grid.settings) * len(grid.variants) * len(grid.dims) * len(grid.rhos) - len(counts)
    sheet = style.Sheet(
        len(places),
        max(len(row) for row in places),
        title=_title(counts, grid),
        subtitle=_subtitle(counts, grid),
        caption=_caption(summary, absent),
        handles=[
            [
                *(
                    Patch(facecolor=RAMP(share), edgecolor="#888888", linewidth=0.5, label=label)
                    for share, label in ((0.0, "no run diverged"), (0.5, "half did"), (1.0, "every run did"))
                ),
                style.mark_handle("x", "so many of them overflowed (the rest ran away, still finite)"),
                *([Patch(**_NOT_RUN, label="not run")] if absent else []),
            ]
        ],
        panel_height=max(0.8, 0.36 * len(grid.dims)),
        row_gap=0.3,
        left=0.6,
    )
    for row, line in enumerate(sheet.axes):
        for column, axes in enumerate(line):
            if column >= len(places[row]):
                axes.set_axis_off()
                continue
            setting, variant = places[row][column]
            _draw_panel(axes, counts, setting, variant, grid)
            name = style.look(variant).label
            sheet.head(row, axes, name if setting == "base" else f"{name}, {setting}")
            if column == 0:
                axes.set_ylabel("dimension d (no unit)")
            else:
                axes.tick_params(labelleft=False)
            if row == len(places) - 1 or column >= len(places[row + 1]):
                axes.set_xlabel("correlation ρ (no unit)")
    return sheet.figure


def _counts(summary: pd.DataFrame) -> pd.DataFrame:
    """Runs, diverged and overflowed of each cell that was run, in integers, by (setting, variant, dim, rho)."""
    cells = summary.groupby(["setting", "variant", "dim", "rho"], observed=True)
    return cells.agg(runs=("seed", "size"), diverged=("diverged", "sum"), overflowed=("overflowed", "sum")).astype(int)


def _draw_panel(axes: Axes, counts: pd.DataFrame, setting: str, variant: str, grid: common.Grid) -> None:
    axes.set_xlim(-0.5, len(grid.rhos) - 0.5)
    axes.set_ylim(-0.5, len(grid.dims) - 0.5)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(range(len(grid.rhos)), [f"{rho:g}" for rho in grid.rhos])
    axes.set_yticks(range(len(grid.dims)), [str(dim) for dim in grid.dims])
    for y, dim in enumerate(grid.dims):
        for x, rho in enumerate(grid.rhos):
            gid = f"{variant}:{dim}:{rho:g}"
            corner = (x - 0.5, y - 0.5)
            if (setting, variant, dim, rho) not in counts.index:
                axes.add_patch(Rectangle(corner, 1, 1, gid=f"not-run:{gid}", **_NOT_RUN))
                continue
            cell = counts.loc[(setting, variant, dim, rho)]
            share = cell["diverged"] / cell["runs"]
            axes.add_patch(
                Rectangle(corner, 1, 1, facecolor=RAMP(share), edgecolor="#dddddd", linewidth=0.6, gid=f"cell:{gid}")
            )
            ink = "white" if share > 0.7 else style.INK if share else style.FAINT
            overflowed = int(cell["overflowed"])
            text = f"{cell['diverged']}/{cell['runs']}"
            axes.text(x, y + (0.2 if overflowed else 0), text, ha="center", va="center", fontsize=8, color=ink, gid=gid)
            if overflowed:
                axes.text(x, y - 0.24, f"× {overflowed}", ha="center", va="center", fontsize=style.SMALL, color=ink)


def _title(counts: pd.DataFrame, grid: common.Grid) -> str:
    parts = []
    for variant in grid.variants:
        cells = counts.xs(variant, level="variant")
        some = int((cells["diverged"] > 0).sum())
        every = int((cells["diverged"] == cells["runs"]).sum())
        how = "" if not some else " (in every run there)" if every == some else f" (in every run: {every})"
        parts.append(f"{style.look(variant).label} {some} of {len(cells)}{how}")
    return f"Cells in which a run diverged: {'; '.join(parts)}"


def _subtitle(counts: pd.DataFrame, grid: common.Grid) -> str:
    """Per variant and d, the smallest rho at which most runs diverged; and what a count of none is worth."""
    parts = []
    for setting in grid.settings:
        for variant in grid.variants:
            where = []
            for dim in grid.dims:
                rhos = [
                    rho
                    for rho in grid.rhos
                    if (key := (setting, variant, dim, rho)) in counts.index
                    and 2 * counts.loc[key, "diverged"] > counts.loc[key, "runs"]
                ]
                if rhos:
                    where.append(f"{min(rhos):g} at d = {dim}")
            name = style.look(variant).label + ("" if len(grid.settings) == 1 else f" ({setting})")
            parts.append(f"{name} {', '.join(where) or 'none'}")
    text = f"Smallest ρ at which most runs diverged: {'; '.join(parts)}."
    empty = counts[counts["diverged"] == 0]["runs"]
    if len(empty):
        least = int(empty.min())
        bound = 100 * float(share_interval(0, least)[1])
        text += f" A cell with 0 of {least} is compatible with a true share of up to {bound:.0f} %."
    return text


def _caption(summary: pd.DataFrame, absent: int) -> str:
    blank = f"{absent} cells of the grid were not run (hatched). " if absent else ""
    return (
        "In a cell: how many of its runs diverged, and of these after × how many overflowed. Overflow: a non-finite "
        "estimate or gradient. Runaway: at two evaluations in a row, in-batch mean of 100 updates more than 2 nats "
        f"above the truth or above the same critic's population value ({common.RUNAWAY_LOW_ESS}). {blank}"
        f"{common.seeds_text(summary)}, {_updates(summary)}; {common.settings_text(summary)}."
    )


def _updates(summary: pd.DataFrame) -> str:
    low, high = int(summary["steps"].min()), int(summary["steps"].max())
    return f"{low:,} updates" if low == high else f"{low:,} to {high:,} updates"
