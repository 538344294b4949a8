"""Trained encoders: a stack of runs from fresh parameters to a trace each, judged by exact mutual information.

Where an encoder is not linear, what judges it is an estimate with a known error (``mine.control.monte_carlo``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from mine.control.data import runs_of
from mine.control.encoders.interface import Encoder
from mine.control.fresh import fresh_values
from mine.control.gaussian import Array, objective
from mine.control.loop import Seen, Turns, first_non_finite
from mine.control.monte_carlo import INNER, OUTER, Estimate
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
    encoder: what training ended with; of a run that overflowed, the last finite one.
    estimated: by step, columns of which the value there is an estimate, with its errors.
    """

    seed: int
    columns: dict[str, np.ma.MaskedArray]
    overflow_step: int | None
    encoder: Encoder
    estimated: dict[int, dict[str, Estimate]] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """``completed`` or ``overflow``."""
        return "completed" if self.overflow_step is None else "overflow"

    @property
    def uncertain(self) -> dict[str, Any]:
        """What the metadata say of ``estimated``; nothing where a closed form judged the run.

        ``monte_carlo``: samples, and by step and column the standard error and the bound of the bias.
        """
        if not self.estimated:
            return {}
        errors = {
            str(step): {
                name: {"standard_error": one.standard_error, "bias_bound": one.bias_bound}
                for name, one in found.items()
            }
            for step, found in self.estimated.items()
        }
        return {"monte_carlo": {"outer": OUTER, "inner": INNER, "errors": errors}}


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
        judged: look at the critics with held-out and population samples, at an encoder that is not linear by Monte
            Carlo, and train a fresh critic on a finished encoder of ``remove``; without, those columns are null.
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
    looks = [_Looks() for _ in runs]

    def look(step: int, turns: Turns) -> None:
        if not judged or not (step > windows.steps or windows.due(step, training.eval_every)):
            return
        for member in turns.encoders.live.nonzero().flatten().tolist():
            encoder = turns.encoders.member(member)
            looks[member].encoder[step] = encoder.estimated()
            for term, critics in turns.critics.items():
                parameters = Layout(estimators[term].networks).views(critics.judged[member : member + 1])
                (found,) = evaluate(
                    estimators[term], parameters, [runs[member]], encoder.task(term), training.batch_size, device
                )
                looks[member].critics[step, term] = found

    seen = turns.train(look, report)
    ended = first_non_finite(seen, windows.steps)
    made = []
    for member, seed in enumerate(seeds):
        last = ended[member] or windows.steps + 1
        mine = looks[member].until(last)
        columns = _columns(turns, windows, seen, member, last, mine)
        columns["seed"] = np.ma.MaskedArray(np.full(len(columns["step"]), seed))
        estimated = {step: found for step, found in mine.encoder.items() if found}
        made.append(EncoderRun(seed, columns, ended[member], turns.encoders.member(member), estimated))
    whole = [run for run in made if run.overflow_step is None]
    if control.goal == REMOVE and judged and whole:
        found = fresh_values(control, [run.encoder for run in whole], [run.seed for run in whole], training, device)
        for run, values in zip(whole, found, strict=True):
            for name, value in zip(("fresh_s", "fresh_s_heldout"), values, strict=True):
                run.columns[name][-1] = np.ma.masked if value is None else value
    return made


@dataclass
class _Looks:
    """What was seen of one member at the steps that are judged: of its encoder, and of each term's critic."""

    encoder: dict[int, dict[str, Estimate]] = field(default_factory=dict)
    critics: dict[tuple[int, str], Evaluation] = field(default_factory=dict)

    def until(self, last: int) -> _Looks:
        """Those up to a step."""
        return _Looks(
            {step: found for step, found in self.encoder.items() if step <= last},
            {(step, term): found for (step, term), found in self.critics.items() if step <= last},
        )


def _columns(
    turns: Turns, windows: Windows, seen: Seen, member: int, last: int, looks: _Looks
) -> dict[str, np.ma.MaskedArray]:
    """A run's rows as columns of the contract, the seed left out, nulls masked. last: step of the last row."""
    steps = windows.ends(last)
    columns = {name: np.ma.MaskedArray(np.zeros(len(steps)), mask=True) for name in COLUMNS}
    columns["step"] = np.ma.MaskedArray(steps)
    for name, values in turns.encoders.exact(np.concatenate(seen.encoders)[steps - 1, member]).items():
        columns[name] = np.ma.MaskedArray(values)
    for step, estimates in looks.encoder.items():
        for name, estimate in estimates.items():
            columns[name][np.searchsorted(steps, step)] = estimate.value
    _add_critics(columns, turns.control, windows, seen, member, looks.critics)
    norms = np.concatenate(seen.encoder_norms)[:, member]
    is_look = steps > windows.steps
    columns["grad_norm_encoder"] = np.ma.MaskedArray(norms[steps - 1], mask=is_look)
    columns["grad_norm_encoder_max"] = np.ma.MaskedArray([norms[a:b].max() for a, b in _spans(steps)], mask=is_look)
    return columns


def _spans(steps: Array) -> list[tuple[int, int]]:
    """Of each row the updates that its window has, as a slice."""
    return list(zip([0, *steps[:-1].tolist()], steps.tolist(), strict=True))


def _add_critics(
    columns: dict[str, np.ma.MaskedArray],
    control: ControlSettings,
    windows: Windows,
    seen: Seen,
    member: int,
    evaluations: dict[tuple[int, str], Evaluation],
) -> None:
    """Put what a member's critics said into its columns."""
    steps = columns["step"].data
    spans = _spans(steps)
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
            if of == term:
                row = np.searchsorted(steps, step)
                columns[f"heldout_{term}"][row] = found.mi_heldout
                if found.mi_population is not None:
                    columns[f"population_{term}"][row] = found.mi_population
    with np.errstate(invalid="ignore"):
        columns["estimated_objective"] = np.ma.MaskedArray(
            objective(control, {term: columns[f"estimate_{term}"].data for term in control.terms})
        )
