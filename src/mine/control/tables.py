"""From an experiment's encoders to its three tables: a row a run, a row a run and recorded step, and the optima."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mine.columns import BOOL, CELL_COLUMNS, FLOAT, INT, STRING, Columns, schema, table
from mine.control.gaussian import Array, channels, information
from mine.control.optima import Optimum, bottleneck_curve, optimum
from mine.control.settings import COMPRESS, LINEAR, MAXIMISE, ControlSettings
from mine.control.trace import COLUMNS, read_run
from mine.errors import UserError
from mine.experiments import PlannedRun
from mine.files import whole_files
from mine.trace import WRITING

LAST = 500
"""Encoder updates at the end of training over which the final estimate is averaged; all of a shorter run."""

TERMS = ("y", "x", "s")

_OF_SETTINGS: Columns = {
    "encoder_dim": (INT, "m, dimensions of t"),
    "power_limit": (FLOAT, "P, the largest E|f(x)|^2; null of compress"),
    "beta": (FLOAT, "weight of I(t; y) in compress"),
    "removal": (FLOAT, "weight of I(t; s) in remove"),
    "angle": (FLOAT, "degrees by which the directions of s are turned from those of y"),
    "critic_steps": (INT, "updates of each critic between two of the encoder"),
    "steps": (INT, "updates of the encoder"),
    "batch_size": (INT, "k, joint pairs in a batch"),
}

_TRACED = ("power", "objective", "mi_y", "mi_x", "mi_s")
_ESTIMATES = tuple(f"estimate_{term}" for term in TERMS)
_ERRORS = {"error": "standard error of {}, where it is an estimate; null of a linear encoder, whose value is exact",
           "bias": "the most that the bias of {} is on average, likewise"}  # fmt: skip
_LOOKED = tuple(f"{kind}_{term}" for kind in ("heldout", "population") for term in TERMS)

ENCODER_COLUMNS: Columns = {
    **CELL_COLUMNS,
    **_OF_SETTINGS,
    "outcome": (STRING, "completed, or overflow: an estimate, or a gradient of encoder or critic, became non-finite"),
    "overflow_step": (INT, "encoder update at which; null of a completed run"),
    "optimum": (FLOAT, "the largest objective that any linear encoder reaches, nats"),
    "optimum_exact": (BOOL, "whether theory gives it; else it is the best found of 50 numerical starts"),
    "share": (FLOAT, "objective of the finished encoder / optimum, exact; null of a run that overflowed. Of an "
              "encoder that is not linear an estimate, and such a one may go beyond 1 in maximise and remove"),
    "share_subspace": (FLOAT, "of maximise, linear: what the best allocation in its directions reaches / optimum"),
    "share_allocation": (FLOAT, "of maximise, linear: objective / what the best allocation in its directions reaches"),
    **{name: (FLOAT, f"of the finished encoder: {COLUMNS[name][1]}") for name in _TRACED},
    "estimated_objective": (FLOAT, "mean of the same weighted sum of in-batch estimates, last 500 updates, nats"),
    **{name: (FLOAT, f"{COLUMNS[name][1].split(':')[0]}: mean of the last 500 updates, nats") for name in _ESTIMATES},
    **{name: (FLOAT, COLUMNS[name][1]) for name in (*_LOOKED, "fresh_s", "fresh_s_heldout")},
    **{f"grad_norm_{name}_max": (FLOAT, f"largest norm of {of} gradient among recorded updates") for name, of in (
        ("encoder", "the encoder's"), ("y", "the critic of I(t; y)'s"), ("x", "the critic of I(x; t)'s"),
        ("s", "the critic of I(t; s)'s"))},
    "code": (STRING, "hash of the code that trained the run"),
    "device": (STRING, "cpu or cuda"),
    "encoder": (STRING, "what f of t = f(x) + unit noise is: linear or mlp"),
    "encoder_hidden": (INT, "units of the hidden layer of mlp; null of linear"),
    **{f"{name}_{kind}": (FLOAT, words.format(name)) for name in _TRACED for kind, words in _ERRORS.items()
       if (name, kind) != ("power", "bias")},
}  # fmt: skip
"""Name to (type, meaning) of every column of encoders.parquet, in file order. One row a run."""

STEP_COLUMNS: Columns = {
    **CELL_COLUMNS,
    **{name: (INT if name == "step" else FLOAT, COLUMNS[name][1]) for name in COLUMNS if name != "seed"},
}
"""Name to (type, meaning) of every column of encoder_steps.parquet, in file order. One row a run and recorded step."""

OPTIMA_COLUMNS: Columns = {
    "experiment": CELL_COLUMNS["experiment"],
    "setting": CELL_COLUMNS["setting"],
    "task": CELL_COLUMNS["task"],
    "kind": (STRING, "optimum: of the setting; curve: of other beta on the exact curve of compress"),
    "exact": (BOOL, "whether theory gives it; else it is the best found of 50 numerical starts"),
    "beta": (FLOAT, "weight of I(t; y) in compress"),
    "removal": (FLOAT, "weight of I(t; s) in remove"),
    "objective": (FLOAT, "of the best encoder, nats; null along a curve"),
    **{f"mi_{term}": (FLOAT, f"of the best encoder: {COLUMNS[f'mi_{term}'][1]}") for term in TERMS},
    "directions": (INT, "canonical directions that the best encoder uses; null of a best found one"),
}
"""Name to (type, meaning) of every column of optima.parquet, in file order. One row a setting, and points of curves."""


@cache
def _optimum(control: ControlSettings) -> Optimum:
    """Of the settings that decide it, so that it is worked out once."""
    return optimum(control)


def optimum_of(control: ControlSettings) -> Optimum:
    """The best linear encoder, worked out once for all settings that train alike data for alike goals."""
    plain = replace(control, encoder=LINEAR, encoder_hidden=ControlSettings.encoder_hidden)
    return _optimum(replace(plain, encoder_learning_rate=1e-3, critic_steps=1, fresh_steps=3000))


def within_directions(control: ControlSettings, encoder: Array) -> float:
    """The largest I(t; y) within the power of an encoder that looks along the same m directions of x, nats.

    Inside them y is a channel like any other, whose canonical correlations are the singular values of V' C.
    """
    _, _, rows = np.linalg.svd(encoder, full_matrices=False)
    inside = np.linalg.svd(rows @ channels(control)["y"].cross, compute_uv=False)
    inside = np.clip(inside, 1e-12, 1.0 - 1e-12)
    return _optimum(replace(control, correlations=tuple(inside), encoder_dim=len(inside))).objective


def collect(
    experiment: str,
    runs: Sequence[tuple[Path, PlannedRun]],
    encoders: Path,
    encoder_steps: Path,
    optima: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the three tables of an experiment, all or none. The same runs give the same bytes.

    runs: file and plan of each, in the order of the tables. Raises UserError: a run is missing, cannot be read or is
    not what was planned, or a table cannot be written.
    """
    with whole_files(encoders, encoder_steps, optima) as (encoder_stream, step_stream, optima_stream):
        rows = []
        step_schema = schema(STEP_COLUMNS)
        with pq.ParquetWriter(step_stream, step_schema, **WRITING) as writer:
            for path, run in runs:
                frame, metadata = checked_run(path, run)
                rows.append(encoder_row(experiment, run, frame, metadata))
                writer.write_table(_steps(experiment, run, frame))
                progress(len(rows), len(runs))
        pq.write_table(table(ENCODER_COLUMNS, rows), encoder_stream, **WRITING)
        pq.write_table(
            table(OPTIMA_COLUMNS, optima_rows(experiment, [run for _, run in runs])), optima_stream, **WRITING
        )


def checked_run(path: Path, run: PlannedRun) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows and metadata of a file that is to hold this run. Raises UserError where it does not."""
    assert run.control is not None, "an encoder's run"
    assert run.training.steps is not None, "settings work it out where they are made"
    frame, metadata = read_run(path)
    for name, planned in (
        ("cell", run.cell.to_dict()), ("settings", run.training.to_dict()), ("control", run.control.to_dict())
    ):  # fmt: skip
        if metadata[name] != planned:
            # What a linear encoder leaves out may stand on one side only.
            other = next(key for key in planned | metadata[name] if metadata[name].get(key) != planned.get(key))
            raise UserError(
                f"{path}: holds a run of {other} {metadata[name].get(other)!r}, its place is that of "
                f"{planned.get(other)!r}; delete it and run again"
            )
    last, steps = int(frame["step"].iloc[-1]), run.training.steps
    overflow = metadata["overflow_step"]
    if last != (steps + 1 if overflow is None else overflow) or (overflow is None) != (
        metadata["outcome"] == "completed"
    ):
        raise UserError(
            f"{path}: says {metadata['outcome']!r}, but its rows end at step {last}; delete it and run again"
        )
    return frame, metadata


def _cell(experiment: str, run: PlannedRun) -> dict[str, Any]:
    return {
        "experiment": experiment, "setting": run.setting, "critic": run.critic, "variant": run.variant,
        "task": run.task, "dim": run.dim, "rho": None, "seed": run.seed,
    }  # fmt: skip


def encoder_row(experiment: str, run: PlannedRun, frame: pd.DataFrame, metadata: dict[str, Any]) -> dict[str, Any]:
    """One run as a row of encoders.parquet, None for null."""
    control = run.control
    assert control is not None, "an encoder's run"
    best = optimum_of(control)
    last, completed = frame.iloc[-1], metadata["overflow_step"] is None
    exact = float(last["objective"])
    row: dict[str, Any] = dict.fromkeys(ENCODER_COLUMNS) | _cell(experiment, run)
    row |= {
        "encoder_dim": control.encoder_dim,
        "power_limit": control.power,
        "beta": control.beta,
        "removal": control.removal,
        "angle": control.angle,
        "critic_steps": control.critic_steps,
        "encoder": control.encoder,
        "encoder_hidden": None if control.encoder == LINEAR else control.encoder_hidden,
        "steps": run.training.steps,
        "batch_size": run.training.batch_size,
        **{name: metadata[name] for name in ("outcome", "overflow_step", "code", "device")},
        "optimum": best.objective,
        "optimum_exact": best.exact,
        **{name: _or_none(last[name]) for name in (*_TRACED, *_LOOKED, "fresh_s", "fresh_s_heldout")},
        **_errors(metadata, int(last["step"])),
    }
    if completed:
        row["share"] = exact / best.objective
        if control.goal == MAXIMISE and control.encoder == LINEAR:
            inside = within_directions(control, np.array(metadata["encoder"]))
            row |= {"share_subspace": inside / best.objective, "share_allocation": exact / inside}
    updates = frame[frame["step"] <= run.training.steps]
    recent = updates[updates["step"] > updates["step"].max() - LAST]
    for name in ("estimated_objective", *_ESTIMATES):
        # Not pandas' mean, which leaves out what is not finite.
        row[name] = None if frame[name].isna().all() else float(np.mean(recent[name].to_numpy(dtype=float)))
    for name, source in (("encoder", "grad_norm_encoder_max"), *((term, f"grad_norm_{term}") for term in TERMS)):
        row[f"grad_norm_{name}_max"] = _or_none(updates[source].max())
    return row


def _errors(metadata: dict[str, Any], step: int) -> dict[str, float]:
    """Columns of how uncertain the values at a step are; none where a closed form gave them."""
    of_step = metadata.get("monte_carlo", {}).get("errors", {}).get(str(step), {})
    names = {"error": "standard_error", "bias": "bias_bound"}
    found = {f"{name}_{kind}": of[key] for name, of in of_step.items() for kind, key in names.items()}
    return {name: value for name, value in found.items() if name in ENCODER_COLUMNS}


def _or_none(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _steps(experiment: str, run: PlannedRun, frame: pd.DataFrame) -> pa.Table:
    cell, arrays = _cell(experiment, run), []
    for field in schema(STEP_COLUMNS):
        if field.name in cell:
            arrays.append(pa.array([cell[field.name]] * len(frame), field.type))
        else:
            arrays.append(pa.array(frame[field.name].to_numpy(), field.type, from_pandas=True))
    return pa.Table.from_arrays(arrays, schema=schema(STEP_COLUMNS))


def optima_rows(experiment: str, runs: Sequence[PlannedRun]) -> list[dict[str, Any]]:
    """The optimum of every setting, and of compress the whole curve, once where several settings are on it."""
    rows: list[dict[str, Any]] = []
    curves: set[tuple[Any, ...]] = set()
    for setting, run in {run.setting: run for run in runs}.items():
        control = run.control
        assert control is not None, "an encoder's run"
        blank = dict.fromkeys(OPTIMA_COLUMNS) | {"experiment": experiment, "setting": setting, "task": run.task}
        best = optimum_of(control)
        found = {f"mi_{name}": float(value) for name, value in information(control, best.encoder).items()}
        rows.append(
            blank
            | found
            | {
                "kind": "optimum",
                "exact": best.exact,
                "beta": control.beta,
                "removal": control.removal,
                "objective": best.objective,
                "directions": None if best.powers is None else int((best.powers > 0.0).sum()),
            }
        )
        curve = (control.correlations, control.encoder_dim)
        if control.goal == COMPRESS and curve not in curves:
            curves.add(curve)
            largest = max(run.control.beta or 0.0 for run in runs if run.control and run.control.goal == COMPRESS)
            points = zip(*bottleneck_curve(replace(control, beta=largest)), strict=True)
            rows += [
                blank | {"kind": "curve", "exact": True, "beta": float(beta), "mi_x": float(x), "mi_y": float(y)}
                for beta, x, y in points
            ]
    return rows
