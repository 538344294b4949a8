"""What the smoke workflow costs, and how much of it goes before any job computes."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from processes import measure

ROOT = Path(__file__).parents[1]

IMPORTS = {
    "train": "mine.cli, mine.progress, mine.engine.runs",
    "collect": "mine.cli, mine.progress, mine.tables",
    "optimal": "mine.cli, mine.progress, mine.optimal",
    "figures": "mine.cli, mine.figures.estimate, mine.figures.style",
}
"""What a process of each command imports before it computes."""


def measure_startup(say: Callable[[str], Any] = print) -> dict[str, Any]:
    """The smoke workflow from nothing, and its processes' start-up.

    Returns:
        ``smoke``: wall and CPU seconds of the whole. ``jobs``: processes of each command that it ran. ``import_cpu``:
        CPU seconds of such a process that only imports, median of five. ``snakemake_cpu``: of a dry run of nothing
        but planning. ``share``: (imports of all jobs + snakemake_cpu) / CPU seconds of the whole. ``published_share``:
        imports of the published run's training jobs over those jobs' wall seconds, each of which keeps one core busy.
    """
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "--cores", "all"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        log = folder / "log"
        chosen = ["--configfile", "config/smoke.yaml", "--config", f"results={folder / 'results'}"]
        planning = measure([*snakemake, "--dry-run", *chosen], log, ROOT)
        say("  the smoke workflow, a minute or two")
        smoke = measure([*snakemake, *chosen], log, ROOT)
        jobs = {name: len(list((folder / "results/benchmarks" / name).rglob("*.tsv"))) for name in IMPORTS}
        cpu = {}
        for name, modules in IMPORTS.items():
            taken = [measure([sys.executable, "-c", f"import {modules}"], log).cpu for _ in range(5)]
            cpu[name] = statistics.median(taken)
            say(f"  mine {name}: {cpu[name]:.2f} s of CPU time before it computes")

    startup = planning.cpu + sum(jobs[name] * cpu[name] for name in IMPORTS)
    published = json.loads((ROOT / "figures/published.json").read_text())["jobs"]["train"]
    return {
        "smoke": asdict(smoke),
        "jobs": jobs,
        "import_cpu": cpu,
        "snakemake_cpu": planning.cpu,
        "share": startup / smoke.cpu,
        "published_jobs": published,
        "published_share": published["jobs"] * cpu["train"] / published["seconds"],
    }
