"""The frozen critics that claims about gradients are judged at, and when their reference is none."""

from __future__ import annotations

from itertools import product

import pandas as pd

CRITICS = tuple(product((5,), (0.85, 0.95), (100, 1000, 3000)))
"""d, rho and updates done of the frozen critics: early, midway and at the end of the EMA's training.

The formulas are about any critic; d = 5 was chosen before anything was measured, and is not the d of the pictures."""

BATCH = 128
"""The batch size that the critics were trained with."""

MIN_REFERENCE_ESS = 1000.0
"""Of the true gradient's importance weights; with fewer it is no reference."""

RUNS = ("dim", "rho", "step", "seed")


def cells_of(table: pd.DataFrame) -> list[tuple[int, float, int]]:
    """Every d, rho and step of a table of frozen critics, and the primary ones whether it has them or not."""
    there = table[["dim", "rho", "step"]].drop_duplicates().itertuples(index=False, name=None)
    return sorted({*CRITICS, *there})


def low_ess(rows: pd.DataFrame) -> str:
    """Why a cell cannot be decided, where a seed's reference has too low an effective sample size; else ""."""
    ess = rows.groupby("seed")["ess"].min()
    low = int((ess < MIN_REFERENCE_ESS).sum())
    if not low:
        return ""
    return (
        f"the true gradient's effective sample size is under {MIN_REFERENCE_ESS:,.0f} in {low} of {len(ess)} seeds, "
        f"{ess.min():,.0f} at worst"
    )
