"""Encoders and their critics in turns: each critic a step, or several, then the encoder one.

A loop of its own beside ``mine.engine.loop``, which trains one stack on batches that are known a block ahead: here a
batch depends on the encoder of its own step, one or two stacks see it, and a member ends with the first of its networks
that becomes non-finite. What is the same is the engine's: a critic's update (``Stack``), networks, optimisers, random
streams, and the instruments that judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from mine.control.critics import Critics
from mine.control.data import Drawn, EncoderPairs
from mine.control.encoders import encoders_of
from mine.control.gaussian import Array
from mine.control.settings import ControlSettings
from mine.engine import optimizers
from mine.engine.networks import Layout
from mine.engine.record import MEASURED
from mine.engine.seeding import Stream
from mine.engine.sources import BLOCK, Run
from mine.estimators.interface import Estimator
from mine.settings import TrainingSettings

_ESTIMATE, _NORM = MEASURED.index("mi_batch"), MEASURED.index("grad_norm")


@dataclass
class Seen:
    """What training measured at every step, for all members; the row after the last update is a look.

    estimates, norms: by term, (steps + 1, S): the batch's value in nats, and the norm of the critic's applied gradient;
        with several critic steps those of the last.
    encoder_norms: (steps + 1, S), of the encoder's gradient.
    encoders: (steps + 1, S, ...), what a closed form judges the encoders by, before the step's update.
    """

    estimates: dict[str, list[Array]] = field(default_factory=dict)
    norms: dict[str, list[Array]] = field(default_factory=dict)
    encoder_norms: list[Array] = field(default_factory=list)
    encoders: list[Array] = field(default_factory=list)


class Turns:
    """Encoders and critics of a stack of runs that share everything but the seed."""

    def __init__(
        self,
        estimators: dict[str, Estimator],
        control: ControlSettings,
        training: TrainingSettings,
        runs: Sequence[Run],
        device: torch.device | str,
    ) -> None:
        """estimators: one a term, in the order of the terms."""
        self.control, self.training = control, training
        starts = [run.generator(Stream.INITIALISATION, device) for run in runs]
        self.encoders = encoders_of(control, runs, starts, training.batch_size)
        optimizer = optimizers.of(training)
        self.critics = {
            term: Critics(one, optimizer, Layout(one.networks).matrix(one.init(starts)), grad_clip=training.grad_clip)
            for term, one in estimators.items()
        }
        self._optimizer, self._updates = optimizer, 0
        self._source = EncoderPairs(control, runs, training.batch_size, training.product, device)

    def train(self, look: Callable[[int, Turns], None], report: Callable[[int, float], None]) -> Seen:
        """All updates and the look after the last. look: called before every step. report: after every block."""
        steps, seen = self.training.steps, Seen()
        assert steps is not None, "settings work it out where they are made"
        for first in range(1, steps + 2, BLOCK):
            block = range(first, min(first + BLOCK, steps + 2))
            record: dict[str, list[Tensor]] = {term: [] for term in self.critics}
            encoder_norms: list[Tensor] = []
            encoders: list[Tensor] = []
            drawn = self._source.take(len(block) * self.control.critic_steps)
            for row, step in enumerate(block):
                look(step, self)
                encoders.append(self.encoders.kept())
                encoder_norms.append(self._step(drawn, row, step, step > steps))
                for term, critics in self.critics.items():
                    record[term].append(critics.measured[[_ESTIMATE, _NORM]])
            for term, rows in record.items():
                estimates, norms = torch.stack(rows, 1).cpu().numpy()
                seen.estimates.setdefault(term, []).append(estimates)
                seen.norms.setdefault(term, []).append(norms)
            seen.encoder_norms.append(torch.stack(encoder_norms).cpu().numpy())
            seen.encoders.append(self.encoders.as_kept(torch.stack(encoders)))
            report(min(block[-1], steps), float(self.encoders.live.float().mean()))
        return seen

    def _step(self, drawn: Drawn, row: int, step: int, last: bool) -> Tensor:
        """One encoder step; the norm of its gradient, (S,), NaN at the look after the last update."""
        size = self.training.batch_size
        for turn in range(1 if last else self.control.critic_steps):
            at = row * self.control.critic_steps + turn
            t = self.encoders.encode(drawn.x[:, at], drawn.noise[:, at])
            self._updates += 1
            for term, critics in self.critics.items():
                product = drawn.products[term]
                critics.load(t, drawn.of_terms[term][:, at], None if product is None else product[:, at])
                if self._updates == 1:
                    critics.start(size)
                if last:
                    critics.look(size)
                else:
                    critics.rates[:] = critics.rates.new_tensor(self._optimizer.rates(self._updates))[:, None, None]
                    critics.update(size, self._updates)
        if last:
            return torch.full_like(self.encoders.parameters[:, 0], torch.nan)
        slopes = [
            weight * critics.slope(size)
            for weight, critics in zip(self.control.weights, self.critics.values(), strict=True)
        ]
        for critics in self.critics.values():
            self.encoders.live &= critics.live
        norm = self.encoders.update(slopes[0] if len(slopes) == 1 else slopes[0] + slopes[1], step)
        for critics in self.critics.values():
            critics.live &= self.encoders.live
        return norm


def first_non_finite(seen: Seen, steps: int) -> list[int | None]:
    """Of each member the first step, 1-based, at which an estimate, or the gradient of a network, is not finite."""
    finite = np.isfinite(np.concatenate(seen.encoder_norms))
    finite[steps:] = True
    for term in seen.estimates:
        finite &= np.isfinite(np.concatenate(seen.estimates[term]))
        finite[:steps] &= np.isfinite(np.concatenate(seen.norms[term])[:steps])
    ended = np.where(finite.all(0), 0, finite.argmin(0) + 1).tolist()
    return [step or None for step in ended]
