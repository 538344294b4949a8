"""The staircase: every estimator's value over training, while the true mutual information rises."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mine.errors import UserError
from mine.estimators.names import ESTIMATORS, label
from mine.estimators.scores import TOLERANCE
from mine.figures import common, style
from mine.figures.estimators import KINDS, Row, check, names_of
from mine.figures.panels import Panels, caption, training_axis

_COLUMNS = 5
_NEEDED = (
    "critic",
    "variant",
    "task",
    "dim",
    "seed",
    "step",
    "mi_true",
    "mi_batch_mean",
    "mi_batch_low",
    "mi_batch_high",
)
_ABOVE, _BELOW = 1.5, -0.12
"""Limits of the value axis, as shares of the highest truth."""


@style.styled
def draw(windows: pd.DataFrame, stairs: pd.DataFrame, setting: str) -> Figure:
    """Draw one task. Raises UserError for a missing column or a task that is not there.

    windows, stairs: tables of ``mine collect``. setting: the task.
    """
    check(windows, _NEEDED)
    windows, stairs = windows[windows["task"] == setting], stairs[stairs["task"] == setting]
    if windows.empty:
        raise UserError(f"setting: {setting!r} is no task of this experiment")
    present = set(windows["variant"])
    variants = [name for name in ESTIMATORS if name in present]
    kinds = [kind for kind in KINDS if kind in set(windows["critic"])]
    handles = [Line2D([], [], label=_KIND_WORDS[kind], linewidth=1.4, **KINDS[kind]) for kind in kinds]
    top = float(windows["mi_true"].max())
    steps = int(windows["step"].max())
    view = (_BELOW * top, _ABOVE * top)
    truth = windows.drop_duplicates("step").sort_values("step")
    sheet = Panels(
        windows,
        col="variant",
        col_order=variants,
        abreast=min(_COLUMNS, len(variants)),
        share_y=True,
        xlabel="step (thousands)",
        ylabel="nats",
        title=_title(stairs, setting),
        subtitle="In-batch value of each estimator over training (nats): a line a seed, means of 100 steps.",
        caption=caption(
            f"Task {setting}, d = {', '.join(str(int(d)) for d in pd.unique(windows['dim']))}. The value is the "
            "estimator's own on its training batch, before the update; see the table of scores for held-out values",
            interval="shaded: from the smallest to the largest of a step's values",
            n=f"n = {windows['seed'].nunique()} seeds",
            notes=["× where a run became non-finite. What leaves the panel goes on beyond it."],
        ),
        handles=[[*handles, style.truth_handle(), style.mark_handle("x", "run became non-finite")]],
        panel_height=1.28,
        row_gap=0.14,
        left=0.5,
    )
    for panel in sheet:
        axes = panel.axes
        for kind in kinds:
            _draw_runs(axes, common.cell(panel.rows, critic=kind), kind, steps, view)
        rise = [truth["mi_true"].iloc[0], *truth["mi_true"]]
        axes.step([0, *(truth["step"] / 1000)], rise, where="pre", zorder=5, **style.TRUTH)
        training_axis(axes, steps / 1000)
        axes.set_ylim(*view)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        sheet.title(panel, label(panel.column))
    return sheet.figure


_KIND_WORDS = {
    "separable": "separable critic, all pairs",
    "concat": "concatenated critic, shifted pairs",
    "density": "density models, no critic",
}


def _draw_runs(axes: Axes, runs: pd.DataFrame, kind: str, steps: int, limits_of_axis: tuple[float, float]) -> None:
    if runs.empty:
        return
    colour = KINDS[kind]["color"]
    limits = runs.groupby("step").agg(low=("mi_batch_low", "min"), high=("mi_batch_high", "max"))
    finite = np.isfinite(limits).all(axis=1)
    axes.fill_between(
        limits.index / 1000, limits["low"], limits["high"], where=finite, color=colour, alpha=0.16, linewidth=0
    )
    for _, run in runs.groupby("seed"):
        axes.plot(run["step"] / 1000, run["mi_batch_mean"], linewidth=1.0, gid=f"{kind}", **KINDS[kind])
        if run["step"].iloc[-1] < steps:
            # On the edge of the panel where the last value lies beyond it, or is none.
            height = np.clip(np.nan_to_num(run["mi_batch_mean"].iloc[-1], nan=0.0), *limits_of_axis)
            step = run["step"].iloc[-1] / 1000
            axes.plot(step, height, "x", color=colour, markersize=6, gid=f"ended:{kind}", zorder=6, clip_on=False)


def _title(stairs: pd.DataFrame, task: str) -> str:
    """Which estimators read near the truth at the top, and with how many a run overflows."""
    top = float(stairs["mi_true"].max())
    trained = stairs[stairs["critic"] != "baseline"]
    cells = trained.groupby(["variant", "critic"], sort=False)
    ended = sum(bool((runs["outcome"] != "completed").any()) for _, runs in cells)
    at_top = trained[trained["mi_true"] == top].groupby(["variant", "critic"], sort=False)["mi_batch_mean"]
    # A cell with an ended run has no mean.
    means = at_top.apply(lambda values: values.mean(skipna=False))
    near = means[(means - top).abs() <= TOLERANCE * top]
    names = names_of([Row(*pair) for pair in near.index])
    text = f"At {top:g} nats ({task}) {len(near)} of {len(cells)} read within {100 * TOLERANCE:g} % of it in-batch"
    text += f": {names}" if names else ""
    return text + (f" — with {ended} a run overflowed" if ended else " — no run overflowed")
