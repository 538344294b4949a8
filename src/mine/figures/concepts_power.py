"""How often each way of measuring finds a known leakage, against the number of rows."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.concepts.decision import MOST_OFTEN, SIZE, smallest_told
from mine.concepts.names import METHODS, NEIGHBOURS
from mine.figures import common, style

_NEEDED = ("method", "rows", "leakage", "draws", "alarm_share", "alarm_low", "alarm_high", "bias", "spread", "tells")
_NEIGHBOURS = style.Look("nearest neighbours", "#6e6e6e", (0, (1.5, 1.5)), "D")


@style.styled
def draw(decision: pd.DataFrame) -> Figure:
    """Draw the decision table. Raises UserError for a missing column."""
    common.check_columns(decision, "decision", _NEEDED)
    leakages = sorted(decision["leakage"].unique())
    methods = [name for name in METHODS if name in set(decision["method"])]
    draws = ", ".join(
        f"{of_method(name).label} {counts[0]:,}"
        if len(counts) == 1
        else f"{of_method(name).label} {min(counts):,} or more"
        for name in methods
        if len(counts := sorted(decision.loc[decision["method"] == name, "draws"].unique()))
    )
    sheet = style.Sheet(
        2,
        len(leakages),
        title=_title(decision, methods),
        subtitle="Predicted concepts with injected leakage. Above: alarms, p < 0.05; below: estimate less truth.",
        caption=(
            "Bars above: exact 95 % intervals; dotted: one half, above which a whole interval must lie to tell a "
            "leakage; at 0 nats an alarm is false, and dotted is 5 %. Below: mean over draws with one standard "
            "deviation each way. "
            f"Draws a point, over all scenarios: {draws}. Critics read a fifth of the rows, nearest neighbours all."
        ),
        handles=[[_handle(of_method(name)) for name in methods]],
        panel_height=[1.7, 1.5],
        strips=[0, 0],
        row_gap=0.28,
        column_gap=0.22,
        left=0.72,
    )
    for place, leakage in enumerate(leakages):
        shown = decision[decision["leakage"] == leakage]
        above, below = sheet.axes[0][place], sheet.axes[1][place]
        above.axhline(MOST_OFTEN if leakage else SIZE, color=style.FAINT, linestyle=":", linewidth=1.0)
        below.axhline(0.0, gid="truth", **style.TRUTH)
        for index, name in enumerate(methods):
            _method(above, below, shown[shown["method"] == name].sort_values("rows"), of_method(name), index)
        _axes(above, below, decision, first=place == 0)
        sheet.head(0, above, f"{leakage:g} nats" if leakage else "nothing leaks")
    limit = 1.1 * float((decision["bias"].abs() + decision["spread"].fillna(0.0)).max() or 0.01)
    for below in sheet.axes[1]:
        below.set_ylim(-limit, limit)
    return sheet.figure


def of_method(name: str) -> style.Look:
    """How a way of measuring looks."""
    return _NEIGHBOURS if name == NEIGHBOURS else style.look(name)


def _method(above: Axes, below: Axes, points: pd.DataFrame, look: style.Look, index: int) -> None:
    """One method's line above and below, its points a little apart from those of the others."""
    at = points["rows"] * (1.0 + 0.05 * index)
    line = {"color": look.colour, "linestyle": look.linestyle, "marker": look.marker, "markersize": 4, "capsize": 2}
    low, high = points["alarm_share"] - points["alarm_low"], points["alarm_high"] - points["alarm_share"]
    above.errorbar(at, points["alarm_share"], [low, high], elinewidth=1.0, **line)
    below.errorbar(at, points["bias"], points["spread"].fillna(0.0), elinewidth=1.0, **line)


def _axes(above: Axes, below: Axes, decision: pd.DataFrame, *, first: bool) -> None:
    rows = sorted(decision["rows"].unique())
    for axes in (above, below):
        axes.set_xscale("log")
        axes.set_xlim(rows[0] / 1.4, rows[-1] * 1.6)
        axes.set_xticks(rows, [f"{count:,}" for count in rows])
        axes.minorticks_off()
        axes.tick_params(labelleft=first)
    above.set_ylim(-0.04, 1.04)
    below.set_xlabel("rows")
    if first:
        above.set_ylabel("share of alarms (no unit)")
        below.set_ylabel("error (nats)")


def _handle(look: style.Look) -> object:
    return style.mark_handle(look.marker, look.label, linestyle=look.linestyle, color=look.colour)


def _title(decision: pd.DataFrame, methods: list[str]) -> str:
    """The smallest leakage that each method tells at each number of rows."""
    rows = sorted(decision["rows"].unique())
    parts = []
    for name in methods:
        told = [smallest_told(decision, name, count) for count in rows]
        parts.append(f"{of_method(name).label} {', '.join('none' if each is None else f'{each:g}' for each in told)}")
    return f"Smallest leakage told, nats, at {', '.join(f'{count:,}' for count in rows)} rows: {'; '.join(parts)}"
