"""How often `mine estimate` is right: draws of Gaussian data whose mutual information is known, default settings.

Every draw is a file that the command reads as a user's, and the numbers are those of the record that it writes. The
result goes into own_data.json beside this file, draw by draw. One thread; 10 to 20 s a draw.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

RESULT = Path(__file__).with_name("own_data.json")
ROWS, DIM = 10_000, 5
CELLS = ((0.0, 20), (0.3, 10))
"""Correlation and number of draws."""


def draw(rho: float, seed: int, rows: int = ROWS, dim: int = DIM) -> pd.DataFrame:
    """Pairs of correlated Gaussians: columns x0, ..., z0, ...; z = rho x + sqrt(1 - rho^2) noise."""
    source = np.random.default_rng([seed, round(rho * 1000)])
    x, noise = source.standard_normal((2, rows, dim))
    z = rho * x + math.sqrt(1.0 - rho**2) * noise
    return pd.DataFrame(np.hstack([x, z]), columns=[f"{side}{place}" for side in "xz" for place in range(dim)])


def measure(rho: float, seed: int, folder: Path, options: tuple[str, ...] = ()) -> dict:
    """One draw through the command."""
    from mine.cli import main

    data, record = folder / "data.parquet", folder / "record.json"
    draw(rho, seed).to_parquet(data)
    columns = {side: ",".join(f"{side}{place}" for place in range(DIM)) for side in "xz"}
    start, wall = time.process_time(), time.perf_counter()
    command = ["estimate", data, "--x", columns["x"], "--z", columns["z"], "--output", record]
    command += ["--figure", folder / "figure.png", *options]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main([str(word) for word in command])
    if code != 0:
        raise SystemExit(f"mine estimate ended with {code}")
    made = json.loads(record.read_text())
    return {
        "rho": rho,
        "draw": seed,
        "mi_true": -DIM / 2 * math.log1p(-(rho**2)) + 0.0,
        "mi": made["mi"],
        "low": made["interval"]["low"],
        "high": made["interval"]["high"],
        "p_value": made["permutation_test"]["p_value"],
        "kept_update": made["initialisations"][made["chosen"]]["kept_update"],
        "warnings": [each["code"] for each in made["warnings"]],
        "cpu_s": round(time.process_time() - start, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
        "made_with": made["made_with"],
        "settings": made["settings"],
    }


def reach(draws: list[dict]) -> dict:
    """The aims, with what was measured."""
    none, some = ([each for each in draws if each["rho"] == rho] for rho, _ in CELLS)
    within = [each for each in some if 0.15 <= each["mi"] <= 0.28]
    return {
        "independent: median |value| <= 0.02 nats": float(np.median([abs(each["mi"]) for each in none])),
        "independent: draws of 20 with p < 0.05, at most 3": sum(each["p_value"] < 0.05 for each in none),
        "rho = 0.3 (0.236 nats): draws of 10 within 0.15 to 0.28": len(within),
        "rho = 0.3: draws of 10 within 0.15 to 0.28 and with p < 0.01, at least 9": sum(
            each["p_value"] < 0.01 for each in within
        ),
        "cpu seconds a draw, median and largest": [
            float(np.median([each["cpu_s"] for each in draws])),
            max(each["cpu_s"] for each in draws),
        ],
    }


def main() -> None:
    """Measure every draw and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULT)
    arguments = parser.parse_args()
    draws = []
    with tempfile.TemporaryDirectory() as folder:
        for rho, count in CELLS:
            for seed in range(count):
                draws.append(measure(rho, seed, Path(folder)))
                print({name: draws[-1][name] for name in ("rho", "draw", "mi", "p_value", "cpu_s")}, flush=True)
    shared = {name: draws[0][name] for name in ("made_with", "settings")}
    rows = [{name: value for name, value in each.items() if name not in shared} for each in draws]
    result = {"rows": ROWS, "dim": DIM, "machine": platform.machine(), "reach": reach(draws), **shared, "draws": rows}
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["reach"], indent=2))


if __name__ == "__main__":
    main()
