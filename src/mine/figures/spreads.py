"""What the figures of frozen critics share: medians and quartiles over seeds on logarithmic axes, counted in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from mine.claims.claim import MIN_SEEDS
from mine.figures import style

BATCH = 128
"""The published batch size."""

MIN_REFERENCE_ESS = 1000.0
"""Effective sample size of the reference gradient under which nothing is decided."""


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


def log_axes(axes: Axes, at: Sequence[float], room: float, words: Sequence[str], view: tuple[float, float]) -> None:
    """Both axes logarithmic, with a tick at each of these values across, and limits ``room`` times around them."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(at) / room, max(at) * room)
    axes.set_ylim(*view)
    plain_log(axes.yaxis)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(at, words)


def face_handle(face: style.Look, label: str = "") -> Line2D:
    """Legend entry of a look, under another name where one is given."""
    return Line2D([], [], color=face.colour, linestyle=face.linestyle, marker=face.marker, label=label or face.label)


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
