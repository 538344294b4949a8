"""What says how a fixed task is made: one distribution, of one mutual information, under one name. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

ONE_BY_ONE, LOW, HIGH, HEAVY, SPIRALS = "1 × 1", "low dimension", "25-50 dimensions", "heavy tails", "spirals"
OTHER = "other families"
GROUPS = (ONE_BY_ONE, LOW, HIGH, HEAVY, SPIRALS, OTHER)
"""Groups that results are reported by."""


@dataclass(frozen=True)
class FixedTask:
    """An entry of the registry.

    name: what it is asked for by. label: for people. group: one of GROUPS. dim_x, dim_z: as Task's.
    factory: what makes it, module:function, from ``arguments``. through: what it is then seen through, in order, names
    of ``through.MAPS``.
    """

    name: str
    label: str
    group: str
    dim_x: int
    dim_z: int
    factory: str
    arguments: tuple[Any, ...] = ()
    through: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules below ``mine.tasks`` that make it."""
        made_by = self.factory.split(":")[0]
        return (made_by, "through") if self.through else (made_by,)

    @property
    def recipe(self) -> str:
        """What they make it from: all that a result on it depends on besides their code."""
        return repr((self.factory, self.arguments, self.through))

    def seen_through(
        self, by: str, name: str, label: str, *, group: str | None = None, dim_x: int | None = None
    ) -> FixedTask:
        """The same seen through one more map. group, dim_x: where it has others then."""
        return replace(
            self,
            name=name,
            label=label,
            group=group or self.group,
            dim_x=dim_x or self.dim_x,
            through=(*self.through, by),
        )
