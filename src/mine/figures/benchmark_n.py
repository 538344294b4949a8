"""Error against the number of pairs, task by task, and what it costs each method to be right."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from mine.figures import common, style
from mine.figures.by_task import NEEDED, tasks_in_order
from mine.figures.methods import look_of
from mine.figures.panels import Panels, caption, folded
from mine.reach.aims import with_errors
from mine.reach.methods import TASKS
from mine.reach.scores import RELATIVE, cost_to_reach, in_order, judged, label_of

_ABREAST = 3
_FLOOR, _CEILING = 3e-3, 3.0
"""Nats: ends of the axis of errors; what lies beyond stands at its end."""

_ROW, _HEIGHT = 0.15, 1.8
"""Inches: a method's row, and a panel of errors."""


@style.styled
def draw(benchmark_n: pd.DataFrame) -> Figure:
    """Draw all tasks. Raises UserError for a missing column."""
    common.check_columns(benchmark_n, "benchmark_n", (*NEEDED, "cpu_s"))
    shown = judged(with_errors(benchmark_n))
    tasks, methods = tasks_in_order(list(shown["task"])), in_order(shown["method"])
    cost = cost_to_reach(shown)
    lines = [tasks[start : start + _ABREAST] for start in range(0, len(tasks), _ABREAST)]
    places = [[(task, what) for task in line] for line in lines for what in ("error", "cost")]
    table = pd.DataFrame([key for line in places for key in line], columns=["task", "what"])
    draws = shown.groupby(["task", "method", "rows"])["draw"].nunique()
    sheet = Panels(
        folded(table, ["task", "what"], places),
        row="line",
        col="place",
        share_x=False,
        share_y="row",
        title=_title(cost, tasks),
        subtitle=(
            f"Above: median absolute error; filled: all draws are within {RELATIVE:.0%} of the truth. ".replace(
                "%", " %"
            )
            + "Below: CPU seconds at the fewest such pairs, and how many."
        ),
        caption=caption(
            f"Dashed: {100 * RELATIVE:.0f} % of the truth. At an end of the axis: beyond it. An estimate without a "
            "value is wrong by any amount",
            interval="no interval: so few draws are shown by whether all of them are right",
            n=f"{_span(draws)} draws a number of pairs",
        ),
        handles=[[_handle(name) for name in methods]],
        panel_height=[_HEIGHT, _ROW * len(methods) + 0.05] * len(lines),
        strips=[1, 0] * len(lines),
        row_gap=0.45,
        column_gap=0.2,
        left=0.12 + max(style.text_width(label_of(name), style.SMALL) for name in methods),
    )
    seconds = cost["cpu_s"].dropna()
    ends = (seconds.min() / 2, seconds.max() * 30) if len(seconds) else (0.1, 10.0)
    for panel in sheet:
        task, what = panel.rows[["task", "what"]].iloc[0]
        rows = shown[shown["task"] == task]
        if what == "error":
            _errors(panel.axes, rows, methods, first=panel.column == 0)
            label = TASKS[task].label if task in TASKS else task
            truth = style.Strip(f"truth {rows['mi_true'].iloc[0]:.2f} nats", style.FAINT)
            sheet.title(panel, label, strips=[truth])
        else:
            _costs(panel.axes, cost[cost["task"] == task].set_index("method"), methods, ends)
    return sheet.figure


def _errors(axes: Axes, rows: pd.DataFrame, methods: list[str], *, first: bool) -> None:
    axes.axhline(RELATIVE * rows["mi_true"].iloc[0], gid="near", **style.TRUTH)
    for name in methods:
        of_method = rows[rows["method"] == name].groupby("rows").agg(error=("error", "median"), near=("near", "all"))
        look, error = look_of(name), of_method["error"].clip(_FLOOR, _CEILING)
        line = {"color": look.colour, "marker": look.marker, "clip_on": False, "markersize": 4}
        axes.plot(error.index, error, linestyle=look.linestyle, markerfacecolor="white", gid=f"error:{name}", **line)
        axes.plot(
            error.index[of_method["near"]], error[of_method["near"]], linestyle="none", gid=f"near:{name}", **line
        )
    counts = sorted(rows["rows"].unique())
    axes.set(xscale="log", yscale="log", ylim=(_FLOOR, _CEILING), xlim=(counts[0] / 1.3, counts[-1] * 1.3))
    axes.set_xticks(counts, [f"{count // 1000}k" if count >= 1000 else str(count) for count in counts])
    axes.set_yticks([0.01, 0.1, 1.0], ["0.01", "0.1", "1"])
    axes.minorticks_off()
    axes.set_xlabel("pairs")
    if first:
        axes.set_ylabel("error (nats)")


def _costs(axes: Axes, cost: pd.DataFrame, methods: list[str], ends: tuple[float, float]) -> None:
    axes.set(xscale="log", xlim=ends)
    for place, name in enumerate(methods):
        look = look_of(name)
        if name not in cost.index:
            text, at = "not measured", ends[0]
        elif np.isnan(cost.at[name, "rows"]):
            text, at = "never", ends[0]
        else:
            text, at = f"{cost.at[name, 'rows']:,.0f}", cost.at[name, "cpu_s"]
            axes.plot(at, place, marker=look.marker, color=look.colour, markersize=4, gid=f"cost:{name}")
        axes.annotate(text, (at, place), (5, 0), textcoords="offset points", va="center", fontsize=6.5, gid=f"n:{name}")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.minorticks_off()
    axes.set_yticks(range(len(methods)), [label_of(name) for name in methods], fontsize=style.SMALL)
    axes.set_ylim(len(methods) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("CPU seconds")


def _handle(method: str) -> object:
    look = look_of(method)
    return style.mark_handle(look.marker, look.label, linestyle=look.linestyle, color=look.colour)


def _span(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"


def _title(cost: pd.DataFrame, tasks: list[str]) -> str:
    """Who comes near on most tasks, and with how many pairs."""
    reached = cost.dropna(subset="rows")
    if reached.empty:
        return f"No method has all draws within {100 * RELATIVE:.0f} % of the truth on any of {len(tasks)} tasks"
    by_method = reached.groupby("method", sort=False).agg(tasks=("task", "size"), rows=("rows", "median"))
    best = by_method.sort_values(["tasks", "rows"], ascending=[False, True], kind="stable")
    name, most = best.index[0], best.iloc[0]
    return (
        f"{label_of(name)} comes within {100 * RELATIVE:.0f} % of the truth in every draw on {most['tasks']:.0f} of "
        f"{len(tasks)} tasks, with {most['rows']:,.0f} pairs at the median of these"
    )
