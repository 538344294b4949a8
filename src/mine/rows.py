"""Rows of a trace read alike, whether each is one update or a window of updates. All information in nats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mine.engine.record import OF_WINDOWS

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = {"mi_batch": "mi_batch_mean", "grad_norm": "grad_norm_max"}
"""Of a window of updates: the mean of mi_batch and the largest grad_norm."""


def of_rows(frame: pd.DataFrame, name: str, whole: str | None = None) -> np.ndarray:
    """What a column says of all updates that each row stands for, float64; non-finite values stay as they are.

    Args:
        frame: rows of a trace.
        name: ``mi_batch`` or ``grad_norm``: of a row that is one update, its value.
        whole: the column of OF_WINDOWS that says it of a window; by default ``mi_batch_mean`` or ``grad_norm_max``.
    """
    last, windows = (frame[column].to_numpy(dtype=np.float64) for column in (name, whole or _WHOLE[name]))
    return np.where(is_window(frame), windows, last)


def updates_of(frame: pd.DataFrame) -> np.ndarray:
    """How many updates each row stands for, int64: 1 for a row that is one update, and for the last look."""
    return np.diff(frame["step"].to_numpy(dtype=np.int64), prepend=0)


def is_window(frame: pd.DataFrame) -> np.ndarray:
    """Which rows stand for a window of updates: those with a value in one of its columns."""
    return ~frame[list(OF_WINDOWS)].isna().to_numpy().all(axis=1)
