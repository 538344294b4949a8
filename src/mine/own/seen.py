"""Which rows a fitted model has seen, so that it is not judged by them without a word."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import betabinom

from mine.own.columns import Warned

ROWS_SEEN = "rows_seen"
"""The warning that rows are judged that critics were trained, stopped or calibrated on."""

_SHARE, _TAIL = 0.01, 0.001
"""Nothing is said of fewer rows than this share, nor of so many that chance has them more often than _TAIL."""


@dataclass(frozen=True)
class Seen:
    """keys (m,): a 64-bit hash of each row that stands once among those that a model has seen. digest: of all rows.

    Rows are those of x and z as encoded. One that stands more than once, as of columns of few values, tells nothing
    apart; but all of them in the same order are the same rows. Fresh rows of rounded values meet some of the keys too:
    by_chance is how many of the test rows, which no critic has seen, do so, and how many do not.
    """

    keys: np.ndarray
    digest: str
    by_chance: tuple[int, int]

    @classmethod
    def of(cls, encoded: Sequence[np.ndarray], rows: Sequence[np.ndarray]) -> Seen:
        """encoded: x (n, dx) and z (n, dz) of all rows. rows: the parts, whose last none of the critics has seen."""
        keys = _keys(encoded)
        at, counts = np.unique(keys[np.concatenate(rows[:-1])], return_counts=True)
        once = at[counts == 1]
        met = int(np.isin(keys[rows[-1]], once).sum())
        return cls(once, _digest(keys), (met, len(rows[-1]) - met))

    def among(self, encoded: Sequence[np.ndarray]) -> list[Warned]:
        """A warning where more such rows are among these, (m, dx) and (m, dz), than chance puts there."""
        keys = _keys(encoded)
        if _digest(keys) == self.digest:
            count = len(keys)
        elif (count := int(np.isin(keys, self.keys).sum())) <= _SHARE * len(keys) or self._usual(count, len(keys)):
            return []
        return [
            Warned(
                ROWS_SEEN,
                f"{count:,} of these {len(keys):,} rows are among those that the model was made of: the value is too "
                "high.",
            )
        ]

    def _usual(self, count: int, rows: int) -> bool:
        """Whether so many of fresh rows meet a key by chance, whose rate is known from the test rows alone."""
        met, not_met = (each + 0.5 for each in self.by_chance)  # Jeffreys' prior
        return bool(betabinom.sf(count - 1, rows, met, not_met) > _TAIL)


def _keys(encoded: Sequence[np.ndarray]) -> np.ndarray:
    columns = np.concatenate([np.asarray(each, dtype=np.float64) for each in encoded], 1) + 0.0  # one zero, not two
    return pd.util.hash_pandas_object(pd.DataFrame(columns), index=False).to_numpy()


def _digest(keys: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(keys).tobytes()).hexdigest()
