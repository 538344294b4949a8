"""What came of the search in sentences, computed from its published tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mine.search.fits import FAMILY
from mine.search.outcome import DEPARTED, UNDEPARTED

_OBJECTIVES = {
    "ema-as-printed": "step 5 as it is printed",
    "ema-attached": "v left attached to the graph",
}
_OPTIMIZERS = {"adam": "Adam", "adamw": "AdamW"}
_POINTS = {"mean": "an epoch's mean", "last": "an epoch's last batch"}
_NORMS = {
    "update": "each update's",
    "mean": "an epoch's mean",
    "last": "an epoch's last",
    "unclipped": "an epoch's last before clipping",
}


def in_short(judged: pd.DataFrame, counts: pd.DataFrame) -> str:
    """How much was tried and how many candidates are compatible: one clause. judged, counts: as ``in_words``."""
    first = counts[counts["stage"].isin(("biased_099", "ema_099"))]
    candidates = judged[(judged["code"] == UNDEPARTED) & (judged["variant"] == "ema")]
    compatible = _how_many(int(candidates["compatible"].sum()), len(candidates))
    return (
        f"of the {len(candidates)} nearest of {int(first['settings'].sum()):,} settings {compatible} compatible with "
        "the published run"
    )


def in_words(judged: pd.DataFrame, counts: pd.DataFrame) -> list[str]:
    """Sentences: how much was tried, which candidates are compatible, which one is drawn, what a departure changes.

    judged, counts: tables of ``mine search judge``.
    """
    first = counts[counts["stage"].isin(("biased_099", "ema_099"))].set_index("variant")["settings"]
    of_code = {code: rows[rows["variant"] == "ema"] for code, rows in judged.groupby("code", sort=False)}
    candidates = of_code[UNDEPARTED]
    compatible = int(candidates["compatible"].sum())
    runs = int(candidates["runs"].max())
    found = [
        f"{first['biased']:,} settings of biased and {first['ema']:,} of the EMA were tried "
        f"({int(counts['runs'].sum()):,} runs). The {len(candidates)} nearest were judged on {runs} other seeds each: "
        f"{_how_many(compatible, len(candidates))} compatible with the published run (its distance from the centre of "
        f"a setting's runs against theirs; Holm's correction at {100 * FAMILY:.0f} % over all, the smallest level at "
        f"which {runs} runs can reject {len(candidates)})."
    ]
    winner = judged[judged["winner"]]
    biased, ema = (winner[winner["variant"] == variant].iloc[0] for variant in ("biased", "ema"))
    word = "Drawn is" if biased["compatible"] else "None fits; drawn is the nearest,"
    settings = (
        setting(ema) if ema["fitted"] == "together" else f"biased with {setting(biased)}, EMA with {setting(ema)}"
    )
    found.append(
        f"{word} {settings}; a point {_POINTS[ema['point']]}{', the EMA by its own v' if ema['by_v'] else ''}; a norm "
        f"{_NORMS[ema['norm']]} (p = {ema['p']:.3f}; the published run is {ema['distance']:.1f} units of 10 % or 0.1 "
        f"nats from its centre, its own runs {ema['distance_of_runs_median']:.1f} at the median, "
        f"{ema['distance_of_runs_max']:.1f} at most)."
    )
    if DEPARTED in of_code and len(of_code[DEPARTED]):
        departed = of_code[DEPARTED]
        best = departed.sort_values("distance").iloc[0]
        verdict = _how_many(int(departed["compatible"].sum()), len(departed))
        found.append(
            f"Of departures from Algorithm 1 that an author could have made, the {len(departed)} nearest were judged "
            f"likewise, and {verdict}; the nearest is {departure(best)} (distance {best['distance']:.1f}, "
            f"p = {best['p']:.3f})."
        )
    return found


def setting(row: Mapping[str, Any]) -> str:
    """One variant's training settings in words, what is Algorithm 1's own left out."""
    parts = [
        f"n = {row['data']:,}",
        f"k = {row['batch_size']}",
        f"{_OPTIMIZERS.get(row['optimizer'], row['optimizer'])} {row['learning_rate']:g}",
        f"{row['layers']} × {row['hidden']} units",
        row["product"],
    ]
    if row["data"] % row["batch_size"]:
        parts.append(f"last batch {'kept' if row['last_batch'] == 'keep' else 'dropped'}")
    if not pd.isna(row["ema_rate"]):
        parts.append(f"α = {row['ema_rate']:g}")
    return ", ".join(parts)


def departure(row: Mapping[str, Any]) -> str:
    """What of a setting departs from Algorithm 1, in words."""
    if row["objective"] in _OBJECTIVES:
        return f"{_OBJECTIVES[row['objective']]}, {setting(row)}"
    if not pd.isna(row["grad_clip"]):
        return f"gradients clipped at {row['grad_clip']:g}, {setting(row)}"
    return f"α the wrong way round, {setting(row)}"


def _how_many(some: int, of: int) -> str:
    return (
        "none is" if not some else "all are" if some == of else f"{some} of {of} are" if some > 1 else f"1 of {of} is"
    )
