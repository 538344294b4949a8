"""Mutual information of a reader's own data: ``mine estimate`` and its library object."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "MutualInformation": "mine.own.estimator",
    "conditional_mutual_information": "mine.own.functions",
    "mutual_information": "mine.own.functions",
    "mutual_information_matrix": "mine.own.functions",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line looks at this package without importing torch."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
