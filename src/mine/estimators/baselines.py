"""Baselines on the tasks of a benchmark, as rows beside those of trained estimators."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from mine.baselines import BASELINES
from mine.engine.seeding import Stream, generator
from mine.estimators.planning import stairs_of
from mine.estimators.stairs import STAIRS_COLUMNS
from mine.experiments import parse_seeds
from mine.tasks import make_task

PAIRS = 10_000
"""Fresh pairs that a baseline is given."""

BASELINE = "baseline"
"""Critic of their rows."""


def baseline_rows(
    benchmark_name: str, benchmark: dict[str, Any], names: Sequence[str]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    """Row after row of every baseline, task, dimension, seed and mutual information of a benchmark.

    Yields the share of the rows that is done, a line for a person who waits, and the row: every name of
    STAIRS_COLUMNS to a value, None for null. Baselines that do not exist in so many dimensions are left out.
    """
    grid = benchmark["grid"]
    places = [
        (name, task, dim, seed, mi)
        for name, task, dim, seed, mi in itertools.product(
            names, grid["task"], grid["dim"], parse_seeds(grid["seeds"]), stairs_of(benchmark)
        )
        if BASELINES[name].max_dim is None or dim <= BASELINES[name].max_dim
    ]
    for done, (name, task, dim, seed, mi) in enumerate(places, 1):
        x, z = make_task(task, dim, mi).sample((PAIRS,), [generator(seed, dim, 0.0, Stream.EVALUATION)])
        value = BASELINES[name].function(x[0].double().numpy(), z[0].double().numpy())
        cell = {
            "benchmark": benchmark_name,
            "critic": BASELINE,
            "variant": name,
            "task": task,
            "dim": dim,
            "seed": seed,
        }
        found = {"mi_true": mi, "outcome": "completed", "mi_heldout": value}
        text = f"{name} on {task} d={dim} seed {seed}: {value:.2f} nats (truth {mi:.2f})"
        yield done / len(places), text, {**dict.fromkeys(STAIRS_COLUMNS), **cell, **found}
