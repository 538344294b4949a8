"""MI estimate over training: columns rho, rows d, median and interquartile band over seeds, the truth dashed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mine.figures import common, style, traces
from mine.figures.panels import Panels, caption, truth


@style.styled
def draw(summary: pd.DataFrame, curves: pd.DataFrame, setting: str | None = None) -> Figure:
    """Draw one setting. Raises UserError for an unknown setting or a missing column."""
    summary = common.prepare(summary)
    setting = common.choose_setting(summary, setting)
    runs = common.cell(summary, setting=setting)
    grid = common.Grid.of(runs)
    table = traces.read_curves(curves, setting, "mi_batch")

    entries = traces.entries_of(table, runs, grid)
    views = {
        dim: view_of(
            common.cell(runs, dim=dim)["mi_true"].to_numpy(dtype=float),
            [curve for key, curve in table.items() if key[1] == dim],
        )
        for dim in grid.dims
    }
    strips = {place: traces.strips_of(listed, views[place[0]]) for place, listed in entries.items()}
    any_overflow, off_view = bool(runs["overflowed"].any()), traces.leaves_the_view(strips)
    sheet = Panels(
        runs,
        row="dim",
        col="rho",
        ylabel="MI estimate (nats)",
        xlabel=traces.axis_label(runs),
        title=common.verdict(runs, setting if setting != "base" else ""),
        subtitle=_ending(runs, grid, table),
        caption=_caption(runs, any_overflow, off_view, "mi_batch_last" in runs),
        handles=[
            [
                *(style.variant_handle(variant) for variant in grid.variants),
                style.truth_handle(),
                *([style.mark_handle("x", "a run overflowed")] if any_overflow else []),
            ]
        ],
        panel_height=1.75,
        strips=traces.rooms(strips, grid),
    )
    for panel in sheet:
        place, view, axes = (panel.row, panel.column), views[panel.row], panel.axes
        value = float(panel.rows["mi_true"].iloc[0])
        # Limits first: autoscaling would follow the runaways.
        traces.training_axis(axes, runs)
        axes.set_ylim(*view)
        truth(axes, value)
        traces.draw_entries(axes, entries[place], view, lambda gone, view=view: last_values(gone).clip(*view))
        sheet.title(panel, common.place_name(*place), f"truth {value:.2f}", strips[place])
        axes.yaxis.set_major_locator(MaxNLocator(5))
    return sheet.figure


def view_of(truths: np.ndarray, curves: list[traces.Curve]) -> tuple[float, float]:
    """Limits of a row: from the truth, widened to where curves usually are, never to where runaways go."""
    span = max(float(np.max(np.abs(truths))), 0.5)
    values = np.concatenate([part for curve in curves for part in (curve.low, curve.high)] or [np.array([])])
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if values.size else (0.0, span)
    return min(0.0, max(float(low), -0.4 * span)) - 0.06 * span, max(1.2 * span, min(1.05 * float(high), 1.6 * span))


def last_values(gone: pd.DataFrame) -> np.ndarray:
    """Last finite in-batch value of runs that overflowed; above everything where the table does not say."""
    if "mi_batch_last" not in gone:
        return np.full(len(gone), np.inf)
    return pd.to_numeric(gone["mi_batch_last"]).to_numpy(dtype=float, na_value=np.inf)


def _ending(runs: pd.DataFrame, grid: common.Grid, table: dict[traces.Key, traces.Curve]) -> str:
    """How near the truth the medians end: mean of the median over the last 10 % of updates, as a share of the truth."""
    window = 0.9 * float(runs["steps"].max())
    parts = []
    for variant in grid.variants:
        ratios, ended = [], 0
        for (name, dim, rho), curve in table.items():
            here = common.cell(runs, variant=variant, dim=dim, rho=rho)
            if name != variant or here.empty:
                continue
            last = curve.median[curve.step > window]
            if last.size == 0 or not np.isfinite(last).all():
                ended += 1
            elif here["mi_true"].iloc[0] > 0:
                ratios.append(float(last.mean()) / float(here["mi_true"].iloc[0]))
        words = f"ends at {common.share_of(ratios, 'the truth')}" if ratios else ""
        if ended:
            gone = f"ended by overflow in {ended} of {ended + len(ratios)} panels"
            words = f"{words} where it lasts ({gone})" if words else gone
        if words:
            parts.append(f"{style.look(variant).label} {words}")
    return ("Median in-batch estimate: " + "; ".join(parts) + ".") if parts else ""


def _caption(runs: pd.DataFrame, overflow: bool, off_view: bool, last: bool) -> str:
    span = common.span_text(runs)
    mean = f", its mean over {span}" if span else ""
    place = "last finite value (at the edge where that is outside)" if last else "top edge"
    return caption(
        f"Line: median over seeds of the training batch's own Donsker-Varadhan value{mean}",
        interval="band: quartiles",
        n=common.seeds_text(runs),
        notes=[
            f"×: a run that became non-finite, at that update, drawn at its {place}. Ended runs stay in the "
            "denominator, ranked above all live ones; a quantile that falls on one is not drawn."
            if overflow
            else "",
            "▲ ▼: median or quartile leaves the panel and reaches this value (nats)." if off_view else "",
            f"Diverged: overflow, or runaway (2 nats above truth or population value; {common.RUNAWAY_LOW_ESS}).",
            f"{common.settings_text(runs)}.",
        ],
    )
