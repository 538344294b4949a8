"""What stands above each ledger of claims, and how it says what was not run and what was found."""

from __future__ import annotations

from dataclasses import dataclass

from mine.claims import LEDGERS
from mine.claims.claim import NOT_RUN, UNDECIDED


@dataclass(frozen=True)
class Book:
    """A ledger.

    names: modules of its claims. title, legend: what stands above their table. how: how a verdict is made, and when
    its rules were written, which folds below it. nothing: verdict of a claim of which nothing was measured. who:
    heading of whose claim it is. plain: whether a claim has a sentence of its own for what was found; otherwise its
    numbers are told.
    """

    names: tuple[str, ...]
    title: str
    legend: str
    how: str
    nothing: str = UNDECIDED
    who: str = "asked by"
    plain: bool = True


_VERDICTS = (
    "Each effect stands with its interval, 95 %, or corrected (Bonferroni) over the cells that were not named "
    "beforehand. A finding's verdict follows from its interval by the rule that stands with the claim, and the claim's "
    "verdict from those of its primary findings."
)

_OF_THE_WRITE_UP = (
    "Cannot be decided: too few seeds, something missing, or an interval that leaves it open. Asked by: whose claim "
    "it is. Below the table each claim has its test, its rule and all its numbers.",
    f"{_VERDICTS} The unit is the seed. The rules of claims 2 and 6 to 14 were written with an earlier run at d = 1, 5 "
    "and 20 in view, those of 3 and 5 before any measurement, those of 4 partly after. When the write-up's pictures "
    "came to light, as of d = 2, the rules of 6 to 10 were moved there (that of 7 without the stable objective, which "
    "has no runs there), with `phase`'s divergence at d = 2 and probes of other settings in view; the share of "
    "plausible settings was added, with its rules, before any such setting was trained. What is shown of the setting "
    "fitted to the pictures decides nothing.",
)

_OF_PAPERS = (
    "What papers say of their estimators, judged by the tables of `snakemake benchmark`. Every estimator runs with one "
    "setting of ours, on the fixed tasks after normal scores of every column, which the papers do not take: so what "
    "does not hold here does not hold of the estimator as it is run here. Cannot be decided: too few seeds or tasks, "
    "or an interval that leaves it open. Not run: no table has it.",
    f"{_VERDICTS} On the staircase the seed is the unit, on the fixed tasks the task, with the mean over its draws. "
    "The rules and margins were written from the papers' words and committed before the runs that they judge; but "
    "three seeds of the same staircase had been published here before, and whoever wrote the rules had seen README's "
    "sentence on them and some rows of their table. The words quoted are those of the abstract where nothing else is "
    "named: the rest of those papers was not at hand.",
)

BOOKS = {
    "write-up": Book(LEDGERS["write-up"], "The claims of the write-up, and some of ours, tested", *_OF_THE_WRITE_UP),
    "papers": Book(
        LEDGERS["papers"], "What the papers of the estimators claim, tested", *_OF_PAPERS, NOT_RUN, "paper", plain=False
    ),
}
"""Name of a ledger to what it is."""

WRITE_UP_BOOK = BOOKS["write-up"]
