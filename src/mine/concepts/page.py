"""The decision table of `snakemake concepts` as docs/concepts.md shows it."""

from __future__ import annotations

import pandas as pd

from mine.concepts.decision import YES
from mine.concepts.names import NEIGHBOURS
from mine.estimators.names import label

NOT_RUN = "Not run yet: `snakemake concepts` and `mine publish` make this part."

FIGURES = "\n\n".join(
    f"[![{alt}](../figures/concepts/{name}.png)](../figures/concepts/{name}.svg)"
    for name, alt in (
        ("concepts_power", "Share of alarms and error of each way of measuring against the number of rows, by leakage"),
        ("concepts_leakage", "What each kind of model leaks, by data set and concept, with intervals"),
        ("concepts_frontier", "Accuracy of label and concepts against leakage as the weight of a penalty grows"),
    )
)


def concepts_part(decision: pd.DataFrame | None) -> str:
    """Markdown of the part "concepts"; the table as published, None where it is not."""
    if decision is None or decision.empty:
        return NOT_RUN
    header = ["method", "rows", "leaks, nats", "alarms", "bias ± spread, nats", "interval covers", "CPU s", "tells it"]
    lines = [header, ["---"] * len(header)]
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
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"Over the three scenarios together; false alarms stand at 0 nats.\n\n{table}\n\n{FIGURES}"


def _number(value: float, shown: str) -> str:
    return "–" if pd.isna(value) else shown.format(value).replace("-", "−")
