"""Contenders against each other: one update of one critic, in milliseconds of one core, all cores busy.

A round runs every contender once, one after the other, each as so many copies at once as there are cores, each copy
on a core of its own with one thread. Ratios are taken within a round, so that what slows the machine for a while
slows both sides of a ratio.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CONTENDERS = HERE / "contenders"
PEERS = HERE.parent / ".venv-peers"

STACKS = (1, 2, 5, 8, 20, 32)
FAMILY = {"nwj": "NWJ", "smile": "SMILE", "infonce": "InfoNCE"}
GPU_STACKS = (1, 8, 64, 256, 1024, 2048, 4096)

# One thread a process, whichever library it uses.
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


@dataclass(frozen=True)
class Contender:
    """A script that speaks contenders/protocol.py. copies: None for one on each core."""

    name: str
    label: str
    script: str
    options: tuple[str, ...] = ()
    python: Path = Path(sys.executable)
    copies: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


def cpu_contenders(default_stack: int, inductor_cache: str) -> list[Contender]:
    """All that are timed on a CPU. default_stack: what ``mine train`` takes there."""

    def ours(name: str, label: str, stack: int, *options: str, **rest: Any) -> Contender:
        return Contender(name, label, "stacked.py", ("--stack", str(stack), *options), **rest)

    sizes = {size: f"ours, stack of {size}" for size in sorted({*STACKS, default_stack})}
    sizes[1] = "ours, alone"
    sizes[default_stack] += " (what `mine train` takes)"
    return [
        Contender("plain", "plain loop (Algorithm 1, stock Adam)", "plain_loop.py"),
        *_peers("torch-mist", "benchmark-mi"),
        *[ours(f"stack-{size}", label, size) for size, label in sizes.items()],
        ours(
            "evaluated", "the same with held-out and population values every 500 updates", default_stack,
            "--eval-every", "500",
        ),
        ours("autograd", "the same with torch.autograd's backward pass", default_stack, "--engine", "autograd"),
        ours(
            "compiled", "the same compiled by torch.compile, its start left out", default_stack,
            "--engine", "compiled", environment={"TORCHINDUCTOR_CACHE_DIR": inductor_cache},
        ),
        ours("one-core", "the same, the other cores idle", default_stack, copies=1),
        Contender(
            "floor",
            "the update's matrix products alone",
            "matrix_products.py",
            ("--stack", str(default_stack)),
        ),
    ]  # fmt: skip


def family_contenders(default_stack: int) -> list[Contender]:
    """Other estimators with a separable critic, on a CPU: ours, the peers', and the matrix products of all alike."""
    contenders = []
    for variant, name in FAMILY.items():
        chosen = ("--variant", variant)
        for stack, which in ((1, "alone"), (default_stack, f"stack of {default_stack}")):
            options = ("--stack", str(stack), *chosen)
            contenders.append(Contender(f"{variant}-{stack}", f"{name}, ours, {which}", "stacked.py", options))
        # benchmark-mi has no SMILE.
        peers = _peers("torch-mist") if variant == "smile" else _peers("torch-mist", "benchmark-mi")
        contenders += [
            replace(peer, name=f"{variant}-{peer.name}", label=f"{name}, {peer.label}", options=chosen)
            for peer in peers
        ]
    stack = ("--stack", str(default_stack), "--variant", next(iter(FAMILY)))
    floor = Contender("floor", "an update's matrix products alone", "matrix_products.py", stack)
    return [*contenders, floor]


def _peers(*names: str) -> list[Contender]:
    labels = {"torch-mist": "torch-mist 0.2.17", "benchmark-mi": "benchmark-mi 0.1.3, jax 0.4.33"}
    return [
        Contender(name, labels[name], f"peer_{name.replace('-', '_')}.py", python=PEERS / name / "bin/python")
        for name in names
    ]


def gpu_contenders() -> list[Contender]:
    """All that are timed on a GPU, one process at a time."""
    cuda = ("--device", "cuda")
    contenders = [Contender("plain", "plain loop (Algorithm 1, stock Adam)", "plain_loop.py", cuda, copies=1)]
    for size in GPU_STACKS:
        stack = ("--stack", str(size), *cuda)
        contenders += [
            Contender(f"stack-{size}", f"ours, stack of {size}", "stacked.py", stack, copies=1),
            Contender(f"floor-{size}", f"matrix products, stack of {size}", "matrix_products.py", stack, copies=1),
        ]
    return contenders


def compete(
    contenders: Sequence[Contender], rounds: int, steps: int, say: Callable[[str], Any] = print
) -> dict[str, dict[str, Any]]:
    """Every contender's measurements.

    rounds: how often each runs. steps: updates that are timed.

    Returns:
        Name to ``label``; ``copies``; per round ``ms`` (of one update of one critic, set-up left out), ``whole_ms``
        (the same with all that one call of training needs, for as many updates) and ``start_seconds`` (of the
        first call in a process); ``estimates`` of every training, nats; ``peak_mb`` of a process. Or, of one that did
        not run, ``label`` and ``error``.
    """
    results: dict[str, dict[str, Any]] = {}
    for index in range(rounds):
        for contender in contenders:
            result = results.setdefault(contender.name, {"label": contender.label})
            if "error" in result:
                continue
            try:
                copies = run_copies(contender, steps, seed=index)
            except ContenderError as error:
                result.clear()
                result.update(label=contender.label, error=str(error))
                say(f"  {contender.label}: {error}")
                continue
            collect(result, copies)
            say(f"  round {index + 1}/{rounds}, {contender.label}: {result['ms'][-1]:.3f} ms")
    return results


class ContenderError(Exception):
    """A contender could not be measured."""


def run_copies(contender: Contender, steps: int, seed: int) -> list[dict[str, Any]]:
    """What each copy printed; they begin together, once all are ready."""
    if not contender.python.exists():
        raise ContenderError("not measured: its environment is not there (make bench says why)")
    cores = sorted(os.sched_getaffinity(0))
    copies = contender.copies or len(cores)
    short = max(1, steps // 10)
    command = [str(contender.python), str(CONTENDERS / contender.script), *contender.options]
    command += ["--short", str(short), "--long", str(short + steps)]
    processes = []
    with tempfile.TemporaryFile("w+") as errors:
        try:
            for copy in range(copies):
                processes.append(
                    subprocess.Popen(
                        ["taskset", "-c", str(cores[copy % len(cores)]), *command, "--seed", str(seed * copies + copy)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        text=True,
                        env={**os.environ, **_ONE_THREAD, **contender.environment},
                    )
                )
            ready = [_wait_until_ready(process) for process in processes]
            for process in processes:
                process.stdin.close()
            lines = [process.stdout.read().strip() for process in processes]
            if not all(ready) or any(process.wait() for process in processes):
                errors.seek(0)
                text = errors.read().strip().splitlines()
                raise ContenderError(f"not measured: {text[-1] if text else 'it ended without a word'}")
        finally:
            for process in processes:
                process.kill()
                process.wait()
                process.stdout.close()
    return [json.loads(line.splitlines()[-1]) for line in lines]


def _wait_until_ready(process: subprocess.Popen[str]) -> bool:
    """Whether it said so before it ended."""
    return any(line.strip() == "ready" for line in process.stdout)


def collect(result: dict[str, Any], copies: Iterable[dict[str, Any]]) -> None:
    """Add one round to a contender's measurements: means over its copies."""
    copies = list(copies)

    def mean(value: Callable[[dict[str, Any]], float]) -> float:
        return sum(map(value, copies)) / len(copies)

    def milliseconds(copy: dict[str, Any]) -> float:
        updates = (copy["long"] - copy["short"]) * copy["runs"]
        return 1000 * (copy["long_seconds"] - copy["short_seconds"]) / updates

    result["copies"] = len(copies)
    result.setdefault("ms", []).append(mean(milliseconds))
    result.setdefault("whole_ms", []).append(
        mean(lambda copy: 1000 * copy["long_seconds"] / (copy["long"] * copy["runs"]))
    )
    result.setdefault("start_seconds", []).append(mean(lambda copy: copy["first_seconds"]))
    result.setdefault("estimates", []).extend(copy["estimate"] for copy in copies if copy["estimate"] is not None)
    result["peak_mb"] = max([result.get("peak_mb", 0.0), *(copy["peak_mb"] for copy in copies)])
