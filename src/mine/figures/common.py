"""What figures share: checking tables, counting, intervals over seeds, and words for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mine.divergence import LOW_ESS_ALLOWANCE, MARGIN, MIN_ESS
from mine.errors import UserError
from mine.figures.style import look
from mine.settings import EPOCH

QUANTITIES = (
    ("mi_batch_mean", None, "in-batch", "o"),
    ("mi_heldout", "heldout_ess", "held-out", "s"),
    ("mi_population", "population_ess", "population", "^"),
)
"""Column, column of its effective sample size, word and marker of the three final values."""

RUNAWAY_LOW_ESS = f"{MARGIN + LOW_ESS_ALLOWANCE:.1f} where its ESS is under {MIN_ESS:g}"
"""For captions: the gap to a population value of low effective sample size that makes a runaway, nats."""

_STEPS = ("overflow_step", "runaway_step", "diverged_step")
_CELL = ("setting", "variant", "dim", "rho", "seed", "steps", "mi_true")


def check_columns(table: pd.DataFrame, name: str, columns: Iterable[str]) -> None:
    """Raise UserError unless the table has rows and every one of the columns."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(f"table {name!r}: column {missing[0]!r} is missing; collect it again")
    if table.empty:
        raise UserError(f"table {name!r}: no rows")


def prepare(summary: pd.DataFrame, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A checked copy of the summary: steps of events as float with NaN for "never", and ``diverged``."""
    check_columns(summary, "summary", (*_CELL, *_STEPS, *columns))
    table = summary.copy()
    for column in _STEPS:
        table[column] = pd.to_numeric(table[column]).astype("float64")
    for column in ("setting", "variant"):
        table[column] = table[column].astype(str)
    table["diverged"] = table["diverged_step"].notna()
    table["overflowed"] = table["overflow_step"].notna()
    return table


def choose_setting(table: pd.DataFrame, setting: str | None) -> str:
    """The one setting to draw: the named one, or the only one there is. Raises UserError otherwise."""
    known = list(pd.unique(table["setting"].astype(str)))
    if setting is None:
        if len(known) > 1:
            raise UserError(f"setting: name one of {', '.join(known)}")
        return known[0]
    if setting not in known:
        raise UserError(f"setting: {setting!r} is unknown; known are {', '.join(known)}")
    return setting


@dataclass(frozen=True)
class Grid:
    """What a summary holds: settings and variants in the table's order, dimensions and correlations rising."""

    settings: list[str]
    variants: list[str]
    dims: list[int]
    rhos: list[float]

    @classmethod
    def of(cls, summary: pd.DataFrame) -> Grid:
        """Read the grid off the rows."""
        return cls(
            list(pd.unique(summary["setting"])),
            list(pd.unique(summary["variant"])),
            sorted(int(dim) for dim in pd.unique(summary["dim"])),
            sorted(float(rho) for rho in pd.unique(summary["rho"])),
        )


def cell(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Rows with these values."""
    keep = np.ones(len(table), dtype=bool)
    for column, value in values.items():
        keep &= (table[column] == value).to_numpy()
    return table[keep]


def place_name(dim: int, rho: float) -> str:
    """A cell of the grid, as the heading of its panel."""
    return f"d = {dim}, ρ = {rho:g}"


def verdict(summary: pd.DataFrame, where: str = "") -> str:
    """How many runs of each variant diverged, and how: true of any summary."""
    parts = []
    for variant in pd.unique(summary["variant"]):
        rows = summary[summary["variant"] == variant]
        diverged, overflowed = int(rows["diverged"].sum()), int(rows["overflowed"].sum())
        how = f" ({_how(diverged, overflowed)})" if diverged else ""
        words = "diverged in " if not parts else "in "
        parts.append(f"{look(variant).label} {words}{diverged:,} of {len(rows):,}{'' if parts else ' runs'}{how}")
    return "; ".join(parts) + (f" — {where}" if where else "")


def _how(diverged: int, overflowed: int) -> str:
    if overflowed == diverged:
        return "all by overflow" if diverged > 1 else "by overflow"
    if overflowed == 0:
        return "none by overflow" if diverged > 1 else "by runaway"
    return f"{overflowed:,} overflowed"


def seeds_text(summary: pd.DataFrame) -> str:
    """How many seeds stand behind each cell."""
    counts = summary.groupby(["setting", "variant", "dim", "rho"], observed=True, dropna=False).size()
    low, high = int(counts.min()), int(counts.max())
    number = f"n = {high}" if low == high else f"n = {low} to {high}"
    return f"{number} seed{'s' if high > 1 else ''} a cell"


def settings_text(summary: pd.DataFrame) -> str:
    """The training settings that all rows share, in words."""

    def one(column: str) -> object:
        values = pd.unique(summary[column]) if column in summary else ()
        return values[0] if len(values) == 1 else None

    parts = []
    layers, hidden, activation = one("layers"), one("hidden"), one("activation")
    if layers is not None and hidden is not None:
        parts.append(f"{layers} × {hidden} {activation or ''} critic".replace("  ", " "))
    if one("batch_size") is not None:
        parts.append(f"batches of {one('batch_size')}")
    if one("optimizer") is not None and one("learning_rate") is not None:
        parts.append(f"{one('optimizer')} {one('learning_rate'):g}")
    if one("ema_rate") is not None and any("ema" in str(name) for name in summary["variant"]):
        parts.append(f"α = {one('ema_rate'):g}")
    if one("product") is not None:
        scheme = str(one("product"))
        parts.append("independent product pairs" if scheme == "independent" else f"product pairs by {scheme}")
    if one("data") is not None:
        epochs = one("epochs")
        length = "" if epochs is None or pd.isna(epochs) else f" for {epochs:,.0f} epochs"
        parts.append("fresh data every step" if str(one("data")) == "stream" else f"{one('data')} pairs{length}")
    return ", ".join(parts)


def settings_of_variants(summary: pd.DataFrame) -> str:
    """``settings_text``, of each variant apart where they were trained with settings of their own."""
    if summary["setting"].nunique() <= 1:
        return settings_text(summary)
    of_each = summary.groupby("variant", observed=True, sort=False)
    return "; ".join(f"{look(str(variant)).label}: {settings_text(runs)}" for variant, runs in of_each)


def span_text(summary: pd.DataFrame) -> str:
    """What a point of a trace stands for where that is not one update (``an epoch``, ``50 updates``); else empty."""
    spans = {str(value) for value in pd.unique(summary["record_every"])} if "record_every" in summary else {"1"}
    words = ["an update" if span == "1" else "an epoch" if span == EPOCH else f"{span} updates" for span in spans]
    return "" if spans == {"1"} else " or ".join(sorted(words))


def updates_per_epoch(summary: pd.DataFrame) -> int | None:
    """Updates of an epoch where every run has a row an epoch and epochs of one length; else None."""
    if "record_every" not in summary or set(summary["record_every"].astype(str)) != {EPOCH}:
        return None
    lengths = pd.to_numeric(summary["steps"]) / pd.to_numeric(summary["epochs"])
    one = pd.unique(lengths)
    return int(one[0]) if len(one) == 1 and np.isfinite(one[0]) else None


def share_of(ratios: Sequence[float], whole: str) -> str:
    """``18–102 % of the truth`` of a list of ratios; ``2 to 730 times the truth`` where percents are hard to read."""
    low, high = min(ratios), max(ratios)
    if max(abs(low), abs(high)) >= 10:
        ends = [number(float(f"{value:.2g}")) for value in (low, high)]
        return f"{ends[0]} to {ends[1]} times {whole}" if ends[0] != ends[1] else f"{ends[0]} times {whole}"
    low, high = round(100 * low), round(100 * high)
    text = (f"{low}" if low == high else f"{low}–{high}" if low >= 0 else f"{low} to {high}").replace("-", "−")
    return f"{text} % of {whole}"


def number(value: float) -> str:
    """A short number for a label; three figures, a true minus sign."""
    if not np.isfinite(value):
        return "nan" if np.isnan(value) else ("inf" if value > 0 else "−inf")
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    if abs(value) >= 1e6:
        text = f"{value:.1e}"
    return text.replace("-", "−")


def decimate(
    step: np.ndarray, median: np.ndarray, low: np.ndarray, high: np.ndarray, buckets: int = 240
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Points to draw of a long curve: a line (step, median) and a band (step, low, high).

    Short curves come back as they are. Of a long one each bucket, about two pixels wide, keeps the smallest and the
    largest median and the band's extremes, so that no spike is lost; all points of the line are points of the table.
    """
    if step.size <= 4 * buckets:
        return (step, median), (step, low, high)
    keep: set[int] = {0, step.size - 1}
    band_step, band_low, band_high = [], [], []
    for part in np.array_split(np.arange(step.size), buckets):
        live = part[np.isfinite(median[part])]
        if live.size:
            keep.update((int(live[0]), int(live[-1]), *_extremes(median, live)))
        if live.size < part.size:
            # A gap must stay a gap: keep one point that is not drawn.
            keep.add(int(part[~np.isfinite(median[part])][0]))
        whole = part[np.isfinite(low[part]) & np.isfinite(high[part])]
        band_step += [step[part[0]], step[part[-1]]]
        band_low += [low[whole].min() if whole.size else np.nan] * 2
        band_high += [high[whole].max() if whole.size else np.nan] * 2
    index = np.array(sorted(keep))
    return (step[index], median[index]), (np.array(band_step), np.array(band_low), np.array(band_high))


def _extremes(values: np.ndarray, index: np.ndarray) -> tuple[int, int]:
    return int(index[np.argmin(values[index])]), int(index[np.argmax(values[index])])
