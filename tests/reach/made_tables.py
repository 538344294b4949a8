"""Tables of `snakemake own` as they would be if every aim were reached."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.reach.methods import CROSS_FIT, OURS, TASKS, set_of
from mine.reach.plan import NULLS

ROWS = 10_000
RIVAL = "bmi-ksg"


def estimates(draws=5):
    """Ours 0.01 off, 0.1 wide intervals, no warning; another package 0.05 off; truths of 0.5 nats."""
    made = []
    for method, off, cpu in ((OURS, 0.01, 10.0), (CROSS_FIT, 0.005, 50.0), (RIVAL, 0.05, 1.0)):
        for place, (name, task) in enumerate(TASKS.items()):
            for draw in range(draws if method != RIVAL else 1):
                value = 0.5 + off + 1e-4 * (place % 3 + draw)
                own = method != RIVAL
                made.append(
                    {
                        "method": method,
                        "task": name,
                        "group": task.group,
                        "set": set_of(name),
                        "rows": ROWS,
                        "draw": draw,
                        "mi_true": 0.5,
                        "value": value,
                        "low": value - 0.05 if own else np.nan,
                        "high": value + 0.05 if own else np.nan,
                        "p_value": 0.001 if own else np.nan,
                        "warnings": "" if own else None,
                        "cpu_s": cpu,
                        "why": None,
                        "made_with": "made",
                    }
                )
    return pd.DataFrame(made)


def nulls(rejected=10, draws=200):
    """Null data of every kind, of which p < 0.05 in so many draws."""
    p_values = [0.01] * rejected + [0.5] * (draws - rejected)
    return pd.DataFrame(
        [
            {"kind": kind, "rows": 1000, "draw": draw, "value": 0.0, "p_value": p, "warnings": "", "cpu_s": 1.0}
            for kind in NULLS
            for draw, p in enumerate(p_values)
        ]
    )
