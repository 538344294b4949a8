"""Training critics on finite data: several initialisations as one stack, each stopped by the validation rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mine.estimators import build
from mine.estimators.interface import Estimator, Outputs, Parameters
from mine.estimators.tree import Tree
from mine.estimators.values import log_mean_exp, mean
from mine.optimizers import Adam
from mine.own.settings import PER_Z, OwnSettings
from mine.own.streams import Use, generator
from mine.sources import Epochs

VALIDATION_ROWS = 4_000
"""Validation rows that a look during training takes; the validation value of the end takes them all."""

_LOOK_BLOCK, _LOOK_ROLLS = 500, 16


@dataclass(frozen=True)
class Look:
    """Validation rows seen with the critics after ``update`` updates.

    criterion: what stops training, by member, lower is better. value: by member, nats: the estimator's own
    where T is fixed up to a function of z (PER_Z), else Donsker-Varadhan's.
    """

    update: int
    criterion: tuple[float, ...]
    value: tuple[float, ...]


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

    def member(self, index: int) -> Parameters:
        """Parameters of one member, as a stack of one."""
        return {name: tensor[index : index + 1] for name, tensor in self.parameters.items()}


def train(
    training: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    settings: OwnSettings,
    *,
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
        device: where to train.
        report: called after every look at the validation rows.
    """
    members = settings.initialisations
    x, z = (tensor.to(device) for tensor in training)
    x_seen, z_seen = (tensor[:VALIDATION_ROWS].to(device) for tensor in validation)
    batch = min(settings.batch_size, len(x))
    settings = replace(settings, batch_size=batch)
    estimator = build(settings.estimator, settings.critic, x.shape[1], z.shape[1], settings.networks())

    def of_each(use: Use) -> list[torch.Generator]:
        return [generator(settings.seed, use, member, device) for member in range(members)]

    tree = Tree(estimator.init(of_each(Use.INITIALISATION)))
    epochs = [Epochs(len(x), batch, source) for source in of_each(Use.BATCHES)]
    optimizer = Adam(settings.learning_rate)
    moments = optimizer.init(tree.values)
    squared = torch.empty_like(tree.values)
    averaged, kept = tree.values.clone(), tree.values.clone()
    kept_at = torch.zeros(members, dtype=torch.int64, device=device)
    best = torch.full((members,), torch.inf, dtype=torch.float64, device=device)
    live = torch.ones(members, dtype=torch.bool, device=device)
    state, looks, update = None, [], 0
    per_z = settings.estimator in PER_Z

    while True:
        criterion, value = _look(estimator, tree.views(averaged), x_seen, z_seen, per_z)
        better = criterion < best
        best = torch.where(better, criterion, best)
        kept[better], kept_at[better] = averaged[better], update
        looks.append(Look(update, tuple(criterion.tolist()), tuple(value.tolist())))
        report(looks[-1])
        ended = update - int(kept_at.max()) >= settings.patience * settings.eval_every or not bool(live.any())
        if ended or update >= settings.max_updates:
            break
        steps = min(settings.eval_every, settings.max_updates - update)
        batches = torch.stack([epoch.take(steps) for epoch in epochs])
        for place in range(steps):
            update += 1
            rows = batches[:, place]
            outputs = estimator.outputs(tree.leaves, x[rows], z[rows])
            if state is None:
                state = estimator.start({name: tensor.detach() for name, tensor in outputs.items()})
            loss, state = estimator.loss(outputs, state)
            gradient = tree.gradient(loss.loss)
            torch.mul(gradient, gradient, out=squared)
            # A member whose gradient is no number any more stays where it is.
            live &= squared.sum(1).isfinite()
            rates = gradient.new_tensor(optimizer.rates(update))
            if settings.weight_decay:
                tree.values *= 1.0 - settings.learning_rate * settings.weight_decay
            ascent = optimizer.ascent(gradient, squared, moments, rates)
            tree.values -= torch.where(live[:, None], ascent, 0.0)
            # As Adam's moments: an average that started at the initialisation would remember it for long.
            averaged.lerp_(tree.values, max(1.0 - settings.average, 1.0 / update))

    parameters = {name: tensor.cpu() for name, tensor in tree.views(kept).items()}
    return Trained(
        estimator,
        parameters,
        tuple(kept_at.tolist()),
        tuple(best.tolist()),
        tuple(looks),
        update,
        ended,
        tuple((~live).tolist()),
    )


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
