"""What smoothing does to the gradient at a frozen critic: its squared bias and its variance against the EMA rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mine.errors import UserError
from mine.figures import common, style
from mine.figures.panels import Panels, caption
from mine.figures.spreads import (
    BATCH,
    Spread,
    Tally,
    draw_spreads,
    face_handle,
    few,
    log_axes,
    log_view,
    low_ess_text,
    numeric,
    place_name,
    places_of,
    seeds_of,
)

RATE = 0.01
"""The published EMA rate, which the title is about."""

_EMA = style.LOOKS["ema"]
_FACES = {
    "bias": style.Look("squared bias", _EMA.colour, "-", _EMA.marker),
    "variance": style.Look("variance", "#56B4E9", (0, (5, 2)), "s"),
}
_KEY = ["dim", "rho", "seed", "step"]


@style.styled
def draw(bias: pd.DataFrame) -> Figure:
    """Draw EMA over biased, independent pairs; panels: rho by updates done. Raises UserError for a missing column."""
    columns = ("scheme", "estimator", "ema_rate", "batch_size", "bias_squared", "variance", "ess")
    common.check_columns(bias, "bias", (*_KEY, *columns))
    rows = numeric(common.cell(bias, scheme="independent"), ("ema_rate", "bias_squared", "variance", "ess"))
    size = _batch_size(rows)
    rows = common.cell(rows, batch_size=size)
    ratios = _ratios(rows)
    rhos, steps = places_of(rows)
    rates = sorted(map(float, pd.unique(ratios["ema_rate"])))
    panels = {
        (rho, step): {name: _curve(common.cell(ratios, rho=rho, step=step), name, rates) for name in _FACES}
        for rho in rhos
        for step in steps
    }
    every = [spread for panel in panels.values() for curve in panel.values() for spread in curve]
    guide = np.array(rates) ** 2
    view = log_view(every, 1.0)
    tally = Tally()
    tally.add([spread for panel in panels.values() for spread in panel["bias"]])
    dotted = {"color": style.FAINT, "linewidth": 0.9, "linestyle": (0, (1, 1.5))}
    sheet = Panels(
        rows,
        row="rho",
        col="step",
        share_y=True,
        xlabel="EMA rate α (no unit)",
        ylabel="EMA / biased (no unit)",
        title=_title(panels, rates, size) + few(rows),
        subtitle=_subtitle(panels, rates),
        caption=_caption(rows, panels, tally, size),
        handles=[
            [
                *(face_handle(face, f"EMA's {face.label} / biased's") for face in _FACES.values()),
                Line2D([], [], color=style.INK, linewidth=0.9, label="as the biased gradient's"),
                Line2D([], [], label="α²: a bias cut to α times", **dotted),
            ]
        ],
        panel_height=1.9,
        row_gap=0.12,
        left=0.8,
    )
    for panel in sheet:
        axes = panel.axes
        log_axes(axes, rates, 1.5, [f"{rate:g}" for rate in rates], view)
        axes.axhline(1.0, color=style.INK, linewidth=0.9, zorder=2, gid="level")
        axes.plot(rates, guide, zorder=2, gid="guide", scalex=False, scaley=False, **dotted)
        for shift, (name, face) in zip((0.96, 1.04), _FACES.items(), strict=True):
            draw_spreads(axes, np.array(rates) * shift, panels[panel.row, panel.column][name], face, name)
        sheet.title(panel, place_name(rows, panel.row, panel.column))
    return sheet.figure


def _batch_size(rows: pd.DataFrame) -> int:
    """BATCH where the EMA was measured there, else the largest batch size at which it was."""
    sizes = sorted(map(int, pd.unique(common.cell(rows, estimator="ema")["batch_size"])))
    if not sizes:
        raise UserError("table 'bias': no EMA with independent pairs")
    return BATCH if BATCH in sizes else sizes[-1]


def _ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """EMA over biased at the same critic: a row for each of the EMA's. NaN where biased's is not above 0."""
    biased = common.cell(rows, estimator="biased")[[*_KEY, "bias_squared", "variance"]].drop_duplicates(_KEY)
    pairs = common.cell(rows, estimator="ema").merge(biased, on=_KEY, how="left", suffixes=("", "_biased"))
    for name, column in (("bias", "bias_squared"), ("variance", "variance")):
        below = pairs[f"{column}_biased"]
        pairs[name] = pairs[column] / below.where(below > 0)
    return pairs


def _curve(rows: pd.DataFrame, name: str, rates: list[float]) -> list[Spread]:
    at = [rows[rows["ema_rate"] == rate] for rate in rates]
    return [Spread.of(part[name].to_numpy(), part["ess"].to_numpy()) for part in at]


def _at(panels: dict, rates: list[float], name: str, rate: float) -> list[float]:
    """Medians of every panel at one rate; without those that are no number or whose reference decides nothing."""
    spreads = [panel[name][rates.index(rate)] for panel in panels.values()]
    return [spread.median for spread in spreads if np.isfinite(spread.median) and not spread.low_ess]


def _title(panels: dict, rates: list[float], size: int) -> str:
    rate = RATE if RATE in rates else rates[0]
    bias, variance = _at(panels, rates, "bias", rate), _at(panels, rates, "variance", rate)
    where = f"(α = {rate:g}, batches of {size})"
    if not bias:
        return f"Whether the EMA's gradient is less biased cannot be told here {where}"
    less, more = sum(value < 1 for value in bias), sum(value > 1 for value in bias)
    word = "less biased" if less == len(bias) else "more biased" if more == len(bias) else "not less biased everywhere"
    text = f"The EMA's gradient is {word}: squared bias {_times(bias)} the biased gradient's"
    if variance:
        text += f", variance {_times(variance)}"
    return f"{text} {where}"


def _times(values: list[float]) -> str:
    """``0.0085 to 0.047 times``; without a lower end where that is an estimate at or below 0, which no square is."""
    low, high = (common.number(float(f"{end:.2g}")) for end in (min(values), max(values)))
    if min(values) <= 0:
        return f"at most {high} times" if max(values) > 0 else "not above 0 times"
    return f"{low} times" if low == high else f"{low} to {high} times"


def _subtitle(panels: dict, rates: list[float]) -> str:
    parts = []
    for name, face in _FACES.items():
        medians = [median for rate in rates for median in _at(panels, rates, name, rate)]
        if medians:
            parts.append(f"{face.label} smaller in {sum(value < 1 for value in medians)} of {len(medians)}")
    if not parts:
        return ""
    return f"Medians over seeds, panels × rates (α from {rates[0]:g} to {rates[-1]:g}): {', '.join(parts)}."


def _caption(rows: pd.DataFrame, panels: dict, tally: Tally, size: int) -> str:
    spreads = [spread for panel in panels.values() for spread in panel["variance"]]
    none, empty = sum(spread.lost for spread in spreads), sum(spread.count == 0 for spread in spreads)
    return caption(
        "Points: median over seeds of the ratio at the same frozen critic, of the gradient of the second term alone, "
        f"with independent product pairs in batches of {size}",
        interval="bars: quartiles",
        n=seeds_of(rows),
        notes=[
            f"Squared bias by split halves (unbiased, may be below 0): {tally.text('ratios')} A ratio to a square at "
            "or below 0 is no number.",
            f"Variance: {none:,} ratios were not measured ({empty} points are empty)." if none else "",
            low_ess_text(tally).strip(),
        ],
    )
