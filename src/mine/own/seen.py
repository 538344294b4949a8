"""Which rows a fitted model has seen, so that it is not judged by them without a word."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mine.own.columns import Warned

ROWS_SEEN = "rows_seen"
"""The warning that rows are judged that critics were trained, stopped or calibrated on."""

_CHANCE = 0.01
"""Share of rows up to which the same row may be there by chance."""


@dataclass(frozen=True)
class Seen:
    """keys (m,): a 64-bit hash of each row that stands once among those that a model has seen. digest: of all rows.

    Rows are those of x and z as encoded. One that stands more than once, as of columns of few values, tells nothing
    apart; but all of them in the same order are the same rows.
    """

    keys: np.ndarray
    digest: str

    @classmethod
    def of(cls, encoded: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> Seen:
        """encoded: x (n, dx) and z (n, dz) of all rows. rows: the parts, whose last none of the critics has seen."""
        keys = _keys(encoded)
        at, counts = np.unique(keys[np.concatenate(rows[:-1])], return_counts=True)
        return cls(at[counts == 1], _digest(keys))

    def among(self, encoded: Sequence[np.ndarray]) -> list[Warned]:
        """A warning where such rows are among these, (m, dx) and (m, dz)."""
        keys = _keys(encoded)
        count = len(keys) if _digest(keys) == self.digest else int(np.isin(keys, self.keys).sum())
        if count <= _CHANCE * len(keys):
            return []
        return [
            Warned(
                ROWS_SEEN,
                f"{count:,} of these {len(keys):,} rows are among those that the model was made of: the value is too "
                "high.",
            )
        ]


def _keys(encoded: Sequence[np.ndarray]) -> np.ndarray:
    columns = np.concatenate([np.asarray(each, dtype=np.float64) for each in encoded], 1) + 0.0  # one zero, not two
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy()


def _digest(keys: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(keys).tobytes()).hexdigest()
