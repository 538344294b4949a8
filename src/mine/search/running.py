"""Training of a search's tasks, and each run as one row: every published number by every reading."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from mine.engine.runs import RunResult, train_runs
from mine.engine.sources import Run
from mine.search.space import Setting
from mine.settings import CONCAT
from mine.tasks.gaussian import of_rho
from mine.writeup import DIM
from mine.writeup.targets import QUARTER, measure, targets

POINTS = {"mean": "mi_batch_mean", "last": "mi_batch", "mean by v": "mi_ema_mean", "last by v": None}
"""Reading of a point to the trace's column; by v the last batch's is joint_mean - log_ema."""

_OVERHEAD, _PER_MEMBER, _PER_MULTIPLICATION = 6e-4, 1e-5, 3e-10
"""Seconds of an update, of a member in it, and of a multiplication of its forward pass: to share work out evenly."""


@dataclass(frozen=True)
class Task:
    """Runs that train as one stack. settings: differ in their learning rate alone. variant: ``biased`` or ``ema``."""

    variant: str
    settings: tuple[Setting, ...]
    rhos: tuple[float, ...]
    seeds: tuple[int, ...]
    epochs: int

    @property
    def seconds(self) -> float:
        """About what it takes on one core."""
        setting = self.settings[0]
        updates = self.epochs * math.ceil(setting.data / setting.batch_size)
        members = len(self.settings) * len(self.rhos) * len(self.seeds)
        each = _PER_MEMBER + 2 * _PER_MULTIPLICATION * setting.cost / setting.data * setting.batch_size
        return updates * (_OVERHEAD + members * each)

    def to_json(self) -> dict[str, Any]:
        """As it stands in a plan."""
        return {**asdict(self), "settings": [asdict(setting) for setting in self.settings]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Task:
        """Back from a plan."""
        settings = tuple(Setting(**setting) for setting in values["settings"])
        return cls(values["variant"], settings, tuple(values["rhos"]), tuple(values["seeds"]), values["epochs"])


def write_plan(tasks: Sequence[Task]) -> str:
    """A stage's tasks as JSON."""
    return json.dumps([task.to_json() for task in tasks])


def chunk_of(plan: str, chunk: int, chunks: int) -> list[Task]:
    """The tasks of one of several jobs, shared out by what they take: each goes where least is to do yet."""
    shares: list[list[Task]] = [[] for _ in range(chunks)]
    loads = [0.0] * chunks
    for task in sorted((Task.from_json(values) for values in json.loads(plan)), key=lambda task: -task.seconds):
        lightest = loads.index(min(loads))
        shares[lightest].append(task)
        loads[lightest] += task.seconds
    return shares[chunk]


def run(task: Task, stage: str, device: torch.device | str = "cpu") -> Iterator[dict[str, Any]]:
    """Train one task; a row a run."""
    variant = task.settings[0].objective if task.variant == "ema" else "biased"
    members = [
        (setting, rho, Run(seed, (of_rho(DIM, rho),), (DIM, rho), setting.learning_rate))
        for setting in task.settings
        for rho in task.rhos
        for seed in task.seeds
    ]
    training = task.settings[0].training(task.epochs)
    # A tenth of the time of small critics is bookkeeping for a gradient that nobody takes.
    with torch.inference_mode():
        runs = [run for _, _, run in members]
        results = train_runs(variant, CONCAT, runs, training, judged=False, device=device)
    for (setting, rho, member), result in zip(members, results, strict=True):
        if task.variant == "biased":
            setting = setting.of_biased
        yield {
            "stage": stage,
            "setting": setting.name,
            **asdict(setting),
            "variant": task.variant,
            "rho": rho,
            "seed": member.seed,
            "epochs": task.epochs,
            "mi_true": float(result.columns["mi_true"][0]),
            **ending(result),
            **readings(result, task.variant, rho, task.epochs),
        }


def ending(result: RunResult) -> dict[str, float]:
    """How a run ended.

    ``last_epoch``: the last (from 0) whose batches all have a finite value, inf where all epochs are such. ``final``:
    mean in-batch value of the last 125 epochs, nats, nan where it ended.
    """
    if result.overflow_step is not None:
        return {"last_epoch": float(len(result.columns["step"]) - 2), "final": math.nan}
    means = result.columns["mi_batch_mean"][:-1]
    return {"last_epoch": math.inf, "final": float(means[-QUARTER:].mean())}


def readings(result: RunResult, variant: str, rho: float, epochs: int) -> dict[str, float]:
    """Every published number of one run by every reading: ``mean/trend_1``, ``update/norm_max``, ...; null is nan."""
    columns = {name: np.ma.filled(column.astype(np.float64), np.nan) for name, column in result.columns.items()}
    # The look after the last update is no epoch; of a run that ended the last row is the epoch in which it did.
    rows = slice(None, -1) if result.overflow_step is None else slice(None)
    columns = {name: column[rows] for name, column in columns.items()}
    of = [t for t in targets(epochs) if t.variant == variant and t.rho == rho]
    no_norms = dict.fromkeys(("min", "mean", "max"), math.nan)
    found = {}
    for reading, column in POINTS.items():
        if variant == "biased" and reading.endswith("by v"):
            continue
        points = columns[column] if column else columns["joint_mean"] - columns["log_ema"]
        # A run ends where its own value or gradient does, whatever is drawn of it.
        ended = ~np.isfinite(columns["mi_batch"]) | ~np.isfinite(columns["grad_norm"])
        points = np.where(ended, np.nan, points)
        for target, value in measure(points, no_norms, [t for t in of if t.group != "norm"]).items():
            found[f"{reading}/{target.name}"] = value
    finite = np.isfinite(columns["grad_norm_max"]) & np.isfinite(columns["grad_norm_min"])
    for reading, (low, middle, high) in {
        "update": ("grad_norm_min", "grad_norm_mean", "grad_norm_max"),
        "mean": ("grad_norm_mean",) * 3,
        "last": ("grad_norm",) * 3,
        "unclipped": ("grad_norm_unclipped",) * 3,
    }.items():
        if not finite.any() or np.isnan(columns[high][finite]).all():
            continue
        found[f"{reading}/norm_min"] = float(columns[low][finite].min())
        found[f"{reading}/norm_mean"] = float(columns[middle][finite].mean())
        found[f"{reading}/norm_max"] = float(columns[high][finite].max())
    return found


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows of runs as they are written."""
    return pd.DataFrame(rows)


def with_rates(shape: Setting, rates: Sequence[float]) -> tuple[Setting, ...]:
    """A shape with each learning rate."""
    return tuple(replace(shape, learning_rate=rate) for rate in rates)
