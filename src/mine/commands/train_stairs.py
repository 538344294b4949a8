"""The part of ``mine train`` that trains estimators on tasks of known mutual information. No command of its own."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mine.commands.options import check_tf32, made_with
from mine.commands.options import device as choose_device
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.estimators.planning import StairsCell, parse_mis
from mine.estimators.settings import EstimatorSettings, check_choice
from mine.settings import check_rho

STACK = 5
"""Runs that train together by default: more leave a core's cache, and held-out scores of all are kept at once."""


def run(
    arguments: argparse.Namespace,
    seeds: Sequence[int],
    outputs: Sequence[Path],
    given: dict[str, Any],
) -> None:
    """Check everything; then train stack after stack, and write each stack's files as it is done.

    Args:
        arguments: of ``mine train``.
        seeds: distinct.
        outputs: a file a seed.
        given: the settings on the command line.

    Raises:
        UserError: a value out of range, or an output that cannot be written.
    """
    settings = EstimatorSettings(**given)
    check_choice("variant", arguments.variant, tuple(ESTIMATORS))
    critic = arguments.critic or ESTIMATORS[arguments.variant].critics[0]
    task = arguments.task or "gaussian"
    cells = [StairsCell(critic, arguments.variant, task, arguments.dim, seed) for seed in seeds]
    if arguments.checkpoints is not None or arguments.critics is not None:
        raise UserError("checkpoints: only MINE's objectives keep critics; leave --checkpoints and --critics out")
    if (arguments.mi is None) == (arguments.rho is None):
        raise UserError("mi: give the truth by --mi (nats) or by --rho (of Gaussian data), one of the two")
    if arguments.rho is not None and task != "gaussian":
        raise UserError(f"rho: task {task!r} is given by its mutual information; use --mi")
    if arguments.rho is not None:
        check_rho(arguments.rho)
        if arguments.rho < 0.0:
            # A task is made from its mutual information, which does not know the sign: the data would have rho > 0.
            raise UserError(
                f"rho: {arguments.rho!r} is not a number in [0, 1), the correlations that estimators are trained on; "
                f"{-arguments.rho!r} has the same mutual information"
            )

    # Slow to import (2 s), so only once the input is known to be good.
    import torch

    from mine.estimators.provenance import stairs_code_hash
    from mine.estimators.training import StairsProgress, train_stairs
    from mine.files import check_writable
    from mine.gaussian import mutual_information
    from mine.progress import ProgressLine
    from mine.tasks import make_task
    from mine.trace import write_trace

    mis = parse_mis(arguments.mi) if arguments.mi else [mutual_information(arguments.dim, arguments.rho)]
    for mi in mis:
        make_task(task, arguments.dim, mi)
    device = choose_device(arguments.device)
    check_tf32(arguments.tf32, device)
    for output in outputs:
        check_writable(output)
    torch.set_num_threads(arguments.threads)
    torch.backends.cuda.matmul.allow_tf32 = arguments.tf32
    where = {**made_with(arguments, device), "code": stairs_code_hash(arguments.variant, task)}

    size = arguments.stack or STACK
    steps = settings.steps * len(mis)
    line = ProgressLine(steps * math.ceil(len(seeds) / size))
    for first in range(0, len(seeds), size):
        stack = slice(first, first + size)

        def report(progress: StairsProgress, first: int = first) -> None:
            estimate = "none live" if math.isnan(progress.mi_batch) else f"in-batch {progress.mi_batch:.2f} nats"
            line.update(
                first // size * steps + progress.step,
                f"{arguments.variant} ({critic}) on {task} d={arguments.dim} seed {arguments.seed}: "
                f"step {progress.step}/{progress.steps}, {estimate} (truth {progress.mi_true:.2f}), "
                f"{progress.live} of {progress.runs} live",
            )

        results = train_stairs(
            arguments.variant, critic, task, arguments.dim, mis, seeds[stack], settings, device=device, report=report
        )
        line.close()
        for cell, output, result in zip(cells[stack], outputs[stack], results, strict=True):
            metadata = {
                "cell": cell.__dict__,
                "mi": mis,
                "settings": settings.to_dict(),
                "outcome": result.outcome,
                "overflow_step": result.overflow_step,
                **where,
            }
            write_trace(output, result.columns, metadata)
            ending = result.outcome if result.overflow_step is None else f"overflow at step {result.overflow_step}"
            print(f"{output}: {ending}", flush=True)
