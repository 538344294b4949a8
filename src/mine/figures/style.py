"""How every figure looks: style file, colour of each variant, the sheet that panels stand on, writing to files."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from mine.figures import FORMATS
from mine.files import whole_files

INK = "#222222"
FAINT = "#555555"
TRUTH = {"color": "#111111", "linestyle": (0, (5, 3)), "linewidth": 1.2}
OPTIMAL_COLOUR = "#6e6e6e"
SMALL = 7.5
WIDTH = 10.0
"""Width of every figure, inches."""


@dataclass(frozen=True)
class Look:
    """How a variant is drawn: colour, and for greyscale also line style and marker."""

    label: str
    colour: str
    linestyle: Any
    marker: str
    text_colour: str


# Okabe and Ito's palette, with its blue darkened: biased and EMA then differ in lightness too.
LOOKS = {
    "biased": Look("Biased", "#D55E00", "-", "o", "#B34F00"),
    "biased-stable": Look("Biased, log-sum-exp", "#E69F00", (0, (6, 1.5)), "s", "#8F6300"),
    "ema": Look("EMA", "#0A4A80", "-", "^", "#0A4A80"),
    "ema-as-printed": Look("EMA as printed", "#CC79A7", (0, (6, 1.5, 1, 1.5)), "D", "#9C4478"),
    "ema-attached": Look("EMA, v not detached", "#56B4E9", (0, (3, 1, 1, 1, 1, 1)), "P", "#20709F"),
    "ema-log": Look("EMA, log space", "#009E73", (0, (1.5, 1.5)), "v", "#00704F"),
}
_SPARE = ("#A6761D", "#8A6D3B", "#7B5EA7", "#4C9A2A")


def look(variant: str) -> Look:
    """The look of a variant; one that is not listed gets a spare colour by its name, the same in every figure."""
    if variant in LOOKS:
        return LOOKS[variant]
    colour = _SPARE[zlib.crc32(variant.encode()) % len(_SPARE)]
    return Look(variant, colour, (0, (3, 1, 1, 1, 1, 1)), "P", colour)


@contextmanager
def context() -> Iterator[None]:
    """Matplotlib with this project's style and nothing of the reader's own."""
    text = resources.files("mine.figures").joinpath("mine.mplstyle")
    with matplotlib.rc_context(), resources.as_file(text) as path:
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(matplotlib.rc_params_from_file(path, use_default_template=False))
        yield


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: draw a figure in the project's style."""

    @wraps(draw)
    def inner(*args: Any, **kwargs: Any) -> Figure:
        with context():
            return draw(*args, **kwargs)

    return inner


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write ``stem.svg``, ``stem.pdf`` and ``stem.png``, all whole or none, without dates.

    Raises UserError when they cannot be written.
    """
    # Not with_suffix: a setting such as ema_rate=0.3 has a dot in its name.
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in FORMATS]
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with context(), whole_files(*paths) as streams:
        for kind, stream in zip(FORMATS, streams, strict=True):
            figure.savefig(stream, format=kind, metadata=undated[kind])
    return paths


@lru_cache(maxsize=4096)
def text_width(text: str, size: float, weight: str = "normal") -> float:
    """Width of one line of text, inches."""
    font = FontProperties(family="DejaVu Sans", size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72


def wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of at most ``width`` inches; a line break in the text stays."""
    # "3 of 20" and "α = 0.01" stay together.
    text = re.sub(r" = |(?<=\d) of (?=\d)", lambda match: match[0].replace(" ", "\u00a0"), text)
    space = text_width("a a", size, weight) - text_width("aa", size, weight)
    lines = []
    for paragraph in text.split("\n"):
        line: list[str] = []
        used = 0.0
        for word in paragraph.split(" "):
            need = text_width(word, size, weight) + space
            if line and used + need > width:
                lines.append(" ".join(line))
                line, used = [], 0.0
            line.append(word)
            used += need
        lines.append(" ".join(line))
    return [line.replace("\u00a0", " ") for line in lines if line]


@dataclass(frozen=True)
class Strip:
    """One line of text above a panel."""

    text: str
    colour: str


class Sheet:
    """A figure with a title that says the finding, a legend, a grid of panels and a caption, laid out in inches.

    Positions are computed here, not by a layout engine, so that they are quick and the same everywhere.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        *,
        title: str,
        subtitle: str,
        caption: str,
        handles: Sequence[Sequence[Any]],
        panel_height: float | Sequence[float],
        strips: Sequence[int] = (),
        column_gap: float = 0.16,
        row_gap: float = 0.1,
        left: float = 0.66,
    ) -> None:
        """Lay out the sheet.

        handles: legend entries, a list for each row of the legend (broken further where too wide).
        strips: lines of text that each row keeps free above its panels, beside the panel's heading.
        column_gap, row_gap, left: inches; wider where panels have their own tick labels.
        """
        heights = [panel_height] * rows if isinstance(panel_height, (int, float)) else list(panel_height)
        self.strips = list(strips) or [0] * rows
        inner = WIDTH - 0.24
        title_lines = wrap(title, inner, 12, "bold")
        subtitle_lines = wrap(subtitle, inner, 9)
        caption_lines = wrap(caption, inner, SMALL)
        legend_rows = [part for row in handles for part in _legend_rows(row, inner)]
        tops = [0.21 + 0.135 * count for count in self.strips]
        head = 0.1 + 0.2 * len(title_lines) + 0.165 * len(subtitle_lines) + 0.2 * len(legend_rows) + 0.12
        foot = 0.5 + 0.135 * len(caption_lines) + 0.06
        height = head + sum(heights) + sum(tops) + row_gap * (rows - 1) + foot
        self.figure = Figure(figsize=(WIDTH, height))

        y = height - 0.1
        x = 0.12 / WIDTH
        for lines, size, step, weight in (
            (title_lines, 12, 0.2, "bold"),
            (subtitle_lines, 9, 0.165, "normal"),
        ):
            for line in lines:
                self.figure.text(x, y / height, line, va="top", fontsize=size, fontweight=weight)
                y -= step
        for index, entries in enumerate(legend_rows):
            self.figure.legend(
                handles=entries,
                loc="upper left",
                bbox_to_anchor=(x, (y - 0.02 - 0.2 * index) / height),
                ncols=len(entries),
                borderaxespad=0,
                borderpad=0,
            )
        for index, line in enumerate(reversed(caption_lines)):
            self.figure.text(x, (0.06 + 0.135 * index) / height, line, va="bottom", fontsize=SMALL, color=FAINT)

        panel = (WIDTH - left - 0.14 - column_gap * (columns - 1)) / columns
        self.axes: list[list[Axes]] = []
        y = height - head
        for row in range(rows):
            y -= tops[row] + heights[row]
            self.axes.append(
                [
                    self.figure.add_axes(
                        (
                            (left + column * (panel + column_gap)) / WIDTH,
                            y / height,
                            panel / WIDTH,
                            heights[row] / height,
                        )
                    )
                    for column in range(columns)
                ]
            )
            y -= row_gap

    def head(self, row: int, axes: Axes, text: str, right: str = "", strips: Sequence[Strip] = ()) -> None:
        """Write a panel's heading (left bold, right plain) and the lines between it and the panel."""
        above = 5 + 9.7 * self.strips[row]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(text, (0, 1), (0, above), fontweight="bold", ha="left", va="bottom", fontsize=8.5, **place)
        if right:
            axes.annotate(right, (1, 1), (0, above), ha="right", va="bottom", fontsize=8, **place)
        for index, strip in enumerate(strips):
            offset = 3 + 9.7 * (self.strips[row] - 1 - index)
            axes.annotate(
                strip.text, (0, 1), (0, offset), ha="left", va="bottom", fontsize=SMALL, color=strip.colour, **place
            )


def _legend_rows(handles: Sequence[Any], width: float) -> list[list[Any]]:
    """Legend entries in rows that fit the width."""
    rows: list[list[Any]] = []
    used = width
    for handle in handles:
        need = text_width(handle.get_label(), 8.5) + 0.6
        if used + need > width:
            rows.append([])
            used = 0.0
        rows[-1].append(handle)
        used += need
    return rows


def variant_handle(variant: str, **changes: Any) -> Line2D:
    """Legend entry of a variant: its line with its marker."""
    face = look(variant)
    options = {"linestyle": face.linestyle, "marker": face.marker, "label": face.label, **changes}
    return Line2D([], [], color=face.colour, **options)


def mark_handle(marker: str, label: str, **changes: Any) -> Line2D:
    """Legend entry of a marker alone."""
    return Line2D([], [], **{"color": INK, "linestyle": "none", "marker": marker, "label": label, **changes})


def truth_handle() -> Line2D:
    """Legend entry of the truth."""
    return Line2D([], [], label="truth", **TRUTH)
