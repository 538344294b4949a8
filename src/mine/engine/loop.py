"""The loop: a stack of runs, from fresh parameters to a trace each.

One loop for every estimator, source of pairs, optimiser and device. Members of a stack share batched products and
nothing else: each has its own random streams, and one that becomes non-finite stops without touching its neighbours.
Between two evaluations the loop only launches work: nothing waits for a value, so a GPU is never idle for the host's
sake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from mine.engine.optimizers import Optimizer
from mine.engine.record import MEASURED
from mine.engine.sources import Source
from mine.engine.stack import Stack
from mine.engine.stopping import Stopping
from mine.estimators.interface import Estimator


@dataclass(frozen=True)
class Progress:
    """Where a stack stands, for a person who waits. Values are of the last finished block.

    step, steps: updates done and planned. live, runs: members still training and all. mi_batch: mean over live
    members of the last batch value, nats.
    """

    step: int
    steps: int
    live: int
    runs: int
    mi_batch: float


@dataclass(frozen=True)
class Watch:
    """What happens beside training; each function is left out where nothing does.

    before: called with (step, stack) before every step. block: called with (steps, record
    (rows, len(MEASURED), S), members' places among all runs, the row at which each ended or None, stack).
    progress: called after every block.
    """

    before: Callable[[int, Stack], None] = lambda step, stack: None
    block: Callable[[range, np.ndarray, Sequence[int], Sequence[int | None], Stack], None] | None = None
    progress: Callable[[Progress], Any] = lambda progress: None


def train(
    estimator: Estimator,
    source: Source,
    stopping: Stopping,
    optimizers: Sequence[Optimizer],
    *,
    grad_clip: float | None = None,
    average: float = 0.0,
    term_norms: Callable[[int], bool] = lambda step: False,
    watch: Watch = Watch(),
) -> Stack:
    """Train one member per optimiser, all of one estimator and as one stack; the stack of those that never ended.

    Args:
        estimator: of every member.
        source: of every member's pairs.
        stopping: when training ends.
        optimizers: one a member, of one kind.
        grad_clip: largest L2 norm of an applied gradient; None does not clip.
        average: decay of the moving average of the parameters that is judged; 0 judges the parameters.
        term_norms: of a step, whether the gradient norms of the two terms are measured.
        watch: what happens beside training; without ``block`` nothing is measured, and only a gradient ends a member.

    A member's result does not depend on its neighbours: on one CPU thread it is bitwise the same in any stack.
    """
    how = {"grad_clip": grad_clip, "average": average, "measures": watch.block is not None}
    stack = Stack.fresh(estimator, optimizers[0], source.starts(), **how)
    device, places, done = stack.parameters.device, list(range(len(optimizers))), 0
    optimizers, runs = list(optimizers), len(optimizers)
    replays: dict[int, Callable[[], None]] = {}

    while places:
        if stopping.over(done, stack.judged, stack.live):
            break
        steps = range(done + 1, done + 1 + stopping.next_block(done))
        batch = source.take(len(steps))
        rates = torch.tensor([[one.rates(step) for step in steps] for one in optimizers], device=device)
        rates = rates.permute(1, 2, 0)[..., None].contiguous()
        record = torch.empty(len(steps), len(MEASURED), len(places), device=device)
        for row, step in enumerate(steps):
            watch.before(step, stack)
            size = batch.sizes[row]
            z_product = None if batch.z_product is None else batch.z_product[:, row, :size]
            stack.load(batch.x[:, row, :size], batch.z[:, row, :size], z_product)
            stack.rates.copy_(rates[row])
            if step == 1:
                stack.start(size)
            if step > stopping.planned:
                stack.look(size)
            elif term_norms(step) or not estimator.closed_form or average:
                stack.update(size, step, term_norms(step))
            elif size not in replays:
                update = partial(stack.update, size, step)
                update()
                replays[size] = replayable(update, device)
            else:
                replays[size]()
            record[row] = stack.measured
            if batch.z_again is not None and step <= stopping.planned:
                stack.load(batch.x[:, row, :size], batch.z[:, row, :size], batch.z_again[:, row, :size])
                record[row, MEASURED.index("mi_again")] = stack.value(size)
        done = steps[-1]

        if watch.block is not None:
            seen = record.cpu().numpy()
            ended = first_non_finite(seen, done > stopping.planned)
            watch.block(steps, seen, places, ended, stack)
            live = [place for place, row in enumerate(ended) if row is None]
            latest = float(np.mean(seen[-1, MEASURED.index("mi_batch"), live])) if live else np.nan
            watch.progress(Progress(min(done, stopping.planned), stopping.planned, len(live), runs, latest))
            if len(live) < len(places):
                places = [places[index] for index in live]
                optimizers = [optimizers[index] for index in live]
                source.keep(live)
                stack, replays = stack.survivors(live), {}
    return stack


def replayable(update: Callable[[], None], device: torch.device | str) -> Callable[[], None]:
    """``update`` itself on a CPU; on a CUDA device a graph of its kernels, which the host launches in one call.

    ``update`` must have run before, so that libraries have set themselves up. Capturing runs nothing.
    """
    if torch.device(device).type != "cuda":
        return update
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        update()
    return lambda: graph.replay()


def first_non_finite(block: np.ndarray, ends_with_look: bool) -> list[int | None]:
    """Of each member, index of the first row whose batch value or applied gradient is not finite.

    block: (rows, len(MEASURED), S). ends_with_look: whether its last row is a look, which has no gradient.
    """
    finite = np.isfinite(block[:, MEASURED.index("mi_batch")])
    updates = len(block) - ends_with_look
    finite[:updates] &= np.isfinite(block[:updates, MEASURED.index("grad_norm")])
    ended = np.where(finite.all(0), -1, finite.argmin(0)).tolist()
    return [None if index < 0 else index for index in ended]
