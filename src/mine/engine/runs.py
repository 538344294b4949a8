"""Trained runs: a stack of them from fresh parameters to one trace each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mine.engine import optimizers
from mine.engine.instruments import AT_ONCE, Evaluation, evaluate
from mine.engine.loop import Progress, Watch, train
from mine.engine.networks import Layout
from mine.engine.record import MEASURED, OF_WINDOWS, Recorder, Windows
from mine.engine.sources import Run, source_of
from mine.engine.stack import Stack
from mine.engine.stopping import FixedUpdates
from mine.estimators import build, default_critic
from mine.estimators.interface import Estimator
from mine.settings import TrainingSettings
from mine.tasks import make_task
from mine.tasks.gaussian import of_rho
from mine.trace import COLUMNS


@dataclass
class RunResult:
    """One trained run. columns: every column of mine.trace.COLUMNS to a masked array with one value a row.

    run: which one. overflow_step: step of the row that became non-finite, None for a run that took all its updates.
    parameters: (n_parameters,), those that training ended with; of a run that overflowed, the last finite ones.
    checkpoints: number of updates to parameters after so many, where it was asked for and the run got there.
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
    """One run while it trains."""

    run: Run
    recorder: Recorder
    evaluations: dict[int, Evaluation] = field(default_factory=dict)
    checkpoints: dict[int, Tensor] = field(default_factory=dict)


def train_runs(
    variant: str,
    critic: str,
    runs: Sequence[Run],
    settings: TrainingSettings,
    *,
    device: torch.device | str = "cpu",
    checkpoints: Collection[int] = (),
    judged: bool = True,
    report: Callable[[Progress], Any] = lambda progress: None,
) -> list[RunResult]:
    """Train runs that share estimator, critic and shapes as one stack, and give back each run's trace.

    Args:
        variant: a name of ``mine.estimators.ESTIMATORS``.
        critic: one that it exists with.
        runs: at least one, of the same two dimensions and one number of stairs.
        settings: of all of them, but for a run's own learning rate; ``settings.steps`` updates on each stair.
        device: where to train.
        checkpoints: numbers of updates after which parameters are kept.
        judged: look at the runs with held-out and population samples; without, those columns are null.
        report: called after every block of steps.

    A member's result does not depend on its neighbours: on one CPU thread it is bitwise the same in any stack.
    """
    task = runs[0].tasks[0]
    estimator = build(variant, critic, task.dim_x, task.dim_z, settings)
    training = _Training(estimator, runs, settings, checkpoints, judged, device)
    of_rates = [
        optimizers.of(settings if run.learning_rate is None else replace(settings, learning_rate=run.learning_rate))
        for run in runs
    ]
    train(
        training.estimator,
        source_of(runs, settings, device),
        FixedUpdates(training.updates),
        of_rates,
        grad_clip=settings.grad_clip,
        average=settings.average,
        term_norms=lambda step: training.windows.due(step, settings.term_norms_every),
        watch=Watch(training.before, training.block, report),
    )
    return [training.results[place] for place in range(len(runs))]


class _Training:
    """What is kept of a stack of runs while it trains."""

    def __init__(
        self,
        estimator: Estimator,
        runs: Sequence[Run],
        settings: TrainingSettings,
        checkpoints: Collection[int],
        judged: bool,
        device: torch.device | str,
    ) -> None:
        self.estimator, self._settings, self._device = estimator, settings, device
        self._checkpoints, self._judged, self._layout = checkpoints, judged, Layout(estimator.networks)
        assert settings.steps is not None, "settings work it out where they are made"
        self._steps = settings.steps
        self.updates = self._steps * len(runs[0].tasks)
        self.windows = Windows(self.updates, settings.window)
        self.members = {place: _Member(run, Recorder(self.windows)) for place, run in enumerate(runs)}
        self._places = list(self.members)
        self.results: dict[int, RunResult] = {}

    def before(self, step: int, stack: Stack) -> None:
        """Look at the members, and keep parameters, where it is time for either."""
        if self._judged and self._is_judged(step):
            self._judge(stack, stack.live.nonzero().flatten().tolist(), step)
        if step - 1 in self._checkpoints:
            for index in stack.live.nonzero().flatten().tolist():
                kept = self._layout.packed(stack.parameters[index : index + 1])[0]
                self.members[self._places[index]].checkpoints[step - 1] = kept

    def block(
        self, steps: range, record: np.ndarray, places: Sequence[int], ended: Sequence[int | None], stack: Stack
    ) -> None:
        """Take in a block's measurements, and finish the runs that ended in it."""
        last = self.updates + 1
        for index, (place, row) in enumerate(zip(places, ended, strict=True)):
            member, over = self.members[place], row is not None or steps[-1] == last
            member.recorder.add(record[: None if row is None else row + 1, :, index], over)
            if row is not None and self._judged:
                self._judge(stack, [index], steps[row])
            if over:
                overflow = None if row is None else steps[row]
                parameters = self._layout.packed(stack.parameters[index : index + 1])[0]
                columns = self._columns(member, overflow or last)
                self.results[place] = RunResult(member.run, columns, overflow, parameters, member.checkpoints)
        self._places = [place for place, row in zip(places, ended, strict=True) if row is None]

    def _stair(self, step: int) -> int:
        """Which of the tasks step ``step`` trains on; the look after the last update is at the last one's."""
        return min((step - 1) // self._steps, self.updates // self._steps - 1)

    def _is_judged(self, step: int) -> bool:
        at_end = step > self.updates or (self._stair(step) != self._stair(step + 1))
        return at_end or self.windows.due(step, self._settings.eval_every)

    def _judge(self, stack: Stack, indices: Sequence[int], step: int) -> None:
        at_once, stair = AT_ONCE[torch.device(self._device).type], self._stair(step)
        alike: dict[Any, list[int]] = {}
        for index in indices:
            alike.setdefault(self.members[self._places[index]].run.tasks[stair], []).append(index)
        for task, same in alike.items():
            for some in (same[at : at + at_once] for at in range(0, len(same), at_once)):
                runs = [self.members[self._places[index]].run for index in some]
                parameters = self._layout.views(stack.judged[some])
                k = self._settings.batch_size
                evaluations = evaluate(self.estimator, parameters, runs, task, k, self._device)
                for index, evaluation in zip(some, evaluations, strict=True):
                    self.members[self._places[index]].evaluations[step] = evaluation

    def _columns(self, member: _Member, last: int) -> dict[str, np.ma.MaskedArray]:
        """A run's rows and evaluations as columns of the trace contract, nulls masked. last: step of the last row."""
        rows, of_windows = member.recorder.rows()
        settings, step = self._settings, self.windows.ends(last)
        has_update = step <= self.updates

        def measured(name: str) -> np.ndarray:
            # An estimator that has no such quantity leaves its column as it was filled: all NaN.
            return np.full(len(rows), not np.isnan(rows[:, MEASURED.index(name)]).all())

        due = [self.windows.due(at, settings.term_norms_every) for at in step.tolist()]
        has_term_norms = np.array(due) & (self.estimator.critic is not None)
        where = dict.fromkeys((*MEASURED, *OF_WINDOWS), has_update) | {
            "mi_batch": np.ones(len(rows), dtype=bool),
            **{name: measured(name) for name in ("joint_mean", "log_mean_exp", "product_max")},
            **dict.fromkeys(("log_ema", "mi_ema_mean"), has_update & measured("log_ema")),
            **dict.fromkeys(("grad_norm_joint", "grad_norm_product"), has_term_norms),
            "grad_norm_unclipped": has_update & (settings.grad_clip is not None),
        }
        columns = {name: np.ma.MaskedArray(rows[:, index], mask=~where[name]) for index, name in enumerate(MEASURED)}
        for name in OF_WINDOWS:
            one_update = self.windows.width == 1
            values = np.full(len(rows), np.nan) if one_update else of_windows[name]
            columns[name] = np.ma.MaskedArray(values, mask=one_update | ~where[name])
        columns["seed"] = np.ma.MaskedArray(np.full(len(rows), member.run.seed))
        columns["step"] = np.ma.MaskedArray(step)
        per_epoch = settings.batches_per_epoch
        epoch = (step - 1) // (per_epoch or 1) + 1
        columns["epoch"] = np.ma.MaskedArray(epoch, mask=(per_epoch is None) | ~has_update)
        truths = np.array([task.mi for task in member.run.tasks])
        columns["mi_true"] = np.ma.MaskedArray(truths[[self._stair(at) for at in step.tolist()]])
        for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
            column = np.ma.MaskedArray(np.zeros(len(rows)), mask=True)
            for at, evaluation in member.evaluations.items():
                column[np.searchsorted(step, at)] = (
                    np.ma.masked if (value := getattr(evaluation, name)) is None else value
                )
            columns[name] = column
        return {name: columns[name] for name in COLUMNS}


def gaussian_runs(dim: int, rho: float, seeds: Sequence[int]) -> list[Run]:
    """Runs on the write-up's data, d = ``dim``, one a seed. Raises UserError for a rho outside (-1, 1)."""
    return [Run(seed, (of_rho(dim, rho),), (dim, rho)) for seed in seeds]


def stairs_runs(task: str, dim: int, mis: Sequence[float], seeds: Sequence[int]) -> list[Run]:
    """Runs up a staircase of a task, one a seed; ``mis``: mutual information of each stair in turn, nats.

    One stream of random numbers for every stair and task: the same underlying numbers under each, so that differences
    are paired. Raises UserError for an unknown task, or one that cannot have one of ``mis``.
    """
    tasks = tuple(make_task(task, dim, mi) for mi in mis)
    return [Run(seed, tasks, (dim, 0.0)) for seed in seeds]


def train_at(
    variant: str, dim: int, rho: float, seeds: Sequence[int], settings: TrainingSettings, **options: Any
) -> list[RunResult]:
    """``train_runs`` of one run a seed on the write-up's data, with the critic that ``mine train`` takes by default."""
    return train_runs(variant, default_critic(variant), gaussian_runs(dim, rho, seeds), settings, **options)
