"""What a comparison says: one test, one cell, the whole answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

AGREES, DIFFERS = "agrees", "differs"
UNDECIDED, OTHER_SETTINGS = "cannot be decided", "settings differ"


@dataclass
class Quantity:
    """One test of one cell.

    name: a final value or gradient norm (published, mine: medians over all seeds, nats or gradient norm, with
    their 95 % bootstrap intervals; difference: mine - published; None where a median or a bound falls on a run
    without a number), or ``overflow`` or ``runaway`` (published, mine: counts, no intervals).
    p: of the test; p_holm: corrected, to be held against the level.
    """

    name: str
    published: float | None
    mine: float | None
    difference: float | None
    published_interval: tuple[float | None, float | None] | None
    mine_interval: tuple[float | None, float | None] | None
    difference_interval: tuple[float | None, float | None] | None
    p: float
    p_holm: float = 1.0


@dataclass
class CellResult:
    """One cell that both sides have.

    smallest_p: what total separation of these many seeds would give; where even that is above level / tests, the
    cell cannot be decided. settings: training settings that differ, name to (published, mine).
    """

    experiment: str
    setting: str
    critic: str
    variant: str
    task: str
    dim: int
    rho: float
    seeds_published: int
    seeds_mine: int
    verdict: str = AGREES
    identical: bool = False
    smallest_p: float = 1.0
    settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    quantities: list[Quantity] = field(default_factory=list)


@dataclass
class Comparison:
    """The whole answer.

    tests: how many Holm's correction goes over. detectable: for each pair of seed counts, the shift in standard
    deviations over seeds that one rank test finds with 80 % power at level / tests; None where nothing can be found.
    only_published, only_mine: cells (as KEY) of one side.
    """

    level: float
    tests: int
    cells: list[CellResult]
    only_published: list[tuple]
    only_mine: list[tuple]
    detectable: list[dict[str, Any]]
    code_published: list[str]
    code_mine: list[str]

    def count(self, verdict: str) -> int:
        """Cells with this verdict."""
        return sum(cell.verdict == verdict for cell in self.cells)

    @property
    def agrees(self) -> bool:
        """Something could be decided, and nothing differs.

        Cells that cannot be decided, or that one side lacks, do not speak against agreement; they are counted
        in the output. Nothing but such cells is no agreement.
        """
        return self.count(AGREES) > 0 and self.count(DIFFERS) == self.count(OTHER_SETTINGS) == 0

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON: no inf and no nan."""
        verdicts = {name: self.count(name) for name in (AGREES, DIFFERS, UNDECIDED, OTHER_SETTINGS)}
        return {"agrees": self.agrees, "verdicts": verdicts, **asdict(self)}
