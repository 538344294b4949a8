"""What `snakemake own` measures: which methods, on which tasks, how many draws, and in which jobs.

Imported by the Snakefile: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mine.errors import UserError
from mine.kinds import Whole, kinds_of, setting
from mine.planned import Planned
from mine.reach.methods import CROSS_FIT, HOUSE, METHODS, TASKS
from mine.reach.settings import own_settings
from mine.settings import check_choice
from mine.tasks.split import FIRST_CHOOSING_DRAW

NULLS = ("independent-normal", "independent-heavy", "independent-discrete", "ar1-0.5", "ar1-0.9", "groups")
"""Kinds of data whose two sides are independent of each other."""

OWN = "own"
"""The target that stands without being named."""

TABLES = ("estimates", "nulls", "aims")
"""What it makes, each a parquet file."""

_DRAWS = Whole(1, FIRST_CHOOSING_DRAW)
_ROWS = Whole(100, 1_000_000)


@dataclass(frozen=True)
class Cell:
    """One job: a method on some draws of a task."""

    rows: int
    method: str
    task: str
    first: int
    draws: int

    @property
    def path(self) -> str:
        """Its table below the folder of cells."""
        return f"rows={self.rows}/method={self.method}/task={self.task}/first={self.first}.parquet"


@dataclass(frozen=True)
class Part(Planned):
    """More of the same table under a target of its own: methods, tasks, draws and numbers of pairs.

    Draws that `snakemake own` or another part measures too are the same ones. Construction checks every value.
    """

    PART = "own.further"

    methods: tuple[str, ...]
    rows: tuple[int, ...] = (10_000,)
    draws: int = setting(3, _DRAWS)
    tasks: tuple[str, ...] = tuple(TASKS)

    def __post_init__(self) -> None:
        """Raise UserError for a value that is not allowed."""
        for name, known in (("methods", METHODS), ("tasks", TASKS)):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            for each in getattr(self, name):
                check_choice(f"{self.PART}.{name}", each, tuple(known))
        object.__setattr__(self, "rows", tuple(self.rows))
        for rows in self.rows:
            _ROWS.check(f"{self.PART}.rows", rows)
        _DRAWS.check(f"{self.PART}.draws", self.draws)


@dataclass(frozen=True)
class Plan(Planned):
    """The size of `snakemake own`. The defaults are the published one's. Construction checks every value.

    rows: pairs of a draw; at the first number the aims are judged and other packages measured. draws: of each task, by
    this package's methods, numbered from 0: none that a setting was chosen on. draws_per_job: of one method and task.
    tasks: of TASKS. peers: method of another package to its draws of each task. nulls: of NULLS. null_rows,
    null_draws, null_draws_per_job: likewise of them. settings: of ``mine estimate`` that are not its defaults.
    null_settings: of the quick critic that null data are tested with. further: target to what it measures, a Part.
    """

    PART = "own"

    rows: tuple[int, ...] = (10_000, 1_000)
    draws: int = setting(5, _DRAWS)
    draws_per_job: int = setting(5, _DRAWS)
    tasks: tuple[str, ...] = tuple(TASKS)
    draws_of: dict[str, int] = field(default_factory=dict)
    nulls: tuple[str, ...] = NULLS
    null_rows: int = setting(1_000, Whole(100, 1_000_000))
    null_draws: int = setting(200, Whole(1, 100_000))
    null_draws_per_job: int = setting(50, Whole(1, 100_000))
    settings: dict[str, Any] = field(default_factory=dict)
    null_settings: dict[str, Any] = field(default_factory=dict)
    further: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise UserError for a value that is not allowed."""
        for name, kind in kinds_of(self).items():
            kind.check(f"own.{name}", getattr(self, name))
        for name in ("rows", "tasks", "nulls"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, known in (("tasks", TASKS), ("nulls", NULLS), ("draws_of", METHODS)):
            for each in getattr(self, name):
                check_choice(f"own.{name}", each, tuple(known))
        for name, draws in self.draws_of.items():
            Whole(0, _DRAWS.most).check(f"own.draws_of.{name}", draws)
        for rows in self.rows:
            _ROWS.check("own.rows", rows)
        for target in self.further:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", target) or target in (*TABLES, "cells", "peers", "all"):
                raise UserError(f"own.further: {target!r} is no name of letters, digits and - that is free for a table")
        parts = {name: part if isinstance(part, Part) else Part.from_dict(part) for name, part in self.further.items()}
        object.__setattr__(self, "further", parts)
        for name in ("settings", "null_settings"):
            own_settings(getattr(self, name), f"own.{name}")

    def cells(self, target: str = OWN) -> Iterator[Cell]:
        """Every job on a task that a target's table needs. A method that nobody can run has none."""
        if target == OWN:
            for rows in self.rows:
                for name, method in METHODS.items():
                    if not method.peer or rows == self.rows[0]:
                        draws = self.draws_of.get(name, self.draws if name in HOUSE else 0)
                        yield from self._cells(name, rows, self.tasks, draws)
            return
        part = self.further[target]
        for rows in part.rows:
            for name in (each for each in METHODS if each in part.methods):
                yield from self._cells(name, rows, part.tasks, part.draws)

    def jobs(self) -> dict[str, Cell]:
        """Every job of any target, by its path. One that several need has as many draws as the one that needs most."""
        found: dict[str, Cell] = {}
        for target in (OWN, *self.further):
            for cell in self.cells(target):
                if cell.path not in found or found[cell.path].draws < cell.draws:
                    found[cell.path] = cell
        return found

    def _cells(self, name: str, rows: int, tasks: tuple[str, ...], draws: int) -> Iterator[Cell]:
        method = METHODS[name]
        for task in () if method.why_not else tasks:
            if not method.one_by_one or TASKS[task].dim_x == TASKS[task].dim_z == 1:
                for first, count in blocks(draws, 1 if name == CROSS_FIT else self.draws_per_job):
                    yield Cell(rows, name, task, first, count)

    def null_blocks(self) -> Iterator[tuple[str, int, int]]:
        """Kind, first draw and number of draws of every job on null data."""
        for kind in self.nulls:
            for first, count in blocks(self.null_draws, self.null_draws_per_job):
                yield kind, first, count


def table_of(target: str) -> str:
    """Name of the table that a target of ``further`` makes."""
    return target.replace("-", "_")


def blocks(draws: int, size: int) -> list[tuple[int, int]]:
    """First and number of draws of each job of so many draws."""
    return [(first, min(size, draws - first)) for first in range(0, draws, size)]
