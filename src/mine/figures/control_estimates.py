"""Estimate against exact value over an encoder's training: a row a term, a column an estimator."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.control.words import INFORMATION
from mine.figures import style
from mine.figures.encoders import check, quartiles, seeds_text, variants_of, words_of
from mine.figures.panels import Panels, caption

_GOALS = {"maximise": ("y",), "compress": ("y", "x"), "remove": ("y", "s")}
_NEEDED = (
    "setting",
    "variant",
    "task",
    "seed",
    "step",
    "fresh_s",
    *(f"{k}_{t}" for k in ("mi", "estimate") for t in INFORMATION),
)


@style.styled
def draw(encoder_steps: pd.DataFrame, encoders: pd.DataFrame) -> Figure:
    """Draw of each goal the setting with the largest weight. Raises UserError for a missing column."""
    steps = check(encoder_steps, "encoder_steps", _NEEDED)
    runs = check(
        encoders, "encoders", ("setting", "variant", "task", "steps", "beta", "removal", "angle", "power_limit")
    )
    shown = _settings(runs)
    long = pd.concat(
        [
            steps[steps["setting"] == setting].assign(
                row=f"{goal} {term}",
                exact=lambda t, term=term: t[f"mi_{term}"],
                said=lambda t, term=term: t[f"estimate_{term}"],
            )
            for goal, setting in shown.items()
            for term in _GOALS[goal]
        ]
    )
    variants, rows = variants_of(steps), list(pd.unique(long["row"]))
    words = {goal: words_of(runs[runs["setting"] == setting]) for goal, setting in shown.items()}
    sheet = Panels(
        long,
        row="row",
        col="variant",
        row_order=rows,
        col_order=variants,
        xlabel="updates",
        ylabel={row: f"{INFORMATION[row[-1]]} (nats)" for row in rows},
        title=_title(long, words),
        subtitle="Estimate of the training batches and exact information of the encoder at the same update.",
        caption=caption(
            "Lines: medians over seeds; a point of an estimate is the mean of the updates of a window",
            interval="bands: quartiles, a run that ended above all others",
            n=seeds_text(runs),
            notes=[
                f"Rows: {'; '.join(words.values())}.",
                "◆ what a fresh critic, trained on the finished encoder, finds.",
            ],
        ),
        handles=[
            [
                style.truth_handle("exact"),
                style.mark_handle("", "estimate", linestyle="-", color=style.FAINT),
                style.mark_handle("D", "fresh critic", markersize=5),
            ]
        ],
        panel_height=1.15,
        row_gap=0.08,
        column_gap=0.12,
    )
    for panel in sheet:
        look = style.look(panel.column)
        _draw_panel(panel.axes, panel.rows, look, fresh=panel.row.endswith(" s"))
        _training_axis(panel.axes, float(steps["step"].max() - 1))
        _limits(panel.axes, long[long["row"] == panel.row])
        sheet.title(
            panel,
            look.label if panel.row == rows[0] else "",
            panel.row.split()[0] if panel.column == variants[-1] else "",
        )
    return sheet.figure


def _draw_panel(axes, rows: pd.DataFrame, look: style.Look, fresh: bool) -> None:
    by_step = rows.groupby("step", sort=True)
    at = np.array(sorted(rows["step"].unique()))
    exact = np.array([np.nanmedian(values.to_numpy(dtype=float)) for _, values in by_step["exact"]])
    low, middle, high = np.array([quartiles(values.to_numpy(dtype=float)) for _, values in by_step["said"]]).T
    windows = slice(-1)  # the last look has no updates to take a mean of: one batch, as wide as all others together
    axes.fill_between(
        at[windows], low[windows], np.minimum(high, 1e6)[windows], color=look.colour, alpha=0.2, linewidth=0
    )
    axes.plot(at[windows], middle[windows], color=look.colour, linewidth=1.1)
    axes.plot(at, exact, gid="truth", **style.TRUTH)
    found = rows["fresh_s"].dropna()
    if fresh and len(found):
        axes.plot(at[-1], found.median(), "D", color=style.INK, markersize=5, clip_on=False, zorder=6)


def _training_axis(axes, end: float) -> None:
    """Both ends alone: panels are narrow."""
    axes.set_xlim(0, 1.02 * end)
    first, last = axes.set_xticks([0, end], ["0", f"{end:,.0f}"])
    first.label1.set_horizontalalignment("left")
    last.label1.set_horizontalalignment("right")


def _limits(axes, rows: pd.DataFrame) -> None:
    """Of a row, so that one runaway estimate does not flatten all: twice the largest exact value, with zero."""
    top = 1.6 * max(float(rows["exact"].max()), 0.05)
    axes.set_ylim(min(0.0, max(float(rows["said"].replace([np.inf, -np.inf], np.nan).min()), -0.3 * top)), top)


def _settings(runs: pd.DataFrame) -> dict[str, str]:
    """Goal to the setting with the largest weight and no turn, the first of several."""
    plain = runs[(runs["angle"] == 0) & (runs["critic_steps"] == runs["critic_steps"].min())]
    weight = plain["beta"].fillna(0) + plain["removal"].fillna(0)
    chosen = plain.assign(weight=weight).groupby("task", sort=False)["weight"].idxmax()
    return {str(plain.loc[index, "task"]): str(plain.loc[index, "setting"]) for index in chosen}


def _title(long: pd.DataFrame, words: dict[str, str]) -> str:
    """The estimator and term whose estimate is farthest off at the end."""
    last = long[long["step"] > 0.9 * long["step"].max()].replace([np.inf, -np.inf], np.nan)
    gaps = (last["said"] - last["exact"]).groupby([last["row"], last["variant"]], sort=False).median().dropna()
    if gaps.empty:
        return "Every run ended non-finite"
    row, variant = gaps.abs().idxmax()
    goal, term = row.split()
    side = "above" if gaps[row, variant] > 0 else "below"
    said = (
        f"{style.look(variant).label}'s estimate of {INFORMATION[term]} ends {abs(gaps[row, variant]):.2f} nats {side}"
    )
    return f"{said} the truth ({words[goal]}): the farthest of all"
