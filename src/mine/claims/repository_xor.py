"""Claim: the repository's XOR estimate is about 0.69 = ln 2 nats."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from mine.claims.claim import REPOSITORY, Claim, Finding, Missing
from mine.claims.repository import PLACE, RULE, SEEN, about, against, at_the_end
from mine.claims.tables import Tables, runs_of
from mine.writeup.repository import XOR

TRUTH = math.log(2.0)
CAP = TRUTH - math.log((XOR.batch + 1) / XOR.batch)
"""KL(P || (1 - 1/k) Q + P/k) of a permutation of k = 64, whose product pairs are joint ones 1/k of the time: its ratio
is 2 / (1 + 1/k) where the label fits."""


def findings(tables: Tables) -> list[Finding]:
    """Whether the number comes out; what of its distance from ln 2 is the permutation's, and what the estimator's."""
    found = about(XOR, tables)
    epochs = tables.get(f"{XOR.experiment}/epochs", ("seed", "epoch", XOR.column, "mi_mean"))
    again, before = (at_the_end(epochs, column) for column in (XOR.column, "mi_mean"))
    population = _population(tables.get(f"{XOR.experiment}/summary", ("mi_population",)))
    capped = f"a permutation of {XOR.batch} aims at {CAP:.4f} nats, {TRUTH - CAP:.4f} below ln 2"
    found += [
        against(XOR.what, "a permutation's aim less the value after updates, nats", CAP - again, capped),
        against(XOR.what, "value after updates less the same batch's before, nats", again - before),
        against(XOR.what, "ln 2 less the final critic at the population, nats", TRUTH - population),
    ]
    try:
        return found + _concepts(tables)
    except Missing:
        return found


def _concepts(tables: Tables) -> list[Finding]:
    """The same of both concepts, whose truth is ln 2, and of one, whose truth is 0."""
    summary = tables.get("repository-concepts/summary", ("task", "mi_true", "mi_population"), needed=False)
    return [
        against(
            words, "final critic at the population less the truth, nats", _population(runs) - runs["mi_true"].iloc[0]
        )
        for task, words in (("xor-concepts", "XOR, both concepts and label"), ("xor-first-concept", "XOR, one concept"))
        for runs in [runs_of(summary, task=task)]
    ]


def _population(summary: pd.DataFrame) -> np.ndarray:
    return summary["mi_population"].to_numpy(dtype=float, na_value=np.nan)


CLAIM = Claim(
    name="repository_xor",
    sentence="Of an XOR label and its inputs the biased estimate is about 0.69 nats, which is ln 2.",
    place=PLACE,
    test=(
        "Its settings, for a fifth of its 1,000 epochs (its printed values are level from the 50th on): 33,500 pairs, "
        "batches of 64 and the incomplete last one, a permutation, 2 × 256 ReLU, AdamW 0.01; the mean over an epoch of "
        "a second look at each batch after its update with a fresh permutation, averaged over the last 50 epochs; "
        "Student's t over seeds."
    ),
    rule=f"{RULE} {SEEN}",
    figure="repository-xor/printed",
    findings=findings,
    asked_by=REPOSITORY,
)
