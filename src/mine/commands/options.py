"""What commands that train share: reading options, choosing a device, saying where a result was made."""

from __future__ import annotations

import argparse
import platform
from typing import TYPE_CHECKING, Any

from mine.devices import device
from mine.errors import UserError

if TYPE_CHECKING:
    import torch

__all__ = ["check_tf32", "device", "integer", "made_with", "number", "threads"]

MAX_THREADS = 1024
"""More than a machine has cores; far beyond it, making the threads takes the process down without a word."""


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


def boolean(text: str) -> bool | str:
    """True or false, or the text as it is, as ``integer`` does."""
    return {"true": True, "false": False}.get(text.lower(), text)


def threads(value: int | str) -> int:
    """A number of CPU threads. Raises UserError for what is none."""
    if isinstance(value, str) or not 1 <= value <= MAX_THREADS:
        raise UserError(f"threads: {value!r} is not a whole number from 1 to {MAX_THREADS}")
    return value


def check_tf32(asked: bool, chosen: torch.device) -> None:
    """Raise UserError where TF32 was asked for and the device has none: a file would say what was not done."""
    if asked and chosen.type != "cuda":
        raise UserError("tf32: only a CUDA device has it, and this run is on the CPU; leave --tf32 out")


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
