"""From a results folder to what the interactive page holds, small enough for a page.

The summaries say which runs there are. Traces are thinned (``mine.explorer.thinning``) as far as their number demands.
What cannot be read is named on the page and left out.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import pyarrow as pa

from mine.claims.pictures import CELL
from mine.errors import UserError
from mine.experiments import RUN_PATTERN, canonical_rho
from mine.explorer.epochs import VALUES, by_run, last_updates
from mine.explorer.epochs import curves as curves_of_epochs
from mine.explorer.thinning import thin
from mine.figures.common import decimate
from mine.rows import is_window, of_rows
from mine.settings import EPOCH, STREAM
from mine.trace import read_trace

TRACE_BYTES = 8_000_000
"""Of the page, for the traces of all runs."""

MEDIAN_BYTES = 2_500_000
"""Of the page, for medians and quartiles."""

FINEST, COARSEST = 250, 4
"""Stretches that a trace is cut into: at most, at least."""

_POINT = 8 * 4 / 3  # step and value in base64
_CELL = ["setting", "variant", "dim", "rho"]
_SHOWN = (
    "batch_size",
    "learning_rate",
    "optimizer",
    "ema_rate",
    "ema_init",
    "grad_clip",
    "hidden",
    "layers",
    "data",
    "epochs",
    "last_batch",
    "product",
)


def payload(
    results: Path,
    experiments: Sequence[str] = (),
    claims: Path | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Everything that the page shows, as JSON takes it.

    results: folder of the experiments' folders. experiments: which; all that have a summary where none is named.
    claims: the ledger's parquet; without it the page has no claims. report: called with runs read and all runs.

    Raises UserError where there is nothing to show.
    """
    notes: list[str] = []
    summaries = _summaries(results, experiments, notes)
    total = sum(map(len, summaries.values()))
    cells = sum(summary.groupby(_CELL).ngroups for summary in summaries.values())
    buckets = int(np.clip(TRACE_BYTES / (total * 2 * _POINT) / 2 - 1, COARSEST, FINEST))
    median_buckets = int(np.clip(MEDIAN_BYTES / (cells * 2 * 70), COARSEST, 150))
    made: dict[str, Any] = {}
    done, unread = 0, 0
    for name, summary in summaries.items():
        epochs = _epochs(results / name, notes)
        spare = {} if epochs is None else by_run(epochs)
        if epochs is not None and not (results / name / "curves.parquet").exists():
            curves = curves_of_epochs(epochs, summary)
        else:
            curves = _read(results / name / "curves.parquet", notes, "so it has no medians over seeds")
        groups = {} if curves is None else dict(tuple(curves.groupby(_CELL, observed=True)))
        built = {}
        for key, rows in summary.groupby(_CELL, sort=True):
            runs = []
            for row in rows.sort_values("seed").itertuples():
                run = _run(results / name, row, buckets, spare)
                unread += "batch" not in run
                runs.append(run)
                done += 1
                report(done, total)
            built["|".join(map(str, _named(key)))] = {
                "truth": float(rows["mi_true"].iloc[0]),
                "steps": int(rows["steps"].max()),
                "training": _training(rows.iloc[0]),
                "window": _window(rows.iloc[0]),
                "runs": runs,
                "median": _medians(groups.get(key), median_buckets),
            }
        made[name] = {
            "settings": list(pd.unique(summary["setting"].astype(str))),
            "variants": list(pd.unique(summary["variant"].astype(str))),
            "dims": sorted(int(dim) for dim in pd.unique(summary["dim"])),
            "rhos": [canonical_rho(rho) for rho in sorted(pd.unique(summary["rho"]))],
            "cells": built,
        }
    if unread:
        notes.append(f"{unread:,} of {total:,} runs have no readable results file, so only their ends are shown.")
    return {
        "experiments": made,
        "claims": [] if claims is None else _claims(claims, made, notes),
        "notes": notes,
        "runs": total,
        "buckets": buckets,
    }


def _summaries(results: Path, experiments: Sequence[str], notes: list[str]) -> dict[str, pd.DataFrame]:
    if not results.is_dir():
        raise UserError(f"{results}: no such folder; it should hold writeup/summary.parquet and its like")
    names = list(experiments) or [path.parent.name for path in sorted(results.glob("*/summary.parquet"))]
    names.sort(key=lambda name: name != "writeup")  # what a reader comes for stands first
    found = {}
    for name in names:
        table = _read(results / name / "summary.parquet", notes, "so it is left out")
        if table is None:
            continue
        absent = {*_CELL, "seed", "steps", "mi_true", "overflow_step", "runaway_step"} - set(table.columns)
        if table.empty or absent:
            notes.append(f"{name}: its summary has {'no rows' if table.empty else f'no column {min(absent)}'}.")
        elif table["rho"].isna().any():
            notes.append(f"{name}: its data are not given by ρ, so it is left out.")
        else:
            found[name] = table
    if not found:
        raise UserError(f"{results}: no experiment that can be shown; {notes[0] if notes else 'run snakemake first'}")
    return found


def _read(path: Path, notes: list[str], consequence: str) -> pd.DataFrame | None:
    try:
        return pd.read_parquet(path, partitioning=None, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        reason = "cannot be read" if path.exists() else "is not there"
        notes.append(f"{path.parent.name}: {path.name} {reason}, {consequence}.")
        return None


def _epochs(folder: Path, notes: list[str]) -> pd.DataFrame | None:
    """The experiment's table of epochs where it has no traces; None where it has, or neither."""
    path = folder / "epochs.parquet"
    if (folder / "runs").exists() or not path.exists():
        return None
    return _read(path, notes, "so only the ends of its runs are shown")


def _named(key: Iterable[Any]) -> tuple[str, str, int, str]:
    setting, variant, dim, rho = key
    return str(setting), str(variant), int(dim), canonical_rho(rho)


def _training(row: pd.Series) -> str:
    shown = [name for name in _SHOWN if name in row and not pd.isna(row[name])]
    if str(row.get("data")) == STREAM:
        shown = [name for name in shown if name != "last_batch"]
    return ", ".join(f"{name} {row[name]}" for name in shown)


def _window(row: pd.Series) -> str:
    """What a row of the cell's traces stands for where that is not one update, in words; else empty."""
    every = str(row.get("record_every", 1))
    return "" if every == "1" else "an epoch" if every == EPOCH else f"{every} updates"


def _run(folder: Path, row: Any, buckets: int, spare: Mapping[tuple[Any, ...], pd.DataFrame]) -> dict[str, Any]:
    """One run of the page. spare: epochs by run, for one that has no trace."""
    setting, variant, dim, rho = _named((row.setting, row.variant, row.dim, row.rho))
    run: dict[str, Any] = {"seed": int(row.seed), "over": _step(row.overflow_step), "away": _step(row.runaway_step)}
    path = (
        folder
        / "runs"
        / RUN_PATTERN.format(
            setting=setting,
            critic=row.critic,
            variant=variant,
            task=row.task,
            dim=dim,
            truth=f"rho={rho}",
            seed=row.seed,
        )
    )
    try:
        frame = read_trace(path).frame
    except UserError:
        rows = spare.get((setting, variant, dim, rho, run["seed"]))
        return run if rows is None else run | _of_epochs(rows, row, buckets)
    step = frame["step"].to_numpy()
    updates = step <= row.steps  # the last row of a finished run has no update, so no gradient
    # Of a window of updates its mean and its largest, so that no spike is lost there either; and no single batch
    # among the means, unless it is the one that overflowed.
    batch = of_rows(frame, "mi_batch")
    shown = updates | ~np.isfinite(batch) if is_window(frame).any() else np.ones(len(step), dtype=bool)
    run["batch"] = _curve(step[shown], batch[shown], buckets)
    run["grad"] = _curve(step[updates], of_rows(frame, "grad_norm")[updates], buckets)
    evaluated = frame[frame["mi_population"].notna() | frame["heldout_ess"].notna()]
    names = ["step", "mi_heldout", "heldout_ess", "mi_population", "population_ess"]
    run["evals"] = [[int(first), *map(_rounded, rest)] for first, *rest in evaluated[names].itertuples(index=False)]
    return run


def _of_epochs(rows: pd.DataFrame, row: Any, buckets: int) -> dict[str, Any]:
    """A run's curves with a point an epoch, and how its last critic was judged."""
    step = last_updates(rows["epoch"], int(row.steps), int(row.epochs))
    judged = (row.mi_heldout, row.heldout_ess, row.mi_population, row.population_ess)
    return {
        "batch": _curve(step, rows[VALUES["mi_batch"]].to_numpy(dtype=float), buckets),
        "grad": _curve(step, rows[VALUES["grad_norm"]].to_numpy(dtype=float), buckets),
        "evals": [[int(row.last_step), *map(_number, judged)]],
    }


def _step(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def _curve(step: np.ndarray, values: np.ndarray, buckets: int) -> str:
    kept = thin(values, buckets)
    return _packed(step[kept], values[kept])


def _packed(step: np.ndarray, *values: np.ndarray) -> str:
    """Steps as int32 and each row of values as float32, one after the other, little-endian, in base64."""
    parts = [step.astype("<i4").tobytes(), *(row.astype("<f4").tobytes() for row in values)]
    return base64.b64encode(b"".join(parts)).decode()


def _medians(curves: pd.DataFrame | None, buckets: int) -> dict[str, Any] | None:
    if curves is None:
        return None
    found: dict[str, Any] = {}
    parts = {name: part.sort_values("step") for name, part in curves.groupby("quantity", observed=True)}
    for quantity, name in (("mi_batch", "batch"), ("grad_norm", "grad")):
        if quantity in parts:
            part = parts[quantity]
            median, low, high = (
                pd.to_numeric(part[key]).to_numpy(dtype=float, na_value=np.nan) for key in ("median", "q25", "q75")
            )
            line, band = decimate(part["step"].to_numpy(dtype=float), median, low, high, buckets)
            found[name] = {"line": _packed(*line), "band": _packed(*band)}
    in_batch = parts["mi_batch"].set_index("step") if "mi_batch" in parts else pd.DataFrame()
    held, population = (
        parts[name].set_index("step")[["median", "q25", "q75"]] if name in parts else pd.DataFrame()
        for name in ("mi_heldout", "mi_population")
    )
    found["evals"] = [
        [
            int(step),
            _last(in_batch, "median", step),
            *(_number(held[key].get(step)) if key in held else None for key in ("median", "q25", "q75")),
            *(_number(population[key].get(step)) if key in population else None for key in ("median", "q25", "q75")),
            _last(in_batch, "live_share", step),
        ]
        for step in sorted({*held.index, *population.index})
    ]
    return found


def _last(table: pd.DataFrame, name: str, step: int) -> float | None:
    """A column's value at a step; after the last window, that window's."""
    at = int(table.index.searchsorted(step, side="right")) - 1 if name in table else -1
    return None if at < 0 else _number(table[name].iloc[at])


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else _rounded(float(value))


def _claims(path: Path, experiments: dict[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    table = _read(path, notes, "so the page has no claims")
    if table is None:
        return []
    made = []
    for _, findings in table.groupby("number", sort=True):
        first = findings.iloc[0]
        views: dict[str, dict[str, Any]] = {}
        # Those that decide the verdict first; a claim without such findings is shown by what it has.
        for row in findings.sort_values("primary", ascending=False, kind="stable").itertuples():
            for view in _views(row.cell, str(first["figure"]), experiments):
                views.setdefault(view["hash"], view | {"verdict": row.verdict})
        made.append(
            {
                "number": int(first["number"]),
                "name": first["claim"],
                "sentence": first["sentence"],
                "verdict": first["claim_verdict"],
                "where": first["claim_where"],
                "views": list(views.values())[:6],
            }
        )
    return made


def _views(cell: str, figure: str, experiments: dict[str, Any]) -> list[dict[str, str]]:
    """The traces that a finding's cell ("derangement, d = 5, ρ = 0.9") is about; none where the page has none.

    A setting is named as it is, or by its value ("α = 0.01"); where a cell leaves out d or ρ, the largest is shown.
    The claim's figure ("smoothing/sweep") says in which experiment to look first.
    """
    words = {word.strip() for word in re.split(r",| against ", cell)}
    if "frozen critics" in words:
        return []
    dim = re.search(r"\bd = (\d+)", cell)
    rho = re.search(r"ρ = (0?\.\d+)", cell)
    stated = figure.split("/")[0]
    for name in sorted(experiments, key=lambda name: name != stated):
        experiment = experiments[name]
        known = experiment["settings"]
        settings = [one for one in known if {one, one.replace("=", " = "), one.replace("ema_rate=", "α = ")} & words]
        if CELL not in words:
            # Where a setting is named after its variant, the cell's variant says nothing about the experiment.
            settings = [one for one in settings if one not in experiment["variants"]]
        if not settings and name == stated and dim is not None and len(known) == 1:
            settings = known
        d = int(dim[1]) if dim else experiment["dims"][-1]
        r = canonical_rho(rho[1]) if rho else experiment["rhos"][-1]
        if settings and d in experiment["dims"] and r in experiment["rhos"]:
            more = len(settings) > 1
            return [
                {
                    "label": f"{cell} ({setting})" if more else cell,
                    "hash": f"experiment={quote(name)}&setting={quote(setting)}&d={d}&rho={r}",
                }
                for setting in settings
            ]
    return []
