"""One estimate from columns of x and z: split, train, choose, judge on the test rows, and what to be wary of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from mine.errors import UserError
from mine.own.cautions import of_test_rows, of_training
from mine.own.checks import check
from mine.own.columns import Column, Warned, entropy
from mine.own.marginals import Side, clamping, odd_columns
from mine.own.order import NOT_STATIONARY, arrangement, of_new_rows
from mine.own.rows import INDEPENDENT, Rows
from mine.own.scores import DONSKER_VARADHAN, MULTI_SAMPLE, Judged, judge
from mine.own.settings import MIN_HELD_OUT, PER_Z, OwnSettings
from mine.own.streams import Use, numbers
from mine.own.training import Look, Trained, train

_VALIDATION_RESAMPLES = 200
"""Only a standard error is taken from them."""


@dataclass(frozen=True)
class Fit:
    """A trained critic with what it needs to look at rows. rows: indices of training, validation and test rows.

    entropies: of x and of z, nats, where all columns are discrete. together: which rows belong together.
    """

    settings: OwnSettings
    x: Side
    z: Side
    trained: Trained
    rows: tuple[np.ndarray, np.ndarray, np.ndarray]
    entropies: tuple[float | None, float | None]
    warnings: tuple[Warned, ...]
    together: Rows = INDEPENDENT

    @property
    def per_z(self) -> bool:
        """See mine.own.settings.PER_Z."""
        return self.settings.estimator in PER_Z

    def tensors(self, x: Sequence[Column], z: Sequence[Column]) -> tuple[Tensor, Tensor]:
        """Rows as the critic takes them, (n, dx) and (n, dz)."""
        return torch.from_numpy(self.x(x)), torch.from_numpy(self.z(z))


@dataclass(frozen=True)
class Initialisation:
    """One initialisation. kept: update its critic is of; validation and test: value on those rows, nats."""

    kept: int
    validation: float
    test: float
    lost: bool


@dataclass(frozen=True)
class Estimate:
    """Mutual information of x and z in nats, with what belongs beside it.

    mi: value of the chosen critic on the test rows. value_is: what kind of value that is.
    interval: of ``mi`` over resamples of the test rows, the critic taken as given.
    judged: test rows through the chosen critic. ceiling: nats that so many test rows can show at most.
    validation: value of the chosen critic on the validation rows, which chose it; None for rows given to a fitted
    critic, as are ``initialisations``. clamped: share of the rows judged of which some value is beyond the training
    rows' (``mine.own.marginals``).
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
    initialisations: tuple[Initialisation, ...] = ()
    chosen: int = 0
    clamped: float = 0.0

    @property
    def spread(self) -> tuple[float, float] | None:
        """Lowest and highest test value over initialisations."""
        values = [each.test for each in self.initialisations if not each.lost]
        return (min(values), max(values)) if values else None


def fit(
    x: Sequence[Column],
    z: Sequence[Column],
    settings: OwnSettings,
    *,
    device: torch.device | str = "cpu",
    report: Callable[[Look], object] = lambda look: None,
    groups: np.ndarray | None = None,
) -> Fit:
    """Split the rows, encode them and train.

    Args:
        x: columns that miss nothing (``mine.own.columns.without_missing``).
        z: the same, as many rows.
        settings: see OwnSettings.
        device: where to train.
        report: see ``mine.own.training.train``.
        groups: (n,), whose each row is, where several rows belong to one subject.

    Raises:
        UserError: too few rows for the split, a constant column, x and z the same, or every initialisation lost.
    """
    warned = check(x, z, look_at_order=groups is None and settings.blocks is None)
    parts = settings.parts(len(x[0].values))
    together = arrangement(x, z, settings.blocks, groups, min(parts[1:]))
    rows = together.split(parts, numbers(settings.seed, Use.SPLIT))
    sides = [Side.of(columns, rows[0], settings.marginals) for columns in (x, z)]
    encoded = [torch.from_numpy(side(columns)) for side, columns in zip(sides, (x, z), strict=True)]
    training, validation = ([each[torch.from_numpy(part)] for each in encoded] for part in rows[:2])
    trained = train(tuple(training), tuple(validation), settings, device=device, report=report)
    if not math.isfinite(trained.best[trained.chosen]):
        raise UserError(
            f"training: no initialisation of {settings.estimator} ever had a finite loss on the validation rows; "
            "try --estimator js, or a lower --learning-rate"
        )
    warned += odd_columns([*x, *z], rows[0])
    warned += of_training(trained, [side.encoding for side in sides], encoded, rows[0], settings)
    return Fit(settings, *sides, trained, rows, (entropy(x), entropy(z)), tuple(warned), together)


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
    validation, test = ([each[torch.from_numpy(part)] for each in encoded] for part in fitted.rows[1:])
    of_validation, of_test = (fitted.together.take(part) for part in fitted.rows[1:])
    seen = _judge(fitted, trained.chosen, validation, of_validation, resamples=_VALIDATION_RESAMPLES, permutations=0)
    judged = _judge(fitted, trained.chosen, test, of_test, report=report)
    members = []
    for member, kept in enumerate(trained.kept):
        chosen = member == trained.chosen
        values = [
            known.value if chosen else _judge(fitted, member, part, INDEPENDENT, resamples=0, permutations=0).value
            for known, part in ((seen, validation), (judged, test))
        ]
        members.append(Initialisation(kept, *values, trained.lost[member]))
    clamped, warned = clamping((fitted.x, fitted.z), (x, z), fitted.rows[2])
    made = _assemble(fitted, judged, len(test[0]), [*fitted.warnings, *warned], validation=seen)
    return replace(made, validation=seen.value, initialisations=tuple(members), chosen=trained.chosen, clamped=clamped)


def estimate_new(fitted: Fit, x: Sequence[Column], z: Sequence[Column], groups: np.ndarray | None = None) -> Estimate:
    """The fitted critic on rows that ``fit`` was not given. groups: as of ``fit``.

    Raises:
        UserError: other columns or levels than those trained on, or too few rows.
    """
    encoded = fitted.tensors(x, z)
    if len(encoded[0]) < MIN_HELD_OUT:
        raise UserError(f"rows: {len(encoded[0])} given, at least {MIN_HELD_OUT} are needed")
    judged = _judge(
        fitted, fitted.trained.chosen, encoded, arrangement(x, z, fitted.settings.blocks, groups, len(encoded[0]))
    )
    clamped, warned = clamping((fitted.x, fitted.z), (x, z), np.arange(len(encoded[0])))
    warned = [*warned, *of_new_rows(x, z, fitted.settings.blocks, groups, fitted.together)]
    return replace(_assemble(fitted, judged, len(encoded[0]), warned, validation=None), clamped=clamped)


def _judge(
    fitted: Fit,
    member: int,
    rows: Sequence[Tensor],
    together: Rows,
    *,
    resamples: int | None = None,
    permutations: int | None = None,
    report: Callable[[int], object] = lambda done: None,
) -> Judged:
    settings = fitted.settings
    return judge(
        fitted.trained.estimator,
        fitted.trained.member(member),
        *rows,
        per_z=fitted.per_z,
        resamples=settings.resamples if resamples is None else resamples,
        permutations=settings.permutations if permutations is None else permutations,
        bootstrap=numbers(settings.seed, Use.RESAMPLES),
        shuffle=numbers(settings.seed, Use.PERMUTATIONS),
        together=together,
        report=report,
    )


def _assemble(
    fitted: Fit, judged: Judged, rows: int, warned: Sequence[Warned], *, validation: Judged | None
) -> Estimate:
    interval = judged.interval(fitted.settings.level)
    ceiling = math.log(judged.block if fitted.per_z else rows)
    found = of_test_rows(judged, interval, rows, ceiling, validation, fitted.entropies)
    return Estimate(
        judged.value,
        MULTI_SAMPLE if fitted.per_z else DONSKER_VARADHAN,
        interval,
        fitted.settings.level,
        math.nan if any(each.code == NOT_STATIONARY for each in warned) else judged.p_value,
        rows,
        ceiling,
        judged,
        (*warned, *found),
    )
