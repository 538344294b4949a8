"""Random numbers of an estimate: a stream for each use, so that changing one use leaves the others as they were."""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch


class Use(Enum):
    """What a stream is for. Values are fixed: changing one changes every estimate."""

    SPLIT = 0
    INITIALISATION = 1
    BATCHES = 2
    RESAMPLES = 3
    PERMUTATIONS = 4
    WITHIN_CELLS = 5
    FOLDS = 6


def numbers(seed: int, use: Use, member: int = 0) -> np.random.Generator:
    """NumPy's generator of one use. member: which of several initialisations."""
    return np.random.default_rng(_sequence(seed, use, member))


def generator(seed: int, use: Use, member: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """The same for torch."""
    result = torch.Generator(device=device)
    result.manual_seed(int(_sequence(seed, use, member).generate_state(1, np.uint32)[0]))
    return result


def _sequence(seed: int, use: Use, member: int) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, use.value, member])
