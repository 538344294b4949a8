"""How each estimator looks in every figure: one line of a table has its colour, line and marker."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mine.estimators.names import label

_CONTRAST = 4.5
"""Least contrast of small text on white, as the guidelines on accessible pages (WCAG) ask for."""


@dataclass(frozen=True)
class Look:
    """How an estimator is drawn: colour, and for greyscale also line style and marker."""

    label: str
    colour: str
    linestyle: Any
    marker: Any

    @property
    def text_colour(self) -> str:
        """The colour, darkened where small text in it would be hard to read on white."""
        channels = [int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        while 1.05 / (luminance(channels) + 0.05) < _CONTRAST:
            channels = [0.97 * channel for channel in channels]
        return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def luminance(channels: Sequence[float]) -> float:
    """Relative luminance of red, green and blue, each 0 to 1; 0 is black and 1 white."""
    linear = [(c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4) for c in channels[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_SOLID, _DASHED, _DOTTED = "-", (0, (6, 1.5)), (0, (1.5, 1.5))
_DASH_DOT, _DASH_DOTS = (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1))

_ARC = [(math.cos(math.pi * at / 12), math.sin(math.pi * at / 12) - 0.45) for at in range(13)]
_DOME = (*_ARC, _ARC[0])
"""Outline of half a disc that stands on its flat side."""

# MINE's own variants have Okabe and Ito's palette, with its blue darkened: biased and EMA then differ in lightness too.
# The others have Tol's muted one and shades between; relatives differ in line and lightness. No two share a marker.
# None is an x, filled or not: that means an overflow in every figure.
_TABLE: dict[str, tuple[str, Any, Any]] = {
    "biased": ("#D55E00", _SOLID, "o"),
    "biased-stable": ("#E69F00", _DASHED, "s"),
    "ema": ("#0A4A80", _SOLID, "^"),
    "ema-as-printed": ("#CC79A7", _DASH_DOT, "D"),
    "ema-attached": ("#56B4E9", _DASH_DOTS, "P"),
    "ema-log": ("#009E73", _DOTTED, "v"),
    "nwj": ("#CC6677", _SOLID, _DOME),
    "tuba": ("#882255", _DASHED, "p"),
    "infonce": ("#332288", _SOLID, "*"),
    "interpolated": ("#6699CC", _DASHED, "h"),
    "flo": ("#999933", _DASH_DOT, "<"),
    "js": ("#117733", _SOLID, ">"),
    "smile": ("#44AA99", _DASHED, "d"),
    "kl-dime": ("#AA4499", _SOLID, "8"),
    "gan-dime": ("#661100", _DASHED, "H"),
    "hd-dime": ("#DDAA33", _DOTTED, (4, 1, 0)),
    "doe-gaussian": ("#444444", _SOLID, (3, 1, 0)),
    "doe-logistic": ("#777777", _DASHED, (6, 1, 0)),
    "doe-flow": ("#B15928", _DOTTED, (5, 1, 180)),
    "minde": ("#6A3D9A", _DASH_DOT, (7, 1, 0)),
    "club": ("#A6761D", _DASH_DOTS, (3, 1, 180)),
    "ksg": ("#225555", _DOTTED, (8, 1, 0)),
    "cca": ("#555577", _DASH_DOT, (3, 0, 90)),
    "histogram": ("#998877", _DASH_DOTS, (5, 0, 180)),
}
LOOKS = {name: Look(label(name), *row) for name, row in _TABLE.items()}
"""Name to look: MINE's variants, the benchmark's other estimators, the baselines."""

_SPARE = ("#A6761D", "#8A6D3B", "#7B5EA7", "#4C9A2A")


def look(variant: str) -> Look:
    """The look of an estimator; one that is not listed gets a spare colour by its name, the same in every figure."""
    if variant in LOOKS:
        return LOOKS[variant]
    colour = _SPARE[zlib.crc32(variant.encode()) % len(_SPARE)]
    return Look(label(variant), colour, _DASH_DOTS, "P")
