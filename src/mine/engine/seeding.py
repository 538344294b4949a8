"""Independent streams of random numbers for one run.

A run's streams depend on its seed, dimension and correlation and never on its variant or settings, so that every
variant starts from the same critic and sees the same batches: differences between variants are paired.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
import torch


class Stream(Enum):
    """What a stream of random numbers is for. Values are fixed: changing one changes every result."""

    INITIALISATION = 0
    DATA = 1
    BATCHES = 2
    PRODUCT = 3
    EVALUATION = 4
    SECOND_LOOK = 5


def generator(seed: int, dim: int, rho: float, stream: Stream, device: torch.device | str = "cpu") -> torch.Generator:
    """A fresh generator for one stream of the run (seed, dim, rho), on ``device``.

    A CPU generator and a CUDA generator give different numbers from the same seed.
    """
    rho_bits = int(np.float64(rho).view(np.uint64))
    # Entropy must be non-negative 32-bit words or larger integers; rho goes in bit by bit because it may be negative.
    sequence = np.random.SeedSequence([seed, dim, rho_bits, stream.value])
    result = torch.Generator(device=device)
    result.manual_seed(int(sequence.generate_state(1, np.uint32)[0]))
    return result
