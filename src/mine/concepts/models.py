"""Concept bottleneck models, all of a stack at once: hard, sequential and joint, the joint ones with a penalty.

A model is a perceptron from x to the concepts' logits l and one from the bottleneck to the label. The bottleneck is
2 p - 1 = tanh(l / 2), p being the predicted concepts' probabilities: of ``hard`` models the true concepts in training
and p cut at one half afterwards. A joint model descends CE(label) + weight BCE(concepts) + penalty I(l, c; y), whose
last term an estimate gives (``mine.concepts.penalty``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from mine.concepts.data import Rows, draw
from mine.concepts.names import DATA, HARD, JOINT
from mine.concepts.penalty import Penalty
from mine.concepts.plan import Plan
from mine.engine.networks import Layout, Mlp
from mine.engine.optimizers import Adam
from mine.engine.seeding import Stream, generator

_LAYERS, _HEAD_LAYERS, _HEAD_HIDDEN = 2, 1, 16
REPORT_EVERY = 100


@dataclass(frozen=True)
class Member:
    """One model of a stack. concept_weight: of BCE(concepts), of joint. penalty: weight of the penalty."""

    seed: int
    concept_weight: float = 1.0
    penalty: float = 0.0


@dataclass(frozen=True)
class Model:
    """One trained model on its held-out rows.

    predicted: (n, k) logits, of ``hard`` 0 or 1. concepts: (n, k), those that it was given. label: (n,).
    concept_accuracy: (k,). interventions: (k + 1,), accuracy of the label when so many concepts, in an order that the
    seed draws, are set to the truth; the first is the label's accuracy. overflow_step: at which a gradient was not
    finite; None where none was. said: what the penalty's critic said, the mean of the last updates' batches, nats.
    """

    member: Member
    predicted: np.ndarray
    concepts: np.ndarray
    label: np.ndarray
    concept_accuracy: np.ndarray
    interventions: np.ndarray
    overflow_step: int | None
    said: float | None


class _Part:
    """The same perceptron of every member, with an optimiser of its own."""

    def __init__(self, network: Mlp, learning_rate: float, starts: Sequence[torch.Generator]) -> None:
        self.network, self._layout = network, Layout([network])
        self.parameters = self._layout.matrix(network.init(starts)).requires_grad_()
        self._optimizer, self._updates = Adam(learning_rate), 0
        with torch.no_grad():
            self._state = self._optimizer.init(self.parameters)

    def __call__(self, values: Tensor) -> Tensor:
        """What it says of values (S, n, inputs)."""
        return self.network(self._layout.views(self.parameters), values)

    @torch.no_grad()
    def descend(self, gradient: Tensor, live: Tensor) -> None:
        """One step of the members that live. A gradient that is not finite must not reach the others' moments."""
        self._updates += 1
        gradient = torch.where(live[:, None], gradient, 0.0)
        rates = gradient.new_tensor(self._optimizer.rates(self._updates))
        change = self._optimizer.descent(gradient, gradient * gradient, self._state, rates)
        self.parameters -= torch.where(live[:, None], change, 0.0)


class Bottlenecks:
    """A stack of models of one kind on one data set."""

    def __init__(self, data: str, kind: str, members: Sequence[Member], plan: Plan, penalty: str | None = None) -> None:
        """penalty: estimator of the penalty, of joint models; None for none."""
        self._data, self._kind, self._members, self._plan = DATA[data], kind, tuple(members), plan
        seeds = [each.seed for each in members]
        drawn = {seed: draw(data, *plan.rows_of(data), seed) for seed in dict.fromkeys(seeds)}
        self._training, self._held_out = ([drawn[seed][part] for seed in seeds] for part in (0, 1))
        k, classes = self._data.kept, self._data.classes
        starts = [generator(seed, k, 0.0, Stream.INITIALISATION) for seed in seeds]
        rate, hidden = plan.learning_rate, plan.hidden
        self._concepts = _Part(Mlp("concepts", self._data.inputs, k, hidden, _LAYERS, "relu"), rate, starts)
        self._label = _Part(Mlp("label", k, classes, _HEAD_HIDDEN, _HEAD_LAYERS, "relu"), rate, starts)
        self._batches = [generator(seed, k, 0.0, Stream.BATCHES) for seed in seeds]
        self._weights = torch.tensor([each.concept_weight for each in members])
        self._inputs = torch.stack([torch.from_numpy(each.inputs).float() for each in self._training])
        self._truth = torch.stack([self._given(each) for each in self._training])
        self._labels = torch.stack([torch.from_numpy(each.label) for each in self._training])
        self.live = torch.ones(len(seeds), dtype=torch.bool)
        self._ended: list[int | None] = [None] * len(seeds)
        self._penalty = None
        if penalty is not None:
            self._penalty = Penalty(penalty, k, classes, plan, seeds, torch.tensor([each.penalty for each in members]))

    def train(self, report: Callable[[int, int], object] = lambda done, whole: None) -> list[Model]:
        """All updates. report: called every so often with the updates done and those there are."""
        steps = self._plan.steps
        phases = [(True, True)] if self._kind == JOINT else [(True, False), (False, True)]
        for phase, (concepts, label) in enumerate(phases):
            for step in range(1, steps + 1):
                self._step(phase * steps + step, concepts=concepts, label=label)
                if step % REPORT_EVERY == 0 or step == steps:
                    report(phase * steps + step, len(phases) * steps)
        return [self._model(place) for place in range(len(self._members))]

    def _given(self, rows: Rows) -> Tensor:
        """The concepts that a model is given, (n, k) float."""
        return torch.from_numpy(rows.concepts[:, : self._data.kept]).float()

    def _batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (S, b, d), concepts (S, b, k) and labels (S, b)."""
        rows, size = self._inputs.shape[1], min(self._plan.batch_size, self._inputs.shape[1])
        picks = torch.stack([torch.randint(rows, (size,), generator=each) for each in self._batches])
        place = torch.arange(len(picks))[:, None]
        return self._inputs[place, picks], self._truth[place, picks], self._labels[place, picks]

    def _step(self, step: int, *, concepts: bool, label: bool) -> None:
        """One update of the parts that are trained in this phase."""
        if self._penalty is not None:
            for _ in range(self._plan.critic_steps - 1):
                inputs, truth, labels = self._batch()
                with torch.no_grad():
                    self._penalty.learn(self._concepts(inputs), truth, labels)
        inputs, truth, labels = self._batch()
        logits = self._concepts(inputs)
        losses, trained = logits.new_zeros(len(logits)), []
        if concepts:
            of_concepts = binary_cross_entropy_with_logits(logits, truth, reduction="none").mean((1, 2))
            losses = losses + (self._weights if self._kind == JOINT else 1.0) * of_concepts
            trained.append(self._concepts)
        if label:
            bottleneck = 2.0 * truth - 1.0 if self._kind == HARD else torch.tanh(logits / 2.0)
            said = self._label(bottleneck if self._kind == JOINT else bottleneck.detach())
            losses = losses + cross_entropy(said.flatten(0, 1), labels.flatten(), reduction="none").view(
                labels.shape
            ).mean(1)
            trained.append(self._label)
        if self._penalty is not None:
            slope = self._penalty.learn(logits.detach(), truth, labels, slope=True)
            losses = losses + self._penalty.weights * (slope * logits).sum((1, 2))
        gradients = torch.autograd.grad(losses.sum(), [each.parameters for each in trained])
        good = torch.stack([each.square().sum(1).isfinite() for each in gradients]).all(0)
        if self._penalty is not None:
            good &= self._penalty.live
        for place in (self.live & ~good).nonzero().flatten().tolist():
            self._ended[place] = step
        self.live &= good
        for part, gradient in zip(trained, gradients, strict=True):
            part.descend(gradient, self.live)

    @torch.no_grad()
    def _model(self, place: int) -> Model:
        rows, member = self._held_out[place], self._members[place]
        inputs = torch.from_numpy(rows.inputs).float()
        logits = self._concepts(inputs.expand(len(self._members), -1, -1))[place]
        truth = self._given(rows)
        cut = (logits > 0.0).float()
        bottleneck = 2.0 * cut - 1.0 if self._kind == HARD else torch.tanh(logits / 2.0)
        label = torch.from_numpy(rows.label)
        order = np.random.default_rng([member.seed, 5]).permutation(self._data.kept).tolist()
        right = []
        for count in range(self._data.kept + 1):
            mended = bottleneck.clone()
            mended[:, order[:count]] = 2.0 * truth[:, order[:count]] - 1.0
            said = self._label(mended.expand(len(self._members), -1, -1))[place].argmax(1)
            right.append(float((said == label).double().mean()))
        return Model(
            member,
            (cut if self._kind == HARD else logits).double().numpy(),
            rows.concepts[:, : self._data.kept],
            rows.label,
            (cut == truth).double().mean(0).numpy(),
            np.array(right),
            self._ended[place],
            None if self._penalty is None else self._penalty.said(place),
        )
