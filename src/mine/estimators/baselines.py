"""Baselines on the tasks of an experiment, as rows beside those of trained estimators."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mine.baselines import BASELINES
from mine.engine.runs import runs_of
from mine.engine.seeding import Stream, generator
from mine.estimators.stairs import STAIRS_COLUMNS
from mine.experiments import BASE_SETTING, expand

PAIRS = 10_000
"""Fresh pairs that a baseline is given."""

BASELINE = "baseline"
"""Critic of their rows."""


def baseline_rows(
    name: str, experiment: dict[str, Any], baselines: Sequence[str]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """Row after row of every baseline, task, dimension, seed and stair of an experiment of the configuration.

    Yields the share of the rows that is done, a line for a person who waits, and the row: every name of
    STAIRS_COLUMNS to a value, None for null. Baselines that do not exist in so many dimensions are left out.
    """
    # Estimators and settings share a task's pairs, so each is asked once.
    cells = {(run.task, run.dim, run.truth, run.seed): run.cell for run in expand(experiment)}.values()
    places = [
        (baseline, cell, task)
        for baseline in baselines
        for cell in cells
        for task in runs_of([cell])[0].tasks
        if BASELINES[baseline].max_dim is None or cell.dim <= BASELINES[baseline].max_dim
    ]
    for done, (baseline, cell, task) in enumerate(places, 1):
        x, z = task.sample((PAIRS,), [generator(cell.seed, cell.dim, 0.0, Stream.EVALUATION)])
        value = BASELINES[baseline].function(x[0].double().numpy(), z[0].double().numpy())
        row = {
            **dict.fromkeys(STAIRS_COLUMNS),
            "experiment": name,
            "setting": BASE_SETTING,
            "critic": BASELINE,
            "variant": baseline,
            "task": cell.task,
            "dim": cell.dim,
            "seed": cell.seed,
            "mi_true": task.mi,
            "outcome": "completed",
            "mi_heldout": value,
        }
        text = f"{baseline} on {cell.task} d={cell.dim} seed {cell.seed}: {value:.2f} nats (truth {task.mi:.2f})"
        yield done / len(places), text, row
