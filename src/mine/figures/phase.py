"""Share of runs that diverge over (d, rho), a panel a variant: where an estimator can be used at all."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mine.figures import common, style
from mine.figures.panels import HATCHED, Panels, caption, folded, heat
from mine.statistics import share_interval

RAMP = LinearSegmentedColormap.from_list("share", ["#ffffff", "#b4bcc9", "#3d4654"])
"""Share to colour: one ramp for every variant, lighter to darker, so that panels compare, in greyscale too."""

_ABREAST = 2


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
    sheet = Panels(
        folded(summary, ("setting", "variant"), places),
        row="line",
        col="place",
        share_x=False,
        share_y=True,
        xlabel="correlation ρ (no unit)",
        ylabel="dimension d (no unit)",
        title=_title(counts, grid),
        subtitle=_subtitle(counts, grid),
        caption=_caption(summary, counts, absent),
        handles=[
            [
                *(
                    Patch(facecolor=RAMP(share), edgecolor="#888888", linewidth=0.5, label=label)
                    for share, label in ((0.0, "no run diverged"), (0.5, "half did"), (1.0, "every run did"))
                ),
                style.mark_handle("x", "so many of them overflowed (the rest ran away, still finite)"),
                *([Patch(**HATCHED, label="not run")] if absent else []),
            ]
        ],
        panel_height=max(0.8, 0.36 * len(grid.dims)),
        row_gap=0.3,
        left=0.6,
    )
    for panel in sheet:
        setting, variant = places[panel.row][panel.column]
        _draw_panel(panel.axes, counts.loc[setting, variant], variant, grid)
        name = style.look(variant).label
        sheet.title(panel, name if setting == "base" else f"{name}, {setting}")
    return sheet.figure


def _counts(summary: pd.DataFrame) -> pd.DataFrame:
    """Runs, diverged and overflowed of each cell that was run, in integers, by (setting, variant, dim, rho)."""
    cells = summary.groupby(["setting", "variant", "dim", "rho"], observed=True)
    return cells.agg(runs=("seed", "size"), diverged=("diverged", "sum"), overflowed=("overflowed", "sum")).astype(int)


def _draw_panel(axes: Axes, counts: pd.DataFrame, variant: str, grid: common.Grid) -> None:
    """A cell a d and rho: k/n in its colour, and below it how many overflowed. counts: of one setting and variant."""
    cells = pd.MultiIndex.from_product([grid.dims[::-1], grid.rhos])
    counts = counts.reindex(cells)
    shares = (counts["diverged"] / counts["runs"]).unstack(sort=False)
    words = [f"{row.diverged:.0f}/{row.runs:.0f}" if row.runs > 0 else "" for row in counts.itertuples()]
    texts = heat(
        axes,
        shares,
        pd.Series(words, cells).unstack(sort=False),
        colours=RAMP,
        limits=(0.0, 1.0),
        hatched=shares.isna(),
        gid=lambda dim, rho: f"{variant}:{dim}:{rho:g}",
        size=8,
        line="#dddddd",
    )
    for (dim, rho), row in counts.dropna().iterrows():
        text = texts[f"{variant}:{dim}:{rho:g}"]
        if not row["diverged"]:
            text.set_color(style.FAINT)
        if row["overflowed"]:
            x, y = text.get_position()
            text.set_position((x, y - 0.2))
            below = {"fontsize": style.SMALL, "color": text.get_color(), "ha": "center", "va": "center"}
            axes.text(x, y + 0.24, f"× {row['overflowed']:.0f}", **below)
    axes.set_xticklabels([f"{rho:g}" for rho in grid.rhos])


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


def _caption(summary: pd.DataFrame, counts: pd.DataFrame, absent: int) -> str:
    of_none = " (the exact 95 % one of a count of none is given above)" if (counts["diverged"] == 0).any() else ""
    return caption(
        "In a cell: how many of its runs diverged, and of these after × how many overflowed",
        interval=f"counts, no interval{of_none}",
        n=common.seeds_text(summary),
        notes=[
            "Overflow: a non-finite estimate or gradient. Runaway: at two evaluations in a row, in-batch mean of 100 "
            "updates more than 2 nats above the truth or above the same critic's population value "
            f"({common.RUNAWAY_LOW_ESS}).",
            f"{absent} cells of the grid were not run (hatched)." if absent else "",
            f"{_updates(summary)}; {common.settings_text(summary)}.",
        ],
    )


def _updates(summary: pd.DataFrame) -> str:
    low, high = int(summary["steps"].min()), int(summary["steps"].max())
    return f"{low:,} updates" if low == high else f"{low:,} to {high:,} updates"
