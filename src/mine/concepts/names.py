"""Data, models and estimators of `snakemake concepts`, by name. A Snakefile imports this: no torch, numpy or pandas."""

from __future__ import annotations

from dataclasses import dataclass

XOR, TABULAR, DIGITS = "xor", "tabular", "digits"
FULL, WITHHELD = "", "-withheld"
"""A data set's concepts: all of them, or without the last, so that they determine the label no longer."""


@dataclass(frozen=True)
class DataSet:
    """What a model is trained on. label: as figures write it. inputs: columns of x. classes: of the label.

    every: all concepts that there are; kept: how many of them a model is given. finite: rows that there are, None where
    any number can be drawn.
    """

    base: str
    label: str
    inputs: int
    every: tuple[str, ...]
    kept: int
    classes: int
    finite: int | None = None

    @property
    def concepts(self) -> tuple[str, ...]:
        """Those that a model is given."""
        return self.every[: self.kept]


_BASES = (
    (XOR, 2, ("first", "second"), 2, None),
    (TABULAR, 7, ("u", "v", "w"), 2, None),
    (DIGITS, 64, ("even", "five or more", "closed loop"), 10, 1797),
)

DATA: dict[str, DataSet] = {
    f"{base}{ending}": DataSet(base, f"{base}{words}", inputs, every, len(every) - less, classes, finite)
    for base, inputs, every, classes, finite in _BASES
    for ending, words, less in ((FULL, "", 0), (WITHHELD, ", one concept withheld", 1))
}
"""Every data set by name."""

HARD, SEQUENTIAL, JOINT = "hard", "sequential", "joint"
KINDS = (HARD, SEQUENTIAL, JOINT)
"""``hard``: the label from concepts cut at one half, learnt from the true ones. ``sequential``: concepts first, then
the label from their probabilities. ``joint``: both at once, concepts with a weight."""

CRITICS = ("js", "ema", "nwj", "smile")
"""Estimators that leakage is measured with, of ``mine.estimators``."""

NEIGHBOURS = "neighbours"
METHODS = (*CRITICS, NEIGHBOURS)
"""Ways to measure leakage, in the order of tables and figures."""

PENALTIES = ("biased", "ema", "nwj", "js", "smile", "club")
"""Estimators that leakage is penalised with."""


@dataclass(frozen=True)
class Scenario:
    """A predicted concept with known leakage: which concept of which data it is of, and what is injected.

    injected: "label", or the place of another concept.
    """

    label: str
    data: str
    concept: int
    injected: str | int


SCENARIOS = {
    "xor-label": Scenario("xor, label into the first concept", XOR, 0, "label"),
    "tabular-label": Scenario("tabular, label into u", TABULAR, 0, "label"),
    "tabular-concept": Scenario("tabular, v into u", TABULAR, 0, 1),
}
"""What leakage is injected into, by name."""
