"""The methods and tasks of `snakemake own` and of the targets that extend its tables, by name.

A registry: a further method leaves made what others were measured to give, and nothing imports torch, numpy or pandas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mine.tasks.further import FURTHER
from mine.tasks.public import PUBLIC
from mine.tasks.split import CHOOSING

TASKS = {task.name: task for task in (*PUBLIC, *FURTHER)}
"""The fixed tasks that are measured, in order."""

SETS = CHOOSES, JUDGES, IS_FURTHER = ("choosing", "judging", "further")
"""Settings were chosen on a task; it is public and judges them; it is of a family that nothing was chosen on."""

OURS, CROSS_FIT, NEIGHBOURS, CCA = "ours", "cross-fit", "neighbours", "cca"


@dataclass(frozen=True)
class Method:
    """One way to estimate, which is one of three: settings of ``mine estimate``, a function, or another package.

    settings: of an estimate, those that differ from the defaults; or what ``function`` is called with.
    function: module below ``mine.reach`` with ``estimate(x, z, seed, ...)``, "" where there is none.
    peer: whose interpreter runs it, "" where it is this package's.
    one_by_one: whether it takes one column a side only. why_not: why nobody can run it here.
    """

    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    function: str = ""
    peer: str = ""
    one_by_one: bool = False
    why_not: str = ""


def _alone(label: str, estimator: str, value: str) -> Method:
    """One estimator alone: one critic, nothing known before, its own value; all else as ``mine estimate`` has it."""
    alone = {"initialisations": 1, "known": "none", "combine": "choose", "permutations": 99, "resamples": 99}
    return Method(label, {"estimator": estimator, "value": value, **alone})


METHODS = {
    OURS: Method("mine estimate"),
    CROSS_FIT: Method("mine estimate --cross-fit 5", {"cross_fit": 5}),
    NEIGHBOURS: Method("nearest neighbours, normal scores", {"baseline": "ksg"}, function="baseline"),
    CCA: Method("canonical correlations, normal scores", {"baseline": "cca"}, function="baseline"),
    "bmi-infonce": Method("benchmark-mi InfoNCE", peer="benchmark-mi"),
    "bmi-mine": Method("benchmark-mi MINE", peer="benchmark-mi"),
    "bmi-nwj": Method("benchmark-mi NWJ", peer="benchmark-mi"),
    "bmi-dv": Method("benchmark-mi Donsker-Varadhan", peer="benchmark-mi"),
    "bmi-ksg": Method("benchmark-mi KSG", peer="benchmark-mi"),
    "bmi-cca": Method("benchmark-mi CCA", peer="benchmark-mi"),
    "infomeasure-ksg": Method("infomeasure KSG", peer="infomeasure"),
    "latentmi": Method("latentmi", peer="latentmi"),
    "gmm-mi": Method("gmm-mi", peer="gmm-mi", one_by_one=True),
    "mist": Method("MIST", peer="mist", why_not="its package has no weights: it loads them from elsewhere as it runs"),
    "dv": _alone("Donsker-Varadhan, batch", "biased-stable", "donsker-varadhan"),
    "mine": _alone("MINE (EMA)", "ema-log", "donsker-varadhan"),
    "nwj": _alone("NWJ", "nwj", "nwj"),
    "infonce": _alone("InfoNCE", "infonce", "infonce"),
    "js": _alone("JS", "js", "nwj"),
    "smile": _alone("SMILE", "smile", "smile"),
    "gan-dime": _alone("GAN-DIME", "gan-dime", "gan-dime"),
    "doe-flow": Method("DoE (flow)", {"estimator": "doe-flow", "max_updates": 2_000}, function="densities"),
    "minde": Method("MINDE", {"estimator": "minde", "hidden": 128, "average": 0.999}, function="densities"),
    "gaussian-mixture": Method("Gaussian mixture", function="mixture"),
    "latent-neighbours": Method("latent neighbours", function="latent"),
}
"""Name to method, in the order of tables and figures."""

PEERS = tuple(dict.fromkeys(method.peer for method in METHODS.values() if method.peer and not method.why_not))
"""Packages that have an environment of their own; benchmarks/peers has what each needs and how it is asked."""

HOUSE = (OURS, CROSS_FIT, NEIGHBOURS, CCA)
"""Those that `snakemake own` measures without being asked; others where its plan names them."""


def set_of(task: str) -> str:
    """Which of SETS a task is in."""
    if task in CHOOSING:
        return CHOOSES
    return JUDGES if any(task == each.name for each in PUBLIC) else IS_FURTHER
