"""The tables of stairs and scores that are published: those of the results, or those published before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from mine.errors import UserError
from mine.estimators.baselines import BASELINE
from mine.experiments import expand
from mine.settings import Cell
from mine.trace import read_table

TABLES = ("scores", "stairs")

_RUN = ["setting", "critic", "variant", "task", "dim", "seed"]


def check_stairs(path: Path, experiment: dict[str, Any], *, kept: bool = False) -> dict[str, Any]:
    """What published.json says of an experiment by its table of stairs, which is held against the configuration.

    kept: of an earlier publication, which stays what it was when the configuration has changed since. ``runs`` are
    those of the table, and ``planned`` is how many the configuration has where it has others.

    Raises UserError where it cannot be read, or what was made holds other stairs than the configuration makes.
    """
    stairs = read_frame(path)
    trained = stairs[stairs["critic"] != BASELINE]
    held = set(trained[[*_RUN, "mi_true"]].itertuples(index=False, name=None))
    runs = list(expand(experiment))
    planned = {
        (run.setting, run.critic, run.variant, run.task, run.dim, run.seed, mi)
        for run in runs
        for mi in (run.cell.truths if isinstance(run.cell, Cell) else ())
    }
    if held != planned and not kept:
        raise UserError(
            f"{path}: holds {len(held)} stairs, {len(held & planned)} of them among the {len(planned)} of the "
            f"configuration; run `snakemake {experiment.get('target', 'all')}` again"
        )
    made = len({stair[:-1] for stair in held})
    return {
        "runs": made,
        **({} if held == planned else {"planned": len(runs)}),
        "seeds": int(trained["seed"].nunique()),
        "overflow": int((trained["outcome"] == "overflow").sum()),
        "training_code": sorted(trained["code"].dropna().unique()),
        "device": sorted(trained["device"].dropna().unique()),
    }


def read_frame(path: Path) -> pd.DataFrame:
    """A table as pandas has it. Raises UserError where it cannot be read."""
    return read_table(path).to_pandas(ignore_metadata=True)
