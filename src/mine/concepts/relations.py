"""What leakage is asked of.

Each concept's of the label, each concept's of each other one, and all concepts' together of the label where they do not
determine it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

LABEL, BETWEEN, TOGETHER = RELATIONS = ("label", "between", "together")
"""A concept says more of the label than the true one; of another concept; all of them together of the label."""


@dataclass(frozen=True)
class Relation:
    """kind: of RELATIONS. concepts: places of those predicted. target: "label", or the place of another concept."""

    kind: str
    concepts: tuple[int, ...]
    target: str | int

    def named(self, names: Sequence[str]) -> tuple[str, str]:
        """Concepts and target in words. names: of the concepts."""
        of = "all" if self.kind == TOGETHER else names[self.concepts[0]]
        return of, self.target if isinstance(self.target, str) else names[self.target]


def relations(concepts: np.ndarray, label: np.ndarray) -> Iterator[Relation]:
    """Those of some rows, in the order of tables. concepts: (n, k); label: (n,)."""
    count = concepts.shape[1]
    for place in range(count):
        yield Relation(LABEL, (place,), "label")
    for place in range(count):
        for other in range(count):
            if other != place:
                yield Relation(BETWEEN, (place,), other)
    if count > 1 and not determines(concepts, label):
        yield Relation(TOGETHER, tuple(range(count)), "label")


def determines(concepts: np.ndarray, label: np.ndarray) -> bool:
    """Whether rows with the same concepts all have the same label: nothing can leak beyond all concepts then."""
    codes = np.unique(concepts, axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(np.stack([codes, np.unique(label, return_inverse=True)[1]], 1), axis=0)
    return len(pairs) == len(np.unique(codes))
