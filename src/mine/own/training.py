"""Training critics on finite data: several initialisations as one stack, each stopped by the validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mine.engine.loop import train as train_stack
from mine.engine.networks import Layout, Parameters
from mine.engine.optimizers import Adam
from mine.engine.sources import Rows
from mine.engine.stopping import Patience
from mine.estimators import build
from mine.estimators.corrected import Corrected, Elliptical
from mine.estimators.interface import Estimator, Outputs
from mine.estimators.values import log_mean_exp, mean
from mine.own.settings import PER_Z, OwnSettings
from mine.own.streams import Use, generator

VALIDATION_ROWS = 4_000
"""Validation rows that a look during training takes; the validation value of the end takes them all."""

_LOOK_BLOCK, _LOOK_ROLLS = 500, 16


@dataclass(frozen=True)
class Look:
    """Validation rows seen with the critics after ``update`` updates.

    criterion: what stops training, by member, lower is better. value: by member, nats: the estimator's own
    where T is fixed up to a function of z (PER_Z), else Donsker-Varadhan's. critic: what is trained.
    """

    update: int
    criterion: tuple[float, ...]
    value: tuple[float, ...]
    critic: str = ""


@dataclass(frozen=True)
class Trained:
    """Critics after training. parameters: of the kept critics, one member an initialisation.

    kept: by member, the update after which its kept critic stood; 0 is the critic as initialised.
    best: by member, the criterion of its kept critic. looks: every look at the validation rows.
    ended: whether training ended by itself, not by ``max_updates``.
    lost: by member, whether its parameters became non-finite.
    """

    estimator: Estimator
    parameters: Parameters
    kept: tuple[int, ...]
    best: tuple[float, ...]
    looks: tuple[Look, ...]
    updates: int
    ended: bool
    lost: tuple[bool, ...]

    @property
    def chosen(self) -> int:
        """The member that the validation rows choose."""
        return min(range(len(self.best)), key=self.best.__getitem__)

    @property
    def usable(self) -> list[int]:
        """Members whose criterion was a number once."""
        return [index for index, best in enumerate(self.best) if math.isfinite(best)]

    def members(self, indices: Sequence[int]) -> Parameters:
        """Parameters of some members, as a stack."""
        return {name: tensor[list(indices)] for name, tensor in self.parameters.items()}

    def member(self, index: int) -> Parameters:
        """Parameters of one member, as a stack of one."""
        return self.members([index])


def train(
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: OwnSettings,
    *,
    known: Elliptical | None = None,
    device: torch.device | str = "cpu",
    report: Callable[[Look], object] = lambda look: None,
) -> Trained:
    """Train ``settings.initialisations`` critics until the validation rows have not got better for a while.

    The critic that is judged and kept is the moving average of the parameters. It is judged by the estimator's own
    loss on the validation rows; by its value where the loss is defined up to its gradient only or T up to a constant.

    Args:
        training: x (n, dx) and z (n, dz), float32, standardised.
        validation: the same of the validation rows.
        settings: see OwnSettings.
        known: what T starts from; rows of x and of z then end with its features. Not for estimators of PER_Z.
        device: where to train.
        report: called after every look at the validation rows.
    """
    members = settings.initialisations
    x, z = (tensor.to(device) for tensor in training)
    x_seen, z_seen = (tensor[:VALIDATION_ROWS].to(device) for tensor in validation)
    batch = min(settings.batch_size, len(x))
    estimator = estimator_of(x.shape[1], z.shape[1], settings, batch, known)
    layout, looks, per_z = Layout(estimator.networks), [], settings.estimator in PER_Z

    def look(update: int, parameters: Tensor) -> Tensor:
        criterion, value = _look(estimator, layout.views(parameters), x_seen, z_seen, per_z)
        looks.append(Look(update, tuple(criterion.tolist()), tuple(value.tolist()), settings.critic))
        report(looks[-1])
        return criterion

    def of_each(use: Use) -> list[torch.Generator]:
        return [generator(settings.seed, use, member, device) for member in range(members)]

    stopping = Patience(look, settings.eval_every, settings.patience, settings.max_updates)
    stack = train_stack(
        estimator,
        Rows(x, z, batch, of_each(Use.INITIALISATION), of_each(Use.BATCHES)),
        stopping,
        [Adam(settings.learning_rate, weight_decay=settings.weight_decay)] * members,
        grad_clip=settings.grad_clip,
        average=settings.average,
    )
    return Trained(
        estimator,
        {name: tensor.cpu() for name, tensor in layout.views(stopping.kept).items()},
        tuple(stopping.kept_at.tolist()),
        tuple(stopping.best.tolist()),
        tuple(looks),
        looks[-1].update,
        stopping.ended,
        tuple((~stack.live).tolist()),
    )


def estimator_of(dim_x: int, dim_z: int, settings: OwnSettings, batch: int, known: Elliptical | None) -> Estimator:
    """The estimator of rows of x (n, dim_x) and z (n, dim_z), which end with the features of what is known."""
    features = 0 if known is None else known.width
    estimator = build(settings.estimator, settings.critic, dim_x - features, dim_z - features, settings.networks(batch))
    return estimator if known is None else replace(estimator, critic=Corrected(estimator.critic, known))


def _look(estimator: Estimator, parameters: Parameters, x: Tensor, z: Tensor, per_z: bool) -> tuple[Tensor, Tensor]:
    """Criterion and value (see Look) on the validation rows, (S,) each, float64; a criterion that is none is inf."""
    members = len(next(iter(parameters.values())))
    criteria, values = [], []
    with torch.no_grad():
        for x_block, z_block in zip(_blocks(x), _blocks(z), strict=True):
            rolls = min(_LOOK_ROLLS, len(x_block) - 1)
            stack = (block.expand(members, *block.shape) for block in (x_block, z_block))
            outputs = {name: each.double() for name, each in estimator.outputs(parameters, *stack, rolls).items()}
            criteria.append(_criterion(estimator, outputs))
            donsker_varadhan = mean(outputs["joint"]) - log_mean_exp(outputs["product"])
            values.append(estimator.value(outputs) if per_z else donsker_varadhan)
    criterion = torch.stack(criteria).mean(0)
    return criterion.nan_to_num(torch.inf, torch.inf, torch.inf), torch.stack(values).mean(0)


def _criterion(estimator: Estimator, outputs: Outputs) -> Tensor:
    if estimator.shift_invariant:
        return -estimator.value(outputs)
    return estimator.loss(outputs, estimator.start(outputs))[0].loss


def _blocks(rows: Tensor) -> tuple[Tensor, ...]:
    """Rows in blocks of equal size, to one row, so that each weighs alike."""
    return rows.tensor_split(max(1, round(len(rows) / _LOOK_BLOCK)))
