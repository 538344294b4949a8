"""What `snakemake own` measures: which methods, on which tasks, how many draws, and in which jobs.

Imported by the Snakefile: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mine.errors import UserError
from mine.kinds import Whole, kinds_of, setting
from mine.own.settings import OwnSettings
from mine.planned import Planned
from mine.reach.methods import CROSS_FIT, METHODS, TASKS
from mine.settings import check_choice
from mine.tasks.split import FIRST_CHOOSING_DRAW

NULLS = ("independent-normal", "independent-heavy", "independent-discrete", "ar1-0.5", "ar1-0.9", "groups")
"""Kinds of data whose two sides are independent of each other."""

_DRAWS = Whole(1, FIRST_CHOOSING_DRAW)


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
class Plan(Planned):
    """The size of `snakemake own`. The defaults are the published one's. Construction checks every value.

    rows: pairs of a draw; at the first number the aims are judged and other packages measured. draws: of each task, by
    this package's methods, numbered from 0: none that a setting was chosen on. draws_per_job: of one method and task.
    tasks: of TASKS. peers: method of another package to its draws of each task. nulls: of NULLS. null_rows,
    null_draws, null_draws_per_job: likewise of them. settings: of ``mine estimate`` that are not its defaults.
    null_settings: of the quick critic that null data are tested with.
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
            Whole(100, 1_000_000).check("own.rows", rows)
        for name in ("settings", "null_settings"):
            own_settings(getattr(self, name), f"own.{name}")

    def cells(self) -> Iterator[Cell]:
        """Every job on a task. A method that nobody can run has none."""
        for rows in self.rows:
            for name, method in METHODS.items():
                if method.why_not or (method.peer and rows != self.rows[0]):
                    continue
                draws = self.draws_of.get(name, 0 if method.peer else self.draws)
                for task in self.tasks:
                    if not method.one_by_one or TASKS[task].dim_x == TASKS[task].dim_z == 1:
                        for first, count in blocks(draws, 1 if name == CROSS_FIT else self.draws_per_job):
                            yield Cell(rows, name, task, first, count)

    def null_blocks(self) -> Iterator[tuple[str, int, int]]:
        """Kind, first draw and number of draws of every job on null data."""
        for kind in self.nulls:
            for first, count in blocks(self.null_draws, self.null_draws_per_job):
                yield kind, first, count


def blocks(draws: int, size: int) -> list[tuple[int, int]]:
    """First and number of draws of each job of so many draws."""
    return [(first, min(size, draws - first)) for first in range(0, draws, size)]


def own_settings(values: dict[str, Any], place: str = "settings", **more: Any) -> OwnSettings:
    """Settings of an estimate from what differs from their defaults. Raises UserError, which begins with ``place``."""
    OwnSettings.check_names(values, place)
    try:
        return OwnSettings(**{**values, **more})
    except UserError as error:
        raise UserError(f"{place}.{error}") from None
