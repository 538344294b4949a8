"""What the setting that was fitted to the write-up's pictures shows: reported, and never a verdict.

The fit chose its settings by the pictures, so that it agrees with them says nothing for or against a claim. Where
`pictures/summary.parquet` is not there, no finding is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from mine.claims.claim import REPORTED, Finding, Missing, finding
from mine.claims.pairs import COLUMNS, distance, farther, pair
from mine.claims.tables import Tables, cell_name, runs_of
from mine.statistics import median, share

CELL = "fitted to the pictures"

LARGEST = 0.99
"""The rho at which the write-up names a norm of 100."""


def diverges_sooner(tables: Tables) -> list[Finding]:
    """Per rho: how many biased runs end, and in which epoch."""
    return _reported(tables, _ends, ("overflow_step", "data", "batch_size", "epochs"))


def ema_robust(tables: Tables) -> list[Finding]:
    """Per rho: how many EMA runs last."""
    return _reported(tables, _lasts, ("overflow_step",))


def ema_better(tables: Tables) -> list[Finding]:
    """Per rho: how often the EMA ends nearer the truth, in-batch."""
    return _reported(tables, _nearer, COLUMNS)


def gradient_norms(tables: Tables) -> list[Finding]:
    """The largest gradient norm of each variant at the largest rho."""
    return _reported(tables, _norms, ("grad_norm_max",))


Part = Callable[[pd.DataFrame, str, float], Iterator[Finding]]


def _reported(tables: Tables, part: Part, columns: tuple[str, ...]) -> list[Finding]:
    """A part's findings of every setting and rho; none without the table, or of a cell without the runs."""
    try:
        summary = tables.get("pictures/summary", ("setting", "variant", "dim", "rho", "seed", *columns), needed=False)
    except Missing:
        return []
    found: list[Finding] = []
    several = summary[["setting", "dim"]].drop_duplicates().shape[0] > 1
    for (setting, dim, rho), runs in summary.groupby(["setting", "dim", "rho"], sort=True):
        where = cell_name(setting=setting, dim=dim, rho=rho) if several else cell_name(rho=rho)
        try:
            found += part(runs, f"{CELL}, {where}", float(rho))
        except Missing:
            continue
    return found


def _ends(runs: pd.DataFrame, cell: str, rho: float) -> Iterator[Finding]:
    biased = runs_of(runs, variant="biased")
    ended = biased[biased["overflow_step"].notna()]
    note = f"{len(ended)} of {len(biased)} runs"
    at = epoch_of(ended)
    if np.isfinite(at).any():
        note += f", in epoch {np.nanmin(at):.0f}-{np.nanmax(at):.0f} of {biased['epochs'].max():.0f}"
    interval = share(len(ended), len(biased))
    yield finding(cell, "share of biased runs that end", interval, len(biased), REPORTED, note=note)


def epoch_of(runs: pd.DataFrame) -> np.ndarray:
    """The epoch, counted from 0, of each run's overflow; NaN where there are none. A last batch that is kept counts."""
    names = ("data", "batch_size", "overflow_step")
    data, batch, step = (pd.to_numeric(runs[name], errors="coerce").to_numpy(dtype=float) for name in names)
    kept = (runs["last_batch"] == "keep").to_numpy() if "last_batch" in runs else np.zeros(len(runs), dtype=bool)
    batches = np.where(kept, np.ceil(data / batch), np.floor(data / batch))
    return np.floor((step - 1.0) / batches)


def _lasts(runs: pd.DataFrame, cell: str, rho: float) -> Iterator[Finding]:
    ema = runs_of(runs, variant="ema")
    lasting = int(ema["overflow_step"].isna().sum())
    interval, note = share(lasting, len(ema)), f"{lasting} of {len(ema)} runs"
    yield finding(cell, "share of EMA runs that last", interval, len(ema), REPORTED, note=note)


def _nearer(runs: pd.DataFrame, cell: str, rho: float) -> Iterator[Finding]:
    biased, ema, note = pair(runs_of(runs, variant="biased"), runs_of(runs, variant="ema"))
    difference = farther(distance(biased, "in-batch"), distance(ema, "in-batch"))
    interval = share(int((difference > 0).sum()), len(difference))
    words = "share of seeds in which the EMA ends nearer the truth, in-batch"
    yield finding(cell, words, interval, len(difference), REPORTED, note=note)


def _norms(runs: pd.DataFrame, cell: str, rho: float) -> Iterator[Finding]:
    if rho != LARGEST:
        return
    for variant, name in (("biased", "biased"), ("ema", "EMA")):
        here = runs[runs["variant"] == variant]
        if here.empty:
            continue
        # A gradient that overflowed is larger than any other.
        norms = pd.to_numeric(here["grad_norm_max"]).to_numpy(dtype=float, na_value=np.inf)
        interval = median(np.where(np.isnan(norms), np.inf, norms))
        yield finding(cell, f"largest gradient norm of {name}, median over runs", interval, len(here), REPORTED)
