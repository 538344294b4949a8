"""What each kind of concept model leaks, by concept: I(s; w | c) with its interval."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.concepts.names import DATA, JOINT, METHODS
from mine.concepts.relations import BETWEEN
from mine.figures import common, style
from mine.figures.concepts_power import of_method

_NEEDED = (
    "data",
    "kind",
    "concept_weight",
    "seed",
    "relation",
    "concept",
    "target",
    "method",
    "conditional",
    "low",
    "high",
)
_COLOURS = ("#0072b2", "#009e73", "#e69f00", "#d55e00", "#cc79a7", "#56b4e9", "#222222")
_MARKERS = ("s", "o", "v", "^", "D", "P", "p")
_ROW = 0.09
"""Inches a kind of model takes."""


@style.styled
def draw(leakage: pd.DataFrame, models: pd.DataFrame) -> Figure:
    """Draw all data sets by the first way of measuring that there is. Raises UserError for a missing column."""
    common.check_columns(leakage, "leakage", _NEEDED)
    common.check_columns(models, "models", ("data", "kind", "concept_weight", "seed", "label_accuracy"))
    method = next(name for name in METHODS if name in set(leakage["method"]))
    shown = leakage[leakage["method"] == method].assign(model=lambda table: _model(table))
    kinds = list(pd.unique(shown["model"]))
    data = [name for name in DATA if name in set(shown["data"])]
    abreast = min(2, len(data))
    lines = [data[start : start + abreast] for start in range(0, len(data), abreast)]
    counts = [max(len(_relations(shown, name)) for name in line) for line in lines]
    sheet = style.Sheet(
        len(lines),
        abreast,
        title=_title(shown),
        subtitle="What a prediction s says of the label or of another concept w when the true concept c is known.",
        caption=(
            "Marks: median over seeds; bars: medians of the ends of the single models' 95 % intervals. Weight: of the "
            f"concepts in the loss of a joint model. By {of_method(method).label} on held-out rows, "
            f"{shown['seed'].nunique()} seeds a model. No mark: no reading."
        ),
        handles=[[style.mark_handle(_MARKERS[i % 7], kind, color=_COLOURS[i % 7]) for i, kind in enumerate(kinds)]],
        panel_height=[_ROW * len(kinds) * count + 0.1 for count in counts],
        strips=[1] * len(lines),
        row_gap=0.5,
        column_gap=1.8,
        left=1.85,
    )
    for line, names in enumerate(lines):
        for axes, name in zip(sheet.axes[line], names, strict=False):
            _panel(axes, shown[shown["data"] == name], kinds)
            sheet.head(line, axes, DATA[name].label, strips=[style.Strip(_accuracies(models, name), style.FAINT)])
        for axes in sheet.axes[line][len(names) :]:
            axes.set_axis_off()
    return sheet.figure


def _model(table: pd.DataFrame) -> list[str]:
    return [
        f"{kind}, weight {weight:g}" if kind == JOINT else str(kind)
        for kind, weight in zip(table["kind"], table["concept_weight"], strict=True)
    ]


def _relations(table: pd.DataFrame, data: str | None = None) -> list[tuple[str, str]]:
    rows = table if data is None else table[table["data"] == data]
    return list(rows[["concept", "target"]].drop_duplicates().itertuples(index=False, name=None))


def _panel(axes: Axes, rows: pd.DataFrame, kinds: list[str]) -> None:
    relations = _relations(rows)
    names = []
    for place, (concept, target) in enumerate(relations):
        names.append(f"{concept} → {target}")
        of = rows[(rows["concept"] == concept) & (rows["target"] == target)]
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color="#f2f2f2", zorder=0)
        for index, kind in enumerate(kinds):
            values = of.loc[of["model"] == kind, ["conditional", "low", "high"]].dropna().median()
            if values.isna().any():
                continue
            y = place + 0.8 * ((index + 0.5) / len(kinds) - 0.5)
            colour = _COLOURS[index % 7]
            axes.plot([values["low"], values["high"]], [y, y], color=colour, linewidth=1.2)
            axes.plot(
                values["conditional"], y, linestyle="none", marker=_MARKERS[index % 7], markersize=3.5, color=colour
            )
    axes.axvline(0.0, gid="truth", **style.TRUTH)
    axes.set_ylim(len(relations) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("leakage (nats)")


def _accuracies(models: pd.DataFrame, data: str) -> str:
    of_data = models[models["data"] == data].assign(model=lambda table: _model(table))
    right = of_data.groupby("model", sort=False)["label_accuracy"].median()
    return f"label right in {', '.join(f'{value:.2f}' for value in right)} (as in the legend)"


def _title(shown: pd.DataFrame) -> str:
    """The kind of model that leaks most, and what hard models leak at most."""
    medians = (
        shown[shown["relation"] != BETWEEN].groupby(["model", "data", "concept"], sort=False)["conditional"].median()
    )
    if medians.dropna().empty:
        return "Leakage of concept models"
    model, data, concept = medians.idxmax()
    return f"Most leaks through {model}: {medians.max():.2f} nats of the label in {DATA[data].label}, concept {concept}"
