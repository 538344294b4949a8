"""What `snakemake concepts` found, as tables of docs/concepts.md."""

from __future__ import annotations

import pandas as pd

from mine.claims.concepts_correction import leakage
from mine.concepts.decision import YES
from mine.concepts.names import NEIGHBOURS
from mine.estimators.names import label
from mine.statistics import median

NOT_RUN = "Not run yet: `snakemake concepts` and `mine publish` make this part."

FIGURES = {
    "concepts_power": "Share of alarms and error of each way of measuring against the number of rows, by leakage",
    "concepts_leakage": "What each kind of model leaks, by data set and concept, with intervals",
    "concepts_frontier": "Accuracy of label and concepts against leakage as the weight of a penalty grows",
}
"""Figure to what it shows, in words."""


def known_part(decision: pd.DataFrame | None) -> str:
    """Markdown of the part "concepts": each method on known leakage; the table as published, None where it is not."""
    if decision is None or decision.empty:
        return NOT_RUN
    lines = [["method", "rows", "leaks, nats", "alarms", "bias ± spread, nats", "interval covers", "CPU s", "tells it"]]
    for row in decision.itertuples():
        lines.append(
            [
                "nearest neighbours" if row.method == NEIGHBOURS else f"critics, {label(row.method)}",
                f"{row.rows:,}",
                f"{row.leakage:g}",
                f"{row.alarms} of {row.draws}",
                f"{_number(row.bias, '{:+.3f}')} ± {_number(row.spread, '{:.3f}')}",
                _number(row.covered, "{:.0%}"),
                _number(row.cpu_s, "{:.1f}"),
                "–" if pd.isna(row.tells) else "**yes**" if row.tells == YES else row.tells,
            ]
        )
    shown = f"{_table(lines)}\n\n{_figure('concepts_power')}"
    return f"Over the three scenarios together; false alarms stand at 0 nats.\n\n{shown}"


def models_part(published: bool) -> str:
    """Markdown of the part "concept-models": the figure of what each kind of model leaks, where it is published."""
    return _figure("concepts_leakage") if published else NOT_RUN


def penalised_part(penalised: pd.DataFrame | None) -> str:
    """Markdown of the part "penalised": leakage by the weight of each penalty, and what it costs the label."""
    if penalised is None or penalised.empty:
        return NOT_RUN
    weights = sorted(penalised["weight"].unique())
    ends = f"{weights[0]:g} → {weights[-1]:g}"
    leaks = [f"leaks at {weight:g}" for weight in weights]
    said = f"said of it at {weights[-1]:g}"
    lines = [["data", "penalty by", *leaks, said, f"label right, {ends}", "runs ended"]]
    for (data, estimator), runs in penalised.groupby(["data", "estimator"], sort=False):
        at = [runs[runs["weight"] == weight] for weight in weights]
        right = [_number(each["label_accuracy"].median(), "{:.3f}") for each in (at[0], at[-1])]
        ended = int((runs["outcome"] != "completed").sum())
        of = [_median(each) for each in at]
        claimed = _number((at[-1]["said"] - at[-1]["of_concepts_exact"]).median(), "{:,.3f}")
        lines.append([f"`{data}`", label(estimator), *of, claimed, " → ".join(right), f"{ended} of {len(runs)}"])
    words = (
        "Nats of the label beyond the concepts, by fresh critics on held-out rows: median over seeds and its interval. "
        "*Said of it*: what the penalty's own critic says of the last updates' batches, I(c; y) taken off."
    )
    return f"{words}\n\n{_table(lines)}\n\n{_figure('concepts_frontier')}"


def _median(runs: pd.DataFrame) -> str:
    found = median(leakage(runs).to_numpy())
    value, low, high = (_number(each, "{:.3f}") for each in (found.value, found.low, found.high))
    return f"{value} [{low}, {high}]"


def _table(lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], ["---"] * len(lines[0]), *lines[1:]])


def _figure(name: str) -> str:
    return f"[![{FIGURES[name]}](../figures/concepts/{name}.png)](../figures/concepts/{name}.svg)"


def _number(value: float, shown: str) -> str:
    return "–" if pd.isna(value) else shown.format(value).replace("-0.000", "0.000").replace("-", "−")
