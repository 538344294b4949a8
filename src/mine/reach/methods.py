"""The methods and tasks of `snakemake own`, by name.

Nothing here depends on how ``mine estimate`` works, so that what other packages were measured to give stays made when
it changes; and nothing imports torch, numpy or pandas.
"""

from __future__ import annotations

from dataclasses import dataclass

from mine.tasks.further import FURTHER
from mine.tasks.public import PUBLIC
from mine.tasks.split import CHOOSING

TASKS = {task.name: task for task in (*PUBLIC, *FURTHER)}
"""The fixed tasks that are measured, in order."""

SETS = CHOOSES, JUDGES, IS_FURTHER = ("choosing", "judging", "further")
"""Settings were chosen on a task; it is public and judges them; it is of a family that nothing was chosen on."""

OURS, CROSS_FIT, NEIGHBOURS, CCA = "ours", "cross-fit", "neighbours", "cca"
FOLDS = 5
"""Of CROSS_FIT."""


@dataclass(frozen=True)
class Method:
    """One way to estimate. peer: whose interpreter runs it, "" where it is this package's.

    one_by_one: whether it takes one column a side only. why_not: why nobody can run it here.
    """

    label: str
    peer: str = ""
    one_by_one: bool = False
    why_not: str = ""


METHODS = {
    OURS: Method("mine estimate"),
    CROSS_FIT: Method(f"mine estimate --cross-fit {FOLDS}"),
    NEIGHBOURS: Method("nearest neighbours, normal scores"),
    CCA: Method("canonical correlations, normal scores"),
    "bmi-infonce": Method("benchmark-mi InfoNCE", "benchmark-mi"),
    "bmi-mine": Method("benchmark-mi MINE", "benchmark-mi"),
    "bmi-nwj": Method("benchmark-mi NWJ", "benchmark-mi"),
    "bmi-dv": Method("benchmark-mi Donsker-Varadhan", "benchmark-mi"),
    "bmi-ksg": Method("benchmark-mi KSG", "benchmark-mi"),
    "bmi-cca": Method("benchmark-mi CCA", "benchmark-mi"),
    "infomeasure-ksg": Method("infomeasure KSG", "infomeasure"),
    "latentmi": Method("latentmi", "latentmi"),
    "gmm-mi": Method("gmm-mi", "gmm-mi", one_by_one=True),
    "mist": Method("MIST", "mist", why_not="its package has no weights: it loads them from elsewhere as it runs"),
}
"""Name to method, in the order of tables and figures."""

HOUSE = tuple(name for name, method in METHODS.items() if not method.peer)
PEERS = tuple(dict.fromkeys(method.peer for method in METHODS.values() if method.peer and not method.why_not))
"""Packages that have an environment of their own; benchmarks/peers has what each needs and how it is asked."""

LEVELS = frozenset({"turned-labels-5-1-4-1.5"})
"""Tasks whose z is declared discrete, as a user would."""


def set_of(task: str) -> str:
    """Which of SETS a task is in."""
    if task in CHOOSING:
        return CHOOSES
    return JUDGES if any(task == each.name for each in PUBLIC) else IS_FURTHER
