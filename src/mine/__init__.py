"""Mutual Information Neural Estimation (MINE): a replication, and the instruments to judge it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LIBRARY = {
    "MutualInformation": "mine.own",
    "conditional_mutual_information": "mine.own",
    "mutual_information": "mine.own",
    "mutual_information_matrix": "mine.own",
    "objective": "mine.own.losses",
}
"""Names of the library, and where they are."""


def __getattr__(name: str) -> Any:
    """Import on first use: a command and a cluster's job look at this package without importing torch."""
    if name in _LIBRARY:
        return getattr(import_module(_LIBRARY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LIBRARY])
