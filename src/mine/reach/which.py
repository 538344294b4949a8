"""Which estimator for which data: the decision table of docs/which_estimator.md, and the README's sentence."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mine.reach.aims import RIGHT
from mine.reach.scores import ALL, Group, improvement, in_order, label_of, scored, tied, together

NOT_RUN = "Not run yet: `snakemake benchmark` and `mine publish` make this part."
NO_SENTENCE = (
    "On files of pairs, as you have them, they were not compared yet: [how they will be](docs/which_estimator.md)."
)
"""What the README says instead."""

TABLES = ("benchmark", "benchmark_diffusion", "benchmark_peers")
"""What is read: the first, and the others where they were made."""

FIGURES = {
    "benchmark_scores": "Error of every estimator over all tasks and by kind of data, with intervals",
    "benchmark_failures": "Where each estimator fails: how far off it is on every task, too low or too high",
    "benchmark_n": "Error of each estimator against the number of pairs, and the CPU seconds that it takes to be right",
}
"""Figure to what it shows, in words."""

AVOID, OFTEN = 0.3, 0.1
"""An error, nats, that surely is too much; a share of estimates that fail, that is."""

RELIABLE = 0.9
"""Share of estimates within RIGHT from which on an estimator is."""

WORDS = {
    "1 × 1": "one column each",
    "low dimension": "2 to 5 columns each",
    "25-50 dimensions": "25 or 50 columns each",
    "heavy tails": "heavy tails (Student's t)",
    "spirals": "bent into spirals",
    "other families": "other families: mixtures, circles, counts, labels",
    ALL: "all of these",
}
"""Group of tasks to the kind of data that a reader has."""


@dataclass(frozen=True)
class Choice:
    """What one group of tasks says. rows: its methods' scores, the best first, of those that can be told apart.

    tied: as good as the best, as far as draws tell. next: the first that is not; "" where there is none. cheapest: of
    those that are RELIABLE; "" where none is. avoid: what is surely AVOID off, or fails OFTEN.
    """

    group: Group
    rows: pd.DataFrame
    tied: tuple[str, ...]
    next: str
    cheapest: str
    avoid: tuple[str, ...]

    @property
    def best(self) -> str:
        """The method with the smallest error."""
        return str(self.rows.index[0])


def choices(groups: Iterable[tuple[Group, pd.DataFrame]]) -> list[Choice]:
    """Of every group that has two draws of a method. groups: of ``scored``, all tasks first."""
    return [_choice(group, rows) for group, rows in groups if group.alike]


def _choice(group: Group, scores: pd.DataFrame) -> Choice:
    rows = scores[scores["method"].isin(group.alike)].set_index("method")
    best, equals = str(rows.index[0]), tied(group, str(rows.index[0]))
    rest = [name for name in rows.index[1:] if name not in equals]
    right = rows[rows["within"] >= RELIABLE].sort_values("cpu_s", kind="stable")
    bad = rows.index[(rows["error_low"] > AVOID) | (rows["failed"] >= OFTEN)]
    return Choice(
        group,
        rows,
        tuple(name for name in rows.index if name in equals),
        str(rest[0]) if rest else "",
        str(right.index[0]) if len(right) else "",
        tuple(in_order(name for name in bad if name not in (best, *equals))),
    )


def read_together(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """The estimates of TABLES, see ``together``; None where ``benchmark`` is not among them."""
    benchmark = tables.get(TABLES[0])
    if benchmark is None or benchmark.empty:
        return None
    return together(benchmark, *(tables.get(name) for name in TABLES[1:]))


def which_part(tables: Mapping[str, pd.DataFrame], figures: Container[str] = ()) -> str:
    """Markdown of the part "which" of the page.

    tables: of TABLES, those that are published. figures: names of published figures.
    """
    estimates = read_together(tables)
    found = choices(scored(estimates)) if estimates is not None else []
    if estimates is None or not found:
        return NOT_RUN
    first, count = found[0], int(estimates["rows"].max())
    words = (
        f"{len(first.group.tasks)} tasks, {len(first.group.draws(first.best))} draws of {count:,} pairs each; "
        f"{len(first.rows)} estimators, the smallest error over all tasks first: {_listed(first.rows.index)}."
    )
    only = [name for name in in_order(estimates["method"]) if name not in first.rows.index]
    if only:
        words += f" On fewer draws or tasks, and so in the figures alone: {_listed(only)}."
    shown = [
        f"[![{what}](../figures/own/{name}.png)](../figures/own/{name}.svg)"
        for name, what in FIGURES.items()
        if f"own/{name}.png" in figures
    ]
    return "\n\n".join([words, decision_table(found), *shown])


def decision_table(found: Sequence[Choice]) -> str:
    """A line a kind of data, all of them last."""
    header = ["your data", "tasks", "best: error, nats", "as good", "the next, and how often the best beats it"]
    header += [f"cheapest of those within {RIGHT:g} on {RELIABLE:.0%}".replace("%", " %"), "avoid"]
    lines = [header, ["---"] * len(header)]
    for choice in (*found[1:], found[0]):
        best = choice.rows.loc[choice.best]
        lines.append(
            [
                WORDS.get(choice.group.name, choice.group.name),
                str(len(choice.group.tasks)),
                f"**{label_of(choice.best)}**: {_error(best)}",
                _listed(choice.tied),
                _next(choice),
                _cheapest(choice),
                _avoid(choice),
            ]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def sentence(tables: Mapping[str, pd.DataFrame]) -> str:
    """One sentence for the README."""
    estimates = read_together(tables)
    found = choices(scored(estimates)) if estimates is not None else []
    if not found:
        return NO_SENTENCE
    return f"{finding(found)}: [which estimator for your data](docs/which_estimator.md)."


def finding(found: Sequence[Choice]) -> str:
    """Who errs least over all tasks, and on how many kinds of data; "" of no choices."""
    if not found:
        return ""
    first, kinds = found[0], found[1:]
    error = _nats(first.rows["error"].iloc[0])
    leads = sum(first.best in (choice.best, *choice.tied) for choice in kinds)
    equal = f", no better than {_listed(first.tied)}" if first.tied else ""
    return (
        f"Of {len(first.rows)} estimators on {len(first.group.tasks)} tasks {label_of(first.best)} errs least "
        f"({error} nats{equal}), and is best or tied on {leads} of {len(kinds)} kinds of data"
    )


def _error(row: pd.Series) -> str:
    """``0.012 [0.010, 0.014], 97 % within 0.1``."""
    ends = f"{_nats(row['error'])} [{_nats(row['error_low'])}, {_nats(row['error_high'])}]"
    return f"{ends}, {row['within']:.0%} within {RIGHT:g}".replace("%", " %")


def _next(choice: Choice) -> str:
    if not choice.next:
        return "–"
    apart = improvement(choice.group.cells(choice.best), choice.group.cells(choice.next))
    often = f"{100 * apart.value:.0f} [{100 * apart.low:.0f}, {100 * apart.high:.0f}] %"
    return f"{label_of(choice.next)}, {_nats(choice.rows.at[choice.next, 'error'])}; {often}"


def _cheapest(choice: Choice) -> str:
    if not choice.cheapest:
        return "none"
    row = choice.rows.loc[choice.cheapest]
    return f"{label_of(choice.cheapest)}, {seconds(row['cpu_s'])} CPU s: {_error(row)}"


def _avoid(choice: Choice) -> str:
    rest = len(choice.rows) - 1 - len(choice.tied)
    return "all others" if rest > 1 and len(choice.avoid) == rest else _listed(choice.avoid)


def _listed(methods: Iterable[str]) -> str:
    """With semicolons: labels have commas."""
    return "; ".join(map(label_of, methods)) or "none"


def seconds(value: float) -> str:
    """CPU seconds, two figures of few."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.95 else f"{value:.2g}"


def _nats(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "∞"
