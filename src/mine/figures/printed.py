"""Ours beside what the author's notebooks print: an epoch's value over training, one panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mine.errors import UserError
from mine.figures import common, style
from mine.figures.panels import Panels, caption
from mine.writeup.repository import BY_EXPERIMENT, EVERY, Printed, among, beside

_TRUTH = {"color": "#111111", "linestyle": (0, (6, 3)), "linewidth": 1.3}
_DOTS = {"color": "#111111", "marker": "o", "linestyle": "", "markersize": 4.5}


@style.styled
def draw(summary: pd.DataFrame, epochs: pd.DataFrame) -> Figure:
    """Draw one experiment. Raises UserError for one that nothing was printed of, or a missing column."""
    names = summary["experiment"].unique()
    printed = BY_EXPERIMENT.get(names[0]) if len(names) == 1 else None
    if printed is None:
        raise UserError(f"experiment: of {', '.join(map(repr, names))} the notebooks print nothing")
    if printed.column not in epochs:
        raise UserError(f"table: has no column {printed.column!r}; collect the runs again")
    truth, look = float(summary["mi_true"].iloc[0]), style.look(summary["variant"].iloc[0])
    ours = epochs.pivot(index="epoch", columns="seed", values=printed.column)
    sheet = Panels(
        epochs.assign(place=printed.what),
        col="place",
        xlabel="training (epochs)",
        ylabel="MI estimate (nats)",
        title=_title(printed, ours, truth),
        subtitle=f"{among(*beside(printed, epochs))} at their epoch, the first left out.",
        caption=_caption(printed, summary),
        handles=[
            [
                Line2D([], [], color=look.colour, linewidth=0.8, label=f"{look.label}, a seed each"),
                Line2D([], [], label="printed by the notebook", **_DOTS),
                Line2D([], [], label="truth", **_TRUTH),
                Line2D([], [], color="#777777", linestyle=":", label=f"{printed.said:.2f}, as its README says"),
            ]
        ],
        panel_height=2.6,
        left=0.8,
    )
    (panel,) = sheet
    axes = panel.axes
    for _, values in ours.items():
        axes.plot(ours.index, values, color=look.colour, linewidth=0.8, alpha=0.7)
    at = EVERY * np.arange(len(printed.values))
    axes.plot(at, printed.values, zorder=5, **_DOTS)
    axes.axhline(truth, zorder=4, **_TRUTH)
    axes.axhline(printed.said, color="#777777", linestyle=":", zorder=4)
    low = min(float(np.nanmin(ours.iloc[1:].to_numpy())), *printed.values)
    axes.set_ylim(low - 0.01, max(truth, printed.said) + 0.02)
    sheet.title(panel, printed.what, f"truth {truth:.3f} nats")
    return sheet.figure


def _title(printed: Printed, ours: pd.DataFrame, truth: float) -> str:
    # The last values, as far back as one printed value is from the next.
    ends = ours.iloc[-EVERY:].mean(skipna=False).to_numpy()
    span = f"{ends.min():.3f}-{ends.max():.3f}" if np.isfinite(ends).all() else "not finite"
    return f"The repository says about {printed.said:.2f}; ours end at {span} nats, and the truth is {truth:.3f}"


def _caption(printed: Printed, summary: pd.DataFrame) -> str:
    what = {
        "mi_mean": "mean over an epoch of the batches' values, each before its update",
        "mi_again_mean": "mean over an epoch of a second look at each batch after its update, with a fresh permutation",
    }[printed.column]
    return caption(
        f"A point: {what}",
        interval="no interval, every seed is drawn",
        n=common.seeds_text(summary),
        notes=[f"Title: means of each run's last {EVERY} epochs.", f"{common.settings_text(summary)}."],
    )
