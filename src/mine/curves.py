"""Quantiles over seeds along training, with ended runs kept in the denominator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mine.columns import CELL_COLUMNS, FLOAT, INT, STRING, Columns, schema
from mine.engine.record import Windows
from mine.rows import of_rows
from mine.settings import TrainingSettings

QUANTITIES = ("mi_batch", "grad_norm", "mi_heldout", "mi_population")
"""What there are curves of: the in-batch value and the applied gradient's norm at every update (where rows are windows
of updates: a window's mean and its largest), the held-out value and the value at the population at the planned
evaluations. Each before its step's update."""

CURVE_COLUMNS: Columns = {
    **{name: kind for name, kind in CELL_COLUMNS.items() if name != "seed"},
    "quantity": (
        STRING,
        "mi_batch, mi_heldout, mi_population (nats) or grad_norm (L2); where a run's rows are windows of updates, "
        "mi_batch is a window's mean, up to the last window, and grad_norm its largest",
    ),
    "step": (INT, "1-based, of a window its last; steps + 1 is the critic that training ends with"),
    "median": (
        FLOAT,
        "over all n_runs, ended above every live one; null where it falls on an ended run",
    ),
    "q25": (FLOAT, "lower quartile, likewise"),
    "q75": (FLOAT, "upper quartile, likewise"),
    "n_runs": (INT, "runs of the cell, ended ones included"),
    "live_share": (FLOAT, "share of them that have not overflowed at or before this step"),
}
"""Name to (type, meaning) of every column of curves.parquet, in file order."""

CURVE_SCHEMA = schema(CURVE_COLUMNS)

# Steps whose runs are sorted at once, so that a cell of thousands of runs needs no second copy of itself.
_BLOCK = 256


def evaluation_steps(training: TrainingSettings) -> np.ndarray:
    """Steps of the rows with an evaluation: those of steps 1, 1 + eval_every, ... and the last row."""
    steps = _steps(training)
    windows = Windows(steps, training.window)
    planned = [windows.end(step) for step in range(1, steps + 1, training.eval_every)]
    return np.unique([*planned, steps + 1])


def _steps(training: TrainingSettings) -> int:
    # None is what a caller may give; the settings have worked it out since.
    assert training.steps is not None
    return training.steps


def quantiles_with_ended(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles over runs, ended runs ranked above all live ones.

    Linear between order statistics, as ``numpy.quantile``, but null as soon as one of the two has ended.

    Args:
        values: array [runs, steps]; a non-finite value (inf, -inf or nan) is an ended run.
        levels: in [0, 1].

    Returns:
        Array [levels, steps], NaN where a quantile falls on an ended run.
    """
    runs, steps = values.shape
    result = np.full((len(levels), steps), np.nan)
    for start in range(0, steps, _BLOCK):
        block = values[:, start : start + _BLOCK]
        ranked = np.sort(np.where(np.isfinite(block), block, np.inf), axis=0)
        for index, level in enumerate(levels):
            position = (runs - 1) * level
            low = int(position)
            fraction = position - low
            below = ranked[low].astype(np.float64)
            above = ranked[low + 1].astype(np.float64) if fraction > 0 else below
            live = np.isfinite(above)
            quantile = result[index, start : start + _BLOCK]
            quantile[live] = below[live] + fraction * (above[live] - below[live])
    return result


class CellCurves:
    """The curves of one cell (every column of CELL_COLUMNS but the seed), filled run by run.

    Holds 8 bytes a run and row, whatever else a trace has.
    """

    def __init__(self, n_runs: int, training: TrainingSettings) -> None:
        """Room for n_runs traces of runs with these settings."""
        steps = _steps(training)
        rows = Windows(steps, training.window).ends(steps + 1)
        evaluations = evaluation_steps(training)
        self._at = {
            # Among means of windows the look after the last update, a single batch, would be a point unlike the others.
            "mi_batch": rows if training.window == 1 else rows[:-1],
            "grad_norm": rows[:-1],
            "mi_heldout": evaluations,
            "mi_population": evaluations,
        }
        # inf: a row that a run does not have is ranked as ended. float32 where a trace has it.
        kinds = {"mi_batch": np.float32, "grad_norm": np.float32}
        self._values = {
            name: np.full((n_runs, len(at)), np.inf, dtype=kinds.get(name, np.float64)) for name, at in self._at.items()
        }
        self._ended_at = np.full(n_runs, np.inf)
        self._filled = 0

    def add(self, frame: pd.DataFrame, overflow_step: int | None) -> None:
        """Take in one run: its rows, checked by ``mine.runs.read_run``, and the step at which it overflowed."""
        step = frame["step"].to_numpy()
        live = step[-1] if overflow_step is None else overflow_step - 1
        for name, at in self._at.items():
            # A window that an overflow cut short ends at a step of its own, which no curve has.
            at = at[at <= live]
            values = of_rows(frame, name) if name in ("mi_batch", "grad_norm") else frame[name].to_numpy()
            self._values[name][self._filled, : len(at)] = values[np.searchsorted(step, at)]
        if overflow_step is not None:
            self._ended_at[self._filled] = overflow_step
        self._filled += 1

    def table(self, cell: dict[str, Any]) -> pa.Table:
        """The cell's part of curves.parquet: quantities in the order of QUANTITIES, steps rising.

        cell: every name of CELL_COLUMNS to its value, of one of the runs.
        """
        return pa.concat_tables(self._quantity(name, cell) for name in QUANTITIES)

    def _quantity(self, name: str, cell: dict[str, Any]) -> pa.Table:
        at = self._at[name]
        q25, median, q75 = quantiles_with_ended(self._values[name][: self._filled], (0.25, 0.5, 0.75))
        ended = np.searchsorted(np.sort(self._ended_at[: self._filled]), at, side="right")
        columns = {key: value for key, value in cell.items() if key in CURVE_COLUMNS}
        arrays: dict[str, pa.Array] = {
            key: pa.repeat(pa.scalar(value, type=CURVE_SCHEMA.field(key).type), len(at))
            for key, value in {**columns, "quantity": name, "n_runs": self._filled}.items()
        }
        arrays["step"] = pa.array(at, type=INT)
        arrays["live_share"] = pa.array(1.0 - ended / self._filled)
        for key, values in (("median", median), ("q25", q25), ("q75", q75)):
            arrays[key] = pa.array(values, from_pandas=True)  # NaN here is "no such quantile": null
        return pa.Table.from_arrays([arrays[field.name] for field in CURVE_SCHEMA], schema=CURVE_SCHEMA)
