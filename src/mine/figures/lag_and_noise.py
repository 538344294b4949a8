"""How far the EMA's v is from what it stands for, over training: lag (the critic moves) and sampling noise apart."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mine.divergence import MIN_ESS
from mine.figures import common, style
from mine.figures.panels import Panels, caption, training_axis
from mine.figures.spreads import face_handle, few, numeric, plain_log, seeds_of

_EMA = style.LOOKS["ema"]
_FACES = {
    "lag": style.Look("lag", _EMA.colour, "-", _EMA.marker),
    "noise": style.Look("sampling noise", "#56B4E9", (0, (5, 2)), "s"),
}
_MARKED = 24
"""Up to so many steps each point is marked."""


@style.styled
def draw(lag: pd.DataFrame) -> Figure:
    """Draw both over training, a panel for each d and rho. Raises UserError for a missing column."""
    common.check_columns(lag, "lag", ("dim", "rho", "seed", "step", "lag", "noise", "ess"))
    lag = numeric(lag, ("lag", "noise", "ess"))
    places = sorted({(int(dim), float(rho)) for dim, rho in zip(lag["dim"], lag["rho"], strict=True)})
    panels = {(dim, rho): _curves(common.cell(lag, dim=dim, rho=rho)) for dim, rho in places}
    values = np.concatenate(
        [curve[["rms", "low", "high"]].to_numpy().ravel() for panel in panels.values() for curve in panel.values()]
    )
    values = values[np.isfinite(values) & (values > 0)]
    view = (values.min() / 1.5, values.max() * 1.8) if values.size else (0.01, 1.0)
    names = [common.place_name(*place) for place in places]
    lag = lag.assign(place=[common.place_name(*place) for place in zip(lag["dim"], lag["rho"], strict=True)])
    sheet = Panels(
        lag,
        col="place",
        col_order=names,
        abreast=min(3, len(places)),
        xlabel="training (updates)",
        ylabel="error of v / E[e^T] (no unit)",
        title=_title(panels) + few(lag),
        subtitle=_subtitle(panels),
        caption=_caption(lag, panels),
        handles=[
            [
                *(face_handle(face, f"{face.label}, root mean square") for face in _FACES.values()),
                Patch(facecolor="#999999", alpha=0.35, linewidth=0, label="quartiles of its size"),
                style.mark_handle("s", "ESS under 50", markerfacecolor="white"),
            ]
        ],
        panel_height=2.4,
        row_gap=0.12,
        left=0.85,
    )
    steps = float(lag["step"].max())
    for panel, curves in zip(sheet, panels.values(), strict=True):
        axes = panel.axes
        axes.set_yscale("log")
        axes.set_ylim(*view)
        plain_log(axes.yaxis)
        training_axis(axes, steps, room=1.25)
        for name, curve in curves.items():
            _draw_curve(axes, curve, name)
        _label(axes, curves, steps)
        sheet.title(panel, panel.column)
    return sheet.figure


def _curves(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Lag and noise of one panel: per step the RMS, quartiles of the size, values that count and those that do not."""
    curves = {}
    for name in _FACES:
        entries = []
        for step, part in rows.groupby("step"):
            size = part[name].abs().to_numpy()
            kept = size[np.isfinite(size)]
            low, median, high = np.quantile(kept, (0.25, 0.5, 0.75)) if kept.size else (math.nan,) * 3
            # Scaled, so that the square of a very large value is still a number.
            largest = kept.max() if kept.size else math.nan
            rms = float(largest * math.sqrt(np.mean((kept / largest) ** 2))) if kept.size and largest > 0 else largest
            ess = np.nan_to_num(part["ess"].to_numpy(), nan=0.0)
            entries.append(
                (step, rms, low, median, high, kept.size, size.size - kept.size, bool(np.median(ess) < MIN_ESS))
            )
        curves[name] = pd.DataFrame(entries, columns=["step", "rms", "low", "median", "high", "count", "lost", "poor"])
    return curves


def _draw_curve(axes: Axes, curve: pd.DataFrame, name: str) -> None:
    face = _FACES[name]
    floor = axes.get_ylim()[0]
    step, rms = curve["step"].to_numpy(dtype=float), curve["rms"].to_numpy()
    low, high = curve["low"].to_numpy(), curve["high"].to_numpy()
    drawn = np.where(np.isfinite(rms) & (rms > 0), rms, np.nan)
    axes.fill_between(
        step,
        np.where(low > 0, low, floor),
        np.where(high > 0, high, floor),
        color=face.colour,
        alpha=0.2,
        linewidth=0,
        zorder=1,
    )
    axes.plot(step, drawn, color=face.colour, linestyle=face.linestyle, linewidth=1.3, zorder=3, gid=f"rms:{name}")
    every = max(1, math.ceil(len(step) / _MARKED))
    for poor in (False, True):
        at = (curve["poor"].to_numpy() == poor) & (np.arange(len(step)) % every == 0)
        axes.plot(
            step[at],
            drawn[at],
            linestyle="none",
            marker=face.marker,
            markerfacecolor="white" if poor else face.colour,
            markeredgecolor=face.colour,
            zorder=4,
            gid=f"{'low-ess' if poor else 'point'}:{name}",
        )


def _label(axes: Axes, panel: dict[str, pd.DataFrame], steps: float) -> None:
    """Each curve's name at its end; moved apart where the ends are close."""
    ends = []
    for name, curve in panel.items():
        good = curve[np.isfinite(curve["rms"]) & (curve["rms"] > 0)]
        if len(good):
            ends.append((float(good["rms"].iloc[-1]), float(good["step"].iloc[-1]), name))
    low, high = np.log(axes.get_ylim())
    places = [(math.log(value) - low) / (high - low) for value, _, _ in ends]
    if len(places) == 2 and abs(places[0] - places[1]) < 0.08:
        middle, up = sum(places) / 2, 1 if places[0] >= places[1] else -1
        places = [middle + 0.04 * up, middle - 0.04 * up]
    for place, (value, step, name) in zip(places, ends, strict=True):
        face = _FACES[name]
        axes.annotate(
            f"{'noise' if name == 'noise' else 'lag'} {common.number(value)}",
            (step + 0.03 * steps, min(max(place, 0.03), 0.97)),
            xycoords=("data", "axes fraction"),
            va="center",
            fontsize=8,
            color=face.text_colour,
        )


def _pairs(panels: dict, column: str) -> list[float]:
    """Lag over noise at every panel and step where both are numbers; inf where there is no noise."""
    ratios = []
    for panel in panels.values():
        for lag, noise in zip(panel["lag"][column], panel["noise"][column], strict=True):
            if np.isfinite(lag) and np.isfinite(noise) and max(lag, noise) > 0:
                ratios.append(lag / noise if noise else math.inf)
    return ratios


def _title(panels: dict) -> str:
    ratios = _pairs(panels, "rms")
    if not ratios:
        return "What keeps the EMA's v off the expectation cannot be told: no lag and noise that are numbers"
    lag, noise = sum(ratio > 1 for ratio in ratios), sum(ratio < 1 for ratio in ratios)
    middle = f"median of lag over noise: {common.number(float(np.median(ratios)))}"
    if lag == noise:
        return f"Neither lag nor sampling noise dominates the error of the EMA's v ({middle})"
    words = "Lag outweighs sampling noise" if lag > noise else "Sampling noise outweighs lag"
    where = f"{max(lag, noise)} of {len(ratios)} points of training"
    return f"{words} in the error of the EMA's v at {where} ({middle})"


def _subtitle(panels: dict) -> str:
    parts = []
    for (dim, rho), panel in panels.items():
        ratios = _pairs({None: panel}, "rms")
        if ratios:
            last = {name: curve["rms"][np.isfinite(curve["rms"])].iloc[-1] for name, curve in panel.items()}
            parts.append(
                f"d = {dim}, ρ = {rho:g}: lag the larger at {sum(ratio > 1 for ratio in ratios)} of {len(ratios)}, "
                f"at the end {_share(last['lag'])} against {_share(last['noise'])} of E[e^T]"
            )
    medians = _pairs(panels, "median")
    if medians:
        parts.append(
            f"by medians instead of root mean squares at {sum(ratio > 1 for ratio in medians)} of {len(medians)}"
        )
    return "; ".join(parts) + ("." if parts else "")


def _share(value: float) -> str:
    return f"{common.number(100 * value)} %"


def _caption(lag: pd.DataFrame, panels: dict) -> str:
    curves = [curve for panel in panels.values() for curve in panel.values()]
    lost, poor = sum(int(curve["lost"].sum()) for curve in curves), int((~(lag["ess"] >= MIN_ESS)).sum())
    zero = sum(int((curve["rms"] == 0).sum()) for curve in curves)
    return caption(
        "Line: root mean square over seeds",
        interval="band: quartiles of the size",
        n=seeds_of(lag).replace(" a panel", ""),
        notes=[
            "E: the critic's true E[e^T] over product pairs then; v̄: the EMA of the true expectations along training. "
            "Lag: (v̄ − E) / E, because the critic moves; sampling noise: (v − v̄) / E, because a batch is finite.",
            f"{poor:,} of {len(lag):,} E have an effective sample size under {MIN_ESS:g} (hollow where their median "
            "has).",
            f"Values left out because not numbers: {lost:,}." if lost else "",
            f"{zero} root mean squares are 0 and have no place on this axis." if zero else "",
        ],
    )
