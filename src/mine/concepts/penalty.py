"""A penalty on leakage: an estimate of I(l, c; y) by critics that train in turns with the concept models.

l are the predicted concepts' logits, c the true concepts. I(l, c; y) = I(c; y) + I(l; y | c), and no model changes the
first, so its gradient is that of the leakage. The critics are those that encoders are trained by
(``mine.control.critics``): an estimator's corrected gradient with respect to what it is shown. They see logits in units
of the batch's standard deviation, as no invertible map of l changes the information.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from mine.concepts.plan import Plan
from mine.control.critics import Critics
from mine.engine import optimizers
from mine.engine.networks import Layout
from mine.engine.record import MEASURED
from mine.engine.seeding import Stream, generator
from mine.engine.sources import product_indices
from mine.estimators import build, default_critic
from mine.settings import TrainingSettings

_KEY = 1.0
"""Keeps the critics' random numbers apart from the models'."""

_SAID = 100
"""Updates that the last estimate is a mean over."""

HIDDEN, LEARNING_RATE = 64, 1e-3
"""Of a critic."""


class Penalty:
    """Critics of a stack of models. weights: (S,), of the penalty."""

    def __init__(self, estimator: str, k: int, classes: int, plan: Plan, seeds: Sequence[int], weights: Tensor) -> None:
        """k: concepts. classes: of the label."""
        training = TrainingSettings(
            batch_size=plan.batch_size, hidden=HIDDEN, learning_rate=LEARNING_RATE, product="derangement"
        )
        self.weights = weights
        self._width = 1 if classes == 2 else classes
        self._classes, self._k = classes, k
        one = build(estimator, default_critic(estimator), 2 * k, self._width, training)
        starts = [generator(seed, k, _KEY, Stream.INITIALISATION) for seed in seeds]
        self._optimizer, self._updates = optimizers.of(training), 0
        self._critics = Critics(one, self._optimizer, Layout(one.networks).matrix(one.init(starts)))
        self._product = [generator(seed, k, _KEY, Stream.PRODUCT) for seed in seeds]
        self._last: deque[Tensor] = deque(maxlen=_SAID)

    @property
    def live(self) -> Tensor:
        """(S,), whose critic is finite."""
        return self._critics.live

    @torch.no_grad()
    def learn(self, logits: Tensor, truth: Tensor, labels: Tensor, *, slope: bool = False) -> Tensor:
        """An update of the critics on a batch; and with ``slope`` the estimate's with respect to logits, (S, b, k).

        logits, truth: (S, b, k); labels: (S, b).
        """
        deviation = logits.std(1, keepdim=True).clamp(min=1e-6)
        x = torch.cat([(logits - logits.mean(1, keepdim=True)) / deviation, 2.0 * truth - 1.0], 2)
        z = self._encoded(labels)
        size = x.shape[1]
        order = product_indices("derangement", 1, size, self._product)[:, 0]
        self._critics.load(x, z, z.gather(1, order[..., None].expand_as(z)))
        self._updates += 1
        if self._updates == 1:
            self._critics.start(size)
        rates = self._critics.rates
        rates[:] = rates.new_tensor(self._optimizer.rates(self._updates))[:, None, None]
        with torch.enable_grad():
            self._critics.update(size, self._updates)
            self._last.append(self._critics.measured[MEASURED.index("mi_batch")].clone())
            return self._critics.slope(size)[..., : self._k] / deviation if slope else logits

    def said(self, place: int) -> float:
        """Mean of the estimate of the last updates' batches of one member, nats."""
        return float(torch.stack([each[place] for each in self._last]).mean())

    def _encoded(self, labels: Tensor) -> Tensor:
        """Labels as critics see them, (S, b, width): -1 and 1 of two classes, else one column a class."""
        if self._classes == 2:
            return (2.0 * labels - 1.0)[..., None]
        return torch.nn.functional.one_hot(labels, self._classes).to(torch.float32)
