"""Train an estimator on data of known mutual information, and write one parquet file a seed.

Example: mine train --variant ema --dim 5 --rho 0.95 --seed 3 --output run.parquet
Several seeds in one process: --seed 0-15 --output 'runs/seed={seed}.parquet'
Another estimator: mine train --variant nwj --critic separable --dim 5 --rho 0.95 --seed 3 --output run.parquet
Up a staircase: mine train --variant nwj --task cubic --dim 20 --mi 2,4,6,8,10 --seed 3 --output run.parquet

A fixed task, which docs/tasks.md lists, has its own dimension and truth: --task 1v1-normal-0.75 needs none of --dim,
--rho and --mi. With --mi the data are given by their mutual information, which rises every --steps updates where there
are several.

A run that becomes non-finite stops there, keeps its rows and counts as finished (exit 0): it is a result.
All information is in nats.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine.commands.options import add_settings, check_tf32, given_settings, integer, made_with, number
from mine.commands.options import device as choose_device
from mine.commands.options import threads as check_threads
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.settings import CRITICS, GAUSSIAN, Cell, TrainingSettings, check_choice, check_size
from mine.tasks import FIXED, TASKS

if TYPE_CHECKING:
    import torch

    from mine.engine.loop import Progress
    from mine.engine.runs import RunResult
    from mine.progress import ProgressLine

STACK = {"cpu": 5, "cuda": 4096}
"""Runs that train together by default, by device. A larger stack leaves a CPU core's cache: benchmarks/README.md."""

IN_CACHE = 1_000_000
"""Floats that a stack of 5 of the critics measured there works on; smaller critics share them among more."""

HELP = "train one cell of the grid, one parquet file a seed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for the cell, for every training setting, and for how to run."""
    add = parser.add_argument_group("the cell").add_argument
    add("--variant", required=True, metavar="NAME", help=f"estimator: {', '.join(ESTIMATORS)}")
    add("--dim", type=integer, metavar="D", help="dimension d of X and of Z, at least 1")
    add("--rho", type=number, metavar="R", help="correlation per coordinate, in (-1, 1)")
    first = "(default: the first that the estimator exists with)"
    add("--critic", metavar="NAME", help=f"{', '.join(CRITICS)} {first}")
    add("--task", default=GAUSSIAN, metavar="NAME", help=f"{', '.join(TASKS)}, or a fixed task (default: gaussian)")
    add("--mi", metavar="NATS", help="mutual information of each stair, in place of --rho: 2,4,6,8,10")
    add("--seed", required=True, metavar="SEEDS", help="a seed, or several: 0-15 or 0,3,7")
    many = "'{seed}' stands for the seed where there are several"
    add("--output", required=True, metavar="FILE", help=f"parquet file; {many}")

    add = parser.add_argument_group("critics to keep").add_argument
    after = "numbers of updates after which critics are kept: 0,100,1000"
    add("--checkpoints", metavar="STEPS", help=after)
    add("--critics", metavar="FILE", help="npz file for them, read by `mine frozen`; '{seed}' as in --output")

    add_settings(parser.add_argument_group("training settings"), TrainingSettings)
    add_running_options(parser)


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Options for where and how to train."""
    add = parser.add_argument_group("how to run").add_argument
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes CUDA if there is one")
    same = "results are the same only for the same number"
    add("--threads", type=integer, default=1, metavar="N", help=f"CPU threads; {same} (default: 1)")
    add(
        "--stack",
        type=integer,
        metavar="N",
        help="how many runs train together; changes the speed and, on a CPU, no result "
        f"(default: {STACK['cpu']} on a CPU, more of small critics, and {STACK['cuda']} on a GPU)",
    )
    rounding = "let a GPU round matrix products to TF32's 10-bit mantissa (default: not)"
    add("--tf32", action="store_true", help=rounding)


@dataclass(frozen=True)
class _Job:
    """What is to be trained, checked: a cell a seed, each with the files for it.

    checkpoints: numbers of updates after which critics are kept. critics: files for them, a seed each, or none at all.
    """

    cells: list[Cell]
    settings: TrainingSettings
    outputs: list[Path]
    checkpoints: list[int]
    critics: list[Path]

    @property
    def updates(self) -> int:
        """Of one run, up all of its stairs."""
        return self.settings.steps * self.cells[0].stairs


def run(arguments: argparse.Namespace) -> None:
    """Check everything; then train stack after stack, and write each stack's files as it is done."""
    job = _checked(arguments)

    # Slow to import (2 s), so only once the input is known to be good.
    from mine.engine.runs import runs_of, train_runs
    from mine.progress import ProgressLine
    from mine.provenance import training_code_hash

    cell, runs = job.cells[0], runs_of(job.cells)
    device = made_ready(arguments, job.outputs + job.critics)
    where = {**made_with(arguments, device), "code": training_code_hash(arguments.variant, arguments.task)}

    size = arguments.stack or _stack(device.type, job.settings, cell)
    truths = [task.mi for task in runs[0].tasks]
    line = ProgressLine(job.updates * math.ceil(len(runs) / size))
    for first in range(0, len(runs), size):
        stack = slice(first, first + size)
        which = f"runs {first + 1}-{first + len(runs[stack])} of {len(runs)}, " if len(runs) > size else ""
        results = train_runs(
            cell.variant,
            cell.critic,
            runs[stack],
            job.settings,
            device=device,
            checkpoints=job.checkpoints,
            report=_report(line, job, truths, first // size * job.updates, f"{_words(cell, arguments.seed)}: {which}"),
        )
        line.close()
        for place, result in enumerate(results, first):
            _write(job, place, result, where)


def _checked(arguments: argparse.Namespace) -> _Job:
    """What the arguments ask for. Raises UserError."""
    from mine.experiments import check_stairs

    seeds, outputs = seeds_and_outputs(arguments)
    dim, mi = _data(arguments)
    cells = [
        Cell(arguments.variant, dim, arguments.rho, seed, arguments.critic or "", arguments.task, mi) for seed in seeds
    ]
    settings = settings_of(arguments)
    check_size(dim, settings)
    check_stairs(settings, cells[0].stairs)
    checkpoints, critics = _critics(arguments, settings.steps * cells[0].stairs, seeds)
    if set(map(os.path.realpath, outputs)) & set(map(os.path.realpath, critics)):
        raise UserError(f"critics: {arguments.critics!r} is the output too")
    return _Job(cells, settings, outputs, checkpoints, critics)


def seeds_and_outputs(arguments: argparse.Namespace) -> tuple[list[int], list[Path]]:
    """The seeds that are asked for, and the file of each. Raises UserError, of the estimator and how to run too."""
    from mine.experiments import parse_seeds

    seeds = parse_seeds(arguments.seed)
    check_threads(arguments.threads)
    if arguments.stack is not None and (isinstance(arguments.stack, str) or arguments.stack < 1):
        raise UserError(f"stack: {arguments.stack!r} is not a whole number of at least 1")
    outputs = outputs_of("output", arguments.output, seeds)
    check_choice("variant", arguments.variant, tuple(ESTIMATORS))
    return seeds, outputs


def made_ready(arguments: argparse.Namespace, outputs: Sequence[Path]) -> torch.device:
    """The device to train on, with torch set up as asked and every output writable. Raises UserError."""
    import torch

    from mine.files import check_writable

    device = choose_device(arguments.device)
    check_tf32(arguments.tf32, device)
    for output in outputs:
        check_writable(output)
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = arguments.tf32
    return device


def _report(line: ProgressLine, job: _Job, truths: list[float], before: int, what: str) -> Callable[[Progress], None]:
    """What shows how far a stack is; before: updates of the stacks before it, what: which runs it has."""

    def report(progress: Progress) -> None:
        estimate = "none live" if math.isnan(progress.mi_batch) else f"in-batch {progress.mi_batch:.2f} nats"
        truth = truths[min((max(progress.step, 1) - 1) // job.settings.steps, len(truths) - 1)]
        line.update(
            before + progress.step,
            f"{what}step {progress.step}/{progress.steps}, {estimate} (truth {truth:.2f}), "
            f"{progress.live} of {progress.runs} live",
        )

    return report


def _write(job: _Job, place: int, result: RunResult, where: dict[str, Any]) -> None:
    """Write the files of the run at one place of a job; where: how it was made, for its metadata."""
    from mine.frozen.critics import write_critics
    from mine.trace import write_trace

    outcome = {"outcome": result.outcome, "overflow_step": result.overflow_step}
    metadata = {"cell": job.cells[place].to_dict(), "settings": job.settings.to_dict(), **outcome, **where}
    if job.critics:
        kept = {step: parameters.cpu().numpy() for step, parameters in result.checkpoints.items()}
        write_critics(job.critics[place], kept, metadata)
    write_trace(job.outputs[place], result.columns, metadata)
    ending = result.outcome if result.overflow_step is None else f"overflow at step {result.overflow_step}"
    print(f"{job.outputs[place]}: {ending}", flush=True)


def _data(arguments: argparse.Namespace) -> tuple[int, tuple[float, ...] | None]:
    """Dimension, and mutual information where the data are given by it. Raises UserError."""
    from mine.experiments import parse_mis

    fixed, mi = FIXED.get(arguments.task), arguments.mi
    if fixed is None:
        check_choice("task", arguments.task, (*TASKS, *FIXED))
        if (mi is None) == (arguments.rho is None):
            raise UserError("rho: give the data by --rho (correlation) or by --mi (nats; several are a staircase)")
        if arguments.dim is None:
            raise UserError(f"dim: missing; task {arguments.task!r} needs it")
        return arguments.dim, parse_mis(mi) if mi is not None else None
    return fixed.dim_x if arguments.dim is None else arguments.dim, None if mi in (None, "own") else parse_mis(mi)


def _words(cell: Cell, seeds: str) -> str:
    data = f"on {cell.task}" if cell.rho is None else f"rho={cell.rho:g}"
    return f"{cell.variant} ({cell.critic}) d={cell.dim} {data} seed {seeds}"


def _stack(device: str, settings: TrainingSettings, cell: Cell) -> int:
    """Runs that train together: on a CPU so many that what an update works on stays in a core's cache."""
    from mine.engine.networks import Layout
    from mine.estimators import build

    if device != "cpu":
        return STACK[device]
    layout = Layout(build(cell.variant, cell.critic, cell.dim, cell.dim, settings).networks)
    # Parameters, gradient and two moments; activations of each layer and of the pass back, of both batches.
    floats = 4 * layout.n_parameters + 2 * settings.batch_size * settings.hidden * (settings.layers + 2)
    return max(STACK[device], IN_CACHE // floats)


def settings_of(arguments: argparse.Namespace) -> TrainingSettings:
    """The training settings on the command line, each setting's default where it is not given."""
    given = given_settings(arguments, TrainingSettings)
    if "epochs" in given and "steps" in given:
        raise UserError(f"epochs: --epochs {given['epochs']} with --steps {given['steps']}; give one of the two")
    return TrainingSettings(**given)


def outputs_of(name: str, template: str, seeds: list[int]) -> list[Path]:
    """A file a seed from an option with ``{seed}``. Raises UserError where two are one."""
    if len(seeds) > 1 and "{seed}" not in template:
        raise UserError(f"{name}: {template!r} is one file for {len(seeds)} seeds; put {{seed}} into its name")
    paths = [Path(template.replace("{seed}", str(seed))) for seed in seeds]
    if len(set(map(os.path.realpath, paths))) < len(seeds):
        raise UserError(f"{name}: {template!r} is one file for several of the {len(seeds)} seeds")
    return paths


def _critics(arguments: argparse.Namespace, steps: int, seeds: list[int]) -> tuple[list[int], list[Path]]:
    """Numbers of updates after which critics are kept, and the files for them; both empty where none are."""
    if arguments.checkpoints is None and arguments.critics is None:
        return [], []
    if arguments.critics is None:
        raise UserError("checkpoints: critics that no file is named for; add --critics FILE")
    if arguments.checkpoints is None:
        raise UserError("critics: a file for critics of no step; add --checkpoints STEPS")

    from mine.frozen.critics import parse_steps

    return parse_steps("checkpoints", arguments.checkpoints, steps), outputs_of("critics", arguments.critics, seeds)
