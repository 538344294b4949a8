"""Made tables of `snakemake benchmark` for tests of the papers' claims: a test says only what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from mine.claims.papers.errors import PUBLIC
from mine.reach.methods import TASKS

TRUTHS = (2.0, 4.0, 6.0, 8.0, 10.0)


def made_stairs(
    run: Callable[[str, str, str, float], dict[str, float]],
    cells: Iterable[tuple[str, str]],
    seeds: int = 10,
    tasks: Iterable[str] = ("gaussian", "cubic"),
) -> pd.DataFrame:
    """``staircase/stairs``: for each variant and critic what ``run`` says of variant, critic, task and truth.

    run: gives bias and variance, and held-out bias where that differs; a run that ended for None. Seeds differ by a
    hundredth of the value.
    """
    rows = []
    for variant, critic in cells:
        for task in tasks:
            for mi in TRUTHS:
                said = run(variant, critic, task, mi)
                for seed in range(seeds):
                    rows.append(_stair(variant, critic, task, mi, seed, said))
    return pd.DataFrame(rows)


def _stair(variant, critic, task, mi, seed, said):
    row = {
        "setting": "base",
        "variant": variant,
        "critic": critic,
        "task": task,
        "dim": 20,
        "seed": seed,
        "mi_true": mi,
    }
    names = ("mi_batch_mean", "mi_batch_variance", "mi_batch_mse", "mi_heldout")
    if said is None:
        return row | {"outcome": "overflow"} | dict.fromkeys(names, np.nan)
    factor = 1.0 + 0.01 * seed
    bias, variance = said["bias"] * factor, said["variance"] * factor
    values = (mi + bias, variance, bias**2 + variance, mi + said.get("heldout", said["bias"]) * factor)
    return row | {"outcome": "completed"} | dict(zip(names, values, strict=True))


def made_estimates(
    error: Callable[[str, str, int], float | None],
    methods: Iterable[str],
    tasks: Iterable[str] = PUBLIC,
    rows: Iterable[int] = (10_000,),
    draws: int = 3,
    cpu: Callable[[str, int], float] = lambda task, rows: 1.0,
) -> pd.DataFrame:
    """``own/benchmark`` and its like: value less truth of each method, task and number of rows; None for no value.

    Draws differ by a thousandth of a nat. cpu: seconds of a task and number of rows.
    """
    made = []
    for method in methods:
        for task in tasks:
            for n in rows:
                off = error(method, task, n)
                for draw in range(draws):
                    value = np.nan if off is None else 1.0 + off + 0.001 * draw * np.sign(off)
                    made.append(
                        {
                            "method": method,
                            "task": task,
                            "group": TASKS[task].group,
                            "rows": n,
                            "draw": draw,
                            "mi_true": 1.0,
                            "value": value,
                            "cpu_s": cpu(task, n),
                        }
                    )
    return pd.DataFrame(made)
