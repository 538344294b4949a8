"""What commands that train share: reading options, choosing a device, saying where a result was made."""

from __future__ import annotations

import argparse
import inspect
import platform
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from mine.devices import device
from mine.errors import UserError
from mine.kinds import Choice, Flag, Real, Whole

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


_READ = {Whole: (integer, "N"), Real: (number, "NUMBER"), Choice: (str, "NAME"), Flag: (boolean, "BOOL")}
"""How an option of a kind is read, and what stands for its value in help."""


def add_settings(group: argparse._ArgumentGroup, settings: type) -> None:
    """An option for each field of settings, with what their docstring and its kind say of it.

    Not set unless given, see ``given_settings``: some settings exclude each other.
    """
    meanings = described(settings)
    for each in fields(settings):
        kind, default = each.metadata["kind"], "none" if each.default is None else each.default
        read, stands_for = _READ[type(kind)]
        group.add_argument(
            f"--{each.name.replace('_', '-')}",
            dest=each.name,
            type=read,
            default=argparse.SUPPRESS,
            metavar=stands_for,
            help=f"{meanings[each.name]}; {kind} (default: {default})".replace("%", "%%"),
        )


def given_settings(arguments: argparse.Namespace, settings: type) -> dict[str, Any]:
    """The settings on the command line, by name; those that were not given are not there."""
    return {each.name: getattr(arguments, each.name) for each in fields(settings) if hasattr(arguments, each.name)}


def described(settings: type) -> dict[str, str]:
    """What a class's docstring says of each of its fields, in entries ``name: text`` with further lines indented."""
    entries = re.findall(r"^(\w+): (.+(?:\n +.+)*)", inspect.getdoc(settings) or "", re.M)
    return {name: " ".join(text.split()).replace("``", "").rstrip(".") for name, text in entries}


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
