"""Made runs of a benchmark: files as training writes them, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mine.experiments import expand
from mine.trace import COLUMNS, write_trace

BENCHMARK: dict[str, Any] = {
    "grid": {
        "variant": ["nwj", "infonce", "doe-gaussian"],
        "critic": ["separable", "concat", "density"],
        "task": ["gaussian", "cubic"],
        "dim": [4],
        "mi": [[1.0, 3.0]],
        "seeds": "0-2",
    },
    "training": {"steps": 600, "batch_size": 16, "hidden": 8, "embedding": 4, "eval_every": 600},
    "figures": ["scores"],
}


def write_made(folder: Path, benchmark: dict[str, Any] = BENCHMARK, overflows=lambda run: None, values=None) -> None:
    """One file for every run below ``folder``.

    overflows: from a planned run to the step at which its run ended, None for one that did not.
    values: from a planned run and the step's truths to mi_batch; the truth less 0.1 times the seed where not given.
    """
    for run in expand(benchmark):
        cell, settings = run.cell, run.training
        mis, last = cell.truths, settings.steps * cell.stairs
        ended = overflows(run)
        rows = ended or last + 1
        step = np.arange(1, rows + 1)
        truth = np.array(mis)[np.minimum((step - 1) // settings.steps, len(mis) - 1)]
        columns = {
            name: np.ma.MaskedArray(np.zeros(rows, dtype=kind.to_pandas_dtype()), mask=True)
            for name, (kind, _) in COLUMNS.items()
        }
        columns["seed"][:], columns["step"][:], columns["mi_true"][:] = cell.seed, step, truth
        columns["mi_batch"][:] = truth - 0.1 * cell.seed if values is None else values(run, truth)
        columns["grad_norm"][step <= last] = 2.0
        if ended:
            columns["mi_batch"][-1] = np.inf
        at = (step % settings.steps == 0) | (step == last + 1)
        columns["mi_heldout"][at] = truth[at] + 0.2 * cell.seed
        columns["heldout_ess"][at] = 100.0 + cell.seed
        metadata = {
            "cell": cell.to_dict(),
            "settings": settings.to_dict(),
            "outcome": "overflow" if ended else "completed",
            "overflow_step": ended,
            "device": "cpu",
            "packages": {},
            "code": "made",
        }
        write_trace(folder / run.path, columns, metadata)
