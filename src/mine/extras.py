"""Packages that only some commands need, and the extra of this project that brings each."""

from __future__ import annotations

EXTRAS = {
    "jsonschema": "workflow",
    "latex2mathml": "pages",
    "matplotlib": "figures",
    "nbconvert": "pages",
    "papermill": "pages",
    "plotly": "pages",
    "seaborn": "figures",
    "sklearn": "data",
}
"""Name of a top-level module to the extra, as in ``pip install .[figures]``; a test holds it against pyproject.toml."""


def what_to_install(error: ModuleNotFoundError) -> str | None:
    """One line on which extra to install, or None where the missing module belongs to none."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    # Not "mine[...]": a registry has another project of this name.
    return f"{module} is not installed, and this needs it; in this project's folder: pip install '.[{EXTRAS[module]}]'"
