"""Bias of the batch gradient against the batch size, beside 1/batch and the write-up's second-order prediction.

Everything is measured at frozen critics and given relative to the second term's true gradient there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from mine.claims.claim import EQUIVALENT, MIN_SEEDS
from mine.figures import common, style

MIN_REFERENCE_ESS = 1000.0
"""Effective sample size of the reference gradient under which nothing is decided."""

BATCH = 128
"""The published batch size: the line of 1/batch goes through the measurement there."""

_ALONG = "true gradient"
_LINES = {
    # Both schemes are the biased variant's: its colour for the one the theory is about.
    "independent": style.Look("‖bias‖, independent pairs", style.LOOKS["biased"].colour, "-", "o"),
    "permutation": style.Look("‖bias‖, permutation", style.FAINT, (0, (5, 2)), "s"),
    "along": style.Look("bias along the true gradient", "#7B5EA7", "none", "D"),
    "taylor": style.Look("its Taylor prediction", "#7B5EA7", (0, (1.5, 1.5)), ""),
}


@dataclass(frozen=True)
class Spread:
    """Median and quartiles over seeds of numbers of either sign, for a logarithmic axis.

    count: finite numbers. lost: those that are not. below: finite ones at or under 0. low_ess: whether their median
    effective sample size is under the least that decides.
    """

    median: float
    low: float
    high: float
    count: int
    lost: int
    below: int
    low_ess: bool = False

    @classmethod
    def of(cls, values: np.ndarray, ess: np.ndarray | None = None, least: float = MIN_REFERENCE_ESS) -> Spread:
        """From one value a seed, and its effective sample size where there is one."""
        values = np.asarray(values, dtype=float)
        finite = np.isfinite(values)
        kept = values[finite]
        low, median, high = np.quantile(kept, (0.25, 0.5, 0.75)) if kept.size else (math.nan,) * 3
        sizes = np.nan_to_num(ess[finite], nan=0.0) if ess is not None else np.array([])
        poor = bool(sizes.size and np.median(sizes) < least)
        return cls(
            float(median), float(low), float(high), kept.size, int((~finite).sum()), int((kept <= 0).sum()), poor
        )


@dataclass
class Tally:
    """What cannot stand on a logarithmic axis as it is, counted for the caption."""

    values: int = 0
    below: int = 0
    lost: int = 0
    limits: int = 0
    omitted: int = 0
    low_ess: int = 0

    def add(self, spreads: Sequence[Spread]) -> None:
        """Count the values behind some points, and how the points are drawn."""
        for spread in spreads:
            self.values += spread.count
            self.below += spread.below
            self.lost += spread.lost
            drawn = spread.median > 0
            self.limits += not drawn and spread.high > 0
            self.omitted += not drawn and not spread.high > 0
            self.low_ess += spread.low_ess and spread.count > 0

    def text(self, what: str) -> str:
        """The counts in words; ``what`` the values are, in the plural."""
        keep = " (they stay in medians and quartiles)" if self.below else ""
        parts = [f"{self.below:,} of {self.values:,} {what} at or below 0{keep}"]
        if self.limits:
            parts.append(f"▼: upper quartile where the median is at or below 0 ({_points(self.limits)})")
        if self.omitted:
            parts.append(f"neither is above 0 and nothing drawn at {_points(self.omitted)}")
        if self.lost:
            parts.append(f"{self.lost:,} that are not numbers left out")
        return "; ".join(parts) + "."


def low_ess_text(*tallies: Tally) -> str:
    """How many points rest on a reference that decides nothing; empty where none does."""
    count = sum(tally.low_ess for tally in tallies)
    if not count:
        return ""
    least = f"{MIN_REFERENCE_ESS:,.0f}"
    return f" Hollow: effective sample size of the reference under {least}, which decides nothing ({_points(count)})."


def _points(count: int) -> str:
    return f"{count} point{'s' if count != 1 else ''}"


def plain_log(axis: Axis) -> None:
    """Numbers, not powers, at the ticks of a logarithmic axis; more of them where it is short."""
    low, high = axis.get_view_interval()
    plain = FuncFormatter(lambda value, _: f"{value:g}")
    axis.set_major_formatter(plain)
    short = high / low < 40
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)) if short else NullLocator())
    axis.set_minor_formatter(plain if short else NullFormatter())


def few(table: pd.DataFrame) -> str:
    """A title's last words where there are too few seeds for any conclusion."""
    least = int(table.groupby(["dim", "rho", "step"])["seed"].nunique().min())
    return f" — {least} seed{'s' if least > 1 else ''}: nothing is decided" if least < MIN_SEEDS else ""


def log_view(spreads: Sequence[Spread], *more: float) -> tuple[float, float]:
    """Limits of a logarithmic axis that holds every positive median and quartile, and these values too."""
    ends = [end for spread in spreads for end in (spread.median, spread.low, spread.high)] + list(more)
    ends = [end for end in ends if np.isfinite(end) and end > 0]
    return (min(ends) / 1.6, max(ends) * 1.6) if ends else (0.1, 10.0)


def draw_spreads(
    axes: Axes, x: np.ndarray, spreads: Sequence[Spread], face: style.Look, gid: str, *, joined: bool = True
) -> None:
    """Median with quartile bars on a logarithmic axis; a triangle at the upper quartile where the median is below 0."""
    floor = axes.get_ylim()[0]
    median = np.array([spread.median for spread in spreads])
    above = np.isfinite(median) & (median > 0)
    if joined:
        axes.plot(
            x,
            np.where(above, median, np.nan),
            color=face.colour,
            linestyle=face.linestyle,
            linewidth=1.2,
            zorder=3,
            gid=f"line:{gid}",
        )
    for at, spread, good in zip(x, spreads, above, strict=True):
        if not good and not spread.high > 0:
            continue
        axes.vlines(
            at, spread.low if spread.low > 0 else floor, spread.high, color=face.colour, linewidth=1.0, zorder=3
        )
        axes.plot(
            at,
            spread.median if good else spread.high,
            linestyle="none",
            marker=face.marker if good else "v",
            markerfacecolor="white" if spread.low_ess else face.colour,
            markeredgecolor=face.colour,
            zorder=4,
            gid=f"{'low-ess' if spread.low_ess else 'point' if good else 'limit'}:{gid}",
        )


def places_of(table: pd.DataFrame) -> tuple[list[float], list[int]]:
    """Correlations and steps of a table of frozen critics, rising."""
    return sorted(map(float, pd.unique(table["rho"]))), sorted(map(int, pd.unique(table["step"])))


def place_name(table: pd.DataFrame, rho: float, step: int) -> str:
    """Heading of a panel."""
    dims = sorted(map(int, pd.unique(table["dim"])))
    return f"d = {', '.join(map(str, dims))}, ρ = {rho:g}, after {step:,} updates"


def seeds_of(table: pd.DataFrame) -> str:
    """How many seeds stand behind each panel."""
    counts = table.groupby(["dim", "rho", "step"])["seed"].nunique()
    low, high = int(counts.min()), int(counts.max())
    number = f"n = {high}" if low == high else f"n = {low} to {high}"
    return f"{number} seed{'s' if high > 1 else ''} a panel"


def numeric(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """A copy with these columns as float, NaN where null."""
    return table.assign(**{name: pd.to_numeric(table[name]).astype("float64") for name in columns})


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
    sheet = style.Sheet(
        len(rhos),
        len(steps),
        title=_title(panels) + few(bias),
        subtitle=_subtitle(panels),
        caption=_caption(bias, norms, signed, "along" in names),
        handles=[
            [
                *(
                    Line2D([], [], color=face.colour, linestyle=face.linestyle, marker=face.marker, label=face.label)
                    for face in (_LINES[name] for name in names)
                ),
                Line2D([], [], color=style.INK, linewidth=0.9, linestyle=(0, (1, 1)), label="1/batch"),
            ]
        ],
        panel_height=1.9,
        row_gap=0.12,
        left=0.8,
    )
    for row, rho in enumerate(rhos):
        for column, step in enumerate(steps):
            axes = sheet.axes[row][column]
            if bias[(bias["rho"] == rho) & (bias["step"] == step)].empty:
                axes.set_axis_off()
                continue
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlim(min(sizes) / 1.25, max(sizes) * 1.25)
            axes.set_ylim(*view)
            plain_log(axes.yaxis)
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
            for order, name in enumerate(names):
                curve = panels[rho, step].get(name, {})
                if curve:
                    # Side by side, so that bars do not hide each other.
                    x = np.array(sorted(curve), dtype=float) * 1.05 ** (
                        order - (len(names) - 1) / 2 if name != "taylor" else 0
                    )
                    _draw_curve(axes, x, [curve[size] for size in sorted(curve)], name)
            _draw_inverse(axes, panels[rho, step].get("independent", {}), sizes)
            sheet.head(row, axes, place_name(bias, rho, step))
            if row == len(rhos) - 1:
                axes.set_xlabel("batch size (pairs)")
            else:
                axes.tick_params(labelbottom=False)
            if column == 0:
                axes.set_ylabel("bias / true gradient (no unit)")
            else:
                axes.tick_params(labelleft=False)
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


def _draw_inverse(axes: Axes, curve: Curve, sizes: list[int]) -> None:
    found = anchor(curve)
    if found is None:
        return
    ends = np.array([min(sizes), max(sizes)], dtype=float)
    axes.plot(
        ends,
        found[1] * found[0] / ends,
        color=style.INK,
        linewidth=0.9,
        linestyle=(0, (1, 1)),
        zorder=2,
        gid="inverse",
        scalex=False,
        scaley=False,
    )


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
        parts.append(
            f"In batches of {BATCH} the bias is {common.percent_range(at)} of the second term's true gradient."
        )
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
    parts = [
        "Points: median over seeds with quartile bars, relative to the norm of the second term's true gradient at the "
        f"same frozen critic; {seeds_of(bias)}. ‖bias‖ from its square, estimated by split halves (unbiased, so it can "
        f"come out below 0): {norms.text('squares')} Exponent: least squares of the logarithms of medians above 0. "
        f"1/batch: through the median of independent pairs at {BATCH}, or the nearest batch size whose is above 0."
    ]
    if along:
        parts.append(
            "Taylor: the write-up's second-order expansion, along the true gradient; it and the measurement there are "
            f"drawn as positive in the direction that it predicts: {signed.text('values')}"
        )
    else:
        parts.append("Nothing was measured along the true gradient, so no Taylor prediction is drawn.")
    return " ".join(parts) + low_ess_text(norms, signed)
