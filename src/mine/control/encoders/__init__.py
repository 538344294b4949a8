"""Encoders by kind: a file each, which the setting ``encoder`` names."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from mine.control.encoders.interface import Encoders
from mine.control.encoders.linear import LinearEncoders
from mine.control.encoders.mlp import MlpEncoders
from mine.control.settings import ControlSettings
from mine.engine.sources import Run

KINDS: dict[str, type[Encoders]] = {"linear": LinearEncoders, "mlp": MlpEncoders}
"""Name, as in ``mine.control.settings.ENCODERS``, to a stack of such encoders."""


def encoders_of(control: ControlSettings, runs: Sequence[Run], starts: Sequence[torch.Generator], k: int) -> Encoders:
    """Fresh encoders of the kind that the settings name, see ``Encoders``."""
    return KINDS[control.encoder](control, runs, starts, k)
