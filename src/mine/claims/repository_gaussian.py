"""Claim: the repository's Gaussian check gives about 0.50 nats at d = 1 and rho = 0.8."""

from __future__ import annotations

import math

import numpy as np

from mine.claims.claim import REPOSITORY, Claim, Finding
from mine.claims.repository import PLACE, RULE, about, against, at_the_end
from mine.claims.tables import Tables
from mine.writeup.repository import GAUSSIAN

TRUTH = -0.5 * math.log1p(-0.64)


def findings(tables: Tables) -> list[Finding]:
    """Whether the number comes out, and how far it is from the truth."""
    found = about(GAUSSIAN, tables)
    epochs = tables.get(f"{GAUSSIAN.experiment}/epochs", ("seed", "epoch", GAUSSIAN.column))
    found.append(
        against(GAUSSIAN.what, "in-batch less the truth, nats", at_the_end(epochs, GAUSSIAN.column) - TRUTH,
                f"truth {TRUTH:.4f} nats")
    )  # fmt: skip
    summary = tables.get(f"{GAUSSIAN.experiment}/summary", ("mi_population",))
    population = summary["mi_population"].to_numpy(dtype=float, na_value=np.nan)
    found.append(against(GAUSSIAN.what, "final critic at the population less the truth, nats", population - TRUTH))
    return found


CLAIM = Claim(
    name="repository_gaussian",
    sentence="On Gaussian data with d = 1 and ρ = 0.8 the biased estimate is about 0.50 nats.",
    place=PLACE,
    test=(
        "Its settings: 100,000 pairs, batches of 128 and the incomplete last one, a permutation, 2 × 128 ReLU, Adam "
        "0.001, 500 epochs; the mean of an epoch's batch values, averaged over the last 50 epochs; Student's t over "
        "seeds."
    ),
    rule=RULE,
    figure="repository-gaussian/printed",
    findings=findings,
    asked_by=REPOSITORY,
)
