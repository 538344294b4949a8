"""Where to compute: a CUDA device or the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mine.errors import UserError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda")


def device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or ``auto``: CUDA where torch finds it.

    Raises:
        UserError: a CUDA that is not there, or another name.
    """
    import torch

    if isinstance(name, torch.device):
        name = str(name)
    kind, _, number = name.partition(":") if isinstance(name, str) else (name, "", "")
    if kind not in DEVICES or (number and (kind != "cuda" or not number.isdecimal())):
        raise UserError(f"device: {name!r} is unknown; allowed are {', '.join(DEVICES)}")
    if kind == "cuda" and (not torch.cuda.is_available() or int(number or 0) >= torch.cuda.device_count()):
        raise UserError(f"device: {name!r} was asked for, and torch finds no such device here; use 'cpu' or 'auto'")
    if kind == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
