"""The tables that claims are judged by, read once each; what is not there is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from mine.claims.claim import Missing

_MADE_BY = {
    "search": "snakemake search",
    "pictures": "snakemake search",
    "repository-gaussian": "snakemake repository",
    "repository-xor": "snakemake repository",
    "repository-concepts": "snakemake repository",
    "control": "snakemake control",
    "concepts": "snakemake concepts",
    "staircase": "snakemake benchmark",
    "own": "snakemake benchmark",
}
"""Of a folder that `snakemake` does not make, what does; else `snakemake claims`."""

_STEPS = ("overflow_step", "runaway_step", "diverged_step")


class Tables:
    """Tables of a results folder by name: ``writeup/summary`` is ``{results}/writeup/summary.parquet``.

    A folder of published tables has them side by side: ``{results}/writeup_summary.parquet``.
    """

    def __init__(self, results: Path, without: Collection[str] = ()) -> None:
        """Nothing is read before it is asked for. without: folders that are taken as not made.

        missed: names of the tables that were asked for and are not there.
        """
        self.missed: set[str] = set()
        self._results, self._without = results, frozenset(without)
        self._read: dict[str, pd.DataFrame] = {}

    def get(self, name: str, columns: Sequence[str] = (), *, needed: bool = True) -> pd.DataFrame:
        """One table. Raises Missing, naming it, where it is not there, not readable, empty or lacks a column.

        needed: whether a claim is not measured without it; otherwise it is not counted among ``missed``.
        """
        if name.split("/")[0] in self._without:
            self.missed |= {name} if needed else set()
            made_by = _MADE_BY.get(name.split("/")[0], "snakemake claims")
            raise Missing(f"{name}.parquet is made by `{made_by}`, not by `snakemake`")
        if name not in self._read:
            path = self._results / f"{name}.parquet"
            beside = self._results / f"{name.replace('/', '_')}.parquet"
            path = path if path.exists() or not beside.exists() else beside
            try:
                self._read[name] = _plain(pd.read_parquet(path, partitioning=None, page_checksum_verification=True))
            except FileNotFoundError:
                self.missed |= {name} if needed else set()
                raise Missing(f"no {name}.parquet in the results") from None
            except (OSError, pa.ArrowException):
                raise Missing(f"{name}.parquet is not readable") from None
        table = self._read[name]
        if table.empty:
            raise Missing(f"{name}.parquet has no rows")
        absent = [column for column in columns if column not in table.columns]
        if absent:
            raise Missing(f"{name}.parquet is of an older version: no column {absent[0]}; collect it again")
        return table

    @classmethod
    def of(cls, **tables: pd.DataFrame) -> Tables:
        """From tables in memory; ``writeup_summary=`` stands for ``writeup/summary``."""
        made = cls(Path("made"))
        made._read = {name.replace("__", "-").replace("_", "/", 1): _plain(table) for name, table in tables.items()}
        return made


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Steps as float with NaN for "never"; text columns as text."""
    table = table.copy()
    for column in _STEPS:
        if column in table:
            table[column] = pd.to_numeric(table[column]).astype("float64")
    return table


def runs_of(summary: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values, by seed. Raises Missing, naming the cell, where there are none."""
    keep = np.ones(len(summary), dtype=bool)
    for column, value in values.items():
        keep &= (summary[column] == value).to_numpy()
    if not keep.any():
        raise Missing(f"no runs of {cell_name(**values)}")
    return summary[keep].sort_values("seed")


def paired(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of both at the seeds that both have, in the order of the seeds. Raises Missing where there are none."""
    seeds = sorted(set(one["seed"]) & set(other["seed"]))
    if not seeds:
        raise Missing("no seed that both sides of a pair have")
    return one.set_index("seed").loc[seeds].reset_index(), other.set_index("seed").loc[seeds].reset_index()


def cell_name(**values: object) -> str:
    """A cell in words: settings and variants as they are, "d = 5", "ρ = 0.9"."""
    words = {"dim": "d = {}", "rho": "ρ = {:g}", "step": "step {:,}"}
    return ", ".join(words.get(name, "{}").format(value) for name, value in values.items())
