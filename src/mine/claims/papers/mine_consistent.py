"""Claim: MINE is strongly consistent."""

from __future__ import annotations

import pandas as pd

from mine.claims.claim import OF_TASKS, PAPER, REPORTED, Claim, Finding, Missing, decide, finding
from mine.claims.papers import errors
from mine.claims.papers.errors import RIGHT
from mine.claims.tables import Tables
from mine.reach.methods import TASKS
from mine.statistics import trend


def findings(tables: Tables) -> list[Finding]:
    """Whether MINE's error falls with the number of pairs, and how large it is at most pairs; others' beside."""
    table = errors.estimates(tables, "benchmark_n", rows=None)
    try:
        of = errors.of_method(table, "mine", tuple(TASKS))
        found = [_falls("mine", of, primary=True), _at_most(of)]
    except Missing as reason:
        found = [errors.missing("mine", reason)]
    for method in sorted(set(table["method"]) - {"mine"}):
        try:
            found.append(_falls(method, errors.of_method(table, method, tuple(TASKS)), primary=False))
        except Missing:
            continue
    return found


def by_rows(of: pd.DataFrame) -> pd.DataFrame:
    """Mean error over draws, a row a task, a column a number of pairs; tasks that lack one are left out."""
    parts = {int(rows): errors.by_task(group) for rows, group in of.groupby("rows")}
    if len(parts) < 3:
        raise Missing("fewer than three numbers of pairs show no trend")
    return pd.DataFrame(parts).dropna().sort_index(axis=1)


def _falls(method: str, of: pd.DataFrame, primary: bool) -> Finding:
    table = by_rows(of)
    interval = trend(table.columns.to_numpy(dtype=float), table.to_numpy())
    cell = f"{method}, {table.columns[0]:,} to {table.columns[-1]:,} pairs"
    words = f"{OF_TASKS}: Kendall's τ of |error| with the number of pairs"
    verdict = decide(interval.below(0.0), interval.above(0.0)) if primary else REPORTED
    return finding(cell, words, interval, len(table), verdict, primary=primary)


def _at_most(of: pd.DataFrame) -> Finding:
    most = int(of["rows"].max())
    return errors.near_enough(f"mine, {most:,} pairs", of[of["rows"] == most])


CLAIM = Claim(
    name="mine_consistent",
    sentence="MINE is strongly consistent: with more pairs its value comes to the mutual information.",
    place="Belghazi et al. 2018, abstract (arXiv 1801.04062): “trainable through back-prop, and strongly consistent”",
    test=(
        f"Absolute error on six fixed tasks with 300 to 100,000 pairs, the mean over draws, {errors.CAP:g} nat at "
        "most: Kendall's τ with the number of pairs within each task, mean over tasks with a bootstrap over tasks; and "
        "the mean error at most pairs, Student's t."
    ),
    rule=(
        "A theorem about all sample sizes and networks can only be refuted for what is run. Holds where τ lies below 0 "
        f"and the error at most pairs below {RIGHT:g} nats, each with its whole interval; one of them that lies above "
        "does not. Primary: both, of MINE."
    ),
    figure="own/benchmark_n",
    findings=findings,
    asked_by=PAPER,
)
