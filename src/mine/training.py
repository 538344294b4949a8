"""Training: a stack of runs of one cell, from fresh critics to a trace each.

One loop for every objective, optimiser and device. Members of a stack share batched products and nothing else: each
has its own random streams, and one that becomes non-finite stops without touching its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mine import objectives, optimizers
from mine.batches import Batches
from mine.critic import Architecture, critic, initial_parameters, layers_of
from mine.evaluation import Evaluation, evaluate
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
    """

    seed: int
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None
    parameters: Tensor

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"


@dataclass
class _Member:
    """One run while it trains."""

    seed: int
    batches: Batches
    rows: list[np.ndarray] = field(default_factory=list)
    evaluations: dict[int, Evaluation] = field(default_factory=dict)


def train(
    variant: str,
    dim: int,
    rho: float,
    seeds: Sequence[int],
    settings: TrainingSettings,
    *,
    device: torch.device | str = "cpu",
    report: Callable[[Progress], Any] = lambda progress: None,
) -> list[RunResult]:
    """Train one critic per seed, all of the same cell, and give back each run's trace.

    variant: a name of objectives.REGISTRY. seeds: at least one, distinct. report: called after every block of steps.
    A member's result does not depend on its neighbours: on one CPU thread it is bitwise the same in any stack.
    """
    architecture = Architecture(dim, settings.hidden, settings.layers, settings.activation)
    objective = objectives.REGISTRY[variant](settings)
    optimizer = optimizers.REGISTRY[settings.optimizer](settings)
    members = [_Member(seed, Batches(dim, rho, seed, settings, device)) for seed in seeds]
    results: dict[int, RunResult] = {}

    stack = _padded(members)
    parameters = initial_parameters(
        architecture, [generator(member.seed, dim, rho, Stream.INITIALISATION, device) for member in stack]
    )
    optimizer_state = optimizer.init(parameters)
    objective_state: objectives.State = ()

    def judge(place: int, step: int) -> None:
        layers = layers_of(parameters[place : place + 1], architecture)

        def scores(x: Tensor, z: Tensor) -> Tensor:
            return critic(layers, torch.cat([x, z], 1)[None], architecture)[0]

        stack[place].evaluations[step] = evaluate(scores, dim, rho, stack[place].seed, device)

    last_row = settings.steps + 1
    for first in range(1, last_row + 1, BLOCK):
        steps = range(first, min(first + BLOCK, last_row + 1))
        pairs = _pairs(stack, members)
        record = torch.full((len(steps), len(_MEASURED), len(stack)), torch.nan, device=device)
        live = torch.ones(len(stack), dtype=torch.bool, device=device)

        for row, step in enumerate(steps):
            if (step - 1) % settings.eval_every == 0 or step == last_row:
                for place in torch.nonzero(live[: len(members)]).flatten().tolist():
                    judge(place, step)

            layers = [layer.detach().requires_grad_() for layer in layers_of(parameters, architecture)]
            joint, product = critic(layers, pairs[row], architecture).split(settings.batch_size, dim=1)
            if step == 1:
                objective_state = objective.init(product)
            value, objective_state = objective(joint, product, objective_state)

            measured = {
                "joint_mean": value.joint_mean,
                "log_mean_exp": value.log_mean_exp,
                "mi_batch": value.mi_batch,
                "product_max": product.detach().amax(1),
            }
            finite = value.mi_batch.isfinite()
            if step != last_row:
                if (step - 1) % settings.term_norms_every == 0:
                    measured["grad_norm_joint"] = _norm(_gradient(value.joint, layers))
                    measured["grad_norm_product"] = _norm(_gradient(value.product, layers))
                gradient = _gradient(value.joint - value.product, layers)
                if settings.grad_clip is not None:
                    gradient *= (settings.grad_clip / _norm(gradient)).clamp(max=1.0)[:, None]
                measured["grad_norm"] = _norm(gradient)
                if value.log_ema is not None:
                    measured["log_ema"] = value.log_ema
                finite &= measured["grad_norm"].isfinite()
                live &= finite
                # A float32 norm is finite only where every squared entry is, and such a gradient cannot make a
                # parameter non-finite; so a member stays at its last finite parameters once it has ended.
                update = optimizer.ascent(gradient, optimizer_state, step)
                parameters += update.masked_fill_(~live[:, None], 0.0)
            else:
                live &= finite
            for index, name in enumerate(_MEASURED):
                if name in measured:
                    record[row, index] = measured[name]

        block = record.cpu().numpy()
        survivors = []
        for place, member in enumerate(members):
            ended = _first_non_finite(block[:, :, place], steps, last_row)
            member.rows.append(block[: ended + 1 if ended is not None else None, :, place])
            if ended is not None:
                judge(place, steps[ended])
            if ended is not None or steps[-1] == last_row:
                overflow_step = None if ended is None else steps[ended]
                columns = _columns(member, dim, rho, settings)
                results[member.seed] = RunResult(member.seed, columns, overflow_step, parameters[place].clone())
            else:
                survivors.append(place)
        report(
            Progress(
                step=min(steps[-1], settings.steps),
                steps=settings.steps,
                live=int(live[: len(members)].sum()),
                runs=len(seeds),
                mi_batch=float(np.mean(block[-1, _MEASURED.index("mi_batch"), survivors])) if survivors else np.nan,
                mi_true=mutual_information(dim, rho),
            )
        )
        if not survivors:
            break
        if len(survivors) < len(members):
            members = [members[place] for place in survivors]
            stack, kept = _padded(members), _padded(survivors)
            parameters = parameters[kept]
            optimizer_state = tuple(tensor[kept] for tensor in optimizer_state)
            objective_state = tuple(tensor[kept] for tensor in objective_state)

    return [results[seed] for seed in seeds]


def _padded(members: list) -> list:
    """The same list, a single member doubled: a batched product of one matrix rounds unlike one of several."""
    return members * 2 if len(members) == 1 else list(members)


def _pairs(stack: list[_Member], members: list[_Member]) -> Tensor:
    """Inputs of the critics for a block of steps: (BLOCK, S, 2k, 2d), joint pairs first, then product pairs."""
    inputs = []
    for member in members:
        x, z, z_product = member.batches.take(BLOCK)
        inputs.append(torch.cat([torch.cat([x, z], 2), torch.cat([x, z_product], 2)], 1))
    # A doubled single member must not draw twice from its streams.
    return torch.stack(inputs * (len(stack) // len(members)), dim=1)


def _gradient(term: Tensor, layers: list[Tensor]) -> Tensor:
    """Gradient of each member's own term with respect to its own parameters, (S, P)."""
    gradients = torch.autograd.grad(term.sum(), layers, retain_graph=True)
    return torch.cat([gradient.flatten(1) for gradient in gradients], 1)


def _norm(gradient: Tensor) -> Tensor:
    """L2 norm of each row, (S,)."""
    return gradient.square().sum(1).sqrt()


def _first_non_finite(rows: np.ndarray, steps: range, last_row: int) -> int | None:
    """Index of the first row whose batch value or applied gradient is not finite; the last row has no gradient."""
    finite = np.isfinite(rows[:, _MEASURED.index("mi_batch")])
    finite &= np.isfinite(rows[:, _MEASURED.index("grad_norm")]) | (np.asarray(steps) == last_row)
    return None if finite.all() else int(np.argmin(finite))


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
