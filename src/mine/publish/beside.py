"""Public figures beside ours, cell by cell: theirs, ours and the difference, in nats.

Of the staircase they are those of ``mine.estimators.literature``; of the fixed tasks those of public_figures.csv, each
with the repository and file where it was read. Numbers only; a figure that nobody could read is not there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mine.claims.claim import count_of
from mine.claims.ledger import number_text
from mine.claims.papers.errors import ROWS
from mine.claims.papers.stairs import ALL_PAIRS_ONLY
from mine.estimators.literature import MIS, PUBLIC
from mine.estimators.names import label

FIGURES = Path(__file__).with_name("public_figures.csv")


def stairs_beside(stairs: pd.DataFrame) -> pd.DataFrame:
    """Estimator, truth, theirs, ours, difference and a note: a row an estimator and stair.

    stairs: columns of ``mine.estimators.stairs.STAIRS_COLUMNS``. Ours are in-batch means of a concatenated critic, as
    theirs are (ALL_PAIRS_ONLY: separable), averaged over seeds; NaN where a run ended.
    """
    rows = []
    for variant, public in PUBLIC.items():
        critic = "separable" if variant in ALL_PAIRS_ONLY else "concat"
        of = stairs[(stairs["variant"] == variant) & (stairs["critic"] == critic)]
        for mi, (theirs, _) in zip(MIS, public, strict=True):
            cell = of[of["mi_true"] == mi]
            if cell.empty:
                continue
            ended = int((cell["outcome"] != "completed").sum())
            ours = np.nan if ended else float(cell["mi_batch_mean"].mean())
            note = (
                f"{critic}, {ended} of {len(cell)} runs overflowed" if ended else f"{critic}, {count_of('', len(cell))}"
            )
            rows.append((label(variant), mi, theirs, ours, ours - theirs, note))
    return pd.DataFrame(rows, columns=["estimator", "truth", "theirs", "ours", "difference", "note"])


def tasks_beside(estimates: pd.DataFrame) -> pd.DataFrame:
    """Task, method, truth, theirs, ours, difference and a note: a row a public figure, NaN where ours was not run.

    estimates: columns of ``mine.reach.tables.ESTIMATES``; ours are means over draws of ROWS pairs.
    """
    rows = []
    for public in pd.read_csv(FIGURES).itertuples():
        cell = estimates[
            (estimates["task"] == public.task) & (estimates["method"] == public.method) & (estimates["rows"] == ROWS)
        ]
        ours, truth = float(cell["value"].mean()), float(cell["mi_true"].mean())
        note = f"theirs: {public.rows:,} pairs, {public.source} at {public.commit}, {public.note}"
        rows.append((public.task, public.method, truth, public.value, ours, ours - public.value, note))
    return pd.DataFrame(rows, columns=["task", "method", "truth", "theirs", "ours", "difference", "note"])


def as_table(frame: pd.DataFrame) -> str:
    """As a Markdown table; a dash for NaN."""
    lines = ["| " + " | ".join(frame.columns) + " |", "|" + "---|" * len(frame.columns)]
    for row in frame.itertuples(index=False):
        cells = (cell if isinstance(cell, str) else number_text(float(cell)) for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
