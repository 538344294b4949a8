"""The claims of the write-up and some of ours, and those of papers: one module each, and what every module shares.

A claim's module has one object, ``CLAIM``: the claim in a sentence, who asks it and where it stands, how it is tested,
by what rule it is judged, and a function from tables to findings. Nothing here trains; tables come from
``mine.claims.tables``.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the workflow reads the names, and should not load pandas for them
    from mine.claims.claim import Claim

NAMES = (
    "exact_mi",
    "lower_bound",
    "gradient_bias",
    "moving_average",
    "ema_bias",
    "diverges_sooner",
    "produces_inf",
    "ema_robust",
    "ema_better",
    "gradient_norms",
    "step_five",
    "shuffle",
    "simpler",
    "looks_right",
    "repository_gaussian",
    "repository_xor",
    "control_usable",
    "control_correction",
    "control_truthful",
    "concepts_correction",
)
"""Modules in the order of the ledger; a claim's number is its place here."""


PAPERS = (
    "papers.bounds_hold",
    "papers.large_information",
    "papers.contrastive",
    "papers.variance_grows",
    "papers.smile_better",
    "papers.dime_better",
    "papers.entropies_reach",
    "papers.mine_consistent",
    "papers.mine_linear",
    "papers.minde_better",
    "papers.latent_reaches",
    "papers.mixture_accurate",
    "papers.normal_flatters",
)
"""The same of the ledger of papers' claims."""

LEDGERS = {"write-up": NAMES, "papers": PAPERS}
"""Name of a ledger to its modules; what stands above each is in ``mine.claims.books``."""


def claims(names: Iterable[str] = NAMES) -> list[Claim]:
    """Every claim of a ledger, in order."""
    return [import_module(f"mine.claims.{name}").CLAIM for name in names]
