"""Rows of a trace: one an update, or one a window of updates, for runs too long to keep every one.

A window ends at its last update, and its row describes the critic before that update, as every row does; what is about
the whole window stands in columns of its own (``OF_WINDOWS``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MEASURED = (
    "joint_mean",
    "log_mean_exp",
    "mi_batch",
    "log_ema",
    "product_max",
    "grad_norm",
    "grad_norm_unclipped",
    "grad_norm_joint",
    "grad_norm_product",
    "mi_again",
)
"""What training measures at every update, in the order of its record."""

OF_WINDOWS = (
    "mi_batch_mean",
    "mi_ema_mean",
    "mi_again_mean",
    "grad_norm_min",
    "grad_norm_mean",
    "grad_norm_median",
    "grad_norm_max",
)
"""What is kept of a whole window besides its last values."""


@dataclass(frozen=True)
class Windows:
    """Which updates a row stands for.

    steps: updates of the run. width: of a window; the last one may be shorter. The row after the last update, step
    ``steps + 1``, is the look at the critic that training ends with, and always a row of its own.
    """

    steps: int
    width: int

    def end(self, step: int) -> int:
        """The step at whose row the window of this step is recorded."""
        return step if step > self.steps else min(-(-step // self.width) * self.width, self.steps)

    def ends(self, last: int) -> np.ndarray:
        """The steps of all rows of a run whose last row is at ``last``, rising."""
        whole = np.arange(self.width, min(last, self.steps) + 1, self.width)
        return np.unique(np.concatenate([whole, [min(last, self.steps), last]]))

    def due(self, step: int, every: int) -> bool:
        """Whether what is planned at steps 1, 1 + every, ... is measured at this step.

        It is measured at the last update of every window that holds one of those steps.
        """
        if step > self.steps or step != self.end(step):
            return False
        first = (step - 1) // self.width * self.width
        return (step - 1) // every > (first - 1) // every


class Recorder:
    """One run's measurements, block after block, as rows."""

    def __init__(self, windows: Windows) -> None:
        """Nothing is recorded yet."""
        self._windows = windows
        self._rows: list[np.ndarray] = []
        self._of_windows: list[np.ndarray] = []
        self._open = np.empty((0, len(MEASURED)), dtype=np.float32)
        self._step = 0

    def add(self, block: np.ndarray, ended: bool) -> None:
        """Take in the next updates.

        block: (updates, len(MEASURED)), the look after the last update included. ended: nothing follows, so that an
        open window closes where it is.
        """
        self._step += len(block)
        self._open = np.concatenate([self._open, block])
        first = self._step - len(self._open) + 1
        ends = self._windows.ends(self._step)
        ends = ends[ends >= first]
        if not ended:
            ends = ends[[self._windows.end(end) == end for end in ends.tolist()]]
        start = 0
        for end in (ends - first + 1).tolist():
            self._close(self._open[start:end])
            start = end
        self._open = self._open[start:]

    def rows(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Last values of every window, (rows, len(MEASURED)); and of OF_WINDOWS each window's, (rows,)."""
        of_windows = np.array(self._of_windows).reshape(-1, len(OF_WINDOWS))
        return np.array(self._rows), dict(zip(OF_WINDOWS, of_windows.T, strict=True))

    def _close(self, updates: np.ndarray) -> None:
        self._rows.append(updates[-1])
        if self._windows.width == 1:
            return
        mi, norm, again = (updates[:, MEASURED.index(name)] for name in ("mi_batch", "grad_norm", "mi_again"))
        by_ema = updates[:, MEASURED.index("joint_mean")] - updates[:, MEASURED.index("log_ema")]
        # What training produced stays: one inf makes its window's mean inf.
        with np.errstate(invalid="ignore", over="ignore"):
            means = [values.mean(dtype=np.float64) for values in (mi, by_ema, again)]
            self._of_windows.append(
                np.array([*means, norm.min(), norm.mean(dtype=np.float64), np.median(norm), norm.max()])
            )
