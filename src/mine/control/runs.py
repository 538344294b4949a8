"""Trained encoders: a stack of runs from fresh parameters to a trace each, judged by exact mutual information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mine.control.data import EncodedPairs, runs_of
from mine.control.encoders import as_matrices
from mine.control.fresh import fresh_values
from mine.control.gaussian import Array, information, objective, power
from mine.control.loop import Seen, Turns, first_non_finite
from mine.control.settings import REMOVE, ControlSettings, check_together
from mine.control.trace import COLUMNS
from mine.engine.instruments import Evaluation, evaluate
from mine.engine.networks import Layout
from mine.engine.record import Windows
from mine.estimators import build
from mine.settings import TrainingSettings


@dataclass
class EncoderRun:
    """One trained encoder.

    columns: every column of ``mine.control.trace.COLUMNS`` to a masked array with one value a row. overflow_step: the
    encoder update at which an estimate, or a gradient of encoder or critics, was not finite; None where none was.
    encoder: W (m, d) that training ended with; of a run that overflowed, the last finite one.
    """

    seed: int
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None
    encoder: Array

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"


def train_encoders(
    variant: str,
    critic: str,
    seeds: Sequence[int],
    control: ControlSettings,
    training: TrainingSettings,
    *,
    device: torch.device | str = "cpu",
    judged: bool = True,
    report: Callable[[int, float], Any] = lambda step, live: None,
) -> list[EncoderRun]:
    """Train an encoder a seed, all as one stack, and give back each one's trace.

    Args:
        variant: estimator that says how much information there is, of ``mine.estimators.ESTIMATORS``.
        critic: one that it exists with.
        seeds: at least one.
        control: what the encoders are trained for, and on which data.
        training: of the critics; ``steps`` counts the encoder's updates.
        device: where to train.
        judged: look at the critics with held-out and population samples, and train a fresh one on a finished encoder of
            ``remove``; without, those columns are null.
        report: called after every block with updates done and the share of runs that still train.

    A member's result does not depend on its neighbours: on one CPU thread it is bitwise the same in any stack.
    Raises UserError for a training setting that encoders are not trained with.
    """
    check_together(control, training)
    runs = runs_of(control, seeds)
    estimators = {term: build(variant, critic, control.encoder_dim, control.dim, training) for term in control.terms}
    turns = Turns(estimators, control, training, runs, device)
    assert training.steps is not None, "settings work it out where they are made"
    windows = Windows(training.steps, training.window)
    evaluations: dict[tuple[int, int, str], Evaluation] = {}

    def look(step: int, turns: Turns) -> None:
        if not judged or not (step > windows.steps or windows.due(step, training.eval_every)):
            return
        weights = as_matrices(turns.encoders.weight)
        for member in turns.encoders.live.nonzero().flatten().tolist():
            for term, critics in turns.critics.items():
                task = EncodedPairs(control, weights[member], term)
                parameters = Layout(estimators[term].networks).views(critics.judged[member : member + 1])
                (found,) = evaluate(estimators[term], parameters, [runs[member]], task, training.batch_size, device)
                evaluations[member, step, term] = found

    seen = turns.train(look, report)
    ended = first_non_finite(seen, windows.steps)
    encoders = as_matrices(turns.encoders.weight)
    made = []
    for member, seed in enumerate(seeds):
        last = ended[member] or windows.steps + 1
        mine = {(step, term): found for (of, step, term), found in evaluations.items() if of == member}
        columns = _columns(control, windows, seen, member, last, mine)
        columns["seed"] = np.ma.MaskedArray(np.full(len(columns["step"]), seed))
        made.append(EncoderRun(seed, columns, ended[member], encoders[member]))
    whole = [run for run in made if run.overflow_step is None]
    if control.goal == REMOVE and judged and whole:
        found = fresh_values(control, [run.encoder for run in whole], [run.seed for run in whole], training, device)
        for run, values in zip(whole, found, strict=True):
            run.columns["fresh_s"][-1], run.columns["fresh_s_heldout"][-1] = values
    return made


def _columns(
    control: ControlSettings,
    windows: Windows,
    seen: Seen,
    member: int,
    last: int,
    evaluations: dict[tuple[int, str], Evaluation],
) -> dict[str, np.ma.MaskedArray]:
    """A run's rows as columns of the contract, the seed left out, nulls masked. last: step of the last row."""
    steps = windows.ends(last)
    columns = {name: np.ma.MaskedArray(np.zeros(len(steps)), mask=True) for name in COLUMNS}
    columns["step"] = np.ma.MaskedArray(steps)
    encoders = np.concatenate(seen.encoders)[steps - 1, member]
    exact = information(control, encoders)
    columns["power"] = np.ma.MaskedArray(power(encoders))
    columns["objective"] = np.ma.MaskedArray(objective(control, exact))
    for name, values in exact.items():
        columns[f"mi_{name}"] = np.ma.MaskedArray(values)
    firsts = np.concatenate([[0], steps[:-1]])
    spans = list(zip(firsts.tolist(), steps.tolist(), strict=True))
    is_look = steps > windows.steps
    for term in control.terms:
        estimates, norms = (
            np.concatenate(each[term])[:, member].astype(float) for each in (seen.estimates, seen.norms)
        )
        with np.errstate(invalid="ignore", over="ignore"):
            means = np.array([estimates[first:end].mean() for first, end in spans])
        columns[f"estimate_{term}"] = np.ma.MaskedArray(means)
        columns[f"grad_norm_{term}"] = np.ma.MaskedArray(norms[steps - 1], mask=is_look)
        for (step, of), found in evaluations.items():
            if of == term and step <= last:
                row = np.searchsorted(steps, step)
                columns[f"heldout_{term}"][row] = found.mi_heldout
                if found.mi_population is not None:
                    columns[f"population_{term}"][row] = found.mi_population
    with np.errstate(invalid="ignore"):
        columns["estimated_objective"] = np.ma.MaskedArray(
            objective(control, {term: columns[f"estimate_{term}"].data for term in control.terms})
        )
    norms = np.concatenate(seen.encoder_norms)[:, member]
    columns["grad_norm_encoder"] = np.ma.MaskedArray(norms[steps - 1], mask=is_look)
    columns["grad_norm_encoder_max"] = np.ma.MaskedArray([norms[a:b].max() for a, b in spans], mask=is_look)
    return columns
