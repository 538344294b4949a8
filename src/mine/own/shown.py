"""What the command shows of an estimate: trained and judged with lines of progress, then record, text and figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mine.own import conditional_figure, figure
from mine.own.columns import entropy
from mine.own.conditional import estimate_conditional, fit_conditional
from mine.own.conditional_report import record_conditional
from mine.own.conditional_report import render as render_conditional
from mine.own.conditional_report import verdict as conditional_verdict
from mine.own.crossfit import fit_and_estimate
from mine.own.estimate import TURNING, Estimate, Fit, estimate_new
from mine.own.normalised import Form, normalised
from mine.own.record import plain, record, record_of_new_rows
from mine.own.report import Made, render, render_of_new_rows, verdict
from mine.own.saved import load, save
from mine.own.settings import OwnSettings
from mine.own.training import Look
from mine.progress import ProgressLine


@dataclass(frozen=True)
class Shown:
    """record: ready for JSON; text: what is printed; draw: makes the figure; save: writes the model of one fit."""

    record: dict[str, Any]
    text: str
    draw: Callable[[], Figure]
    save: Callable[[Path], None] | None = None


def of_estimate(made: Made, settings: OwnSettings, *, normalise: bool) -> Shown:
    """Mutual information of x and z. normalise: with its normalised forms."""
    fits, found = _estimated(made, settings)
    forms = normalised(found.mi, found.interval, fits[0].entropies) if normalise else []
    content = record(fits, found, made, settings) | {"normalised": _of_forms(forms) if normalise else None}
    names = [each.name for each in made.x], [each.name for each in made.z]
    return Shown(
        content,
        render(fits, found, made, forms),
        lambda: figure.draw(fits, found, verdict(found)),
        (lambda path: save(path, fits[0], found, names)) if len(fits) == 1 else None,
    )


def _estimated(made: Made, settings: OwnSettings) -> tuple[Sequence[Fit], Estimate]:
    """Train and judge, with a line of progress for each split's each."""
    count, rows = settings.cross_fit or 1, settings.parts(len(made.x[0].values))[2]
    lines: dict[tuple[int, str], ProgressLine] = {}

    def say(split: int, doing: str, total: int, done: int, text: str) -> None:
        if (split, doing) not in lines:
            for line in lines.values():
                line.close()
            lines[split, doing] = ProgressLine(total)
        lines[split, doing].update(done, text if count == 1 else f"split {split + 1} of {count}: {text}")

    fits, found = fit_and_estimate(
        made.x,
        made.z,
        settings,
        device=made.device,
        groups=made.groups,
        trains=lambda split, look: say(split, look.critic.partition(TURNING)[1], *_done(settings, look), _told(look)),
        judges=lambda split, done: say(split, "judge", rows, done, f"judged {done:,} of about {rows:,} test rows"),
    )
    for line in lines.values():
        line.close()
    return fits, found


def of_new_rows(made: Made, model: Path, *, normalise: bool) -> Shown:
    """A fitted model's value on rows that it was not given."""
    fitted, _, _ = load(model)
    found = estimate_new(fitted, made.x, made.z, made.groups)
    limits = entropy(made.x), entropy(made.z)
    forms = normalised(found.mi, found.interval, limits) if normalise else []
    content = record_of_new_rows(fitted, found, made, model.name)
    return Shown(
        content | {"normalised": _of_forms(forms) if normalise else None},
        render_of_new_rows(fitted, found, made, model.name, forms),
        lambda: figure.draw([fitted], found, verdict(found)),
    )


def of_conditional(made: Made, settings: OwnSettings, *, normalise: bool) -> Shown:
    """Conditional mutual information of x and z, given other columns."""
    of_one = len(settings.candidates) * settings.max_updates
    line = ProgressLine(2 * of_one)
    start = {"whole": 0, "part": of_one}
    name = {"whole": "I(x, c; z)", "part": "I(c; z)"}
    fitted = fit_conditional(
        made.x,
        made.z,
        made.given,
        settings,
        device=made.device,
        groups=made.groups,
        report=lambda part, look: line.update(start[part] + _done(settings, look)[1], f"{name[part]}: {_told(look)}"),
    )
    line.close()
    found = estimate_conditional(fitted, made.x, made.z, made.given)
    forms = normalised(found.mi, found.interval, found.entropies, given=True) if normalise else []
    content = record_conditional(fitted, found, made) | {"normalised": _of_forms(forms) if normalise else None}
    return Shown(
        content,
        render_conditional(fitted, found, made, forms),
        lambda: conditional_figure.draw(fitted, found, conditional_verdict(found)),
    )


def _done(settings: OwnSettings, look: Look) -> tuple[int, int]:
    """Updates of all kinds of critic that are trained from one start, one after the other, and how many are done."""
    kinds = [each.critic for each in settings.candidates]
    before = kinds.index(look.critic.partition(TURNING)[0])
    return len(kinds) * settings.max_updates, before * settings.max_updates + look.update


def _told(look: Look) -> str:
    values = ", ".join(f"{value:.3f}" for value in look.value)
    return f"{look.critic} critic, update {look.update}, validation {values} nats"


def _of_forms(forms: Sequence[Form]) -> list[dict[str, Any]]:
    return plain([asdict(each) for each in forms])
