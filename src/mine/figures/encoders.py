"""What the figures of encoders share: order and words of settings, medians in which a run that ended is worst."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from mine.errors import UserError
from mine.figures import style
from mine.statistics import Interval, median, quantile


def check(table: pd.DataFrame, name: str, columns: Iterable[str]) -> pd.DataFrame:
    """The table with text where it has names. Raises UserError where it has no rows or lacks a column."""
    if missing := [column for column in columns if column not in table.columns]:
        raise UserError(f"table {name!r}: column {missing[0]!r} is missing; collect it again")
    if table.empty:
        raise UserError(f"table {name!r}: no rows")
    return table.assign(**{column: table[column].astype(str) for column in ("setting", "task") if column in table})


def variants_of(table: pd.DataFrame) -> list[str]:
    """Estimators in the table's order."""
    return [str(variant) for variant in pd.unique(table["variant"])]


def settings_of(table: pd.DataFrame, goal: str | None = None) -> list[str]:
    """Settings in the table's order, of one goal or of all."""
    return list(pd.unique(table["setting"] if goal is None else table.loc[table["task"] == goal, "setting"]))


def words_of(runs: pd.DataFrame) -> str:
    """One setting's goal and weight: ``compress, β = 5``."""
    first = runs.iloc[0]
    of_goal = {
        "maximise": f"power {first['power_limit']:g}",
        "compress": f"β = {first['beta']:g}",
        "remove": f"weight {first['removal']:g}",
    }[first["task"]]
    parts = [f"{first['task']}, {of_goal}"]
    if first["angle"]:
        parts.append(f"turned {first['angle']:g}°")
    if first["critic_steps"] > 1:
        parts.append(f"{first['critic_steps']} critic steps")
    if first.get("encoder") == "mlp":  # tables from before there was another have no such column
        parts.append("MLP encoder")
    return ", ".join(parts)


def over_seeds(runs: pd.DataFrame, column: str) -> Interval:
    """Median over seeds with its exact interval, -inf of a run that ended."""
    return median(np.where((runs["outcome"] == "completed").to_numpy(), runs[column].to_numpy(dtype=float), -np.inf))


def quartiles(values: np.ndarray) -> tuple[float, float, float]:
    """Lower quartile, median and upper one of seeds; a value that is not finite is worse than any."""
    low, middle, high = (quantile(values, level) for level in (0.25, 0.5, 0.75))
    return low, middle, high


def seeds_text(table: pd.DataFrame) -> str:
    """How many seeds stand behind each cell."""
    counts = table.groupby(["setting", "variant"], observed=True)["seed"].nunique()
    low, high = int(counts.min()), int(counts.max())
    return f"n = {high} seeds a cell" if low == high else f"n = {low} to {high} seeds a cell"


def handles(variants: Iterable[str], **changes: object) -> list:
    """Legend entries of estimators."""
    return [style.variant_handle(variant, **changes) for variant in variants]
