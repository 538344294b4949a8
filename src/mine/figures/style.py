"""How every figure looks: style file, legend entries, the sheet that panels stand on, writing to files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from importlib import resources
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path

from mine.figures import FORMATS
from mine.figures.looks import LOOKS as LOOKS
from mine.figures.looks import Look as Look
from mine.figures.looks import look
from mine.files import whole_files

INK = "#222222"
FAINT = "#555555"
TRUTH = {"color": "#111111", "linestyle": (0, (5, 3)), "linewidth": 1.2}
OPTIMAL_COLOUR = "#6e6e6e"
SMALL = 7.5
WIDTH = 10.0
"""Width of every figure, inches."""


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
    # "3 of 20", "95 %" and "α = 0.01" stay together.
    text = re.sub(r" = |(?<=\d) of (?=\d)|(?<=\d) (?=%)", lambda match: match[0].replace(" ", "\u00a0"), text)
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
    """One line of text above a panel. short: in its place where the panel is narrower than the text."""

    text: str
    colour: str
    short: str = ""


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
        widths: Sequence[float] = (),
        column_gap: float = 0.16,
        row_gap: float = 0.1,
        left: float = 0.66,
        axes: Sequence[Sequence[Axes]] | None = None,
    ) -> None:
        """Lay out the sheet.

        handles: legend entries, a list for each row of the legend (broken further where too wide).
        strips: lines of text that each row keeps free above its panels, beside the panel's heading.
        widths: of the columns, relative to each other; all alike where not given.
        column_gap, row_gap, left: inches; wider where panels have their own tick labels.
        axes: panels that a figure already has, by row; the last row may be short. New ones where not given.
        """
        heights = [panel_height] * rows if isinstance(panel_height, (int, float)) else list(panel_height)
        self.strips = list(strips) or [0] * rows
        inner = WIDTH - 0.24
        lines = wrap(title, inner, 12, "bold"), wrap(subtitle, inner, 9), wrap(caption, inner, SMALL)
        legend_rows = [part for row in handles for part in _legend_rows(row, inner)]
        tops = [0.21 + 0.135 * count for count in self.strips]
        head = 0.1 + 0.2 * len(lines[0]) + 0.165 * len(lines[1]) + 0.2 * len(legend_rows) + 0.12
        foot = 0.5 + 0.135 * len(lines[2]) + 0.06
        height = head + sum(heights) + sum(tops) + row_gap * (rows - 1) + foot
        self.figure = Figure() if axes is None else axes[0][0].figure
        self.figure.set_size_inches(WIDTH, height)
        self._write(height, *lines, legend_rows)

        shares = np.array(list(widths) or [1.0] * columns)
        wide = (WIDTH - left - 0.14 - column_gap * (columns - 1)) * shares / shares.sum()
        lefts = left + np.concatenate([[0.0], np.cumsum(wide + column_gap)[:-1]])
        self.axes: list[list[Axes]] = []
        y = height - head
        for row in range(rows):
            y -= tops[row] + heights[row]
            boxes = [
                (start / WIDTH, y / height, width / WIDTH, heights[row] / height)
                for start, width in zip(lefts, wide, strict=True)
            ]
            if axes is None:
                self.axes.append([self.figure.add_axes(box) for box in boxes])
            else:
                self.axes.append(list(axes[row]))
                for panel, box in zip(axes[row], boxes, strict=False):
                    panel.set_position(box)
            y -= row_gap

    def _write(
        self, height: float, title: list[str], subtitle: list[str], caption: list[str], legend_rows: list[list[Any]]
    ) -> None:
        """Title and legend from the top, the caption from the bottom."""
        y = height - 0.1
        x = 0.12 / WIDTH
        for lines, size, step, weight in ((title, 12, 0.2, "bold"), (subtitle, 9, 0.165, "normal")):
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
        for index, line in enumerate(reversed(caption)):
            self.figure.text(x, (0.06 + 0.135 * index) / height, line, va="bottom", fontsize=SMALL, color=FAINT)

    def head(self, row: int, axes: Axes, text: str, right: str = "", strips: Sequence[Strip] = ()) -> None:
        """Write a panel's heading (left bold, right plain) and the lines between it and the panel."""
        above = 5 + 9.7 * self.strips[row]
        place = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(text, (0, 1), (0, above), fontweight="bold", ha="left", va="bottom", fontsize=8.5, **place)
        if right:
            axes.annotate(right, (1, 1), (0, above), ha="right", va="bottom", fontsize=8, **place)
        room = axes.get_position().width * WIDTH
        for index, strip in enumerate(strips):
            fits = not strip.short or text_width(strip.text, SMALL) <= room
            offset = 3 + 9.7 * (self.strips[row] - 1 - index)
            axes.annotate(
                strip.text if fits else strip.short,
                (0, 1),
                (0, offset),
                ha="left",
                va="bottom",
                fontsize=SMALL,
                color=strip.colour,
                **place,
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


def judged_mark(axes: Axes, x: float, y: float, look_of: Look, hollow: bool, **options: Any) -> None:
    """One mark of a value, hollow where its effective sample size is too low for a number."""
    face = "white" if hollow else look_of.colour
    colours = {"markerfacecolor": face, "markeredgecolor": look_of.colour}
    axes.plot(x, y, linestyle="none", marker=look_of.marker, clip_on=False, **colours, **options)


def variant_handle(variant: str, **changes: Any) -> Line2D:
    """Legend entry of a variant: its line with its marker."""
    face = look(variant)
    options = {"linestyle": face.linestyle, "marker": face.marker, "label": face.label, **changes}
    return Line2D([], [], color=face.colour, **options)


def mark_handle(marker: str, label: str, **changes: Any) -> Line2D:
    """Legend entry of a marker alone."""
    return Line2D([], [], **{"color": INK, "linestyle": "none", "marker": marker, "label": label, **changes})


def truth_handle(label: str = "truth") -> Line2D:
    """Legend entry of the truth."""
    return Line2D([], [], label=label, **TRUTH)
