"""The figure of one conditional mutual information: the two estimates and their difference, and the test."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mine.figures import style
from mine.own.conditional import Conditional, ConditionalFit
from mine.own.figure import CHOSEN, OTHER, PRODUCT
from mine.own.witnesses import GAUSSIAN, NEIGHBOURS


@style.styled
def draw(fitted: ConditionalFit, found: Conditional, title: str) -> Figure:
    """Two panels. title: the verdict."""
    low, high = found.interval
    settings = fitted.whole.settings
    kinds = " or ".join(dict.fromkeys(each.read.critic for each in (fitted.whole, fitted.part)))
    order = "within levels of" if found.cells.exact else "among neighbours in"
    sheet = style.Sheet(
        1,
        2,
        title=title,
        subtitle=f"{found.mi:.3f} nats on {found.test_rows:,} test rows, {found.level:.0%} interval {low:.3f} to "
        f"{high:.3f} given this split"
        + (f", p = {found.p_value:.3g}" if np.isfinite(found.p_value) else ", no p-value"),
        caption=f"{settings.estimator}, {kinds} critic, seed {settings.seed}. {found.value_is}. Its interval "
        "takes the same resamples of test rows for both. near: nearest neighbours, Gauss: Gaussian copula, differences "
        f"too, each with two standard errors. The test puts z in other orders {order} c.",
        handles=[
            [
                style.mark_handle("o", "value with its interval", color=CHOSEN),
                style.mark_handle("s", "witness", color=style.FAINT),
                Line2D([], [], color=CHOSEN, label="rows as they are"),
                Patch(color=PRODUCT, alpha=0.55, label="other orders"),
            ]
        ],
        panel_height=2.2,
        column_gap=0.6,
    )
    for axes, heading, label, paint in (
        (sheet.axes[0][0], "Two estimates and their difference", "", _values),
        (sheet.axes[0][1], "Test of conditional independence", "mean T(x, c; z) - T(c; z), nats", _orders),
    ):
        paint(axes, found)
        sheet.head(0, axes, heading)
        axes.set_xlabel(label)
    return sheet.figure


def _values(axes: Axes, found: Conditional) -> None:
    axes.axhline(0.0, color=style.FAINT, linewidth=0.7)
    labels = ["I(x, c; z)", "I(c; z)", "difference"]
    for at, (value, interval, colour) in enumerate(
        (
            (found.whole.mi, found.whole.interval, OTHER),
            (found.part.mi, found.part.interval, OTHER),
            (found.mi, found.interval, CHOSEN),
        )
    ):
        axes.plot([at], [value], "o", color=colour)
        if np.isfinite(interval).all():
            axes.plot([at] * 2, interval, color=colour)
    for each in found.witnesses:
        if each.value is not None and each.error is not None:
            axes.errorbar([len(labels)], [each.value], [2.0 * each.error], fmt="s", color=style.FAINT)
            labels.append({NEIGHBOURS: "near", GAUSSIAN: "Gauss"}[each.name])
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_ylabel("nats")


def _orders(axes: Axes, found: Conditional) -> None:
    if found.no_test:
        axes.text(0.5, 0.5, f"none: {found.no_test}", ha="center", transform=axes.transAxes)
        return
    axes.hist(found.permuted, bins=30, color=PRODUCT, alpha=0.55)
    axes.axvline(found.statistic, color=CHOSEN)
    axes.set_ylabel("orders")
