"""Whether the public tasks draw from the law that benchmark-mi draws from: two-sample tests, task by task.

    python benchmarks/public_tasks.py SAMPLES.npz

SAMPLES.npz is made by contenders/peer_public_tasks.py with the package's own interpreter. The result goes into
public_tasks.json beside this file: p-values of each task. Under equal laws the first two are uniform over tasks, and
the others, Bonferroni's over coordinates and over random projections, seldom small.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from mine.tasks import fixed_task
from mine.tasks.draws import draw
from mine.tasks.public import PUBLIC

RESULT = Path(__file__).with_name("public_tasks.json")
DRAW, PROJECTIONS, ENERGY_PAIRS, PERMUTATIONS = 999, 20, 1_200, 199


def compare(name: str, x: np.ndarray, z: np.ndarray, random: np.random.Generator) -> dict[str, float]:
    """P-values of a sample of another's against one of ours of as many pairs.

    Of the log density ratio (Kolmogorov and Smirnov), which sees any other dependence; of all coordinates jointly by
    their ranks (energy distance, permuted), which sees any other law; of each coordinate; of projections of the ranks.
    """
    ours, theirs = (tuple(v.astype(np.float64) for v in pair) for pair in (draw(name, len(x), DRAW), (x, z)))
    ratios = [fixed_task(name).log_ratio(*map(torch.from_numpy, pair)).numpy() for pair in (ours, theirs)]
    both = np.vstack([np.hstack(ours), np.hstack(theirs)])
    ranks = stats.rankdata(both, axis=0) / len(both) - 0.5
    projected = ranks @ random.standard_normal((ranks.shape[1], PROJECTIONS))
    return {
        "log_ratio": float(stats.ks_2samp(*ratios).pvalue),
        "energy": energy(ranks[:ENERGY_PAIRS], ranks[len(x) :][:ENERGY_PAIRS], random),
        "coordinates": smallest(both, len(x)),
        "projections": smallest(projected, len(x)),
    }


def smallest(columns: np.ndarray, first: int) -> float:
    """Bonferroni's p-value over columns, of the rows up to ``first`` against the others."""
    values = [stats.ks_2samp(column[:first], column[first:]).pvalue for column in columns.T]
    return float(min(1.0, len(values) * min(values)))


def energy(a: np.ndarray, b: np.ndarray, random: np.random.Generator) -> float:
    """P-value of the energy distance between two samples of one size, over permutations of which is whose."""
    pooled = np.vstack([a, b])
    distances, signs = cdist(pooled, pooled), np.repeat([1.0, -1.0], len(a))
    found = -signs @ distances @ signs
    permuted = [-(each := random.permutation(signs)) @ distances @ each for _ in range(PERMUTATIONS)]
    return (1 + sum(value >= found for value in permuted)) / (1 + PERMUTATIONS)


def main() -> None:
    samples, random = np.load(sys.argv[1]), np.random.default_rng(0)
    result = {}
    for task in PUBLIC:
        result[task.name] = compare(task.name, samples[f"{task.name}|x"], samples[f"{task.name}|z"], random)
        print(task.name, *(f"{test} {p:.3f}" for test, p in result[task.name].items()), flush=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
