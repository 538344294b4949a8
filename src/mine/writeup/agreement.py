"""Which of the write-up's published numbers its own form of our runs gives again.

Each published number is one run's. With n runs of ours, a further run of the same kind lies between their smallest and
largest value with a probability of (n - 1) / (n + 1), 95 % for n = 40, whatever the distribution; so a published number
that does not lie there, give or take the error of reading it off the picture, is hardly one of such runs.
All information in nats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mine import writeup
from mine.errors import UserError
from mine.writeup.targets import (
    BY_V,
    END_ERROR,
    NATS,
    NORMS,
    POINTS,
    RATIO,
    SPREAD_ERROR,
    Target,
    measure,
    targets,
    targets_of,
)

KEYS = ("setting", "variant", "dim", "rho", "seed", "epoch")
"""Columns of the epochs table that say which run and epoch a row is."""

_LABELS = {"biased": "biased", "ema": "EMA"}
_GROUPS = {"end": "end", "trend": "quarter means of the trend", "spread": "spread", "norm": "gradient norms"}
_QUARTERS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Reading:
    """What is drawn of an epoch, which the write-up does not say. Construction checks it and raises UserError.

    point: ``mean`` of the epoch's batch values, or its ``last`` batch's.
    by_v: the EMA's point is mean T - log v, by its own denominator, in place of mean T - log mean e^T.
    norm: every ``update``'s, an epoch's ``mean`` or its ``last``; or its last before clipping, ``unclipped``.
    """

    point: str = "mean"
    by_v: bool = False
    norm: str = "mean"

    def __post_init__(self) -> None:
        """Check every value."""
        for name, allowed in (("point", POINTS), ("by_v", BY_V), ("norm", NORMS)):
            if getattr(self, name) not in allowed:
                raise UserError(f"reading: {name} {getattr(self, name)!r} is unknown; known are {allowed}")

    def source(self, target: Target, variant: str) -> str:
        """What a target is read off: the norm's reading, or the point's with ``by v`` where that is the EMA's."""
        if target.group == "norm":
            return self.norm
        return f"{self.point} by v" if self.by_v and variant == "ema" else self.point

    def values(self, row: Mapping[str, float], variant: str, rho: float, epochs: int) -> dict[Target, float]:
        """A run's value of each of its targets. row: ``{source}/{target}`` to value, as a search has its runs."""
        return {
            target: float(row.get(f"{self.source(target, variant)}/{target.name}", math.nan))
            for target in targets_of(variant, rho, epochs)
        }

    @property
    def point_words(self) -> str:
        """What a point is, for a caption."""
        values = {"mean": "the mean of an epoch's batch values", "last": "the value of an epoch's last batch"}[
            self.point
        ]
        return f"{values} (EMA's by its own denominator, mean T − log v)" if self.by_v else values

    @property
    def norm_words(self) -> str:
        """What a gradient norm is, for a caption."""
        return {
            "update": "of every update",
            "mean": "averaged over an epoch's updates",
            "last": "of an epoch's last update",
            "unclipped": "of an epoch's last update before clipping",
        }[self.norm]


READING = Reading()
"""What figures and pages draw where they are not told."""

_NORM_COLUMNS = {
    "update": ("grad_norm_min", "grad_norm_mean", "grad_norm_max"),
    "mean": ("grad_norm_mean",) * 3,
    "last": ("grad_norm_last",) * 3,
    "unclipped": ("grad_norm_unclipped_last",) * 3,
}


def points_of(run: pd.DataFrame, reading: Reading = READING) -> np.ndarray:
    """What the picture draws of a run: one point an epoch, nats, NaN for the epoch in which it ended.

    run: its rows of the epochs table, epochs rising; of one variant. A run ends where a batch value or an applied
    gradient is not finite, whatever is drawn. Raises UserError for a missing column.
    """
    by_v = reading.by_v and str(run["variant"].iloc[0]).startswith("ema")
    points = _numbers(run, f"mi_{'ema_' if by_v else ''}{reading.point}")
    live = np.isfinite([_numbers(run, name) for name in ("mi_mean", "mi_last", "grad_norm_last")]).all(axis=0)
    return np.where(live, points, np.nan)


def norms_of(run: pd.DataFrame, reading: Reading = READING) -> dict[str, np.ndarray]:
    """Smallest, mean and largest gradient norm of each of a run's epochs: ``min``, ``mean``, ``max``, each (epochs,).

    All three are the same number unless the reading is each update. Left out are epochs with a norm that is not
    finite. Raises UserError for a missing column, or for norms that the runs do not have.
    """
    columns = _NORM_COLUMNS[reading.norm]
    finite = np.isfinite(_numbers(run, "grad_norm_min")) & np.isfinite(_numbers(run, "grad_norm_max"))
    norms = {name: _numbers(run, column)[finite] for name, column in zip(("min", "mean", "max"), columns, strict=True)}
    if finite.any() and np.isnan(norms["max"]).all():
        raise UserError(f"reading: norm {reading.norm!r} of runs that have none")
    return norms


def extremes(norms: Mapping[str, np.ndarray]) -> dict[str, float]:
    """A run's three lines of the violin, ``min``, ``mean`` and ``max``, from ``norms_of``; nan of a run without any."""
    if not len(norms["mean"]):
        return dict.fromkeys(("min", "mean", "max"), math.nan)
    return {"min": norms["min"].min(), "mean": norms["mean"].mean(), "max": norms["max"].max()}


def runs_of(epochs: pd.DataFrame, **cell: Any) -> list[pd.DataFrame]:
    """The runs of a cell, seeds rising, each as its rows with epochs rising. cell: column to value."""
    keep = np.ones(len(epochs), dtype=bool)
    for column, value in cell.items():
        keep &= (epochs[column] == value).to_numpy()
    return [run.sort_values("epoch") for _, run in epochs[keep].groupby("seed", sort=True)]


def values(epochs: pd.DataFrame, reading: Reading = READING, setting: str | None = None) -> pd.DataFrame:
    """What each run gives for each published number: columns variant, rho, seed, group, name, value.

    epochs: an epochs table; of it the write-up's d, variants and rhos are used, and of runs shorter than the
    picture's what they got to. Raises UserError where a column, or all of these, are missing, or several settings are
    there and none is named.
    """
    table, lasted = _select(epochs, setting)
    rows = []
    for variant in writeup.VARIANTS:
        for rho in writeup.RHOS:
            of = [target for target in targets(lasted) if (target.variant, target.rho) == (variant, rho)]
            for run in runs_of(table, variant=variant, rho=rho):
                norms = extremes(norms_of(run, reading))
                for target, value in measure(points_of(run, reading), norms, of).items():
                    seed = int(run["seed"].iloc[0])
                    rows.append((variant, rho, seed, target.group, target.name, value))
    return pd.DataFrame(rows, columns=["variant", "rho", "seed", "group", "name", "value"])


def agreement(epochs: pd.DataFrame, reading: Reading = READING, setting: str | None = None) -> pd.DataFrame:
    """``held_against`` of an epochs table's runs. Raises UserError as ``values`` does."""
    found = values(epochs, reading, setting)
    _, lasted = _select(epochs, setting)
    by_number = {(target.variant, target.rho, target.name): target for target in targets(lasted)}
    of_seeds: dict[int, dict[Target, float]] = {}
    columns = [found[name] for name in ("seed", "variant", "rho", "name", "value")]
    for seed, variant, rho, name, value in zip(*columns, strict=True):
        of_seeds.setdefault(seed, {})[by_number[variant, rho, name]] = value
    return held_against(of_seeds, lasted)


def held_against(of_seeds: Mapping[int, Mapping[Target, float]], lasted: int = writeup.EPOCHS) -> pd.DataFrame:
    """A row a published number that the runs can be held against, in the order of ``targets``.

    of_seeds: seed to the value of each of ``targets(lasted)`` that its runs are of, nan where a run has no such number.
    lasted: epochs of a run that did not end.

    Columns: variant, rho, group, name, published; published_low and published_high, which is published give or take
    the error of reading it; n_runs, and n_values, of those that have such a number (one that ended has no later
    trend); of these median, low and high (2.5 and 97.5 %), min and max; inside, whether [published_low,
    published_high] meets [min, max]; sentence. An end that never came is inf, published or ours.
    """
    rows = []
    for target in targets(lasted):
        here = [of_targets[target] for of_targets in of_seeds.values() if target in of_targets]
        if here:
            rows.append(_row(target, np.array(here, dtype=float), lasted))
    return pd.DataFrame(rows)


def _row(target: Target, all_values: np.ndarray, lasted: int) -> dict[str, Any]:
    numbers = np.sort(all_values[~np.isnan(all_values)])
    published = target.value
    # Shorter runs than the picture's that did not end may yet end where it does.
    if target.group == "end" and math.isfinite(published) and published >= lasted:
        published = math.inf
    low, high = _give_or_take(target.group, published)
    row: dict[str, Any] = {
        "variant": target.variant,
        "rho": target.rho,
        "group": target.group,
        "name": target.name,
        "published": published,
        "published_low": low,
        "published_high": high,
        "n_runs": len(all_values),
        "n_values": len(numbers),
        **{name: _quantile(numbers, level) for name, level in _LEVELS.items()},
    }
    row["inside"] = bool(len(numbers) and low <= row["max"] and high >= row["min"])
    return row | {"sentence": _sentence(row)}


_LEVELS = {"median": 0.5, "low": 0.025, "high": 0.975, "min": 0.0, "max": 1.0}


def _quantile(numbers: np.ndarray, level: float) -> float:
    """Linear between order statistics, as numpy's, but inf where the upper of the two is. numbers: sorted."""
    if not len(numbers):
        return math.nan
    position = (len(numbers) - 1) * level
    below, above = numbers[math.floor(position)], numbers[math.ceil(position)]
    return float(above if math.isinf(above) else below + (position - math.floor(position)) * (above - below))


def _give_or_take(group: str, value: float) -> tuple[float, float]:
    if group == "end":
        return value - END_ERROR, value + END_ERROR
    if group == "trend":
        return value - NATS, value + NATS
    factor = math.exp(SPREAD_ERROR if group == "spread" else RATIO)
    return value / factor, value * factor


def _sentence(row: Mapping[str, Any]) -> str:
    subject = f"{_LABELS[row['variant']]} at ρ = {row['rho']:g}: {_name(row)}"
    if not row["n_values"]:
        return f"{subject} {said(row['group'], row['published'])} in the picture; no run of {row['n_runs']} has one."
    ours = said(row["group"], row["median"])
    if row["min"] != row["max"]:
        ours += f" ({span(row)})"
    runs = f"{row['n_runs']} runs" if row["n_values"] == row["n_runs"] else f"{row['n_values']} of {row['n_runs']} runs"
    side = "within" if row["inside"] else "below" if row["published"] < row["min"] else "above"
    return f"{subject} {said(row['group'], row['published'])} in the picture, {ours} in {runs}: published lies {side}."


def _name(row: Mapping[str, Any]) -> str:
    if row["group"] == "trend":
        return f"mean of the trend's {_QUARTERS[int(row['name'][-1]) - 1]} quarter"
    word = {
        "norm_min": "smallest gradient norm",
        "norm_mean": "mean gradient norm",
        "norm_max": "largest gradient norm",
    }
    return {"end": "end", "spread": "spread of the line", **word}[row["name"]]


def said(group: str, value: float) -> str:
    """One value as a page prints it, its unit by the target's group."""
    if math.isnan(value):
        return "none"
    if group == "end":
        return "never" if math.isinf(value) else f"epoch {value:.0f}"
    if group == "norm":
        return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
    return f"{value:.2f} nats".replace("-", "−")


def span(row: Mapping[str, Any]) -> str:
    """Smallest to largest value of the runs, without units."""
    texts = [said(row["group"], row[end]) for end in ("min", "max")]
    low, high = (text.removeprefix("epoch ").removesuffix(" nats") for text in texts)
    return low if low == high else f"{low}–{high}" if not low.startswith("−") else f"{low} to {high}"


def verdict(table: pd.DataFrame, groups: Sequence[str] = tuple(_GROUPS)) -> str:
    """How many published numbers of these groups lie inside the runs' range, by variant: one clause."""
    rows = table[table["group"].isin(groups)]
    parts = [
        f"{_LABELS[variant]} {int(here['inside'].sum())} of {len(here)}"
        for variant, here in rows.groupby("variant", sort=True)
    ]
    return (
        f"{int(rows['inside'].sum())} of {len(rows)} published numbers lie within the runs' range ({', '.join(parts)})"
    )


def sentences(table: pd.DataFrame) -> list[str]:
    """The agreement in short: all numbers, then a sentence a group that says which lie outside."""
    found = [f"{verdict(table)}."]
    for group, words in _GROUPS.items():
        rows = table[table["group"] == group]
        if not len(rows):
            continue
        parts = []
        for (variant, rho), here in rows[~rows["inside"]].groupby(["variant", "rho"], sort=True):
            which = "" if group in ("end", "spread") else f" ({', '.join(name.split('_')[1] for name in here['name'])})"
            parts.append(f"{_LABELS[variant]} {rho:g}{which}")
        outside = f"outside are {'; '.join(parts)}" if parts else "none is outside"
        found.append(f"{words[0].upper()}{words[1:]}: {int(rows['inside'].sum())} of {len(rows)} inside; {outside}.")
    return found


def coverage(n_runs: int) -> float:
    """Probability that a further run of the same kind lies between the smallest and the largest of ``n_runs``."""
    return (n_runs - 1) / (n_runs + 1)


def markdown(table: pd.DataFrame) -> str:
    """The agreement as a Markdown table, a row a published number."""
    lines = [
        "| variant | ρ | number | published | ours: median | smallest to largest | runs | inside |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict("records"):
        runs = str(row["n_runs"]) if row["n_values"] == row["n_runs"] else f"{row['n_values']} of {row['n_runs']}"
        cells = (
            _LABELS[row["variant"]],
            f"{row['rho']:g}",
            _name(row),
            said(row["group"], row["published"]),
            said(row["group"], row["median"]),
            span(row) if row["n_values"] else "none",
            runs,
            "yes" if row["inside"] else "**no**",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def of_setting(table: pd.DataFrame, setting: str | None = None) -> pd.DataFrame:
    """The rows of a setting; of several, where none is named, all of them if each variant has one of its own.

    table: with columns setting and variant. Raises UserError for a setting that is unknown or has to be named.
    """
    of_rows = table["setting"].astype(str)
    known = list(pd.unique(of_rows))
    if setting is None:
        if table.assign(setting=of_rows).groupby(table["variant"].astype(str))["setting"].nunique().gt(1).any():
            raise UserError(f"setting: name one of {', '.join(known)}")
        return table
    if setting not in known:
        raise UserError(f"setting: {setting!r} is unknown; known are {', '.join(known)}")
    return table[of_rows == setting]


def _select(epochs: pd.DataFrame, setting: str | None) -> tuple[pd.DataFrame, int]:
    """The rows that the pictures are of, and how many epochs the longest run lasted."""
    missing = [name for name in (*KEYS, "mi_mean", "mi_last") if name not in epochs.columns]
    if missing:
        raise UserError(f"table 'epochs': column {missing[0]!r} is missing; collect it again")
    rows = of_setting(epochs, setting)
    rows = rows[(rows["dim"] == writeup.DIM) & rows["rho"].isin(writeup.RHOS)]
    rows = rows[rows["variant"].astype(str).isin(writeup.VARIANTS)]
    if rows.empty:
        raise UserError(f"table 'epochs': no run of the pictures (d = {writeup.DIM}, {', '.join(writeup.VARIANTS)})")
    return rows, int(rows["epoch"].max()) + 1


def _numbers(run: pd.DataFrame, column: str) -> np.ndarray:
    if column not in run.columns:
        raise UserError(f"table 'epochs': column {column!r} is missing; collect it again")
    values: np.ndarray = pd.to_numeric(run[column]).to_numpy(dtype=np.float64, na_value=np.nan)
    return values
