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
from mine.own.estimate import estimate, estimate_new, fit
from mine.own.normalised import Form, normalised
from mine.own.record import plain, record, record_of_new_rows
from mine.own.report import Made, render, render_of_new_rows, verdict
from mine.own.saved import load, save
from mine.own.settings import OwnSettings
from mine.own.training import Look
from mine.progress import ProgressLine


@dataclass(frozen=True)
class Shown:
    """record: ready for JSON; text: what is printed; draw: makes the figure; save: writes the fitted model."""

    record: dict[str, Any]
    text: str
    draw: Callable[[], Figure]
    save: Callable[[Path], None] | None = None


def of_estimate(made: Made, settings: OwnSettings, *, normalise: bool) -> Shown:
    """Mutual information of x and z. normalise: with its normalised forms."""
    line = ProgressLine(settings.max_updates)
    fitted = fit(
        made.x,
        made.z,
        settings,
        device=made.device,
        groups=made.groups,
        report=lambda look: line.update(look.update, _told(look)),
    )
    line.close()
    count = len(fitted.rows[2])
    line = ProgressLine(count)
    found = estimate(fitted, made.x, made.z, lambda done: line.update(done, f"judged {done:,} of {count:,} test rows"))
    line.close()
    forms = normalised(found.mi, found.interval, fitted.entropies) if normalise else []
    content = record(fitted, found, made) | {"normalised": _of_forms(forms) if normalise else None}
    names = [each.name for each in made.x], [each.name for each in made.z]
    return Shown(
        content,
        render(fitted, found, made, forms),
        lambda: figure.draw(fitted, found, verdict(found)),
        lambda path: save(path, fitted, found, names),
    )


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
        lambda: figure.draw(fitted, found, verdict(found)),
    )


def of_conditional(made: Made, settings: OwnSettings, *, normalise: bool) -> Shown:
    """Conditional mutual information of x and z, given other columns."""
    line = ProgressLine(2 * settings.max_updates)
    start = {"whole": 0, "part": settings.max_updates}
    name = {"whole": "I(x, c; z)", "part": "I(c; z)"}
    fitted = fit_conditional(
        made.x,
        made.z,
        made.given,
        settings,
        device=made.device,
        groups=made.groups,
        report=lambda part, look: line.update(start[part] + look.update, f"{name[part]}: {_told(look)}"),
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


def _told(look: Look) -> str:
    return f"update {look.update}, validation {', '.join(f'{value:.3f}' for value in look.value)} nats"


def _of_forms(forms: Sequence[Form]) -> list[dict[str, Any]]:
    return plain([asdict(each) for each in forms])
