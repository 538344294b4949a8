"""Draws of fixed tasks as NumPy arrays: what a measurement on many tasks is made of."""

from __future__ import annotations

import zlib

import numpy as np
import torch

from mine.tasks import fixed_task


def draw(name: str, n: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """N joint pairs of the fixed task of this name: float32 x (n, dim_x) and z (n, dim_z).

    number: at least 0, which draw; draws of other numbers, and of other tasks, are independent of it. The first rows
    of a draw are not a shorter draw of its number. Raises UserError for an unknown name.
    """
    task = fixed_task(name)
    sequence = np.random.SeedSequence([zlib.crc32(name.encode()), number])
    generator = torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)))
    x, z = task.sample((n,), [generator])
    return x[0].numpy(), z[0].numpy()
