"""The claims on one page: each with its verdict, how its primary findings fell out, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.claims.claim import CHECKED, FAILS, HOLDS, OF_SETTINGS, PARTLY, REPORTED, UNDECIDED, US, WRITE_UP
from mine.claims.ledger import in_words
from mine.claims.plain import NOT_RUN, in_plain_words
from mine.figures import common, style

_SIZE = 7.6
"""Of text, points."""
_LEAD = 1.26 * _SIZE / 72
"""Height of a line of text, inches."""
_GAP = 0.09
"""Between two claims, inches."""
_HEAD = 0.24
"""Above the first claim, for the scale of the bars, inches."""


@dataclass(frozen=True)
class Face:
    """A verdict: colour of its mark and of its word, the mark, how it is filled, and the hatch of its bar."""

    colour: str
    ink: str
    marker: str
    fill: str = "full"
    hatch: str = ""


FACES = {
    HOLDS: Face("#0072B2", "#00568A", "o"),
    PARTLY: Face("#B8860B", "#7A5900", "o", "left"),
    FAILS: Face("#D55E00", "#A94700", "s", hatch="////"),
    UNDECIDED: Face("#8A8A8A", "#555555", "D", "none"),
}

# Left edges and widths of the columns, inches from the page's left margin.
_SENTENCE = (0.24, 3.05)
_VERDICT = (3.5, 1.3)
_BAR = (4.95, 1.1)
_FOUND = (6.25, 3.4)
_COLUMNS = ("number", "claim", "sentence", "claim_verdict", "claim_where", "quantity", "n_seeds", "verdict", "primary")


@style.styled
def draw(claims: pd.DataFrame) -> Figure:
    """Draw the ledger, a row of ``claims`` a finding. Raises UserError for a missing column."""
    if "asked_by" not in claims:  # a ledger that was published before it said so
        claims = claims.assign(asked_by=WRITE_UP)
    common.check_columns(claims, "claims", _COLUMNS)
    blocks = [Block.of(rows) for _, rows in claims.groupby("number", sort=True)]
    height = _HEAD + sum(block.height for block in blocks)
    sheet = style.Sheet(
        1,
        1,
        title=_title(claims),
        subtitle=". ".join(in_words(claims)[1:]),
        caption=_caption(claims),
        handles=[[style.mark_handle(face.marker, word, **_mark(face), markersize=6.5) for word, face in FACES.items()]],
        # Less what a sheet keeps free for a panel's heading and ticks, which this page does not have.
        panel_height=max(height - 0.62, 0.1),
        left=0.12,
    )
    axes = sheet.axes[0][0]
    tall = sheet.figure.get_figheight()
    place = axes.get_position()
    axes.set_position((place.x0, place.y0 - 0.44 / tall, 1 - 0.24 / style.WIDTH, height / tall))
    axes.set_axis_off()
    axes.set_xlim(0.0, style.WIDTH - 0.24)
    axes.set_ylim(height, 0.0)
    _draw_scale(axes, height)
    y = _HEAD
    for index, block in enumerate(blocks):
        if index % 2 == 0:
            axes.axhspan(y, y + block.height, color="#f3f4f6", zorder=0, linewidth=0)
        _draw_claim(axes, y + block.height / 2, block)
        y += block.height
    return sheet.figure


def _mark(face: Face) -> dict[str, Any]:
    return {"color": face.colour, "fillstyle": face.fill, "markerfacecoloralt": "white", "markeredgecolor": face.colour}


@dataclass(frozen=True)
class Block:
    """A claim as it is drawn: lines of text, counts of its primary findings, and how much room it takes, inches."""

    number: int
    verdict: str
    sentence: list[str]
    found: list[str]
    counts: dict[str, int]
    height: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Block:
        """From a claim's findings."""
        first = rows.iloc[0]
        sentence = str(first["sentence"])
        if (asked := first["asked_by"]) != WRITE_UP:
            sentence += f" (asked by {asked if asked == US else f'the {asked}'})"
        found = in_plain_words(rows)
        if found == NOT_RUN and first["claim_where"]:
            found = str(first["claim_where"])
        judged = rows[rows["primary"].astype(bool) & ~rows["verdict"].isin((REPORTED, CHECKED))]["verdict"]
        counts = {word: int((judged.replace(PARTLY, HOLDS) == word).sum()) for word in (HOLDS, FAILS, UNDECIDED)}
        lines = [style.wrap(text, 0.97 * room, _SIZE) for text, (_, room) in ((sentence, _SENTENCE), (found, _FOUND))]
        height = max(2, *map(len, lines)) * _LEAD + _GAP
        return cls(int(first["number"]), str(first["claim_verdict"]), *lines, counts, height)


def _draw_scale(axes: Axes, height: float) -> None:
    """What the bars count, and where a half and all of it are."""
    x, wide = _BAR
    words = {"va": "center", "ha": "center", "fontsize": _SIZE - 0.6, "color": style.FAINT}
    axes.text(x + wide / 2, 0.05, "comparisons that decide it", **words)
    for share, word in ((0.0, "0"), (0.5, "½"), (1.0, "all")):
        axes.text(x + share * wide, 0.17, word, **words)
        axes.plot([x + share * wide] * 2, [_HEAD, height], color="#bbbbbb", linewidth=0.6, zorder=1)


def _draw_claim(axes: Axes, middle: float, block: Block) -> None:
    face = FACES[block.verdict]
    text = {"va": "center", "ha": "left", "fontsize": _SIZE}
    axes.text(0.19, middle, f"{block.number}", **{**text, "ha": "right"}, fontweight="bold")
    for (x, _), lines in ((_SENTENCE, block.sentence), (_FOUND, block.found)):
        for index, line in enumerate(lines):
            axes.text(x, middle + (index - (len(lines) - 1) / 2) * _LEAD, line, **text)
    x = _VERDICT[0]
    axes.plot(x + 0.05, middle, linestyle="none", marker=face.marker, markersize=8, gid="verdict", **_mark(face))
    top, bottom = middle - _LEAD / 2, middle + _LEAD / 2
    axes.text(x + 0.19, top, block.verdict, **text, fontweight="bold", color=face.ink)
    axes.text(x + 0.19, bottom, _count(block.counts), **{**text, "fontsize": _SIZE - 0.6}, color=style.FAINT)
    (left, wide), judged = _BAR, sum(block.counts.values())
    for word, count in block.counts.items():
        if count:
            fill = (
                {"color": FACES[word].colour} if word == HOLDS else {"color": "white", "edgecolor": FACES[word].colour}
            )
            part = wide * count / judged
            axes.barh(middle, part, 0.13, left, hatch=FACES[word].hatch, linewidth=0.8, zorder=3, gid=word, **fill)
            left += part


def _count(counts: dict[str, int]) -> str:
    """How many primary findings hold, of those that are judged."""
    judged, unclear = sum(counts.values()), counts[UNDECIDED]
    if unclear == judged:
        return f"{unclear} open" if unclear else "none judged"
    return f"{counts[HOLDS]} of {judged} hold" + (f", {unclear} open" if unclear else "")


def _title(claims: pd.DataFrame) -> str:
    if set(claims["claim_verdict"]) == {UNDECIDED}:
        return f"None of {claims['number'].nunique()} claims can be decided with these runs"
    return in_words(claims)[0]


def _caption(claims: pd.DataFrame) -> str:
    of_seeds = ~claims["quantity"].astype(str).str.startswith(OF_SETTINGS)
    seeds = claims.loc[(claims["n_seeds"] > 0) & of_seeds, "n_seeds"]
    low, high = (int(seeds.min()), int(seeds.max())) if len(seeds) else (0, 0)
    count = f"n = {high}" if low == high else f"n = {low} to {high}"
    count = f"{count} seed{'s' if high != 1 else ''} a finding" if high else "No finding has a seed"
    return (
        "Bars: how the comparisons that decide a claim, its primary findings, fell out: filled those that hold, "
        "hatched those that do not, white what stays open. Each follows from an interval over seeds (of a share of "
        "settings: over settings), 95 % or corrected for their number, by the claim's rule. Random settings were drawn "
        f"from what the write-up leaves open. These are {int(claims['primary'].sum())} of {len(claims)} findings; the "
        f"ledger has all with their intervals. {count}."
    )
