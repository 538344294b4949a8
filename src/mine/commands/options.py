"""What commands that train share: reading options, choosing a device, saying where a result was made."""

from __future__ import annotations

import argparse
import platform
from typing import TYPE_CHECKING, Any

from mine.errors import UserError

if TYPE_CHECKING:
    import torch


def integer(text: str) -> int | str:
    """A whole number, or the text as it is, which the settings' own check then refuses in its own words."""
    try:
        return int(text)
    except ValueError:
        return text


def number(text: str) -> float | str:
    """A number, or the text as it is, as ``integer`` does."""
    try:
        return float(text)
    except ValueError:
        return text


def device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or ``auto``: CUDA where torch finds it. Raises UserError for a CUDA that is not there."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device: 'cuda' was asked for, and torch finds no CUDA device here; use --device cpu or auto")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def made_with(arguments: argparse.Namespace, chosen: torch.device) -> dict[str, Any]:
    """What a run's file says of where it was made; nothing that differs between two identical runs."""
    import numpy as np
    import torch

    return {
        "device": chosen.type,
        "dtype": "float32",
        "tf32": arguments.tf32,
        "threads": arguments.threads,
        "packages": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
    }
