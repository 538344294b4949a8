"""Accuracy of label and concepts against leakage, over the weight of a penalty on leakage."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import brentq

from mine.claims.concepts_correction import STOPPED, WEIGHT, leakage
from mine.concepts.names import DATA
from mine.figures import common, style
from mine.statistics import median

_NEEDED = (
    "data", "estimator", "weight", "seed", "outcome", "conditional", "label_accuracy", "concept_accuracy",
    "intervened_accuracy", "of_concepts_exact",
)  # fmt: skip
_SHOWN = (
    ("label_accuracy", "label right"),
    ("concept_accuracy", "concepts right"),
    ("intervened_accuracy", "label right, concepts set to the truth"),
)


_NARROWEST = 0.05
"""Share that a panel spans at least, so that a difference of a few rows looks like one."""


@style.styled
def draw(penalised: pd.DataFrame) -> Figure:
    """Draw all data sets. Raises UserError for a missing column."""
    common.check_columns(penalised, "penalised", _NEEDED)
    data = list(pd.unique(penalised["data"]))
    estimators = list(pd.unique(penalised["estimator"]))
    weights = ", ".join(f"{weight:g}" for weight in sorted(penalised["weight"].unique()))
    sheet = style.Sheet(
        len(data),
        len(_SHOWN),
        title=_title(penalised, estimators),
        subtitle="Joint concept models whose concepts do not determine the label; medians over seeds.",
        caption=(
            f"Weights of the penalty: {weights}, in order along each line; the large mark is {WEIGHT:g}, at which the "
            f"best model leaks nothing; dotted: {STOPPED:g} nats. Dashed: Fano's limit on the label's accuracy at that "
            f"leakage. Leakage by fresh critics on held-out rows. {penalised['seed'].nunique()} seeds a point; one "
            "whose runs mostly ended is left out."
        ),
        handles=[[*(style.variant_handle(name) for name in estimators), style.truth_handle("no model is above")]],
        panel_height=2.1,
        strips=[0] * len(data),
        row_gap=0.55,
        column_gap=0.7,
        left=0.7,
    )
    for line, name in enumerate(data):
        rows = penalised[penalised["data"] == name]
        for axes, (column, words) in zip(sheet.axes[line], _SHOWN, strict=True):
            _panel(axes, rows, column, estimators)
            axes.set_xlabel("leakage (nats)")
            axes.set_ylabel("share right (no unit)")
            sheet.head(line, axes, f"{DATA[name].label}: {words}" if column == "label_accuracy" else words)
        if DATA[name].classes == 2:
            _limit(sheet.axes[line][0], float(rows["of_concepts_exact"].iloc[0]))
    return sheet.figure


def best_accuracy(leaked: float, of_concepts: float) -> float:
    """Largest accuracy of a balanced label of two classes that so many nats allow, by Fano's inequality."""
    open_ = math.log(2.0) - of_concepts - leaked
    if open_ <= 0.0:
        return 1.0
    if open_ >= math.log(2.0):
        return 0.5
    return 1.0 - float(brentq(lambda p: -p * math.log(p) - (1.0 - p) * math.log1p(-p) - open_, 1e-12, 0.5))


def _panel(axes: Axes, rows: pd.DataFrame, column: str, estimators: list[str]) -> None:
    axes.axvline(STOPPED, color=style.FAINT, linestyle=":", linewidth=1.0)
    for name in estimators:
        look = style.look(name)
        points = []
        for weight, runs in rows[rows["estimator"] == name].groupby("weight", sort=True):
            point = float(np.median(leakage(runs))), float(runs[column].median())
            if math.isfinite(point[0]):
                points.append((float(weight), *point))
        if not points:
            continue
        weights, x, y = zip(*points, strict=True)
        axes.plot(
            x, y, color=look.colour, linestyle=look.linestyle, marker=look.marker, markersize=3, gid=f"line:{name}"
        )
        if WEIGHT in weights:
            at = weights.index(WEIGHT)
            axes.plot(x[at], y[at], linestyle="none", color=look.colour, marker=look.marker, markersize=7)
    low, high = axes.get_ylim()
    room = max(0.0, (_NARROWEST - (high - low)) / 2.0)
    axes.set_ylim(low - room, min(1.02, high + room))


def _limit(axes: Axes, of_concepts: float) -> None:
    low, high = axes.get_xlim()
    bounds = axes.get_ylim()
    at = np.linspace(max(0.0, low), high, 200)
    axes.plot(at, [best_accuracy(each, of_concepts) for each in at], gid="truth", **style.TRUTH)
    axes.set_xlim(low, high)
    axes.set_ylim(bounds[0], min(1.02, max(bounds[1], best_accuracy(high, of_concepts) + 0.02)))


def _title(penalised: pd.DataFrame, estimators: list[str]) -> str:
    """Where each estimator's penalty surely stops leakage at the weight that is judged."""
    data, at = list(pd.unique(penalised["data"])), penalised[penalised["weight"] == WEIGHT]
    parts = []
    for name in estimators:
        stopped = [
            median(leakage(runs).to_numpy()).below(STOPPED)
            for _, runs in at[at["estimator"] == name].groupby("data", observed=True)
        ]
        parts.append(f"{style.look(name).label} {sum(stopped)}")
    return f"Leakage surely below {STOPPED:g} nats at weight {WEIGHT:g}, of {len(data)} data sets: {', '.join(parts)}"
