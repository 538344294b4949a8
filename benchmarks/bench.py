"""Every benchmark in one run: `make bench`, or `python benchmarks/bench.py --help` for parts of it.

Writes benchmarks/results.json, and from it the tables in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import page
import speed
from collecting import measure_collect
from contenders import protocol
from mine.commands.train import STACK
from mine.gaussian import mutual_information
from mine.publish.made_by import commit, cpu_model
from planning import measure_planning
from startup import measure_startup

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results.json"

SECTIONS = ("speed", "family", "profile", "gpu", "startup", "collect", "planning")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs (default: 5)")
    parser.add_argument("--steps", type=int, default=1000, help="updates that are timed (default: 1000)")
    parser.add_argument("--only", choices=SECTIONS, nargs="+", default=SECTIONS, help="sections to measure anew")
    parser.add_argument("--page", action="store_true", help="measure nothing, write the tables from results.json")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.steps < 10:
        parser.error(f"rounds {arguments.rounds}, steps {arguments.steps}: at least 1 and 10 are needed")

    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for section in () if arguments.page else arguments.only:
        print(f"{section}:", flush=True)
        begin = time.perf_counter()
        measured = MEASURES[section](arguments)
        results[section] = {
            "data": measured,
            "machine": machine(),
            "commit": commit(ROOT),
            "seconds": round(time.perf_counter() - begin),
        }
        write(RESULTS, json.dumps(results, indent=1) + "\n")
    for path, text in page.pages(results, ROOT).items():
        write(path, text)
        print(f"written: {path.relative_to(ROOT)}")


def measure_speed(arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as cache:
        contenders = speed.cpu_contenders(STACK["cpu"], cache)
        measured = speed.compete(contenders, arguments.rounds, arguments.steps, say)
    return {
        "steps": arguments.steps,
        "default_stack": STACK["cpu"],
        "truth": mutual_information(protocol.MINE.dim, protocol.MINE.rho),
        "contenders": measured,
    }


def measure_family(arguments: argparse.Namespace) -> dict[str, Any]:
    contenders = speed.family_contenders(STACK["cpu"])
    measured = speed.compete(contenders, arguments.rounds, arguments.steps, say)
    return {
        "steps": arguments.steps,
        "default_stack": STACK["cpu"],
        "truth": mutual_information(protocol.FAMILY.dim, protocol.FAMILY.rho),
        "contenders": measured,
    }


def measure_gpu(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """None where torch finds no GPU: a guess is not written down."""
    import torch

    if not torch.cuda.is_available():
        say("  not measured: torch finds no CUDA device here")
        return None
    measured = speed.compete(speed.gpu_contenders(), arguments.rounds, arguments.steps, say)
    return {"steps": arguments.steps, "name": torch.cuda.get_device_name(), "contenders": measured}


def measure_profile(arguments: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "profiled.py"), str(STACK["cpu"])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


MEASURES = {
    "speed": measure_speed,
    "family": measure_family,
    "profile": measure_profile,
    "gpu": measure_gpu,
    "startup": lambda arguments: measure_startup(say),
    "collect": lambda arguments: measure_collect(say=say),
    "planning": lambda arguments: measure_planning(say=say),
}


def machine() -> dict[str, Any]:
    """What was measured on; no name of the machine."""
    import torch

    return {
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__.partition("+")[0],
    }


def say(text: str) -> None:
    print(text, flush=True)


def write(path: Path, text: str) -> None:
    """Whole or not at all."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


if __name__ == "__main__":
    main()
