"""Bias of the batch gradient against the batch size, beside 1/batch and the write-up's second-order prediction.

Everything is measured at frozen critics and given relative to the second term's true gradient there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mine.claims.claim import EQUIVALENT
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

_ALONG = "true gradient"
_LINES = {
    # Both schemes are the biased variant's: its colour for the one the theory is about.
    "independent": style.Look("‖bias‖, independent pairs", style.LOOKS["biased"].colour, "-", "o"),
    "permutation": style.Look("‖bias‖, permutation", style.FAINT, (0, (5, 2)), "s"),
    "along": style.Look("bias along the true gradient", "#7B5EA7", "none", "D"),
    "taylor": style.Look("its Taylor prediction", "#7B5EA7", (0, (1.5, 1.5)), ""),
}


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Exponent of the power of x that fits y best (least squares of the logarithms); NaN under two positive points."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    good = np.isfinite(y) & (y > 0)
    return float(np.polyfit(np.log(x[good]), np.log(y[good]), 1)[0]) if good.sum() > 1 else math.nan


def span(values: Sequence[float], digits: int = 2) -> str:
    """``−1.05 to −0.98`` of a list, or one number where both ends are alike."""
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return (low if low == high else f"{low} to {high}").replace("-", "−")


@style.styled
def draw(bias: pd.DataFrame, directions: pd.DataFrame) -> Figure:
    """Draw the biased gradient's bias; panels: rho by updates done. Raises UserError for a missing column."""
    common.check_columns(
        bias,
        "bias",
        ("dim", "rho", "seed", "step", "scheme", "estimator", "batch_size", "bias_squared", "reference_squared", "ess"),
    )
    common.check_columns(
        directions,
        "directions",
        ("dim", "rho", "seed", "step", "direction", "batch_size", "bias", "taylor", "reference", "ess"),
    )
    bias = numeric(common.cell(bias, estimator="biased"), ("bias_squared", "reference_squared", "ess"))
    common.check_columns(bias, "bias, estimator 'biased'", ())
    along = numeric(common.cell(directions, direction=_ALONG), ("bias", "taylor", "reference", "ess"))
    rhos, steps = places_of(bias)
    panels = {(rho, step): _panel(bias, along, rho, step) for rho in rhos for step in steps}
    every = [spread for panel in panels.values() for curve in panel.values() for spread in curve.values()]
    view = log_view(every)
    sizes = sorted({size for panel in panels.values() for curve in panel.values() for size in curve})
    norms, signed = Tally(), Tally()
    for panel in panels.values():
        for name, curve in panel.items():
            (norms if name in ("independent", "permutation") else signed).add(list(curve.values()))

    names = [name for name in _LINES if any(panel.get(name) for panel in panels.values())]
    inverse = {"color": style.INK, "linewidth": 0.9, "linestyle": (0, (1, 1))}
    sheet = Panels(
        bias,
        row="rho",
        col="step",
        share_y=True,
        xlabel="batch size (pairs)",
        ylabel="bias / true gradient (no unit)",
        title=_title(panels) + few(bias),
        subtitle=_subtitle(panels),
        caption=_caption(bias, norms, signed, "along" in names),
        handles=[[*map(face_handle, map(_LINES.get, names)), Line2D([], [], label="1/batch", **inverse)]],
        panel_height=1.9,
        row_gap=0.12,
        left=0.8,
    )
    for panel in sheet:
        curves = panels[panel.row, panel.column]
        log_axes(panel.axes, sizes, 1.25, [f"{size:,}" for size in sizes], view)
        for order, name in enumerate(names):
            curve = curves.get(name, {})
            if curve:
                # Side by side, so that bars do not hide each other.
                shift = 1.05 ** (order - (len(names) - 1) / 2 if name != "taylor" else 0)
                x = np.array(sorted(curve), dtype=float) * shift
                _draw_curve(panel.axes, x, [curve[size] for size in sorted(curve)], name)
        _draw_inverse(panel.axes, curves.get("independent", {}), sizes, inverse)
        sheet.title(panel, place_name(bias, panel.row, panel.column))
    return sheet.figure


Curve = dict[int, Spread]


def _panel(bias: pd.DataFrame, along: pd.DataFrame, rho: float, step: int) -> dict[str, Curve]:
    """Every curve of one panel by its name in _LINES: batch size to spread over seeds."""
    curves: dict[str, Curve] = {}
    rows = common.cell(bias, rho=rho, step=step)
    reference = rows["reference_squared"].where(rows["reference_squared"] > 0)
    ratio = rows["bias_squared"] / reference
    # The root keeps the sign, so that an estimate under 0 keeps its place in the order.
    rows = rows.assign(value=np.sign(ratio) * np.sqrt(ratio.abs()))
    for (scheme, size), part in rows.groupby(["scheme", "batch_size"], observed=True):
        if scheme in _LINES:
            curves.setdefault(str(scheme), {})[int(size)] = Spread.of(part["value"].to_numpy(), part["ess"].to_numpy())
    rows = common.cell(along, rho=rho, step=step)
    if rows.empty:
        return curves
    reference = rows["reference"].where(rows["reference"] != 0).abs()
    taylor, measured = rows["taylor"] / reference, rows["bias"] / reference
    # Both are drawn as going where the prediction points: a measurement that goes the other way is then below 0.
    middle = taylor[np.isfinite(taylor)].median()
    towards = -1.0 if middle < 0 else 1.0
    rows = rows.assign(along=towards * measured, taylor=towards * taylor)
    for size, part in rows.groupby("batch_size"):
        for name in ("along", "taylor"):
            curves.setdefault(name, {})[int(size)] = Spread.of(part[name].to_numpy(), part["ess"].to_numpy())
    return curves


def _draw_curve(axes: Axes, x: np.ndarray, spreads: list[Spread], name: str) -> None:
    face = _LINES[name]
    if name != "taylor":
        draw_spreads(axes, x, spreads, face, name, joined=name != "along")
        return
    median = np.array([spread.median for spread in spreads])
    good = np.isfinite(median) & (median > 0)
    axes.plot(
        x,
        np.where(good, median, np.nan),
        color=face.colour,
        linestyle=face.linestyle,
        linewidth=1.4,
        zorder=3,
        gid=f"line:{name}",
    )


def anchor(curve: Curve) -> tuple[int, float] | None:
    """Batch size and median that the line of 1/batch goes through: at BATCH, or at the nearest size above 0."""
    good = {size: spread.median for size, spread in curve.items() if spread.median > 0}
    if not good:
        return None
    size = min(good, key=lambda size: abs(math.log(size / BATCH)))
    return size, good[size]


def _draw_inverse(axes: Axes, curve: Curve, sizes: list[int], options: dict[str, Any]) -> None:
    found = anchor(curve)
    if found is None:
        return
    ends = np.array([min(sizes), max(sizes)], dtype=float)
    axes.plot(ends, found[1] * found[0] / ends, zorder=2, gid="inverse", scalex=False, scaley=False, **options)


def _counting(curve: Curve) -> Curve:
    """The points whose reference is good enough to decide anything."""
    return {size: spread for size, spread in curve.items() if not spread.low_ess}


def _title(panels: dict[tuple[float, int], dict[str, Curve]]) -> str:
    slopes = [
        found
        for panel in panels.values()
        if (curve := _counting(panel.get("independent", {})))
        and np.isfinite(found := slope(list(curve), [spread.median for spread in curve.values()]))
    ]
    if not slopes:
        return (
            "How the batch gradient's bias goes with the batch size cannot be told: no panel has two batch sizes of "
            "independent pairs with a median above 0 and a reference that counts"
        )
    verb = "falls" if max(slopes) < 0 else "grows" if min(slopes) > 0 else "neither falls nor grows everywhere"
    return (
        f"The batch gradient's bias {verb} with the batch size: exponent {span(slopes)} over "
        f"{len(slopes)} of {len(panels)} panels (1/batch is −1; independent pairs)"
    )


def _subtitle(panels: dict[tuple[float, int], dict[str, Curve]]) -> str:
    parts = []
    at = [found for panel in panels.values() if (found := anchor(_counting(panel.get("independent", {}))))]
    at = [value for size, value in at if size == BATCH]
    if at:
        share = common.share_of(at, "the second term's true gradient")
        parts.append(f"In batches of {BATCH} the bias is {share}.")
    ratios = [
        panel["along"][size].median / panel["taylor"][size].median
        for panel in panels.values()
        for size in _counting(panel.get("taylor", {}))
        if panel["taylor"][size].median > 0 and np.isfinite(panel["along"][size].median)
    ]
    if ratios:
        good = sum(EQUIVALENT[0] <= ratio <= EQUIVALENT[1] for ratio in ratios)
        parts.append(
            f"Along the true gradient the measured median is {EQUIVALENT[0]:g} to {EQUIVALENT[1]:g} times the Taylor "
            f"prediction's at {good} of {len(ratios)} panels and batch sizes."
        )
    return " ".join(parts)


def _caption(bias: pd.DataFrame, norms: Tally, signed: Tally, along: bool) -> str:
    return caption(
        "Points: median over seeds, relative to the norm of the second term's true gradient at the same frozen critic",
        interval="bars: quartiles",
        n=seeds_of(bias),
        notes=[
            "‖bias‖ from its square, estimated by split halves (unbiased, so it can come out below 0): "
            f"{norms.text('squares')} Exponent: least squares of the logarithms of medians above 0. 1/batch: through "
            f"the median of independent pairs at {BATCH}, or the nearest batch size whose is above 0.",
            "Taylor: the write-up's second-order expansion, along the true gradient; it and the measurement there are "
            f"drawn as positive in the direction that it predicts: {signed.text('values')}"
            if along
            else "Nothing was measured along the true gradient, so no Taylor prediction is drawn.",
            low_ess_text(norms, signed).strip(),
        ],
    )
