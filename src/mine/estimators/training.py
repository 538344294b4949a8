"""Training an estimator up a staircase: data of known mutual information, which rises while training goes on.

One loop for every estimator, task and device. It keeps a stack of runs of one cell, one per seed; members share
batched products and nothing else. A staircase of one stair is training on one distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mine import optimizers
from mine.estimators import build
from mine.estimators.interface import Estimator, Parameters, join
from mine.estimators.settings import EstimatorSettings
from mine.estimators.tree import Tree
from mine.estimators.values import effective_sample_size, log_mean_exp, mean
from mine.seeding import Stream, generator
from mine.tasks import Task, make_task
from mine.trace import COLUMNS

BLOCK = 50
"""Steps whose random numbers are drawn at once, so results depend on it."""

HELDOUT_PAIRS = 10_000
"""Fresh pairs of a held-out value, rounded up to whole batches."""

HELDOUT_ROLLS = 10
"""Product pairs a held-out joint pair where a critic does not take all of a batch."""

_MEASURED = ("mi_batch", "joint_mean", "log_mean_exp", "product_max", "log_ema", "grad_norm")

MEANINGS: dict[str, str] = {
    "mi_true": "exact mutual information of the data at this step's stair, nats",
    "mi_batch": "the estimator's own value of this training batch, before the update, nats; what it bounds differs",
    "joint_mean": "mean of T on the joint batch; null without a critic T",
    "log_mean_exp": "log of the mean of e^T on the product batch; null without a critic T",
    "log_ema": "log v after this step's update; null but for ema-log",
    "product_max": "largest T on the product batch; null without a critic T",
    "grad_norm": "L2 norm over all parameters, of every network, of the gradient applied at this step",
    "grad_norm_joint": "null: not every loss is a sum of two such terms",
    "grad_norm_product": "null",
    "mi_heldout": "the estimator's own value on 10,000 fresh pairs of the stair's data, nats",
    "heldout_ess": "effective sample size of e^T on its product pairs; null without a critic T",
    "mi_population": "null: the exact instrument knows Gaussian data only",
    "population_ess": "null",
}
"""What the columns of ``mine.trace`` hold in a run of this loop, where that differs."""


@dataclass(frozen=True)
class StairsProgress:
    """Where a stack stands. Values of the last finished block; mi_batch: mean over live members, nats."""

    step: int
    steps: int
    live: int
    runs: int
    mi_batch: float
    mi_true: float


@dataclass(frozen=True)
class StairsRun:
    """One trained run. columns: every name of mine.trace.COLUMNS to a masked array, one value a row.

    overflow_step: step of the row that became non-finite, None for a run that took all its updates.
    """

    seed: int
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"


class _Stack:
    """S runs of one estimator and their update. ``averaged`` (S, P): moving average of the parameters."""

    def __init__(self, estimator: Estimator, settings: EstimatorSettings, sources: Sequence[torch.Generator]) -> None:
        self._estimator, self._settings = estimator, settings
        self._optimizer = optimizers.REGISTRY[settings.optimizer](settings)
        self.tree = Tree(estimator.init(sources))
        self.averaged = self.tree.values.clone()
        self.live = torch.ones(len(sources), dtype=torch.bool, device=self.tree.values.device)
        self._optimizer_state = self._optimizer.init(self.tree.values)
        self._squared = torch.empty_like(self.tree.values)
        self._state: tuple[Tensor, ...] | None = None

    def step(self, x: Tensor, z: Tensor, step: int, *, update: bool = True) -> Tensor:
        """Measure a batch x (S, k, dx), z (S, k, dz), then ascend. Returns (len(_MEASURED), S)."""
        tree = self.tree
        with torch.set_grad_enabled(update):
            outputs = self._estimator.outputs(tree.leaves, x, z)
        seen = {name: tensor.detach() for name, tensor in outputs.items()}
        if self._state is None:
            self._state = self._estimator.start(seen)
        value = self._estimator.value(seen)
        measured = {"mi_batch": value}
        if self._estimator.has_critic:
            measured |= {
                "joint_mean": mean(seen["joint"]),
                "log_mean_exp": log_mean_exp(seen["product"]),
                "product_max": seen["product"].flatten(1).amax(1),
            }
        if update:
            loss, self._state = self._estimator.loss(outputs, self._state)
            measured["grad_norm"] = norm = self._descend(tree.gradient(loss.loss), step, value)
            if loss.log_ema is not None:
                measured["log_ema"] = loss.log_ema
            self.live &= norm.isfinite()
        self.live &= value.isfinite()
        missing = torch.full_like(value, torch.nan)
        return torch.stack([measured.get(name, missing) for name in _MEASURED])

    def _descend(self, gradient: Tensor, step: int, value: Tensor) -> Tensor:
        norm = torch.mul(gradient, gradient, out=self._squared).sum(1).sqrt()
        if self._settings.grad_clip is not None:
            gradient *= (self._settings.grad_clip / norm).clamp(max=1.0)[:, None]
            norm = torch.mul(gradient, gradient, out=self._squared).sum(1).sqrt()
        # A member stays at its last finite parameters once it has ended.
        moves = (self.live & norm.isfinite() & value.isfinite())[:, None]
        rates = gradient.new_tensor(self._optimizer.rates(step))
        ascent = self._optimizer.ascent(gradient, self._squared, self._optimizer_state, rates)
        self.tree.values -= torch.where(moves, ascent, 0.0)
        # As Adam's moments: an average that started at the initialisation would remember it for long.
        weight = max(1.0 - self._settings.average, 1.0 / step)
        self.averaged.lerp_(self.tree.values, weight)
        return norm


def train_stairs(
    variant: str,
    critic: str,
    task: str,
    dim: int,
    mis: Sequence[float],
    seeds: Sequence[int],
    settings: EstimatorSettings,
    *,
    device: torch.device | str = "cpu",
    report: Callable[[StairsProgress], object] = lambda progress: None,
) -> list[StairsRun]:
    """Train one run per seed, all of the same cell and as one stack, and give back each run's trace.

    Args:
        variant: a name of ``mine.estimators.ESTIMATORS``.
        critic: one that it exists with.
        task: a name of ``mine.tasks``.
        dim: d of X and of Z.
        mis: mutual information of each stair in turn, nats; ``settings.steps`` updates on each.
        seeds: at least one, distinct. A seed fixes initialisation and data, whatever the estimator.
        settings: see EstimatorSettings.
        device: where to train.
        report: called after every block of steps.

    Raises:
        UserError: an unknown name, or a task that cannot have one of ``mis``.
    """
    stairs = [make_task(task, dim, mi) for mi in mis]
    estimator = build(variant, critic, dim, dim, settings)
    data = [_generator(seed, dim, Stream.DATA, device) for seed in seeds]
    stack = _Stack(estimator, settings, [_generator(seed, dim, Stream.INITIALISATION, device) for seed in seeds])
    last_row = settings.steps * len(stairs) + 1
    rows: list[np.ndarray] = []
    evaluations: dict[int, np.ndarray] = {}

    for first in range(1, last_row + 1, BLOCK):
        steps = range(first, min(first + BLOCK, last_row + 1))
        record = torch.empty(len(steps), len(_MEASURED), len(seeds), device=device)
        row = 0
        for stair, task_of_stair in enumerate(stairs):
            # The last row is a look at the last stair's data.
            ends = last_row if stair == len(stairs) - 1 else settings.steps * (stair + 1)
            here = [step for step in steps if settings.steps * stair < step <= ends]
            if not here:
                continue
            x, z = task_of_stair.sample((len(here), settings.batch_size), data)
            for place, step in enumerate(here):
                if step == ends or (step % settings.eval_every == 0):
                    evaluations[step] = _heldout(estimator, stack, task_of_stair, dim, seeds, settings, device)
                record[row] = stack.step(x[:, place], z[:, place], step, update=step < last_row)
                row += 1
        rows.append(record.cpu().numpy())
        live = stack.live.tolist()
        latest = rows[-1][-1, _MEASURED.index("mi_batch")]
        report(
            StairsProgress(
                step=min(steps[-1], last_row - 1),
                steps=last_row - 1,
                live=sum(live),
                runs=len(seeds),
                mi_batch=float(np.mean(latest[live])) if any(live) else math.nan,
                mi_true=stairs[min((steps[-1] - 1) // settings.steps, len(stairs) - 1)].mi,
            )
        )
        if not any(live):
            break

    of_all = np.concatenate(rows)
    return [
        _run(seed, of_all[:, :, place], {at: pair[:, place] for at, pair in evaluations.items()}, stairs, settings)
        for place, seed in enumerate(seeds)
    ]


def _generator(seed: int, dim: int, stream: Stream, device: torch.device | str) -> torch.Generator:
    # One stream for every stair and task: the same normal numbers under each, so that differences are paired.
    return generator(seed, dim, 0.0, stream, device)


def _heldout(
    estimator: Estimator,
    stack: _Stack,
    task: Task,
    dim: int,
    seeds: Sequence[int],
    settings: EstimatorSettings,
    device: torch.device | str,
) -> np.ndarray:
    """Value and effective sample size on fresh pairs, (2, S); the same pairs at every call for one stair."""
    k = settings.batch_size
    batches = math.ceil(HELDOUT_PAIRS / k)
    x, z = task.sample((batches, k), [_generator(seed, dim, Stream.EVALUATION, device) for seed in seeds])
    parameters: Parameters = stack.tree.views(stack.averaged if settings.average else stack.tree.values)
    with torch.no_grad():
        rolls = min(HELDOUT_ROLLS, k - 1)
        of_batches = [estimator.outputs(parameters, x[:, batch], z[:, batch], rolls) for batch in range(batches)]
        outputs = {name: tensor.double() for name, tensor in join(of_batches).items()}
        value = estimator.value(outputs)
        ess = torch.full_like(value, torch.nan)
        if estimator.has_critic:
            ess = effective_sample_size(outputs["product"])
    return torch.stack([value, ess]).cpu().numpy()


def _run(
    seed: int, rows: np.ndarray, evaluations: dict[int, np.ndarray], stairs: Sequence[Task], settings: EstimatorSettings
) -> StairsRun:
    """One run's rows (rows, len(_MEASURED)) and evaluations as the columns of the trace contract, nulls masked."""
    last_row = settings.steps * len(stairs) + 1
    has_update = np.arange(1, len(rows) + 1) < last_row
    finite = np.isfinite(rows[:, _MEASURED.index("mi_batch")])
    finite &= np.isfinite(rows[:, _MEASURED.index("grad_norm")]) | ~has_update
    overflow_step = None if finite.all() else int(finite.argmin()) + 1
    rows = rows[:overflow_step]
    step = np.arange(1, len(rows) + 1)
    stair = np.minimum((step - 1) // settings.steps, len(stairs) - 1)

    columns: dict[str, np.ma.MaskedArray] = {}
    for index, name in enumerate(_MEASURED):
        # An estimator that has no such quantity leaves its column as it was filled: all NaN.
        never = name not in ("mi_batch", "grad_norm") and np.isnan(rows[:, index]).all()
        absent = np.full(len(rows), never)
        if name in ("grad_norm", "log_ema"):
            absent |= step == last_row
        columns[name] = np.ma.MaskedArray(rows[:, index], mask=absent)
    columns["seed"] = np.ma.MaskedArray(np.full(len(rows), seed))
    columns["step"] = np.ma.MaskedArray(step)
    columns["mi_true"] = np.ma.MaskedArray(np.array([task.mi for task in stairs])[stair])
    # What these runs do not measure.
    for name in COLUMNS.keys() - columns.keys():
        columns[name] = np.ma.MaskedArray(np.zeros(len(rows)), mask=True)
    for at, (value, ess) in evaluations.items():
        if at <= len(rows):
            columns["mi_heldout"][at - 1] = value
            if not np.isnan(ess):
                columns["heldout_ess"][at - 1] = ess
    return StairsRun(seed, {name: columns[name] for name in COLUMNS}, overflow_step)
