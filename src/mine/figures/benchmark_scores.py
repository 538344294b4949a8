"""Which estimator for my data: the error of every method over all tasks and over each group of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.figures import style
from mine.figures.by_task import checked_together, draws_text
from mine.figures.methods import look_of
from mine.figures.panels import Panels, caption
from mine.reach.aims import RIGHT
from mine.reach.scores import RESAMPLES, in_order, label_of, scored
from mine.reach.which import choices, finding, seconds

_ROW = 0.155
"""Inches a method takes."""

_FLOOR, _CEILING, _END = 3e-3, 3.0, 50.0
"""Nats: ends of what is drawn, at which stands what lies beyond; and the end of the axis, with room for two columns."""

_WITHIN, _SECONDS = 0.85, 1.0
"""Where these columns end, as shares of a panel's width."""


@style.styled
def draw(
    benchmark: pd.DataFrame,
    benchmark_diffusion: pd.DataFrame | None = None,
    benchmark_peers: pd.DataFrame | None = None,
) -> Figure:
    """Draw all groups. Raises UserError for a missing column."""
    shown = checked_together(benchmark, benchmark_diffusion, benchmark_peers)
    groups = scored(shown)
    of_groups = [rows for _, rows in groups]
    methods = in_order(shown["method"])
    most = max(len(rows) for rows in of_groups)
    room = 0.12 + max(style.text_width(label_of(name), style.SMALL) for name in methods)
    sheet = Panels(
        pd.concat(of_groups),
        col="group",
        abreast=2,
        share_x=False,
        share_y=False,
        title=finding(choices(groups)) or f"Errors of {len(methods)} methods, of one draw",
        subtitle=(
            "Interquartile mean of the absolute error, nats, the best on top. To the right: estimates within "
            f"{RIGHT:g} nats of the truth; median CPU seconds of an estimate."
        ),
        caption=caption(
            f"Dotted: {RIGHT:g} nats. At an end of the axis: beyond it. An estimate without a value is wrong by any "
            "amount, and the middle half of the errors is what counts here: see how many are within as well",
            interval=f"bars: 95 % stratified bootstrap over the draws of each task ({RESAMPLES:,} resamples), which "
            "says nothing of other tasks; none of a single draw",
            n=f"{shown['rows'].max():,} pairs a draw; {draws_text(shown, methods)}",
        ),
        handles=[],
        panel_height=_ROW * most,
        row_gap=0.42,
        column_gap=room + 0.15,
        left=room,
    )
    for panel in sheet:
        _panel(panel.axes, panel.rows, most)
        tasks = panel.rows["tasks"].iloc[0]
        sheet.title(panel, f"{panel.column[0].upper()}{panel.column[1:]}", right=f"{tasks} tasks")
    return sheet.figure


def _panel(axes: Axes, rows: pd.DataFrame, most: int) -> None:
    axes.axvline(RIGHT, color=style.FAINT, linestyle=":", linewidth=1.0, gid="right")
    for place, row in enumerate(rows.itertuples()):
        look = look_of(row.method)
        value, low, high = (min(max(each, _FLOOR), _CEILING) for each in (row.error, row.error_low, row.error_high))
        if np.isfinite(row.error_low):
            axes.plot([low, high], [place, place], color=look.colour, linewidth=1.6, gid=f"interval:{row.method}")
        axes.plot(value, place, marker=look.marker, color=look.colour, clip_on=False, gid=f"error:{row.method}")
        for at, text in ((_WITHIN, f"{row.within:.0%}"), (_SECONDS, seconds(row.cpu_s))):
            axes.annotate(
                text,
                (at, place),
                xycoords=("axes fraction", "data"),
                ha="right",
                va="center",
                fontsize=style.SMALL,
                annotation_clip=False,
            )
    axes.set_xscale("log")
    axes.set_xlim(_FLOOR, _END)
    axes.set_xticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
    axes.minorticks_off()
    axes.set_ylim(most - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [label_of(name) for name in rows["method"]], fontsize=style.SMALL)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("error (nats)", x=0.36)
    for at, text in ((_WITHIN, "within"), (_SECONDS, "CPU s")):
        axes.annotate(
            text, (at, 0), (0, -3), xycoords="axes fraction", textcoords="offset points", ha="right", va="top",
            fontsize=style.SMALL, color=style.FAINT, annotation_clip=False,
        )  # fmt: skip
