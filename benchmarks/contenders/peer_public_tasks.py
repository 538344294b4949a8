"""benchmark-mi's list of public tasks: their truths as a table, and a sample of each.

    python peer_public_tasks.py TRUTHS.csv SAMPLES.npz

TRUTHS.csv is tests/tasks/benchmark_mi_truths.csv, less its first two lines; ``public_tasks.py`` reads SAMPLES.npz.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from bmi.benchmark import BENCHMARK_TASKS

PAIRS, SEED = 20_000, 5


def main() -> None:
    truths, samples = sys.argv[1:]
    arrays = {}
    with Path(truths).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["name", "label", "dim_x", "dim_z", "mi"])
        for name, task in BENCHMARK_TASKS.items():
            table.writerow([name, task.name, task.dim_x, task.dim_y, repr(float(task.mutual_information))])
            x, z = task.sample(PAIRS, SEED)
            arrays |= {f"{name}|x": np.asarray(x), f"{name}|z": np.asarray(z)}
    np.savez(samples, **arrays)


if __name__ == "__main__":
    main()
