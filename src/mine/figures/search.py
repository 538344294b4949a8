"""The search for the settings behind the write-up's pictures: the winner against them, and what each choice moves.

Left, every published number beside the range of the winner's runs; right, a heat map of how far each choice that the
write-up leaves open moves each kind of number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from mine.figures import common, style
from mine.figures.panels import HATCHED, heat
from mine.search.fits import FAMILY
from mine.writeup import VARIANTS
from mine.writeup.agreement import coverage, verdict
from mine.writeup.targets import LARGEST, QUARTER

GROUPS = ("end", "trend", "spread", "norm")
INSIDE, OUTSIDE = ("#0A4A80", "o"), ("#D55E00", "D")
"""Colour and marker of a number that lies inside the runs' range, and of one that does not."""

RAMP = LinearSegmentedColormap.from_list("moves", ["#ffffff", "#f3d9a4", "#D98E04", "#7a3b00"])
"""From no units to LARGEST."""

_NAMES = {"end": "last epoch", "trend": "trend, nats", "spread": "spread, nats", "norm": "gradient norm"}
_QUARTERS = ("1st", "2nd", "3rd", "4th")
_ROW = 0.128
"""Height of a row of numbers, inches."""

_LEFT, _PANEL, _GAP, _MAP = 0.72, 2.05, 0.74, 7.72
"""Inches: where the first column of panels starts, its width, what is between two; where the heat map starts."""


@style.styled
def draw(numbers: pd.DataFrame, judged: pd.DataFrame, moves: pd.DataFrame) -> Figure:
    """Draw the winner. Raises UserError for a missing column or a table without a winner's rows."""
    columns = (
        "variant",
        "rho",
        "group",
        "name",
        "published",
        "n_runs",
        "median",
        "low",
        "high",
        "min",
        "max",
        "inside",
    )
    common.check_columns(numbers, "numbers", ("code", "candidate", *columns))
    common.check_columns(judged, "judged", ("code", "candidate", "variant", "winner", "compatible", "p", "runs"))
    common.check_columns(moves, "moves", ("base", "choice", "before", "after", "variant", "group", "units"))
    chosen = judged[judged["winner"]]
    common.check_columns(chosen, "judged", ())
    first = chosen.iloc[0]
    held = common.cell(numbers, code=first["code"], candidate=first["candidate"])
    common.check_columns(held, "numbers", ())
    sizes = [max(int((held[held["group"] == group]["variant"] == v).sum()) for v in VARIANTS) for group in GROUPS]
    sheet = style.Sheet(
        len(GROUPS),
        len(VARIANTS) + 1,
        title=title(chosen, held),
        subtitle=_subtitle(judged, held, moves),
        caption=_caption(chosen, held, moves),
        handles=[_handles(moves)],
        panel_height=[_ROW * (size + 0.6) for size in sizes],
        row_gap=0.3,
    )
    for row, group in enumerate(GROUPS):
        for column, variant in enumerate(VARIANTS):
            axes = sheet.axes[row][column]
            rows = held[(held["group"] == group) & (held["variant"] == variant)]
            if rows.empty:
                axes.remove()
                continue
            _place(axes, _LEFT + column * (_PANEL + _GAP), _PANEL)
            axes.set_ylim(max(sizes[row], 1) - 0.3, -0.7)
            _draw_numbers(axes, rows, group)
            name = f"{style.look(variant).label}: {_NAMES[group]}"
            sheet.head(row, axes, name, f"{int(rows['inside'].sum())} of {len(rows)}")
    heat = sheet.axes[0][-1]
    top = heat.get_position().y1
    for row in range(1, len(GROUPS)):
        sheet.axes[row][-1].remove()
    bottom = sheet.axes[len(GROUPS) - 1][0].get_position().y0
    table = shifts(moves)
    height = min(top - bottom, (0.19 * len(table) + 0.1) / sheet.figure.get_size_inches()[1])
    heat.set_position((_MAP / style.WIDTH, top - height, (style.WIDTH - 0.12 - _MAP) / style.WIDTH, height))
    _draw_moves(heat, table)
    sheet.head(0, heat, "Units that one choice moves")
    return sheet.figure


def _place(axes: Axes, left: float, width: float) -> None:
    """Move a panel to where it starts from the left, inches."""
    box = axes.get_position()
    axes.set_position((left / style.WIDTH, box.y0, width / style.WIDTH, box.height))


def _draw_numbers(axes: Axes, rows: pd.DataFrame, group: str) -> None:
    """A row a number: published in black, and over the runs smallest to largest, 95 % of them and the median."""
    names = ["published", "min", "max"]
    finite = rows[names].to_numpy(dtype=float).ravel()
    finite = finite[np.isfinite(finite)]
    never = 2.2 * max(float(finite.max(initial=1.0)), 1.0)

    def at(value: float) -> float:
        """Where a value is drawn: on a log axis an end before the first epoch at half an epoch, never far right."""
        if group == "end":
            return never if math.isinf(value) else max(value, 0.5)
        return value

    labels = []
    for y, row in enumerate(rows.to_dict("records")):
        colour, marker = INSIDE if row["inside"] else OUTSIDE
        gid = f"{row['variant']}:{row['rho']:g}:{row['name']}"
        axes.plot(
            at(row["published"]), y, linestyle="none", marker="|", markersize=8.5, markeredgewidth=1.9, color=style.INK,
            zorder=6, clip_on=False, gid=f"published:{gid}",
        )  # fmt: skip
        if not math.isnan(row["min"]):
            axes.hlines(y, at(row["min"]), at(row["max"]), color=colour, linewidth=0.9, zorder=3, gid=f"range:{gid}")
            axes.hlines(y, at(row["low"]), at(row["high"]), color=colour, linewidth=3.0, alpha=0.45, zorder=2)
            axes.plot(
                at(row["median"]), y, linestyle="none", marker=marker, markersize=3.4, markeredgewidth=0.0,
                color=colour, zorder=5, gid=f"{'inside' if row['inside'] else 'outside'}:{gid}",
            )  # fmt: skip
        labels.append(_label(row))
    axes.set_yticks(range(len(labels)), labels, fontsize=6.5)
    axes.tick_params(axis="y", length=0, pad=2)
    axes.tick_params(axis="x", labelsize=7, pad=2)
    axes.grid(visible=False, axis="y")
    rhos = rows["rho"].tolist()
    for edge in range(1, len(rhos)):
        if rhos[edge] != rhos[edge - 1]:
            axes.axhline(edge - 0.5, color="#dddddd", linewidth=0.6, zorder=0)
    if group == "trend":
        axes.xaxis.set_major_locator(MaxNLocator(5))
        return
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    if group == "end":
        low = min(10.0, 0.7 * float(max(finite.min(initial=10.0), 0.5)))
        ticks = [tick for tick in (1, 3, 10, 30, 100, 300) if low <= tick < never / 1.6]
        axes.set_xlim(low, never * 1.25)
        some_never = bool(np.isinf(rows[names].to_numpy(dtype=float)).any())
        axes.set_xticks(ticks + [never] * some_never, [*map(str, ticks), *["never"] * some_never])
        return
    wide = finite.size and finite.max() / finite[finite > 0].min(initial=finite.max()) > 12
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3) if wide else (1, 2, 5), numticks=9))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: common.number(value)))


def _label(row: Mapping[str, Any]) -> str:
    name = str(row["name"])
    rest = _QUARTERS[int(name[-1]) - 1] if row["group"] == "trend" else name.removeprefix("norm_")
    return f"{row['rho']:g}" if row["group"] in ("end", "spread") else f"{row['rho']:g}  {rest}"


def shifts(moves: pd.DataFrame) -> pd.DataFrame:
    """Mean units over numbers: a row a choice, before and after, a column a variant and group, nan where not run."""
    table = moves.pivot_table(
        index=["choice", "before", "after"], columns=["variant", "group"], values="units", aggfunc="mean", sort=False
    )
    known = [(variant, group) for variant in VARIANTS for group in GROUPS if (variant, group) in table.columns]
    return table[known].sort_index(level="choice", sort_remaining=False, kind="stable")


def _draw_moves(axes: Axes, table: pd.DataFrame) -> None:
    heat(
        axes,
        np.sqrt((table / LARGEST).clip(upper=1.0)),
        table.map(lambda value: "" if math.isnan(value) else f"{value:.0f}" if value >= 10 else f"{value:.1f}"),
        colours=RAMP,
        limits=(0.0, 1.0),
        hatched=table.isna(),
        gid=lambda choice, kind: f"{','.join(choice)}:{','.join(kind)}",
        size=6,
        line="#dddddd",
    )
    axes.set_yticklabels([_choice(*index) for index in table.index], fontsize=6.5)
    axes.tick_params(length=0, pad=2)
    kinds = [f"{style.look(variant).label} {group}" for variant, group in table.columns]
    axes.set_xticklabels(kinds, rotation=90, fontsize=7)
    axes.axvline(sum(variant == VARIANTS[0] for variant, _ in table.columns), color=style.INK, linewidth=0.9)


_SHORT = {"permutation": "permut.", "derangement": "derang.", "independent": "indep."}


def _choice(name: str, before: str, after: str) -> str:
    return f"{_words(name)} {_SHORT.get(before, before)} → {_SHORT.get(after, after)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def title(chosen: pd.DataFrame, held: pd.DataFrame) -> str:
    """The finding: the verdict on the winner, how many numbers lie inside, and which setting it is.

    chosen: its two rows of the table judged. held: its rows of the table numbers.
    """
    first = chosen.iloc[0]
    word = "compatible" if first["compatible"] else "not compatible"
    found = "the best setting found" if first["compatible"] else "the nearest setting found"
    return (
        f"The pictures are {word} with {found} (p = {first['p']:.2g}): "
        f"{int(held['inside'].sum())} of {len(held)} published numbers lie in the range of its {first['runs']} runs. "
        f"{settings_words(chosen)}"
    )


def settings_words(chosen: pd.DataFrame) -> str:
    """A candidate's settings in words; once where both variants share them. chosen: its rows of the table judged."""
    rows = {row["variant"]: row for row in chosen.to_dict("records")}
    if _setting(rows["biased"]) == _setting(rows["ema"]):
        return f"Both: {_whole(rows['ema'])}"
    return "; ".join(f"{style.look(variant).label}: {_whole(rows[variant])}" for variant in VARIANTS)


def _setting(row: Mapping[str, Any]) -> str:
    clip = row.get("grad_clip")
    clipped = "" if clip is None or math.isnan(float(clip)) else f", clipped at {clip:g}"
    kept = " (rest kept)" if row["last_batch"] == "keep" else ""
    return (
        f"{row['data']} pairs, batches of {row['batch_size']}{kept}, {row['layers']} × {row['hidden']} critic, "
        f"{row['optimizer']} {row['learning_rate']:g}, {row['product']}{clipped}"
    )


def _subtitle(judged: pd.DataFrame, held: pd.DataFrame, moves: pd.DataFrame) -> str:
    parts = []
    for code, rows in judged.drop_duplicates(["code", "candidate"]).groupby("code", sort=True):
        of = "with a departure from Algorithm 1" if code == "departure" else f"of {code}"
        parts.append(f"{int(rows['compatible'].sum())} of {len(rows)} candidates {of}")
    table = shifts(moves)
    name, before, after = (table.mean(axis=1)).idxmax()
    most = table.loc[(name, before, after)].mean()
    return (
        f"Compatible: {', '.join(parts)}. {verdict(held)}. Most is moved by {_words(name)} {before} → {after}: "
        f"{most:.1f} units in the mean over kinds of numbers."
    )


def _caption(chosen: pd.DataFrame, held: pd.DataFrame, moves: pd.DataFrame) -> str:
    first = chosen.iloc[0]
    count = int(held["n_runs"].max())
    return (
        f"Rows: ρ, then the quarter of the epochs that a trend is averaged over ({QUARTER} each) or which norm. "
        f"Ranges over the {count} seeds that judge, which no setting was chosen by; one further run of the same kind "
        f"lies between smallest and largest with {100 * coverage(count):.0f}\u00a0%. A run that ended before a number "
        "has none, and ranges are of the others. Inside allows for the error of reading the picture (trend 0.03 nats, "
        "norm 3 %, spread 25 %, end 1 epoch). Test: p is the share of the published run and these runs that is at "
        "least as far from the others' medians as the published one; compatible unless rejected by Holm's correction "
        f"over all candidates of its kind at {FAMILY:g}, since {count} runs give no p below 1/{count + 1}. "
        "Units: 0.1 nats, or 10 % of an end, spread or norm, beyond that error; one number counts "
        f"{LARGEST:g} at most. Heat map: units between medians over the seeds that select, mean over the numbers of a "
        f"kind; the colour rises with the root. Moved from {_bases(chosen, moves)}. {_reading(first)}."
    )


def _bases(chosen: pd.DataFrame, moves: pd.DataFrame) -> str:
    """Which settings the heat map's choices are moved from; neighbours of the winner itself may not have been run."""
    winner = {row["variant"]: _whole(row) for row in chosen.to_dict("records")}
    parts = []
    for variant, base in moves.drop_duplicates("variant").set_index("variant")["base"].items():
        texts = dict(part.split("=", 1) for part in str(base).split(","))
        row = {name: _value(text) for name, text in texts.items()}
        words = _whole(row)
        label = style.look(str(variant)).label
        parts.append(f"{label}'s setting above" if words == winner[variant] else f"a near one of {label}: {words}")
    return "; ".join(parts)


def _value(text: str) -> float | int | str | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return None if text == "None" else text


def _whole(row: Mapping[str, Any]) -> str:
    """A variant's setting in words, alpha among it where it has one."""
    rate = row["ema_rate"]
    return _setting(row) + ("" if rate is None or math.isnan(rate) else f", α = {rate:g}")


def _reading(first: pd.Series) -> str:
    point = "mean of an epoch's batch values" if first["point"] == "mean" else "value of an epoch's last batch"
    own = ", the EMA's by its own denominator" if first["by_v"] else ""
    norm = {
        "update": "of every update",
        "mean": "averaged over an epoch",
        "last": "of an epoch's last update",
        "unclipped": "of an epoch's last update before clipping",
    }[first["norm"]]
    return f"A point is the {point}{own}; norms are {norm}"


def _handles(moves: pd.DataFrame) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        style.mark_handle("|", "published, one run", markersize=8.5, markeredgewidth=1.9),
        *(
            Line2D([], [], color=colour, marker=marker, markersize=3.8, linewidth=0.9, label=label)
            for (colour, marker), label in (
                (INSIDE, "runs: smallest, median, largest; published inside, give or take reading (count: right)"),
                (OUTSIDE, "published outside"),
            )
        ),
        Patch(facecolor=INSIDE[0], alpha=0.45, label="95 % of runs"),
    ]
    if shifts(moves).isna().to_numpy().any():
        handles.append(Patch(**HATCHED, label="not run, or not its choice"))
    return handles
