"""The figure of one estimate: how training went, the value and its spread, the permutation test, the scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mine.errors import UserError
from mine.figures import FORMATS, style
from mine.files import whole_files
from mine.own.estimate import Estimate, Fit
from mine.own.witnesses import GAUSSIAN, NEIGHBOURS

CHOSEN, OTHER, JOINT, PRODUCT = "#0A4A80", "#9AA7B1", "#0A4A80", "#D55E00"


def check_path(path: Path) -> None:
    """Raise UserError unless the figure's format is one of those that figures have."""
    if path.suffix[1:].lower() not in FORMATS:
        raise UserError(f"figure: {str(path)!r} does not end in one of {', '.join('.' + each for each in FORMATS)}")


def write(figure: Figure, path: Path) -> None:
    """Write one file, whole, without a date."""
    kind = path.suffix[1:].lower()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with style.context(), whole_files(path) as (stream,):
        figure.savefig(stream, format=kind, metadata=undated[kind])


@style.styled
def draw(fits: Sequence[Fit], estimate: Estimate, title: str) -> Figure:
    """Four panels of one estimate. fits: one, or that of every split. title: the verdict."""
    low, high = estimate.interval
    settings, splits = fits[0].settings, len(estimate.splits)
    kinds = " or ".join(dict.fromkeys(each.read.critic for each in fits))
    given = f"over {splits} splits" if splits else "given this split"
    sheet = style.Sheet(
        1,
        4,
        title=title,
        subtitle=f"{estimate.mi:.3f} nats on {estimate.test_rows:,} test rows, {estimate.level:.0%} interval "
        f"{low:.3f} to {high:.3f} {given}"
        + (f", p = {estimate.p_value:.3g}" if np.isfinite(estimate.p_value) else ", no p-value"),
        caption=f"{settings.estimator}, {kinds} critic{'' if splits else f', seed {settings.seed}'}. "
        f"{estimate.value_is}. The interval resamples test rows, {'splits' if splits else 'initialisations'} count in "
        f"it, and leaves out what another {'' if splits else 'split or '}critic would change. near: nearest "
        "neighbours, Gauss: Gaussian copula, each with two standard errors. Scores "
        "are those of test pairs, shifted so that the mean of e^T over product pairs is 1.",
        handles=[
            [
                Line2D([], [], color=CHOSEN, label="chosen critic"),
                *([] if splits else [Line2D([], [], color=OTHER, label="other initialisations")]),
                style.mark_handle("o", "kept, or test value", color=CHOSEN),
                Patch(color=JOINT, alpha=0.55, label="joint pairs"),
                Patch(color=PRODUCT, alpha=0.55, label="product pairs, or derangements"),
            ]
        ],
        panel_height=2.2,
        column_gap=0.5,
    )
    panels = sheet.axes[0]
    for axes, heading, label, paint in (
        (panels[0], "Training", "update", lambda axes: _training(axes, fits)),
        (
            panels[1],
            "Value and witnesses",
            f"{'split' if splits else 'initialisation'}, mean, witness",
            lambda axes: _values(axes, fits[0], estimate),
        ),
        (panels[2], "Permutation test", "mean T of test rows, nats", lambda axes: _permutations(axes, estimate)),
        (panels[3], "Scores on test pairs", "T, nats", lambda axes: _scores(axes, estimate)),
    ):
        paint(axes)
        sheet.head(0, axes, heading)
        axes.set_xlabel(label)
    return sheet.figure


def _training(axes: Axes, fits: Sequence[Fit]) -> None:
    """Every initialisation of one fit, the chosen one of each of several."""
    kept, lowest, room = [], np.inf, 0.02
    for trained in (fitted.trained for fitted in fits):
        update = [look.update for look in trained.looks]
        values = np.array([look.value for look in trained.looks])
        members = range(values.shape[1]) if len(fits) == 1 else [trained.chosen]
        for member in sorted(members, key=lambda member: member == trained.chosen):
            colour = CHOSEN if member == trained.chosen else OTHER
            axes.plot(update, values[:, member], color=colour)
            at = update.index(trained.kept[member])
            axes.plot([update[at]], [values[at, member]], "o", color=colour)
            kept.append(values[at, member])
        room = max(room, max(kept) - values[0].min())
        # A critic is kept for its loss, and its value may lie below the start's.
        lowest = min(lowest, max(values.min(), values[0].min() - room), *kept)
    # What overfitting does later on would flatten what matters.
    axes.set_ylim(lowest - 0.1 * room, max(kept) + 0.2 * room)
    axes.set_ylabel("validation value, nats")


def _values(axes: Axes, fitted: Fit, estimate: Estimate) -> None:
    low, high = estimate.interval
    axes.axhline(0.0, color=style.FAINT, linewidth=0.7)
    labels = []
    for place, each in enumerate(estimate.splits):
        axes.plot([place], [each.mi], "o", color=OTHER)
        labels.append(str(place + 1))
    for member, each in enumerate(estimate.initialisations):
        chosen = fitted.blend is None and member == estimate.chosen
        axes.plot([len(labels)], [each.test], "o", color=CHOSEN if chosen else OTHER)
        labels.append(str(member + 1))
    at = estimate.chosen
    if fitted.blend is not None or estimate.splits:
        at = len(labels)
        axes.plot([at], [estimate.mi], "o", color=CHOSEN)
        labels.append("mean")
    if np.isfinite([low, high]).all():
        axes.plot([at] * 2, [low, high], color=CHOSEN)
    for witness, label in ((NEIGHBOURS, "near"), (GAUSSIAN, "Gauss")):
        for each in estimate.witnesses:
            if each.name == witness and each.value is not None:
                axes.errorbar([len(labels)], [each.value], [2.0 * each.error], fmt="s", color=style.FAINT)
                labels.append(label)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("nats")


def _permutations(axes: Axes, estimate: Estimate) -> None:
    judged = estimate.judged
    axes.hist(judged.permuted, bins=30, color=PRODUCT, alpha=0.55)
    axes.axvline(judged.joint_mean, color=JOINT)
    axes.set_ylabel("derangements")


def _scores(axes: Axes, estimate: Estimate) -> None:
    judged = estimate.judged
    both = np.concatenate([judged.joint, judged.product])
    low, high = np.quantile(both, [0.0005, 0.9995])
    low, high = min(low, judged.joint.min()), max(high, judged.joint.max())
    bins = np.linspace(low, high if high > low else low + 1.0, 40)
    for scores, colour in ((judged.product, PRODUCT), (judged.joint, JOINT)):
        axes.hist(scores, bins=bins, density=True, color=colour, alpha=0.55)
    axes.set_ylabel("density")
