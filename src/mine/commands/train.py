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
from dataclasses import fields
from pathlib import Path

from mine.commands.options import boolean, check_tf32, integer, made_with, number
from mine.commands.options import device as choose_device
from mine.commands.options import threads as check_threads
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.settings import (
    ACTIVATIONS,
    CRITICS,
    EMA_INITS,
    EPOCH,
    GAUSSIAN,
    LAST_BATCHES,
    OPTIMIZERS,
    PRODUCTS,
    STREAM,
    Cell,
    TrainingSettings,
    check_choice,
    check_size,
)
from mine.tasks import FIXED, TASKS

STACK = {"cpu": 5, "cuda": 4096}
"""Runs that train together by default, by device. A larger stack leaves a CPU core's cache: benchmarks/README.md."""

IN_CACHE = 1_000_000
"""Floats that a stack of 5 of the critics measured there works on; smaller critics share them among more."""

HELP = "train one cell of the grid, one parquet file a seed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for the cell, for every training setting, and for how to run."""
    cell = parser.add_argument_group("the cell")
    cell.add_argument("--variant", required=True, metavar="NAME", help=f"estimator: {', '.join(ESTIMATORS)}")
    cell.add_argument("--dim", type=integer, metavar="D", help="dimension d of X and of Z, at least 1")
    cell.add_argument("--rho", type=number, metavar="R", help="correlation per coordinate, in (-1, 1)")
    cell.add_argument(
        "--critic", metavar="NAME", help=f"{', '.join(CRITICS)} (default: the first that the estimator exists with)"
    )
    cell.add_argument(
        "--task",
        default=GAUSSIAN,
        metavar="NAME",
        help=f"{', '.join(TASKS)}, or a fixed task (default: gaussian)",
    )
    cell.add_argument(
        "--mi",
        metavar="NATS",
        help="mutual information of each stair, in place of --rho: 2,4,6,8,10",
    )
    cell.add_argument("--seed", required=True, metavar="SEEDS", help="a seed, or several: 0-15 or 0,3,7")
    cell.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="parquet file; '{seed}' stands for the seed where there are several",
    )

    saved = parser.add_argument_group("critics to keep")
    saved.add_argument(
        "--checkpoints", metavar="STEPS", help="numbers of updates after which critics are kept: 0,100,1000"
    )
    saved.add_argument(
        "--critics", metavar="FILE", help="npz file for them, read by `mine frozen`; '{seed}' as in --output"
    )

    add_training_options(parser)
    add_running_options(parser)


def add_training_options(parser: argparse.ArgumentParser) -> None:
    """An option for every training setting; ``settings_of`` reads them."""
    default = TrainingSettings()
    training = parser.add_argument_group("training settings")

    def add(name: str, kind, metavar: str, text: str) -> None:
        shown = "none" if getattr(default, name) is None else getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        # Not set unless given: steps and epochs exclude each other.
        absent = argparse.SUPPRESS
        help_text = f"{text} (default: {shown})"
        training.add_argument(option, dest=name, type=kind, default=absent, metavar=metavar, help=help_text)

    add("steps", integer, "N", "updates of the critic")
    add("epochs", integer, "N", "passes over the data set in place of --steps; needs --data N")
    add("batch_size", integer, "K", "joint pairs in a batch, at least 2")
    add("learning_rate", number, "LR", "step size of the optimiser, per update")
    add("optimizer", str, "NAME", " or ".join(OPTIMIZERS))
    add("ema_rate", number, "ALPHA", "alpha in v <- (1 - alpha) v + alpha B_exp, in (0, 1]; 1 remembers one batch")
    add("ema_init", str, "NAME", f"v before the first update: {' or '.join(EMA_INITS)}")
    add("grad_clip", number, "NORM", "largest L2 norm of an applied gradient")
    add("hidden", integer, "UNITS", "units of each hidden layer of the critic")
    add("layers", integer, "N", "hidden layers of the critic")
    add("activation", str, "NAME", f"after each hidden layer: {', '.join(ACTIVATIONS)}")
    add("data", integer, "SOURCE", f"{STREAM} (fresh pairs every step) or the number of pairs drawn once")
    add("last_batch", str, "NAME", f"an epoch's incomplete last batch: {' or '.join(LAST_BATCHES)}")
    add("product", str, "SCHEME", f"how z of a product pair is chosen: {', '.join(PRODUCTS)}")
    add("embedding", integer, "UNITS", "dimension of the space that a separable critic maps x and z into")
    add("smile_tau", number, "TAU", "log of the largest e^T that SMILE lets through")
    add("alpha", number, "ALPHA", "of the alpha-interpolated bound, in [0, 1]; 1 is InfoNCE")
    add("average", number, "DECAY", "of the parameters' moving average, which held-out values are taken at; 0: none")
    add("second_look", boolean, "BOOL", "true: look at each batch again after its update, product pairs chosen anew")
    add("record_every", integer, "N", f"updates that one row stands for, or {EPOCH!r}: those of an epoch")
    add("eval_every", integer, "N", "updates between evaluations on held-out samples and at the population")
    add("term_norms_every", integer, "N", "updates between records of the gradient norms of the two terms")


def add_running_options(parser: argparse.ArgumentParser) -> None:
    """Options for where and how to train."""
    running = parser.add_argument_group("how to run")
    running.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda"), help="auto takes CUDA if there is one"
    )
    running.add_argument(
        "--threads",
        type=integer,
        default=1,
        metavar="N",
        help="CPU threads; results are the same only for the same number (default: 1)",
    )
    running.add_argument(
        "--stack",
        type=integer,
        metavar="N",
        help="how many runs train together; changes the speed and, on a CPU, no result "
        f"(default: {STACK['cpu']} on a CPU, more of small critics, and {STACK['cuda']} on a GPU)",
    )
    running.add_argument(
        "--tf32", action="store_true", help="let a GPU round matrix products to TF32's 10-bit mantissa (default: not)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Check everything; then train stack after stack, and write each stack's files as it is done."""
    from mine.experiments import check_stairs, parse_seeds

    seeds = parse_seeds(arguments.seed)
    check_threads(arguments.threads)
    if arguments.stack is not None and (isinstance(arguments.stack, str) or arguments.stack < 1):
        raise UserError(f"stack: {arguments.stack!r} is not a whole number of at least 1")
    outputs = outputs_of("output", arguments.output, seeds)
    check_choice("variant", arguments.variant, tuple(ESTIMATORS))
    dim, mi = _data(arguments)
    cells = [
        Cell(arguments.variant, dim, arguments.rho, seed, arguments.critic or "", arguments.task, mi) for seed in seeds
    ]
    settings = settings_of(arguments)
    check_size(dim, settings)
    check_stairs(settings, cells[0].stairs)
    updates = settings.steps * cells[0].stairs
    checkpoints, critics = _critics(arguments, updates, seeds)
    if set(map(os.path.realpath, outputs)) & set(map(os.path.realpath, critics)):
        raise UserError(f"critics: {arguments.critics!r} is the output too")

    # Slow to import (2 s), so only once the input is known to be good.
    import torch

    from mine.engine.loop import Progress
    from mine.engine.runs import runs_of, train_runs
    from mine.files import check_writable
    from mine.frozen.critics import write_critics
    from mine.progress import ProgressLine
    from mine.provenance import training_code_hash
    from mine.trace import write_trace

    first_cell = cells[0]
    runs = runs_of(cells)
    device = choose_device(arguments.device)
    check_tf32(arguments.tf32, device)
    for output in outputs + critics:
        check_writable(output)
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = arguments.tf32
    where = {**made_with(arguments, device), "code": training_code_hash(arguments.variant, arguments.task)}

    size = arguments.stack or _stack(device.type, settings, first_cell)
    line = ProgressLine(updates * math.ceil(len(seeds) / size))
    for first in range(0, len(seeds), size):
        stack = slice(first, first + size)
        which = f"runs {first + 1}-{first + len(seeds[stack])} of {len(seeds)}, " if len(seeds) > size else ""

        def report(progress: Progress, first: int = first, which: str = which) -> None:
            estimate = "none live" if math.isnan(progress.mi_batch) else f"in-batch {progress.mi_batch:.2f} nats"
            stair = min((max(progress.step, 1) - 1) // settings.steps, len(runs[0].tasks) - 1)
            line.update(
                first // size * updates + progress.step,
                f"{_words(first_cell, arguments.seed)}: {which}step {progress.step}/{progress.steps}, {estimate} "
                f"(truth {runs[0].tasks[stair].mi:.2f}), {progress.live} of {progress.runs} live",
            )

        results = train_runs(
            arguments.variant,
            first_cell.critic,
            runs[stack],
            settings,
            device=device,
            checkpoints=checkpoints,
            report=report,
        )
        line.close()
        for place, (cell, output, result) in enumerate(zip(cells[stack], outputs[stack], results, strict=True), first):
            outcome = {"outcome": result.outcome, "overflow_step": result.overflow_step}
            metadata = {"cell": cell.to_dict(), "settings": settings.to_dict(), **outcome, **where}
            if critics:
                kept = {step: parameters.cpu().numpy() for step, parameters in result.checkpoints.items()}
                write_critics(critics[place], kept, metadata)
            write_trace(output, result.columns, metadata)
            ending = result.outcome if result.overflow_step is None else f"overflow at step {result.overflow_step}"
            print(f"{output}: {ending}", flush=True)


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
    known = [field.name for field in fields(TrainingSettings)]
    given = {name: getattr(arguments, name) for name in known if hasattr(arguments, name)}
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
