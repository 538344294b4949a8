"""A claim, what was found about it, and the rules by which a verdict follows from intervals.

A finding is one effect in one cell with its interval over seeds. Its verdict is computed from the interval by the
claim's rule, never by hand, and a claim's verdict from the verdicts of its primary cells by ``overall``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mine.statistics import LEVEL, Interval

if TYPE_CHECKING:
    from mine.claims.tables import Tables

HOLDS = "holds"
PARTLY = "holds only in part"
FAILS = "does not hold"
UNDECIDED = "cannot be decided"
CHECKED, BROKEN = "instrument passes", "instrument fails"
"""Of an identity that any correct measurement shows; no evidence for or against the write-up."""
REPORTED = "reported"
"""Of a number that enters no verdict."""
NOT_RUN = "not run"
"""Of a claim of which nothing was measured, in a ledger that tells it from one that the data leave open."""

WRITE_UP, REPOSITORY, US, PAPER = "write-up", "repository", "us", "papers"
ASKED_BY = (WRITE_UP, REPOSITORY, US, PAPER)
"""Whose claim it is: the write-up's, that of the repository it names, a question of ours, or an estimator's paper's."""

OF_SETTINGS = "share of settings"
"""Begins the quantity of a finding whose unit is a training setting and not a seed."""
OF_TASKS = "over tasks"
"""The same of one whose unit is a task, with all its draws."""

WRITE_UP_DIM = 2
"""d of the write-up's pictures, by the truths that their legends print, and so of the primary cells of its claims about
training. The settings that train them are ours, the same at every d, and were fixed before any search."""

SETTINGS_NOTE = (
    f"d = {WRITE_UP_DIM} is that of the write-up's pictures; the training settings are ours and were fixed before any "
    "search for those of the pictures."
)
"""What a rule says of its primary cells."""

MIN_SEEDS = 5
"""Fewer decide nothing."""

EQUIVALENT = (0.8, 1.25)
"""A ratio whose whole interval lies in here makes an "≈" hold."""


class Missing(Exception):
    """What a claim needs and the results do not have. The message names it."""


@dataclass(frozen=True)
class Finding:
    """One effect in one cell.

    cell: where, in words ("derangement, d = 5, ρ = 0.9"). quantity: what the effect is, with its unit.
    effect, low, high: estimate and interval; None where there is none. level: coverage of the interval.
    n_seeds: seeds behind it (settings or tasks, where the quantity begins with OF_SETTINGS or OF_TASKS). primary:
    named beforehand as deciding the claim's verdict. note: why undecided, or what a reader must know. claim: name of
    the claim, filled in by ``judge``.
    """

    cell: str
    quantity: str
    effect: float | None
    low: float | None
    high: float | None
    n_seeds: int
    verdict: str
    primary: bool = False
    level: float = LEVEL
    note: str = ""
    claim: str = ""


@dataclass(frozen=True)
class Claim:
    """One claim and how it is judged.

    name: of its module. sentence: the claim, in our words. asked_by: one of ASKED_BY. place: where the sentence
    stands: a section of the write-up, file of the repository or part of a paper (its name before the first comma), or
    why it is asked. test: what is measured. rule: how verdicts follow from the intervals. figure: stem of the figure
    that shows it, below the figures folder.
    findings: from tables to findings; raises Missing where a whole table is not there.
    """

    name: str
    sentence: str
    place: str
    test: str
    rule: str
    figure: str
    findings: Callable[[Tables], list[Finding]]
    asked_by: str = field(kw_only=True)


@dataclass(frozen=True)
class Verdict:
    """A claim's verdict over its primary findings, and the findings."""

    claim: Claim
    number: int
    verdict: str
    where: str
    findings: list[Finding]


def judge(claim: Claim, number: int, tables: Tables, nothing: str = UNDECIDED) -> Verdict:
    """Judge one claim. What is missing makes it undecided, with a finding that names it.

    nothing: verdict where no primary finding was measured at all.
    """
    try:
        found = claim.findings(tables)
    except Missing as missing:
        found = [undecided("all", "", str(missing), primary=True)]
    found = [replace(finding, claim=claim.name) for finding in found]
    verdict, where = overall(found)
    if verdict == UNDECIDED and not any(finding.n_seeds for finding in found if finding.primary):
        verdict = nothing
    return Verdict(claim, number, verdict, where, found)


def overall(findings: Sequence[Finding]) -> tuple[str, str]:
    """A claim's verdict and the cells that it is about, by one rule for all claims.

    Of the primary findings that are judged (not REPORTED, CHECKED or BROKEN): a broken instrument anywhere, or none
    that can be decided, decides nothing; some hold and some do not: holds only in part, naming where it holds; one that
    does not hold refutes the claim, whatever cannot be decided beside it, but one that cannot be decided leaves a claim
    that holds elsewhere undecided; else all hold. What is left open is always named, so that a table that was not made
    is not taken for data that decide nothing.
    """
    if any(finding.verdict == BROKEN for finding in findings):
        return UNDECIDED, "an instrument fails its check"
    primary = [finding for finding in findings if finding.primary and finding.verdict not in (REPORTED, CHECKED)]
    holding = [finding for finding in primary if finding.verdict in (HOLDS, PARTLY)]
    failing = [finding for finding in primary if finding.verdict == FAILS]
    open_ = [finding for finding in primary if finding.verdict == UNDECIDED]
    unsaid = "; ".join(dict.fromkeys(finding.note for finding in open_ if finding.note))
    left = f"; {len(open_)} of {len(primary)} primary findings cannot be decided: {unsaid}" if open_ else ""
    if (holding and failing) or any(finding.verdict == PARTLY for finding in primary):
        return PARTLY, "; ".join(dict.fromkeys(_place(finding) for finding in holding)) + left
    if failing:
        return FAILS, f"in none of the {len(failing)} primary findings that are decided{left}"
    if holding and open_:
        return UNDECIDED, f"holds in {len(holding)} of {len(primary)} primary findings{left}"
    if open_ or not primary:
        return UNDECIDED, unsaid
    return HOLDS, f"in {len(primary)} of {len(primary)} primary findings"


def finding(
    cell: str,
    quantity: str,
    interval: Interval,
    n_seeds: int,
    verdict: str,
    *,
    primary: bool = False,
    level: float = LEVEL,
    note: str = "",
) -> Finding:
    """A finding from an interval; a verdict of HOLDS or FAILS becomes UNDECIDED with fewer than MIN_SEEDS seeds."""
    if verdict in (HOLDS, FAILS, PARTLY, UNDECIDED) and n_seeds < MIN_SEEDS:
        few = f"{count_of(quantity, n_seeds)}, at least {MIN_SEEDS} are needed"
        verdict, note = UNDECIDED, "; ".join(part for part in (few, note) if part)
    bounds = (interval.value, interval.low, interval.high)
    return Finding(cell, quantity, *bounds, n_seeds, verdict, primary, level, note)


def undecided(cell: str, quantity: str, note: str, *, n_seeds: int = 0, primary: bool = False) -> Finding:
    """A finding of what could not be measured; ``note`` names what is missing."""
    return Finding(cell, quantity, None, None, None, n_seeds, UNDECIDED, primary, LEVEL, note)


def count_of(quantity: str, n: int) -> str:
    """What is behind a finding, in words: "20 seeds", or "24 settings" and "40 tasks" where the quantity says so."""
    units = {OF_SETTINGS: "setting", OF_TASKS: "task"}
    unit = next((unit for beginning, unit in units.items() if quantity.startswith(beginning)), "seed")
    return f"{n} {unit}{'s' if n != 1 else ''}"


def decide(holds: bool, fails: bool) -> str:
    """HOLDS or FAILS where exactly that one is shown, else UNDECIDED."""
    return HOLDS if holds and not fails else FAILS if fails and not holds else UNDECIDED


def equivalence(interval: Interval) -> str:
    """HOLDS where a ratio is as good as 1, FAILS where it is shown not to be."""
    return decide(interval.within(*EQUIVALENT), interval.below(EQUIVALENT[0]) or interval.above(EQUIVALENT[1]))


def margin() -> str:
    """The equivalence margin in words."""
    return "-".join(f"{bound:g}" for bound in EQUIVALENT)


def _place(finding: Finding) -> str:
    return f"{finding.cell} ({finding.quantity})" if finding.quantity else finding.cell
