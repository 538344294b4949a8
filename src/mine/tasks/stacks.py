"""Functions of one run applied to a stack of runs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def per_run(function: Callable[..., Tensor], *stacks: Tensor) -> Tensor:
    """function(run of each stack) for each of the S runs, (S, ...).

    On the whole stack at once torch's vectorised kernels round some functions (asinh, sums) differently at the end of
    a block than within it, so that a run's last digit would depend on its place in the stack.
    """
    return torch.stack([function(*runs) for runs in zip(*stacks, strict=True)])
