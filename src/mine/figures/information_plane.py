"""The information plane: the exact curve, where each estimator's encoder lands, and where its estimate says it did."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.errors import UserError
from mine.figures import style
from mine.figures.encoders import check, handles, seeds_text, settings_of, variants_of, words_of
from mine.figures.panels import Panel, Panels, caption

_NEEDED = (
    "setting", "variant", "task", "seed", "outcome", "mi_x", "mi_y", "estimate_x", "estimate_y", "power_limit", "beta",
    "removal", "angle", "critic_steps",
)  # fmt: skip
_ROOM = 1.35
"""How far panels go beyond the optimum."""


@style.styled
def draw(encoders: pd.DataFrame, optima: pd.DataFrame) -> Figure:
    """Draw the settings of goal compress. Raises UserError where there are none, or a column is missing."""
    runs = check(encoders, "encoders", _NEEDED)
    best = check(optima, "optima", ("setting", "task", "kind", "mi_x", "mi_y"))
    runs = runs[runs["task"] == "compress"]
    if runs.empty:
        raise UserError("table 'encoders': no encoder of goal compress, which the information plane shows")
    variants, settings = variants_of(runs), settings_of(runs)
    abreast = min(3, len(settings))
    sheet = Panels(
        runs,
        col="setting",
        col_order=settings,
        abreast=abreast,
        share_x=False,
        share_y=False,
        xlabel="I(x; t) (nats)",
        ylabel="I(t; y) (nats)",
        title=_title(runs),
        subtitle="Filled: where the encoder is, exactly. Hollow, joined to it: where its training estimate says it is.",
        caption=caption(
            "Small: each seed; large: medians of I(x; t) and of I(t; y)",
            interval="no interval, every seed is drawn",
            n=seeds_text(runs),
            notes=[
                "Nothing lies above the exact curve. An estimate beyond the panel stands at its edge.",
                "Runs that ended non-finite are left out and counted above a panel.",
            ],
        ),
        handles=[
            [
                style.truth_handle("exact curve"),
                style.mark_handle("*", "optimum", markersize=11),
                *handles(variants, linestyle="none"),
            ]
        ],
        panel_height=2.6,
        strips=[1] * -(-len(settings) // abreast),
        column_gap=0.5,
        row_gap=0.4,
    )
    for panel in sheet:
        _draw_panel(panel, best, variants)
        ended = int((panel.rows["outcome"] != "completed").sum())
        words = f"{ended} of {len(panel.rows)} runs ended" if ended else "no run ended"
        sheet.title(panel, words_of(panel.rows), strips=[style.Strip(words, style.FAINT)])
    return sheet.figure


def _draw_panel(panel: Panel, optima: pd.DataFrame, variants: list[str]) -> None:
    axes = panel.axes
    curve = optima[(optima["kind"] == "curve") & (optima["task"] == "compress")].sort_values("mi_x")
    axes.plot(curve["mi_x"], curve["mi_y"], gid="truth", zorder=1, **style.TRUTH)
    at = optima[(optima["kind"] == "optimum") & (optima["setting"] == panel.column)].iloc[0]
    whole = panel.rows[panel.rows["outcome"] == "completed"]
    limits = [
        _ROOM * max(float(at[name]), float(whole[name].max()) if len(whole) else 0.0, 1e-3) for name in ("mi_x", "mi_y")
    ]
    for variant in variants:
        runs, look = whole[whole["variant"] == variant], style.look(variant)
        if runs.empty:
            continue
        exact, said = (
            np.array([runs[f"{kind}_{term}"].to_numpy(dtype=float) for term in ("x", "y")])
            for kind in ("mi", "estimate")
        )
        dots = {"linestyle": "none", "marker": look.marker, "color": look.colour}
        axes.plot(*exact, markersize=2.5, alpha=0.6, zorder=3, **dots)
        here = np.median(exact, 1)
        there = np.clip(np.median(said, 1), 0.0, 0.985 * np.array(limits))
        axes.plot(*np.stack([here, there], 1), color=look.colour, linewidth=0.8, zorder=2)
        axes.plot(*here, markersize=6.5, zorder=4, gid=f"exact:{variant}", **dots)
        axes.plot(*there, markersize=6.5, zorder=4, gid=f"said:{variant}", **dots | {"markerfacecolor": "white"})
    axes.plot(at["mi_x"], at["mi_y"], "*", color=style.INK, markersize=11, zorder=5)
    axes.set_xlim(0, limits[0])
    axes.set_ylim(0, limits[1])


def _title(runs: pd.DataFrame) -> str:
    """Where estimate and encoder part most."""
    whole = runs[runs["outcome"] == "completed"]
    if whole.empty:
        return "Every run ended non-finite"
    gap = (whole["estimate_x"] - whole["mi_x"]).groupby([whole["setting"], whole["variant"]], sort=False).median()
    setting, variant = gap.abs().idxmax()
    value, words = gap[setting, variant], words_of(whole[whole["setting"] == setting])
    side = "more" if value > 0 else "less"
    said = f"Of I(x; t) {style.look(variant).label} says {abs(value):.2f} nats {side} than there is"
    return f"{said} ({words}): the largest gap"
