"""Training: a stack of runs of one cell, from fresh critics to a trace each.

One loop for every objective, optimiser and device. Members of a stack share batched products and nothing else: each
has its own random streams, and one that becomes non-finite stops without touching its neighbours. Between two
evaluations the loop only launches work: nothing waits for a value, so a GPU is never idle for the host's sake.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mine import objectives, optimizers
from mine.critic import Architecture, Layers, Passes, critic, initial_parameters, layers_of, matrices
from mine.evaluation import AT_ONCE, Evaluation, evaluate
from mine.gaussian import mutual_information
from mine.recorder import MEASURED, OF_WINDOWS, Recorder, Windows
from mine.seeding import Stream, generator
from mine.settings import TrainingSettings
from mine.sources import source_of
from mine.trace import COLUMNS

BLOCK = 50
"""Steps whose random numbers are drawn at once (so results depend on it); after them, ended members leave the stack."""


@dataclass(frozen=True)
class Progress:
    """Where a stack stands, for a person who waits. Values are of the last finished block.

    step, steps: updates done and planned. live, runs: members still training and all. mi_batch: mean over live
    members of the last Donsker-Varadhan batch value, nats. mi_true: mean over members, nats.
    """

    step: int
    steps: int
    live: int
    runs: int
    mi_batch: float
    mi_true: float


@dataclass(frozen=True)
class Run:
    """One member of a stack: what may differ between members that train together.

    learning_rate: in place of the settings', None for theirs.
    """

    seed: int
    rho: float
    learning_rate: float | None = None


@dataclass
class RunResult:
    """One trained run. columns: every column of mine.trace.COLUMNS to a masked array with one value a row.

    run: which one. overflow_step: step of the row that became non-finite, None for a run that took all its updates.
    parameters: (P,), the critic that training ended with; of a run that overflowed, the last finite one.
    checkpoints: number of updates to (P,), the critic after so many, where it was asked for and the run got there.
    """

    run: Run
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None
    parameters: Tensor
    checkpoints: dict[int, Tensor]

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.run.seed

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"


@dataclass
class _Member:
    """One run while it trains. place: its place in the order in which runs were asked for."""

    place: int
    run: Run
    recorder: Recorder
    evaluations: dict[int, Evaluation] = field(default_factory=dict)
    checkpoints: dict[int, Tensor] = field(default_factory=dict)


class _Memory:
    """What an update of S critics on batches of k pairs reads and writes, set aside once.

    pairs: (S, 2k, 2d), joint pairs first, then product pairs. weights: (S, 2k), what T of each pair weighs in the
    ascended gradient: 1/k on joint pairs, the objective's say on product pairs.
    """

    def __init__(self, parameters: Tensor, k: int, architecture: Architecture) -> None:
        self.k = k
        self.pairs = matrices(parameters, 2 * k, 2 * architecture.dim)
        self.passes = Passes(parameters, 2 * k, architecture)
        self.weights = parameters.new_full((len(parameters), 2 * k), 1.0 / k)


class _Stack:
    """Critics that train together, S of them, and one update of all: every tensor's first axis is the member.

    An update reads the ``pairs`` of the memory for its batch size and ``rates`` (the optimiser's numbers of this step
    for each member, (3, S, 1)), changes the rest in place, and leaves what it saw in ``measured`` (S-vectors in the
    order of MEASURED). It does the same operations on the same memory every time, so a GPU can replay it.
    """

    def __init__(
        self,
        parameters: Tensor,
        architecture: Architecture,
        objective: objectives.Objective,
        optimizer: optimizers.Optimizer,
        settings: TrainingSettings,
    ) -> None:
        self._architecture, self._settings = architecture, settings
        self._objective, self._optimizer = objective, optimizer
        members = len(parameters)
        self.parameters = parameters
        self.live = torch.ones(members, dtype=torch.bool, device=parameters.device)
        sizes = {settings.batch_size, settings.short_batch} - {0}
        self.memory = {size: _Memory(parameters, size, architecture) for size in sizes}
        self.rates = parameters.new_zeros(3, members, 1)
        self.measured = parameters.new_zeros(len(MEASURED), members)
        self.optimizer_state = optimizer.init(parameters)
        self._squared = torch.empty_like(parameters)
        self._not_measured = parameters.new_full((members,), torch.nan)

    def start(self, size: int) -> None:
        """Set the objective's state from the first batch, of ``size`` pairs."""
        _, product = self._scores(self.memory[size])
        self.objective_state = self._objective.init(product)

    def update(self, size: int, term_norms: bool = False) -> None:
        """One step of gradient ascent on batches of ``size`` pairs. term_norms: measure both terms' gradients too."""
        memory = self.memory[size]
        value, measured = self._look(memory)
        torch.neg(value.product_weights, out=memory.weights[:, size:])
        if term_norms:
            for name, other_half in (("grad_norm_joint", slice(size, None)), ("grad_norm_product", slice(None, size))):
                of_term = memory.weights.clone()
                of_term[:, other_half] = 0.0
                measured[name] = self._norm(memory.passes.backward(of_term))

        gradient = memory.passes.backward(memory.weights)
        norm = self._norm(gradient)
        if self._settings.grad_clip is not None:
            measured["grad_norm_unclipped"] = norm
            gradient *= (self._settings.grad_clip / norm).clamp(max=1.0)[:, None]
            norm = self._norm(gradient)
        measured["grad_norm"] = norm

        # Zero times a number that is not finite is nan, which equals nothing. A float32 norm is finite only where
        # every squared entry is, and such a gradient cannot make a parameter non-finite; so a member stays at its
        # last finite parameters once it has ended.
        self.live &= value.mi_batch * 0.0 == norm * 0.0
        ascent = self._optimizer.ascent(gradient, self._squared, self.optimizer_state, self.rates)
        if self._optimizer.weight_decay:
            ascent = ascent - self.rates[2] * self.parameters
        self.parameters += torch.where(self.live[:, None], ascent, 0.0)
        self._keep(measured)

    def look(self, size: int) -> None:
        """Measure the critics as they are on batches of ``size`` pairs, without an update."""
        value, measured = self._look(self.memory[size])
        self.live &= value.mi_batch.isfinite()
        self._keep(measured)

    def survivors(self, places: list[int]) -> _Stack:
        """A stack of the members at these places."""
        stack = _Stack(self.parameters[places], self._architecture, self._objective, self._optimizer, self._settings)
        stack.optimizer_state = tuple(tensor[places] for tensor in self.optimizer_state)
        stack.objective_state = tuple(tensor[places] for tensor in self.objective_state)
        return stack

    def _scores(self, memory: _Memory) -> tuple[Tensor, ...]:
        """T on the joint and on the product pairs, each (S, k)."""
        return memory.passes.forward(memory.pairs).split(memory.k, dim=1)

    def _look(self, memory: _Memory) -> tuple[objectives.BatchValue, dict[str, Tensor]]:
        joint, product = self._scores(memory)
        value, state = self._objective(joint, product, self.objective_state)
        for old, new in zip(self.objective_state, state, strict=True):
            old.copy_(new)
        measured = {
            "joint_mean": value.joint_mean,
            "log_mean_exp": value.log_mean_exp,
            "mi_batch": value.mi_batch,
            "product_max": product.amax(1),
        }
        if value.log_ema is not None:
            measured["log_ema"] = value.log_ema
        return value, measured

    def _norm(self, gradient: Tensor) -> Tensor:
        """L2 norm of each member's gradient, (S,); leaves the squares in memory, where the optimiser finds them."""
        return torch.mul(gradient, gradient, out=self._squared).sum(1).sqrt()

    def _keep(self, measured: dict[str, Tensor]) -> None:
        torch.stack([measured.get(name, self._not_measured) for name in MEASURED], out=self.measured)


def train(
    variant: str,
    dim: int,
    rho: float,
    seeds: Sequence[int],
    settings: TrainingSettings,
    *,
    device: torch.device | str = "cpu",
    checkpoints: Collection[int] = (),
    report: Callable[[Progress], Any] = lambda progress: None,
) -> list[RunResult]:
    """Train one critic per seed, all of the same cell and as one stack, and give back each run's trace.

    variant: a name of objectives.REGISTRY. seeds: at least one, distinct. checkpoints: numbers of updates after which
    the critics are kept. report: called after every block of steps.
    A member's result does not depend on its neighbours: on one CPU thread it is bitwise the same in any stack.
    """
    runs = [Run(seed, rho) for seed in seeds]
    return train_runs(variant, dim, runs, settings, device=device, checkpoints=checkpoints, report=report)


def train_runs(
    variant: str,
    dim: int,
    runs: Sequence[Run],
    settings: TrainingSettings,
    *,
    device: torch.device | str = "cpu",
    checkpoints: Collection[int] = (),
    judged: bool = True,
    report: Callable[[Progress], Any] = lambda progress: None,
) -> list[RunResult]:
    """``train`` for runs that share variant, d and shapes, and may differ in rho and learning rate.

    judged: look at the critics with held-out and population samples; without, those columns are null.
    """
    architecture = Architecture(dim, settings.hidden, settings.layers, settings.activation)
    objective = objectives.REGISTRY[variant](settings)
    rates_of = {
        run.learning_rate: optimizers.REGISTRY[settings.optimizer](
            settings if run.learning_rate is None else replace(settings, learning_rate=run.learning_rate)
        )
        for run in runs
    }
    windows = Windows(settings.steps, settings.window)
    members = [_Member(place, run, Recorder(windows)) for place, run in enumerate(runs)]
    source = source_of(dim, [run.rho for run in runs], [run.seed for run in runs], settings, device)
    starts = [generator(run.seed, dim, run.rho, Stream.INITIALISATION, device) for run in runs]
    optimizer = rates_of[runs[0].learning_rate]
    stack = _Stack(initial_parameters(architecture, starts), architecture, objective, optimizer, settings)
    replays: dict[int, Callable[[], None]] = {}
    results: dict[int, RunResult] = {}

    def judge(places: Sequence[int], step: int) -> None:
        if not judged:
            return
        at_once = AT_ONCE[torch.device(device).type]
        by_rho = sorted(places, key=lambda place: members[place].run.rho)
        for rho, of_rho in groupby(by_rho, key=lambda place: members[place].run.rho):
            same = list(of_rho)
            for some in (same[at : at + at_once] for at in range(0, len(same), at_once)):
                layers = layers_of(stack.parameters[some], architecture)

                def scores(x: Tensor, z: Tensor, layers: Layers = layers) -> Tensor:
                    return critic(layers, torch.cat([x, z], 2), architecture)

                evaluations = evaluate(scores, dim, rho, [members[place].run.seed for place in some], device)
                for place, evaluation in zip(some, evaluations, strict=True):
                    members[place].evaluations[step] = evaluation

    last_row = settings.steps + 1
    for first in range(1, last_row + 1, BLOCK):
        steps = range(first, min(first + BLOCK, last_row + 1))
        batch = source.take(BLOCK)
        joint, product = torch.cat([batch.x, batch.z], 3), torch.cat([batch.x, batch.z_product], 3)
        of_rate = {rate: [ascent.rates(step) for step in steps] for rate, ascent in rates_of.items()}
        rates = torch.tensor([of_rate[member.run.learning_rate] for member in members], device=device)
        rates = rates.permute(1, 2, 0)[..., None].contiguous()
        record = torch.empty(len(steps), len(MEASURED), len(members), device=device)

        for row, step in enumerate(steps):
            if step == last_row or windows.due(step, settings.eval_every):
                judge(stack.live.nonzero().flatten().tolist(), step)
            if step - 1 in checkpoints:
                for place in stack.live.nonzero().flatten().tolist():
                    members[place].checkpoints[step - 1] = stack.parameters[place].clone()

            size = batch.sizes[row]
            stack.memory[size].pairs[:, :size].copy_(joint[:, row, :size])
            stack.memory[size].pairs[:, size:].copy_(product[:, row, :size])
            stack.rates.copy_(rates[row])
            if step == 1:
                stack.start(size)
            if step == last_row:
                stack.look(size)
            elif windows.due(step, settings.term_norms_every):
                stack.update(size, term_norms=True)
            elif size not in replays:
                update = partial(stack.update, size)
                update()
                replays[size] = replayable(update, device)
            else:
                replays[size]()
            record[row] = stack.measured

        block = record.cpu().numpy()
        live = []
        for place, (member, ended) in enumerate(zip(members, _first_non_finite(block, steps, last_row), strict=True)):
            over = ended is not None or steps[-1] == last_row
            member.recorder.add(block[: None if ended is None else ended + 1, :, place], over)
            if ended is None:
                live.append(place)
            else:
                judge([place], steps[ended])
            if over:
                overflow_step = None if ended is None else steps[ended]
                columns = _columns(member, dim, settings, windows, overflow_step or last_row)
                results[member.place] = RunResult(
                    member.run, columns, overflow_step, stack.parameters[place].clone(), member.checkpoints
                )
        report(
            Progress(
                step=min(steps[-1], settings.steps),
                steps=settings.steps,
                live=len(live),
                runs=len(runs),
                mi_batch=float(np.mean(block[-1, MEASURED.index("mi_batch"), live])) if live else np.nan,
                mi_true=float(np.mean([mutual_information(dim, run.rho) for run in runs])),
            )
        )
        if not live:
            break
        if len(live) < len(members):
            members = [members[place] for place in live]
            source.keep(live)
            stack, replays = stack.survivors(live), {}

    return [results[place] for place in range(len(runs))]


def replayable(update: Callable[[], None], device: torch.device | str) -> Callable[[], None]:
    """``update`` itself on a CPU; on a CUDA device a graph of its kernels, which the host launches in one call.

    ``update`` must have run before, so that libraries have set themselves up. Capturing runs nothing.
    """
    if torch.device(device).type != "cuda":
        return update
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        update()
    return graph.replay


def _first_non_finite(block: np.ndarray, steps: range, last_row: int) -> list[int | None]:
    """Of each member, index of the first row whose batch value or applied gradient is not finite.

    block: (rows, len(MEASURED), S), a row for each of ``steps``; the last row of all has no gradient.
    """
    finite = np.isfinite(block[:, MEASURED.index("mi_batch")])
    finite &= np.isfinite(block[:, MEASURED.index("grad_norm")]) | (np.asarray(steps) == last_row)[:, None]
    ended = np.where(finite.all(0), -1, finite.argmin(0)).tolist()
    return [None if index < 0 else index for index in ended]


def _columns(
    member: _Member, dim: int, settings: TrainingSettings, windows: Windows, last: int
) -> dict[str, np.ma.MaskedArray]:
    """A run's rows and evaluations as the columns of the trace contract, nulls masked. last: step of the last row."""
    rows, of_windows = member.recorder.rows()
    step = windows.ends(last)
    has_update = step <= settings.steps
    # An objective without a moving average leaves its column as it was filled: all NaN.
    has_ema = has_update & ~np.isnan(rows[:, MEASURED.index("log_ema")]).all()
    has_term_norms = np.array([windows.due(at, settings.term_norms_every) for at in step.tolist()])
    always = np.ones(len(rows), dtype=bool)
    where = dict.fromkeys((*MEASURED, *OF_WINDOWS), has_update) | {
        **dict.fromkeys(("joint_mean", "log_mean_exp", "mi_batch", "product_max"), always),
        **dict.fromkeys(("log_ema", "mi_ema_mean"), has_ema),
        **dict.fromkeys(("grad_norm_joint", "grad_norm_product"), has_term_norms),
        "grad_norm_unclipped": has_update & (settings.grad_clip is not None),
    }
    columns = {name: np.ma.MaskedArray(rows[:, index], mask=~where[name]) for index, name in enumerate(MEASURED)}
    for name in OF_WINDOWS:
        one_update = windows.width == 1
        values = np.full(len(rows), np.nan) if one_update else of_windows[name]
        columns[name] = np.ma.MaskedArray(values, mask=one_update | ~where[name])
    columns["seed"] = np.ma.MaskedArray(np.full(len(rows), member.run.seed))
    columns["step"] = np.ma.MaskedArray(step)
    per_epoch = settings.batches_per_epoch
    epoch = (step - 1) // (per_epoch or 1) + 1
    columns["epoch"] = np.ma.MaskedArray(epoch, mask=(per_epoch is None) | ~has_update)
    columns["mi_true"] = np.ma.MaskedArray(np.full(len(rows), mutual_information(dim, member.run.rho)))
    for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
        column = np.ma.masked_all(len(rows), dtype=np.float64)
        for at, evaluation in member.evaluations.items():
            column[np.searchsorted(step, at)] = getattr(evaluation, name)
        columns[name] = column
    return {name: columns[name] for name in COLUMNS}
