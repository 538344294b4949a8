"""The tables of `snakemake own` as a page shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from mine.reach.aims import RIGHT, covers, with_errors
from mine.reach.methods import IS_FURTHER, JUDGES, METHODS, OURS, SETS
from mine.tasks.fixed import GROUPS

NOT_RUN = "Not run yet: `snakemake own` and `mine publish` make this part."

FIGURE = (
    "[![Absolute error of every method on every task; settings were chosen on other draws of tasks with (c)]"
    "(../figures/own/own_errors.png)](../figures/own/own_errors.svg)"
)

CHOSEN_ON = (
    "Settings were chosen on draws of the *choosing* tasks, never on the draws of this table. The *judging* tasks were "
    "not used for that, but they are no clean check either: all 40 public tasks had been looked at once before, one "
    "draw each, and laws of several judging tasks were among the data that whoever chose the method had drawn for "
    "other ends. The ten *further* tasks, of families that nothing was chosen on, are the cleaner check."
)

WHAT_IS_WHAT = (
    "One draw a row of `estimates.parquet`; values are as they are, not clipped. *within*: tasks within "
    f"{RIGHT} nats of the truth, a mean over draws. Other packages run with their defaults, each in an environment of "
    "its own (`benchmarks/peers`); slow ones on fewer draws, as the column says. A task on which a method gives no "
    "value counts as wrong."
)


def reach_part(estimates: pd.DataFrame | None, aims: pd.DataFrame | None) -> str:
    """Markdown of the part "reach" of docs/estimate.md; tables as published, None where they are not."""
    if estimates is None or aims is None or estimates.empty:
        return NOT_RUN
    rows = sorted(estimates["rows"].unique(), reverse=True)
    parts = [
        CHOSEN_ON,
        aims_table(aims, rows[0]),
        where_wrong(estimates[estimates["rows"] == rows[0]]),
        FIGURE,
        WHAT_IS_WHAT,
        f"At {rows[0]:,} pairs, mean absolute error in nats and tasks within {RIGHT}:",
        by_set(estimates[estimates["rows"] == rows[0]]),
        f"Mean absolute error by group at {rows[0]:,} pairs, nats:",
        by_group(estimates[estimates["rows"] == rows[0]]),
    ]
    for fewer in rows[1:]:
        parts += [f"At {fewer:,} pairs:", by_set(estimates[estimates["rows"] == fewer])]
    return "\n\n".join([*parts, *_not_measured(estimates)])


def aims_table(aims: pd.DataFrame, rows: int) -> str:
    """Every aim with what was measured."""
    header = [f"at {rows:,} pairs", "aim", "measured", "reached"]
    mark = {"no": "**no**"}
    lines = [[a.aim, a.target, a.measured, mark.get(a.reached, a.reached)] for a in aims.itertuples()]
    return _table(header, lines)


def where_wrong(estimates: pd.DataFrame) -> str:
    """A sentence: on which groups of tasks ours is off by more than RIGHT, and how often."""
    ours = with_errors(estimates[estimates["method"] == OURS])
    wrong = ours["error"] > RIGHT
    if not wrong.any():
        return f"No estimate of ours is off by more than {RIGHT} nats."
    of_group = [(group, wrong[ours["group"] == group]) for group in GROUPS]
    where = ", ".join(f"{group} ({each.sum()} of {len(each)})" for group, each in of_group if each.any())
    return f"Of {len(ours)} estimates of ours {wrong.sum()} are off by more than {RIGHT} nats, on: {where}."


def by_set(estimates: pd.DataFrame) -> str:
    """A line a method: error and tasks within of each set, coverage, seconds."""
    header = ["method", "draws"]
    header += [f"{name}: {what}" for name in SETS for what in ("error", "within")]
    lines = []
    for name, of_method in _by_method(estimates):
        line = [METHODS[name].label, str(of_method["draw"].nunique())]
        for each in SETS:
            line += _error_and_within(of_method[of_method["set"] == each])
        cover = f"{covers(of_method).mean():.0%}" if of_method["low"].notna().any() else "–"
        lines.append([*line, cover, _number(of_method["cpu_s"].median(), "{:.1f}")])
    return _table([*header, "interval covers", "CPU s, median"], lines)


def by_group(estimates: pd.DataFrame) -> str:
    """A line a method, a column a group of tasks."""
    lines = []
    for name, of_method in _by_method(estimates):
        errors = [_error_and_within(of_method[of_method["group"] == group])[0] for group in GROUPS]
        lines.append([METHODS[name].label, *errors])
    return _table(["method", *GROUPS], lines)


def sentence(estimates: pd.DataFrame | None) -> str:
    """One sentence for the README, from what was measured of ours; NOT_RUN where nothing was."""
    if estimates is None or estimates.empty:
        return NOT_RUN
    most = estimates["rows"].max()
    ours = with_errors(estimates[(estimates["rows"] == most) & (estimates["method"] == OURS)])
    parts = []
    for words, chosen in (
        ("the 40 public tasks", ours[ours["set"] != IS_FURTHER]),
        ("the half that nothing was chosen on", ours[ours["set"] == JUDGES]),
        ("ten tasks of other families", ours[ours["set"] == IS_FURTHER]),
    ):
        error, within = _error_and_within(chosen)
        parts.append(f"{error} nats on {words} ({within} within {RIGHT})")
    return (
        f"On {most:,} pairs of known mutual information `mine estimate` is off on average by {', '.join(parts)}. "
        f"{where_wrong(estimates[estimates['rows'] == most])} "
        "[How far to trust it](docs/estimate.md#how-far-to-trust-it)."
    )


def _by_method(estimates: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    made = with_errors(estimates)
    for name in METHODS:
        of_method = made[made["method"] == name]
        if of_method["value"].notna().any():
            yield name, of_method


def _error_and_within(chosen: pd.DataFrame) -> list[str]:
    if chosen.empty:
        return ["–", "–"]
    tasks = chosen["task"].nunique()
    within = (chosen["error"] <= RIGHT).groupby(chosen["draw"]).sum().mean()
    there = chosen["error"][chosen["error"] < math.inf]
    missing = len(chosen) - len(there)
    error = _number(there.mean(), "{:.3f}") + (f" ({missing} without a value)" if missing else "")
    return [error, f"{within:g} of {tasks}"]


def _not_measured(estimates: pd.DataFrame) -> list[str]:
    lines = []
    for name, method in METHODS.items():
        of_method = estimates[estimates["method"] == name]
        if method.why_not:
            lines.append(f"- {method.label}: not measured, {method.why_not}.")
        elif of_method.empty:
            lines.append(f"- {method.label}: not measured, the plan does not name it.")
        elif of_method["value"].isna().all():
            lines.append(f"- {method.label}: not measured, {of_method['why'].mode().iloc[0]}.")
    return ["\n".join(lines)] if lines else []


def _number(value: float, shown: str) -> str:
    return shown.format(value).replace("-", "−") if math.isfinite(value) else "–"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
