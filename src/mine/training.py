"""Training: a stack of runs of one cell, from fresh critics to a trace each.

One loop for every objective, optimiser and device. Members of a stack share batched products and nothing else: each
has its own random streams, and one that becomes non-finite stops without touching its neighbours. Between two
evaluations the loop only launches work: nothing waits for a value, so a GPU is never idle for the host's sake.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mine import objectives, optimizers
from mine.batches import Batches
from mine.critic import Architecture, Layers, Passes, critic, initial_parameters, layers_of, matrices
from mine.evaluation import AT_ONCE, Evaluation, evaluate
from mine.gaussian import mutual_information
from mine.seeding import Stream, generator
from mine.settings import TrainingSettings
from mine.trace import COLUMNS

BLOCK = 50
"""Steps whose random numbers are drawn at once (so results depend on it); after them, ended members leave the stack."""

_MEASURED = (
    "joint_mean",
    "log_mean_exp",
    "mi_batch",
    "log_ema",
    "product_max",
    "grad_norm",
    "grad_norm_joint",
    "grad_norm_product",
)


@dataclass(frozen=True)
class Progress:
    """Where a stack stands, for a person who waits. Values are of the last finished block.

    step, steps: updates done and planned. live, runs: members still training and all. mi_batch: mean over live
    members of the last Donsker-Varadhan batch value, nats.
    """

    step: int
    steps: int
    live: int
    runs: int
    mi_batch: float
    mi_true: float


@dataclass
class RunResult:
    """One trained run. columns: every column of mine.trace.COLUMNS to a masked array with one value a row.

    overflow_step: step of the row that became non-finite, None for a run that took all its updates.
    parameters: (P,), the critic that training ended with; of a run that overflowed, the last finite one.
    checkpoints: number of updates to (P,), the critic after so many, where it was asked for and the run got there.
    """

    seed: int
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None
    parameters: Tensor
    checkpoints: dict[int, Tensor]

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"


@dataclass
class _Member:
    """One run while it trains."""

    seed: int
    rows: list[np.ndarray] = field(default_factory=list)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)
    checkpoints: dict[int, Tensor] = field(default_factory=dict)


class _Stack:
    """Critics that train together, S of them, and one update of all: every tensor's first axis is the member.

    An update reads ``pairs`` (S, 2k, 2d; joint pairs first, then product pairs) and ``rates`` (the optimiser's two
    numbers of this step), changes the rest in place, and leaves what it saw in ``measured`` (S-vectors in the order
    of _MEASURED). It does the same operations on the same memory every time, so a GPU can replay it.
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
        n, members = 2 * settings.batch_size, len(parameters)
        self.parameters = parameters
        self.live = torch.ones(members, dtype=torch.bool, device=parameters.device)
        self.pairs = matrices(parameters, n, 2 * architecture.dim)
        self.rates = parameters.new_zeros(2)
        self.measured = parameters.new_zeros(len(_MEASURED), members)
        self.optimizer_state = optimizer.init(parameters)
        self._passes = Passes(parameters, n, architecture)
        self._squared = torch.empty_like(parameters)
        # What T of each pair weighs in the ascended gradient: 1/k on joint pairs, the objective's say on product pairs.
        self._weights = parameters.new_full((members, n), 1.0 / settings.batch_size)
        self._not_measured = parameters.new_full((members,), torch.nan)

    def start(self) -> None:
        """Set the objective's state from the first batch."""
        _, product = self._scores()
        self.objective_state = self._objective.init(product)

    def update(self, term_norms: bool = False) -> None:
        """One step of gradient ascent. term_norms: measure the gradients of the objective's two terms as well."""
        value, measured = self._look()
        k = self._settings.batch_size
        torch.neg(value.product_weights, out=self._weights[:, k:])
        if term_norms:
            for name, other_half in (("grad_norm_joint", slice(k, None)), ("grad_norm_product", slice(None, k))):
                of_term = self._weights.clone()
                of_term[:, other_half] = 0.0
                measured[name] = self._norm(self._passes.backward(of_term))

        gradient = self._passes.backward(self._weights)
        norm = self._norm(gradient)
        if self._settings.grad_clip is not None:
            gradient *= (self._settings.grad_clip / norm).clamp(max=1.0)[:, None]
            norm = self._norm(gradient)
        measured["grad_norm"] = norm

        # Zero times a number that is not finite is nan, which equals nothing. A float32 norm is finite only where
        # every squared entry is, and such a gradient cannot make a parameter non-finite; so a member stays at its
        # last finite parameters once it has ended.
        self.live &= value.mi_batch * 0.0 == norm * 0.0
        ascent = self._optimizer.ascent(gradient, self._squared, self.optimizer_state, self.rates)
        self.parameters += torch.where(self.live[:, None], ascent, 0.0)
        self._keep(measured)

    def look(self) -> None:
        """Measure the critics as they are on ``pairs``, without an update."""
        value, measured = self._look()
        self.live &= value.mi_batch.isfinite()
        self._keep(measured)

    def survivors(self, places: list[int]) -> _Stack:
        """A stack of the members at these places."""
        stack = _Stack(self.parameters[places], self._architecture, self._objective, self._optimizer, self._settings)
        stack.optimizer_state = tuple(tensor[places] for tensor in self.optimizer_state)
        stack.objective_state = tuple(tensor[places] for tensor in self.objective_state)
        return stack

    def _scores(self) -> tuple[Tensor, ...]:
        """T on the joint and on the product pairs, each (S, k)."""
        return self._passes.forward(self.pairs).split(self._settings.batch_size, dim=1)

    def _look(self) -> tuple[objectives.BatchValue, dict[str, Tensor]]:
        joint, product = self._scores()
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
        torch.stack([measured.get(name, self._not_measured) for name in _MEASURED], out=self.measured)


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
    architecture = Architecture(dim, settings.hidden, settings.layers, settings.activation)
    objective = objectives.REGISTRY[variant](settings)
    optimizer = optimizers.REGISTRY[settings.optimizer](settings)
    members = [_Member(seed) for seed in seeds]
    batches = Batches(dim, rho, seeds, settings, device)
    sources = [generator(seed, dim, rho, Stream.INITIALISATION, device) for seed in seeds]
    stack = _Stack(initial_parameters(architecture, sources), architecture, objective, optimizer, settings)
    replay: Callable[[], None] | None = None
    results: dict[int, RunResult] = {}

    def judge(places: Sequence[int], step: int) -> None:
        at_once = AT_ONCE[torch.device(device).type]
        for first in range(0, len(places), at_once):
            some = list(places[first : first + at_once])
            layers = layers_of(stack.parameters[some], architecture)

            def scores(x: Tensor, z: Tensor, layers: Layers = layers) -> Tensor:
                return critic(layers, torch.cat([x, z], 2), architecture)

            evaluations = evaluate(scores, dim, rho, [members[place].seed for place in some], device)
            for place, evaluation in zip(some, evaluations, strict=True):
                members[place].evaluations[step] = evaluation

    last_row = settings.steps + 1
    for first in range(1, last_row + 1, BLOCK):
        steps = range(first, min(first + BLOCK, last_row + 1))
        x, z, z_product = batches.take(BLOCK)
        pairs = torch.cat([torch.cat([x, z], 3), torch.cat([x, z_product], 3)], 2)
        rates = torch.tensor([optimizer.rates(step) for step in steps], device=device)
        record = torch.empty(len(steps), len(_MEASURED), len(members), device=device)

        for row, step in enumerate(steps):
            if (step - 1) % settings.eval_every == 0 or step == last_row:
                judge(stack.live.nonzero().flatten().tolist(), step)
            if step - 1 in checkpoints:
                for place in stack.live.nonzero().flatten().tolist():
                    members[place].checkpoints[step - 1] = stack.parameters[place].clone()

            stack.pairs.copy_(pairs[:, row])
            stack.rates.copy_(rates[row])
            if step == 1:
                stack.start()
            if step == last_row:
                stack.look()
            elif (step - 1) % settings.term_norms_every == 0:
                stack.update(term_norms=True)
            elif replay is None:
                stack.update()
                replay = replayable(stack.update, device)
            else:
                replay()
            record[row] = stack.measured

        block = record.cpu().numpy()
        live = []
        for place, (member, ended) in enumerate(zip(members, _first_non_finite(block, steps, last_row), strict=True)):
            member.rows.append(block[: None if ended is None else ended + 1, :, place])
            if ended is None:
                live.append(place)
            else:
                judge([place], steps[ended])
            if ended is not None or steps[-1] == last_row:
                overflow_step = None if ended is None else steps[ended]
                columns = _columns(member, dim, rho, settings)
                results[member.seed] = RunResult(
                    member.seed, columns, overflow_step, stack.parameters[place].clone(), member.checkpoints
                )
        report(
            Progress(
                step=min(steps[-1], settings.steps),
                steps=settings.steps,
                live=len(live),
                runs=len(seeds),
                mi_batch=float(np.mean(block[-1, _MEASURED.index("mi_batch"), live])) if live else np.nan,
                mi_true=mutual_information(dim, rho),
            )
        )
        if not live:
            break
        if len(live) < len(members):
            members = [members[place] for place in live]
            batches.keep(live)
            stack, replay = stack.survivors(live), None

    return [results[seed] for seed in seeds]


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

    block: (rows, len(_MEASURED), S), a row for each of ``steps``; the last row of all has no gradient.
    """
    finite = np.isfinite(block[:, _MEASURED.index("mi_batch")])
    finite &= np.isfinite(block[:, _MEASURED.index("grad_norm")]) | (np.asarray(steps) == last_row)[:, None]
    ended = np.where(finite.all(0), -1, finite.argmin(0)).tolist()
    return [None if index < 0 else index for index in ended]


def _columns(member: _Member, dim: int, rho: float, settings: TrainingSettings) -> dict[str, np.ma.MaskedArray]:
    """A run's rows and evaluations as the columns of the trace contract, nulls masked."""
    rows = np.concatenate(member.rows)
    step = np.arange(1, len(rows) + 1)
    has_update = step <= settings.steps
    has_term_norms = has_update & ((step - 1) % settings.term_norms_every == 0)
    measured_where = dict.fromkeys(_MEASURED, np.ones(len(rows), dtype=bool))
    measured_where["grad_norm"] = has_update
    # An objective without a moving average leaves its column as it was filled: all NaN.
    measured_where["log_ema"] = has_update & ~np.isnan(rows[:, _MEASURED.index("log_ema")]).all()
    measured_where["grad_norm_joint"] = measured_where["grad_norm_product"] = has_term_norms

    columns = {
        name: np.ma.MaskedArray(rows[:, index], mask=~measured_where[name]) for index, name in enumerate(_MEASURED)
    }
    columns["seed"] = np.ma.MaskedArray(np.full(len(rows), member.seed))
    columns["step"] = np.ma.MaskedArray(step)
    columns["mi_true"] = np.ma.MaskedArray(np.full(len(rows), mutual_information(dim, rho)))
    for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
        column = np.ma.masked_all(len(rows), dtype=np.float64)
        for at, evaluation in member.evaluations.items():
            column[at - 1] = getattr(evaluation, name)
        columns[name] = column
    return {name: columns[name] for name in COLUMNS}
