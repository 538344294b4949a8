"""Share of the exact optimum that each estimator's encoder reaches, a panel a setting."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.claims.control import USABLE
from mine.figures import style
from mine.figures.encoders import check, over_seeds, seeds_text, settings_of, variants_of, words_of
from mine.figures.panels import Panel, Panels, caption

_NEEDED = (
    "setting", "variant", "task", "seed", "outcome", "share", "optimum", "optimum_exact", "power_limit", "beta",
    "removal", "angle", "critic_steps",
)  # fmt: skip
_LOWEST = 0.5
"""Where panels begin; what is lower stands at their edge with its number."""


@style.styled
def draw(encoders: pd.DataFrame) -> Figure:
    """Draw an experiment. Raises UserError for a missing column."""
    runs = check(encoders, "encoders", _NEEDED)
    variants, settings = variants_of(runs), settings_of(runs)
    abreast = min(4, len(settings))
    sheet = Panels(
        runs,
        col="setting",
        col_order=settings,
        abreast=abreast,
        share_y=True,
        xlabel="share of the optimum (no unit)",
        title=_title(runs),
        subtitle=_subtitle(runs),
        caption=caption(
            "Small: each seed; large: median",
            interval="bars: its exact 95 % interval by order statistics",
            n=seeds_text(runs),
            notes=[
                "At the left edge: what lies below it, with the median; × how many runs ended non-finite, which count "
                "as worse than any.",
                "best found: the optimum is the best of 50 numerical starts."
                if not runs["optimum_exact"].all()
                else "",
            ],
        ),
        handles=[
            [
                style.truth_handle("optimum"),
                style.mark_handle("", f"{USABLE:g}, near the best", linestyle=":", color=style.FAINT),
            ]
        ],
        panel_height=0.24 * len(variants) + 0.1,
        strips=[1] * -(-len(settings) // abreast),
        row_gap=0.3,
        left=1.2,
    )
    for panel in sheet:
        _draw_panel(panel, variants, max(1.03, runs["share"].max() + 0.01))
        best = panel.rows.iloc[0]
        found = "optimum" if best["optimum_exact"] else "best found"
        below = style.Strip(f"{found} {best['optimum']:.3f} nats", style.FAINT)
        sheet.title(panel, words_of(panel.rows), strips=[below])
    return sheet.figure


def _draw_panel(panel: Panel, variants: list[str], right: float) -> None:
    axes = panel.axes
    axes.axvline(1.0, gid="truth", **style.TRUTH)
    axes.axvline(USABLE, color=style.FAINT, linestyle=":", linewidth=1.0)
    for place, variant in enumerate(variants):
        runs = panel.rows[panel.rows["variant"] == variant]
        if runs.empty:
            continue
        look, y = style.look(variant), len(variants) - 1 - place
        values = runs["share"].to_numpy(dtype=float)
        shown = np.clip(values[np.isfinite(values)], _LOWEST, None)
        dots = {"linestyle": "none", "marker": look.marker, "color": look.colour}
        axes.plot(shown, np.full(len(shown), y), markersize=2.5, alpha=0.6, **dots)
        middle = over_seeds(runs, "share")
        low, value, high = np.clip([middle.low, middle.value, middle.high], _LOWEST, None)
        axes.plot([low, high], [y, y], color=look.colour, linewidth=1.6)
        axes.plot(value, y, markersize=6, gid=f"median:{variant}", **dots)
        ended = int((runs["outcome"] != "completed").sum())
        words = [f"{middle.value:.2f}".replace("-", "−")] if _LOWEST > middle.value > -np.inf else []
        words += [f"{ended} ×"] if ended else []
        if words:
            axes.annotate(", ".join(words), (_LOWEST, y), (7, 0), textcoords="offset points", va="center",
                          fontsize=style.SMALL)  # fmt: skip
    axes.set_xlim(_LOWEST - 0.02, right)
    axes.set_ylim(-0.6, len(variants) - 0.4)
    axes.set_yticks(range(len(variants)), [style.look(variant).label for variant in reversed(variants)])


def _subtitle(runs: pd.DataFrame) -> str:
    if "encoder" in runs and (runs["encoder"] == "mlp").any():
        return "Objective of the finished encoder (exact; of an MLP estimated), over that of the best linear encoder."
    return "Exact objective of the finished encoder, over that of the best encoder there is."


def _title(runs: pd.DataFrame) -> str:
    """In how many settings each estimator's interval lies above USABLE."""
    settings = settings_of(runs)
    counts = {}
    for variant in variants_of(runs):
        of = runs[runs["variant"] == variant]
        near = [over_seeds(of[of["setting"] == name], "share").above(USABLE) for name in settings_of(of)]
        counts[style.look(variant).label] = (sum(near), len(near))
    parts = ", ".join(f"{name} {count}" for name, (count, _) in counts.items())
    return f"Surely within {100 * (1 - USABLE):.0f} % of the optimum, of {len(settings)} settings: {parts}"
