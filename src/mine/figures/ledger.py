"""The claims on one page: each with its verdict and its most telling effects, wide enough to stand in a talk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.claims.claim import (
    CHECKED,
    EQUIVALENT,
    FAILS,
    HOLDS,
    OF_SETTINGS,
    PARTLY,
    REPORTED,
    UNDECIDED,
    US,
    WRITE_UP,
)
from mine.claims.ledger import in_words
from mine.figures import common, style

_HEIGHT = style.WIDTH * 9 / 16
_SIZES = (7.6, 7.2, 6.8, 6.4, 6.0)
"""Sizes of text, points: the first at which the page fits 16:9; with the last it may be longer."""
_LEAD = 1.24 / 72
"""Height of a line of text, inches a point."""
_GAP = 0.05
"""Between two claims, inches."""


@dataclass(frozen=True)
class Face:
    """A verdict: colour of its mark and of its word, the mark, and how it is filled."""

    colour: str
    ink: str
    marker: str
    fill: str = "full"


FACES = {
    HOLDS: Face("#0072B2", "#00568A", "o"),
    PARTLY: Face("#B8860B", "#7A5900", "o", "left"),
    FAILS: Face("#D55E00", "#A94700", "X"),
    UNDECIDED: Face("#8A8A8A", "#555555", "D", "none"),
}
_OTHER = Face("#8A8A8A", "#555555", "s", "none")

_COLUMNS = (
    "number",
    "sentence",
    "claim_verdict",
    "claim_where",
    "cell",
    "quantity",
    "effect",
    "low",
    "high",
    "n_seeds",
    "verdict",
    "primary",
)

# Left edges and widths of the columns, inches from the page's left margin.
_SENTENCE = (0.24, 2.35)
_VERDICT = (2.72, 1.3)
_EFFECT = (4.1, 3.3)
_STRIP = (7.56, 0.76)
_VALUE = (8.44, 1.32)


@style.styled
def draw(claims: pd.DataFrame) -> Figure:
    """Draw the ledger, a row of ``claims`` a finding. Raises UserError for a missing column."""
    if "asked_by" not in claims:  # a ledger that was published before it said so
        claims = claims.assign(asked_by=WRITE_UP)
    common.check_columns(claims, "claims", _COLUMNS)
    for name in ("effect", "low", "high"):
        claims = claims.assign(**{name: pd.to_numeric(claims[name]).astype("float64")})
    groups = [rows for _, rows in claims.groupby("number", sort=True)]
    told = [_telling(rows) for rows in groups]
    for size in _SIZES:
        blocks = [_block(rows, shown, size) for rows, shown in zip(groups, told, strict=True)]
        need = sum(block.height for block in blocks) + _GAP * len(blocks)
        sheet = _sheet(claims, groups, told, 1.0)
        height = _HEIGHT - sheet.figure.get_figheight() + 1.0 + _SPARE
        if need <= height:
            break
    height = max(need, height)
    sheet = _sheet(claims, groups, told, height - _SPARE)
    axes = sheet.axes[0][0]
    _fill_page(sheet.figure, axes)
    axes.set_axis_off()
    axes.set_xlim(0.0, style.WIDTH - 0.24)
    axes.set_ylim(height, 0.0)
    slack = (height - need) / len(blocks)
    y = 0.0
    for index, (block, rows, shown) in enumerate(zip(blocks, groups, told, strict=True)):
        tall = block.height + _GAP + slack
        if index % 2 == 0:
            axes.axhspan(y, y + tall, color="#f3f4f6", zorder=0, linewidth=0)
        _draw_claim(axes, y + tall / 2, block, rows, shown, size)
        y += tall
    return sheet.figure


_SPARE = 0.62
"""Of what a sheet keeps free for a panel's heading and ticks, which this page does not have, inches."""


def _sheet(
    claims: pd.DataFrame, groups: Sequence[pd.DataFrame], told: Sequence[pd.DataFrame], height: float
) -> style.Sheet:
    return style.Sheet(
        1,
        1,
        title=_title(claims),
        subtitle=". ".join(in_words(claims)[1:]),
        caption=_caption(claims, sum(len(shown) for shown in told)),
        handles=[
            [
                *(_handle(face, word) for word, face in FACES.items()),
                style.mark_handle(
                    "|",
                    "0; of a ratio 1; of a share 0 and 1",
                    markersize=8,
                    color="#777777",
                ),
            ]
        ],
        panel_height=height,
    )


def _handle(face: Face, word: str) -> Any:
    return style.mark_handle(face.marker, word, **_mark(face), markersize=6.5)


def _mark(face: Face) -> dict[str, Any]:
    return {"color": face.colour, "fillstyle": face.fill, "markerfacecoloralt": "white", "markeredgecolor": face.colour}


def _fill_page(figure: Figure, axes: Axes) -> None:
    """Let the panel take the room that a sheet keeps for headings and ticks."""
    tall = figure.get_figheight()
    place = axes.get_position()
    low = place.y0 - 0.44 / tall
    figure_top = place.y1 + 0.18 / tall
    axes.set_position((0.12 / style.WIDTH, low, 1 - 0.24 / style.WIDTH, figure_top - low))


@dataclass(frozen=True)
class Block:
    """A claim's lines of text, and how much room they take, inches."""

    sentence: list[str]
    reason: list[str]
    height: float


def _telling(rows: pd.DataFrame) -> pd.DataFrame:
    """At most two findings to show: primary, with an effect, and agreeing with the verdict.

    Of a claim that holds in part one that holds and one that does not.
    """
    verdict = rows["claim_verdict"].iloc[0]
    good = rows[rows["primary"].astype(bool) & rows["effect"].notna()]
    if verdict == PARTLY:
        return pd.concat([good[good["verdict"].isin((HOLDS, PARTLY))].head(1), good[good["verdict"] == FAILS].head(1)])
    agreeing = good[good["verdict"] == verdict]
    return (agreeing if len(agreeing) else good[~good["verdict"].isin((CHECKED, REPORTED))]).head(2)


def _block(rows: pd.DataFrame, shown: pd.DataFrame, size: float) -> Block:
    asked_by, sentence = rows["asked_by"].iloc[0], str(rows["sentence"].iloc[0])
    if asked_by != WRITE_UP:
        sentence += f" (asked by {asked_by if asked_by == US else f'the {asked_by}'})"
    sentence = style.wrap(sentence, _SENTENCE[1], size)
    reason = []
    if shown.empty:
        room = _VALUE[0] + _VALUE[1] - _EFFECT[0]
        text = str(rows["claim_where"].iloc[0] or "") or "no effect among its primary findings"
        reason = _short(style.wrap(text, room, size), 2, room, size)
    lines = max(len(sentence), 2, len(reason), len(shown))
    return Block(sentence, reason, lines * size * _LEAD)


def _short(lines: list[str], most: int, room: float, size: float) -> list[str]:
    """At most so many lines; an ellipsis says that there were more."""
    return lines if len(lines) <= most else [*lines[: most - 1], _fit(lines[most - 1] + " " + lines[most], room, size)]


def _fit(text: str, room: float, size: float) -> str:
    """The text, cut with an ellipsis to the room."""
    if style.text_width(text, size) <= room:
        return text
    while text and style.text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip(" ,;(") + "…"


def _draw_claim(axes: Axes, middle: float, block: Block, rows: pd.DataFrame, shown: pd.DataFrame, size: float) -> None:
    first = rows.iloc[0]
    face = FACES.get(first["claim_verdict"], _OTHER)
    text = {"va": "center", "ha": "left"}
    axes.text(0.19, middle, f"{first['number']}", **{**text, "ha": "right"}, fontsize=size, fontweight="bold")
    for y, line in _lines(middle, block.sentence, size):
        axes.text(_SENTENCE[0], y, line, **text, fontsize=size)
    top, bottom = (y for y, _ in _lines(middle, ["", ""], size))
    x = _VERDICT[0]
    axes.plot(
        x + 0.05,
        middle,
        linestyle="none",
        marker=face.marker,
        markersize=8,
        clip_on=False,
        gid="verdict",
        **_mark(face),
    )
    axes.text(
        x + 0.19, top, str(first["claim_verdict"]), **text, fontsize=size + 0.4, fontweight="bold", color=face.ink
    )
    axes.text(x + 0.19, bottom, _count(rows), **text, fontsize=size - 0.6, color=style.FAINT)
    for y, line in _lines(middle, block.reason, size):
        axes.text(_EFFECT[0], y, line, **text, fontsize=size, color=style.FAINT, style="italic")
    for (y, _), row in zip(_lines(middle, [""] * len(shown), size), shown.itertuples(), strict=True):
        mark = FACES.get(row.verdict, _OTHER)
        _draw_name(axes, y, str(row.quantity or ""), str(row.cell or ""), size - 0.4, alone=len(shown) == 1)
        _draw_strip(axes, y, row, mark)
        axes.text(_VALUE[0], y, _fit(_value(row), _VALUE[1], size - 0.4), **text, fontsize=size - 0.4, color=mark.ink)


def _draw_name(axes: Axes, y: float, quantity: str, cell: str, size: float, *, alone: bool) -> None:
    """What was measured, and where in grey: beside each other, or below each other where there is room."""
    x, room = _EFFECT
    options = {"va": "center", "ha": "left", "fontsize": size}
    if alone:
        for (at, part), ink in zip(_lines(y, [quantity, cell], size + 0.4), (style.INK, style.FAINT), strict=True):
            axes.text(x, at, _fit(part, room, size), color=ink, **options)
        return
    # The cell stays whole where it can: without it an effect is nothing.
    cell = _fit(cell, 0.6 * room, size)
    quantity = _fit(quantity, room - style.text_width(cell, size) - 0.1, size)
    axes.text(x, y, quantity, **options)
    axes.text(x + style.text_width(quantity, size) + 0.1, y, cell, color=style.FAINT, **options)


def _lines(middle: float, lines: Sequence[str], size: float) -> list[tuple[float, str]]:
    """Height of the centre of each line of a text that is centred on ``middle``."""
    step = size * _LEAD
    return [(middle + (index - (len(lines) - 1) / 2) * step, line) for index, line in enumerate(lines)]


def _draw_strip(axes: Axes, y: float, row: Any, face: Face) -> None:
    """Effect and interval on a scale of its own, and what it is held against; arrows for infinite bounds."""
    x, wide = _STRIP
    scale = Scale.of(row)
    axes.plot([x, x + wide], [y, y], color="#cccccc", linewidth=0.6, zorder=1)
    for mark in scale.marks:
        at = x + wide * scale.place(mark)
        axes.plot([at, at], [y - 0.055, y + 0.055], color="#777777", linewidth=0.8, zorder=2, gid="reference")
    ends = [scale.place(end) for end in (row.low, row.high)]
    if not any(math.isnan(end) for end in ends):
        axes.plot([x + wide * end for end in ends], [y, y], color=face.colour, linewidth=1.6, zorder=3, gid="interval")
        for end, marker, bound in zip(ends, "<>", (row.low, row.high), strict=True):
            if math.isinf(bound):
                axes.plot(x + wide * end, y, marker=marker, markersize=4, color=face.colour, zorder=4, clip_on=False)
    at = scale.place(row.effect)
    if not math.isnan(at):
        axes.plot(
            x + wide * at,
            y,
            linestyle="none",
            marker=face.marker,
            markersize=4.8,
            zorder=5,
            gid="effect",
            **_mark(face),
        )


@dataclass(frozen=True)
class Scale:
    """From a value to its place on a strip, 0 to 1; marks are the values that it is held against."""

    low: float
    high: float
    logarithmic: bool
    marks: tuple[float, ...]

    @classmethod
    def of(cls, row: Any) -> Scale:
        """By the words of the quantity: a share, a ratio (of positive bounds), or a difference or trend."""
        ends = np.array([row.effect, row.low, row.high], dtype=float)
        ends = ends[np.isfinite(ends)]
        words = str(row.quantity).lower()
        if words.startswith(("share", "k of n")) and ends.size and ends.min() >= 0 and ends.max() <= 1:
            return cls(0.0, 1.0, False, (0.0, 1.0))
        if "ratio" in words and ends.size and ends.min() > 0:
            reach = max(1.2 * float(np.abs(np.log(ends)).max()), 1.5 * math.log(EQUIVALENT[1]))
            return cls(-reach, reach, True, (1.0,))
        low, high = min([0.0, *ends]), max([0.0, *ends])
        room = 0.08 * ((high - low) or 1.0)
        return cls(low - room, high + room, False, (0.0,))

    def place(self, value: float) -> float:
        """Where a value stands; infinite ones at the ends, NaN stays."""
        if math.isinf(value):
            return float(value > 0)
        if self.logarithmic:
            value = math.log(value) if value > 0 else math.nan
        return (value - self.low) / (self.high - self.low)


def _value(row: Any) -> str:
    """``−0.81 [−0.85, −0.77]``; the estimate alone where it has no interval."""
    effect, low, high = (_number(value) for value in (row.effect, row.low, row.high))
    return effect if math.isnan(row.low) and math.isnan(row.high) else f"{effect} [{low}, {high}]"


def _number(value: float) -> str:
    return common.number(value).replace("inf", "∞").replace("nan", "—")


def _count(rows: pd.DataFrame) -> str:
    """How many primary findings hold, of those that are judged."""
    judged = rows[rows["primary"].astype(bool) & ~rows["verdict"].isin((REPORTED, CHECKED))]
    holding = int(judged["verdict"].isin((HOLDS, PARTLY)).sum())
    unclear = int((judged["verdict"] == UNDECIDED).sum())
    if unclear == len(judged):
        return f"{unclear} open" if unclear else "none judged"
    return f"{holding} of {len(judged)} hold" + (f", {unclear} open" if unclear else "")


def _title(claims: pd.DataFrame) -> str:
    if set(claims["claim_verdict"]) == {UNDECIDED}:
        return f"None of {claims['number'].nunique()} claims can be decided with these runs"
    return in_words(claims)[0]


def _caption(claims: pd.DataFrame, shown: int) -> str:
    primary = claims[claims["primary"].astype(bool)]
    of_seeds = ~claims["quantity"].astype(str).str.startswith(OF_SETTINGS)
    seeds = claims.loc[(claims["n_seeds"] > 0) & of_seeds, "n_seeds"]
    low, high = (int(seeds.min()), int(seeds.max())) if len(seeds) else (0, 0)
    count = f"n = {high}" if low == high else f"n = {low} to {high}"
    count = f"{count} seed{'s' if high != 1 else ''} a finding" if high else "No finding has a seed"
    return (
        "Verdicts follow from intervals over seeds (of a share of settings: over settings) by each claim's rule, a "
        "claim's from its primary findings. "
        "Shown: of each claim at most two primary findings that agree with its verdict (in part: one that holds, one "
        f"that does not), each interval (95 %, or corrected) on a scale of its own; … where a text is cut. These are "
        f"{shown} of {len(claims)} findings ({len(primary)} primary); the ledger has all. {count}."
    )
