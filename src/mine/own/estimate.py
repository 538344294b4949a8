"""One estimate from columns of x and z: split, train, choose, judge on the test rows, and what to be wary of."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from mine.errors import UserError
from mine.estimators.corrected import Elliptical
from mine.estimators.interface import Critic, Parameters
from mine.own.blend import Blend, fit_blend
from mine.own.cautions import of_overfitting, of_test_rows, of_training
from mine.own.checks import check
from mine.own.columns import Column, Warned, entropy
from mine.own.copula import Copula, fit_copula, fit_turning, with_features
from mine.own.marginals import Side, clamping, odd_columns
from mine.own.order import NEAR_COPIES, NOT_STATIONARY, arrangement, of_new_rows
from mine.own.rows import INDEPENDENT, Rows
from mine.own.scores import SIDE_BLOCK, VALUE_IS, Judged, judge
from mine.own.seen import Seen
from mine.own.settings import INFONCE, MIN_HELD_OUT, OwnSettings
from mine.own.streams import Use, numbers
from mine.own.training import Look, Trained, train
from mine.own.witnesses import Witness, all_witnesses, parted

_ERROR_RESAMPLES = 200
"""Only a standard error is taken from them."""

TURNING = ", turning"
"""Behind the kind of a critic that starts from a turning copula."""

_TRAINING_ROWS = 4_000
"""Rows trained on that the critic is looked at on."""


@dataclass(frozen=True)
class Fit:
    """Trained critics with what they need to look at rows. rows: indices of training, validation and test rows.

    copula: what T starts from, None where that is nothing. blend: what is read of the critics, None where it is the
    chosen one as it is. tried: of each kind of critic and start that was trained, its blend's value on the validation
    rows, nats; empty where there was no choice. kind: the kind of critic that is read. settings: as they were given.
    entropies: of x and of z, nats, where all columns are discrete. seen: which rows it was made of. together: which
    belong together.
    """

    settings: OwnSettings
    x: Side
    z: Side
    copula: Copula | None
    trained: Trained
    blend: Blend | None
    rows: tuple[np.ndarray, np.ndarray, np.ndarray]
    entropies: tuple[float | None, float | None]
    warnings: tuple[Warned, ...]
    seen: Seen
    together: Rows = INDEPENDENT
    tried: Mapping[str, float] = field(default_factory=dict)
    kind: str = ""

    def tensors(self, x: Sequence[Column], z: Sequence[Column]) -> tuple[Tensor, Tensor]:
        """Rows as the critic takes them, (n, dx) and (n, dz), with the copula's features behind."""
        encoded = self.x(x), self.z(z)
        amounts = [side.amounts(each) for side, each in zip((self.x, self.z), encoded, strict=True)]
        seen = with_features(self.copula, *encoded, amounts)
        return torch.from_numpy(seen[0]), torch.from_numpy(seen[1])

    @property
    def read(self) -> OwnSettings:
        """Settings of the kind of critic that is read."""
        return next(each for each in self.settings.candidates if self.kind in ("", each.critic))

    @property
    def critic(self) -> tuple[Critic | Blend, Parameters]:
        """What is read, and the parameters to read it with."""
        if self.blend is None:
            return self.trained.estimator.critic, self.trained.member(self.trained.chosen)
        return self.blend, self.trained.members(self.trained.usable)

    def scores(self, x: Sequence[Column], z: Sequence[Column]) -> np.ndarray:
        """T of each joint pair, (n,), float64."""
        critic, parameters = self.critic
        with torch.no_grad():
            return critic.joint(parameters, *(each[None] for each in self.tensors(x, z)))[0].double().numpy()


@dataclass(frozen=True)
class Initialisation:
    """One initialisation. kept: update its critic is of; validation: value then, nats, as training looked at it.

    test: value on the test rows, nats, calibrated as what is read is; NaN where it never was a number. lost: whether
    its parameters became non-finite.
    """

    kept: int
    validation: float
    test: float
    lost: bool


@dataclass(frozen=True)
class Estimate:
    """Mutual information of x and z in nats, with what belongs beside it.

    mi: value on the test rows of the critic that is read. value_is: what kind of value that is.
    interval: of ``mi`` over resamples of the test rows and over initialisations.
    judged: test rows through the critic that is read. witnesses: other readings of the same rows.
    ceiling: nats that so many test rows can show at most.
    validation, training: value of that critic on the validation rows, and on rows that it was trained on. They are
    None for rows given to a fitted critic, which have no ``initialisations`` either. clamped: share of the rows judged
    of which some value is beyond the training rows' (``mine.own.marginals``). splits: estimates that this is the mean
    of (``mine.own.crossfit``); none of one split.
    """

    mi: float
    value_is: str
    interval: tuple[float, float]
    level: float
    p_value: float
    test_rows: int
    ceiling: float
    judged: Judged
    warnings: tuple[Warned, ...]
    validation: float | None = None
    training: float | None = None
    witnesses: tuple[Witness, ...] = ()
    initialisations: tuple[Initialisation, ...] = ()
    chosen: int = 0
    clamped: float = 0.0
    splits: tuple[Estimate, ...] = ()

    @property
    def spread(self) -> tuple[float, float] | None:
        """Lowest and highest test value over initialisations."""
        values = [each.test for each in self.initialisations if math.isfinite(each.test)]
        return (min(values), max(values)) if values else None


def fit(
    x: Sequence[Column],
    z: Sequence[Column],
    settings: OwnSettings,
    *,
    device: torch.device | str = "cpu",
    report: Callable[[Look], object] = lambda look: None,
    groups: np.ndarray | None = None,
    together: Rows | None = None,
) -> Fit:
    """Split the rows, encode them and train.

    Args:
        x: columns that miss nothing (``mine.own.columns.without_missing``).
        z: the same, as many rows.
        settings: see OwnSettings.
        device: where to train.
        report: see ``mine.own.training.train``.
        groups: (n,), whose each row is, where several rows belong to one subject.
        together: which rows belong together, where that is known; None: as settings and groups say. The same seed and
            ``together`` split the same.

    Raises:
        UserError: too few rows for the split, a constant column, x and z the same, or every initialisation lost.
    """
    warned = check(x, z, look_at_order=groups is None and settings.blocks is None)
    parts = settings.parts(len(x[0].values))
    if together is None:
        together = arrangement(x, z, settings.blocks, groups, min(parts[1:]))
    rows = together.split(parts, numbers(settings.seed, Use.SPLIT))
    return fit_parts(x, z, settings, rows, together, warned, device=device, report=report)


def fit_parts(
    x: Sequence[Column],
    z: Sequence[Column],
    settings: OwnSettings,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    together: Rows,
    warned: Sequence[Warned],
    *,
    device: torch.device | str = "cpu",
    report: Callable[[Look], object] = lambda look: None,
) -> Fit:
    """Encode and train. rows: of the parts; together: which belong together; warned: of the columns. Else as ``fit``.

    Raises:
        UserError: every initialisation was lost.
    """
    warned = list(warned)
    sides = [Side.of(columns, rows[0], settings.marginals) for columns in (x, z)]
    encoded = [side(columns) for side, columns in zip(sides, (x, z), strict=True)]
    amounts = [side.amounts(each) for side, each in zip(sides, encoded, strict=True)]
    candidates = []
    for copula in _starts(amounts, rows, settings):
        inputs = [torch.from_numpy(each) for each in with_features(copula, *encoded, amounts)]
        training, validation = ([each[torch.from_numpy(part)] for each in inputs] for part in rows[:2])
        for each in settings.candidates:
            candidates.append(_candidate(each, copula, training, validation, device, report))
    best, tried = _best(candidates)
    trained = best.trained
    warned += odd_columns([*x, *z], rows[0])
    tensors = [torch.from_numpy(each) for each in encoded]
    warned += of_training(trained, [side.encoding for side in sides], tensors, rows[0], settings)
    entropies, seen = (entropy(x), entropy(z)), Seen.of(encoded, rows)
    return Fit(
        *(settings, *sides, best.copula, trained, best.blend, rows, entropies, tuple(warned), seen, together),
        tried=tried,
        kind=best.settings.critic,
    )


@dataclass(frozen=True)
class _Candidate:
    """One kind of critic, trained from one start. blend: None where members are not averaged, or none is usable."""

    settings: OwnSettings
    copula: Copula | None
    trained: Trained
    blend: Blend | None
    name: str


def _candidate(
    settings: OwnSettings,
    copula: Copula | None,
    training: Sequence[Tensor],
    validation: Sequence[Tensor],
    device: torch.device | str,
    report: Callable[[Look], object],
) -> _Candidate:
    known = None if copula is None else Elliptical(copula.width, *copula.power)
    name = f"{settings.critic}{TURNING if copula is not None and copula.turning else ''}"
    trained = train(
        *(tuple(training), tuple(validation), settings),
        known=known,
        device=device,
        report=lambda look: report(replace(look, critic=name)),
    )
    blend = None
    if trained.usable and settings.averages:
        blend = fit_blend(trained.estimator.critic, trained.members(trained.usable), *validation)
    return _Candidate(settings, copula, trained, blend, name)


def _best(candidates: Sequence[_Candidate]) -> tuple[_Candidate, dict[str, float]]:
    """The one of the highest value on validation rows, the earlier of two alike; and the value of each, if several."""
    usable = [each for each in candidates if each.trained.usable]
    if not usable:
        raise UserError(
            f"training: no initialisation of {candidates[0].settings.estimator} ever had a finite loss on the "
            "validation rows; try --estimator js, or a lower --learning-rate"
        )
    if len(candidates) == 1:
        return usable[0], {}
    tried = {each.name: each.blend.validation for each in usable}
    return max(usable, key=lambda each: each.blend.validation), tried


def _starts(amounts: Sequence[np.ndarray], rows: Sequence[np.ndarray], settings: OwnSettings) -> list[Copula | None]:
    """Copulas of the columns that are amounts; None where there are none, none is wanted or it says nothing.

    A turning one is a second start where it is worth more, and calibrated means can be compared.
    """
    if not settings.starts_from_copula or not all(each.shape[1] for each in amounts):
        return [None]
    parts = [[each[part] for each in amounts] for part in rows[:2]]
    copula = fit_copula(*parts)
    turned = fit_turning(*parts, copula) if settings.averages else None
    return [None if copula.empty else copula, *([] if turned is None else [turned])]


def estimate(
    fitted: Fit,
    x: Sequence[Column],
    z: Sequence[Column],
    report: Callable[[int], object] = lambda done: None,
) -> Estimate:
    """The estimate on the test rows of ``fit``, from the columns that it was given.

    report: called with the number of test rows that the chosen critic has been judged on.
    """
    trained = fitted.trained
    encoded = fitted.tensors(x, z)
    parts = fitted.rows[0][:_TRAINING_ROWS], *fitted.rows[1:]
    training, validation, test = ([each[torch.from_numpy(part)] for each in encoded] for part in parts)
    of_learned, of_validation, of_test = (fitted.together.take(part) for part in parts)
    learned = _judge(fitted, None, training, of_learned, resamples=_ERROR_RESAMPLES, permutations=0)
    seen = _judge(fitted, None, validation, of_validation, resamples=_ERROR_RESAMPLES, permutations=0)
    judged = _judge(fitted, None, test, of_test, report=report)
    at = {look.update: look.value for look in trained.looks}
    members = []
    for member, kept in enumerate(trained.kept):
        value = math.nan
        if fitted.blend is None and member == trained.chosen:
            value = judged.value
        elif member in trained.usable:
            value = _judge(fitted, member, test, INDEPENDENT, resamples=0, permutations=0).value
        members.append(Initialisation(kept, at[kept][member], value, trained.lost[member]))
    clamped, warned = clamping((fitted.x, fitted.z), (x, z), fitted.rows[2])
    encoded = fitted.x(x), fitted.z(z)
    amounts = [side.amounts(each) for side, each in zip((fitted.x, fitted.z), encoded, strict=True)]
    width = sum(each.shape[1] for each in encoded)
    witnesses = all_witnesses(
        amounts,
        width,
        fitted.rows,
        judged.scores if fitted.blend else None,
        independent=fitted.together is INDEPENDENT,
        copies=any(each.code == NEAR_COPIES for each in fitted.warnings),
    )
    warned = [*fitted.warnings, *warned, *of_overfitting(learned, judged), *parted(judged, witnesses, width)]
    made = _assemble(fitted, judged, len(test[0]), warned, validation=seen, members=members)
    return replace(
        made,
        validation=seen.value,
        training=learned.value,
        witnesses=witnesses,
        chosen=trained.chosen,
        clamped=clamped,
    )


def estimate_new(fitted: Fit, x: Sequence[Column], z: Sequence[Column], groups: np.ndarray | None = None) -> Estimate:
    """The fitted critic on rows that ``fit`` was not given. groups: as of ``fit``.

    Raises:
        UserError: other columns or levels than those trained on, or too few rows.
    """
    encoded = fitted.tensors(x, z)
    if len(encoded[0]) < MIN_HELD_OUT:
        raise UserError(f"rows: {len(encoded[0])} given, at least {MIN_HELD_OUT} are needed")
    judged = _judge(fitted, None, encoded, arrangement(x, z, fitted.settings.blocks, groups, len(encoded[0])))
    clamped, warned = clamping((fitted.x, fitted.z), (x, z), np.arange(len(encoded[0])))
    warned = [*fitted.seen.among([fitted.x(x), fitted.z(z)]), *warned]
    warned += of_new_rows(x, z, fitted.settings.blocks, groups, fitted.together)
    return replace(_assemble(fitted, judged, len(encoded[0]), warned, validation=None), clamped=clamped)


def _judge(
    fitted: Fit,
    member: int | None,
    rows: Sequence[Tensor],
    together: Rows,
    *,
    resamples: int | None = None,
    permutations: int | None = None,
    report: Callable[[int], object] = lambda done: None,
) -> Judged:
    """What is read of the critics on these rows; of one member alone, calibrated as all of them, if one is named."""
    settings = fitted.settings
    critic, parameters = fitted.critic
    permutations = settings.permutations if permutations is None else permutations
    # Only the value that is reported is worth every pair that memory holds, where a pair costs a pass of its own.
    block = None if permutations or critic.all_pairs else SIDE_BLOCK
    return judge(
        SimpleNamespace(critic=critic),
        parameters if member is None else fitted.trained.member(member),
        *rows,
        reads=settings.reads,
        above=settings.above,
        smile_tau=settings.smile_tau,
        resamples=settings.resamples if resamples is None else resamples,
        permutations=permutations,
        block=block,
        bootstrap=numbers(settings.seed, Use.RESAMPLES),
        shuffle=numbers(settings.seed, Use.PERMUTATIONS),
        together=together,
        report=report,
    )


def _assemble(
    fitted: Fit,
    judged: Judged,
    rows: int,
    warned: Sequence[Warned],
    *,
    validation: Judged | None,
    members: Sequence[Initialisation] = (),
) -> Estimate:
    settings = fitted.settings
    error = standard_error([each.test for each in members])
    interval = widened(judged.value, judged.interval(settings.level), settings.level, error)
    ceiling = math.log(judged.block if settings.reads == INFONCE else rows)
    found = of_test_rows(judged, interval, rows, ceiling, validation, fitted.entropies)
    return Estimate(
        judged.value,
        VALUE_IS[settings.reads],
        interval,
        fitted.settings.level,
        math.nan if any(each.code == NOT_STATIONARY for each in warned) else judged.p_value,
        rows,
        ceiling,
        judged,
        (*warned, *found),
        initialisations=tuple(members),
    )


def widened(value: float, interval: tuple[float, float], level: float, error: float) -> tuple[float, float]:
    """An interval over resamples, with an error of another kind added to each half in squares.

    error: a standard error, nats, such as that over initialisations.
    """
    if error == 0.0:
        return interval
    more = float(ndtri((1.0 + level) / 2.0)) * error
    return value - math.hypot(value - interval[0], more), value + math.hypot(interval[1] - value, more)


def standard_error(members: Sequence[float]) -> float:
    """Of the mean over initialisations, from their test values that are numbers; 0 of fewer than two."""
    finite = [each for each in members if math.isfinite(each)]
    return float(np.std(finite, ddof=1)) / math.sqrt(len(finite)) if len(finite) > 1 else 0.0
