"""Claim: the repository's Gaussian check gives about 0.50 nats at d = 1 and rho = 0.8."""

from __future__ import annotations

import numpy as np

from mine.claims.claim import REPOSITORY, Claim, Finding
from mine.claims.repository import BEFORE, PLACE, RULE, about, against, at_the_end
from mine.claims.tables import Tables
from mine.writeup.repository import GAUSSIAN


def findings(tables: Tables) -> list[Finding]:
    """Whether the number comes out, and how far it is from the truth."""
    found = about(GAUSSIAN, tables)
    epochs = tables.get(f"{GAUSSIAN.experiment}/epochs", ("seed", "epoch", GAUSSIAN.column))
    summary = tables.get(f"{GAUSSIAN.experiment}/summary", ("mi_true", "mi_population"))
    truth = float(summary["mi_true"].iloc[0])
    in_batch, words = at_the_end(epochs, GAUSSIAN.column), f"truth {truth:.4f} nats"
    population = summary["mi_population"].to_numpy(dtype=float, na_value=np.nan)
    return [
        *found,
        against(GAUSSIAN.what, "in-batch less the truth, nats", in_batch - truth, words),
        against(GAUSSIAN.what, "final critic at the population less the truth, nats", population - truth),
    ]


CLAIM = Claim(
    name="repository_gaussian",
    sentence="On Gaussian data with d = 1 and ρ = 0.8 the biased estimate is about 0.50 nats.",
    place=PLACE,
    test=(
        "Its settings: 100,000 pairs, batches of 128 and the incomplete last one, a permutation, 2 × 128 ReLU, Adam "
        "0.001, 500 epochs; the mean of an epoch's batch values, averaged over the last 50 epochs; Student's t over "
        "seeds."
    ),
    rule=f"{RULE} {BEFORE}",
    figure="repository-gaussian/printed",
    findings=findings,
    asked_by=REPOSITORY,
)
