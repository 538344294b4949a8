"""The page of the published benchmark: who is right at which mutual information, and every number with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from mine.estimators.literature import MIS, PUBLIC
from mine.estimators.names import label
from mine.estimators.scores import TOLERANCE
from mine.figures.estimators import Row, rows_of

_MARK = {"yes": "✓", "no": "·", "undecided": "?", "diverged": "×"}


def benchmark_page(scores: Mapping[str, pd.DataFrame], stairs: Mapping[str, pd.DataFrame], files: Iterable[str]) -> str:
    """Markdown of the whole page.

    Args:
        scores: benchmark to its scores, columns of ``mine.estimators.scores.SCORE_COLUMNS``.
        stairs: benchmark to its stairs, columns of ``mine.estimators.stairs.STAIRS_COLUMNS``.
        files: files beside the page; the png of each figure of a benchmark is shown, its svg linked.
    """
    files = list(files)
    parts = [
        "# Estimators of mutual information, compared",
        "Made by `mine publish` from the tables of `snakemake benchmark`. The seed is the unit; intervals are "
        "Student's t over seeds, 95 %. *In-batch*: over the last 500 steps of a stair; *held out*: on 10,000 fresh "
        "pairs at its end. What each value is a bound of, or that it is none, says "
        "[the list of estimators](../docs/estimators.md).",
    ]
    for name, table in scores.items():
        parts.append(f"## {name}")
        parts += [
            f"[![{_alt(file, name)}]({file})]({file.removesuffix('.png')}.svg)"
            for file in files
            if file.startswith(f"{name}/") and file.endswith(".png")
        ]
        if table["mi_true"].nunique() > 1:
            parts += [_legend(table), who_is_within(table)]
        if set(MIS) == set(table["mi_true"]):
            parts += ["### Beside public figures", _PUBLIC_WORDS, beside_public(table, stairs[name])]
        parts += ["### Every number", numbers(table)]
    return "\n\n".join(parts) + "\n"


_PUBLIC_WORDS = (
    "Mean ± standard deviation within a run over the last 500 steps of a stair, ours as a mean over seeds, nats; the "
    "public ones of one run, with a concatenated critic, each by the name of our nearest estimator. Ours with `concat` "
    "see as many product pairs as joint ones, with `separable` all of a batch."
)


def _alt(file: str, name: str) -> str:
    return f"{file.split('/')[-1].removesuffix('.png').replace('_', ' ')} of the benchmark {name}"


def _legend(table: pd.DataFrame) -> str:
    seeds = sorted({int(count) for count in table["seeds"]})
    return (
        f"Who is within {TOLERANCE:.0%} of the truth at how many nats, in-batch then held out: ✓ the whole interval "
        f"over {' or '.join(map(str, seeds))} seeds is, · none of it is, ? it cannot be told, × a run overflowed, "
        "– there is no such value."
    )


def who_is_within(scores: pd.DataFrame) -> str:
    """A line an estimator and critic, a column a task and mutual information, as a Markdown table."""
    places = list(scores[["task", "dim", "mi_true"]].drop_duplicates().itertuples(index=False, name=None))
    header = ["estimator", *(f"{task} {mi:g}" for task, _, mi in places)]
    keyed = _keyed(scores)
    lines = []
    for row in rows_of(scores):
        marks = []
        for place in places:
            cell = keyed.get((row.variant, row.critic, *place))
            both = [None, None] if cell is None else [cell["within"], cell["heldout_within"]]
            marks.append(" ".join(_MARK.get(mark, "–") if isinstance(mark, str) else "–" for mark in both))
        lines.append([row.label, *marks])
    return _table(header, lines)


def numbers(scores: pd.DataFrame) -> str:
    """Every cell's bias, variance, squared error and held-out error with intervals, as a Markdown table."""
    header = ["estimator", "task", "truth", "bias", "variance", "mean squared error", "held-out bias", "rmse", "ESS"]
    keyed = _keyed(scores)
    places = list(scores[["task", "dim", "mi_true"]].drop_duplicates().itertuples(index=False, name=None))
    lines = []
    for row in rows_of(scores):
        for place in places:
            cell = keyed.get((row.variant, row.critic, *place))
            if cell is None:
                continue
            start = [row.label, place[0], f"{place[2]:g}"]
            if cell["diverged"]:
                lines.append([*start, f"{cell['diverged']:.0f} of {cell['seeds']:.0f} overflowed", *["–"] * 5])
                continue
            intervals = [_interval(cell, name) for name in ("bias", "variance", "mse", "heldout_bias")]
            lines.append([*start, *intervals, _short(cell["heldout_rmse"]), _count(cell["heldout_ess_median"])])
    return _table(header, lines)


def beside_public(scores: pd.DataFrame, stairs: pd.DataFrame) -> str:
    """Our means and deviations beside those of ``mine.estimators.literature``, as a Markdown table."""
    keyed = _keyed(scores)
    lines = []
    for variant, public in PUBLIC.items():
        lines.append([f"{label(variant)}, public", *(f"{mean:g} ± {sd:.2f}" for mean, sd in public)])
        for critic in ("separable", "concat"):
            cells = [keyed.get((variant, critic, "gaussian", 20, mi)) for mi in MIS]
            if all(cell is None for cell in cells):
                continue
            lines.append([Row(variant, critic).label, *(_mean_and_deviation(cell, stairs) for cell in cells)])
    return _table(["", *(f"{mi:g} nats" for mi in MIS)], lines)


def _mean_and_deviation(cell: Mapping[str, float] | None, stairs: pd.DataFrame) -> str:
    if cell is None:
        return "–"
    if cell["diverged"]:
        return f"{cell['diverged']:.0f} of {cell['seeds']:.0f} overflowed"
    runs = stairs[(stairs["variant"] == cell["variant"]) & (stairs["critic"] == cell["critic"])]
    runs = runs[runs["mi_true"] == cell["mi_true"]]
    mean, deviation = runs["mi_batch_mean"].mean(), np.sqrt(runs["mi_batch_variance"]).mean()
    return f"{_short(mean)} ± {_short(deviation)}"


def _keyed(scores: pd.DataFrame) -> dict[tuple, dict]:
    names = ("variant", "critic", "task", "dim", "mi_true")
    return {tuple(row[name] for name in names): row for row in scores.to_dict("records")}


def _interval(cell: Mapping[str, float], name: str) -> str:
    if np.isnan(cell[name]):
        return "–"
    return f"{_short(cell[name])} [{_short(cell[f'{name}_low'])}, {_short(cell[f'{name}_high'])}]"


def _short(value: float) -> str:
    if np.isnan(value):
        return "–"
    text = f"{value:.2g}" if abs(value) < 0.1 else f"{value:,.2f}" if abs(value) < 1000 else f"{value:.1e}"
    return text.replace("-", "−")


def _count(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:,.0f}"


def _table(header: list[str], lines: list[list[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
