"""The interactive page: a payload, plotly.js and a script in one HTML file that asks nothing of a network.

Its style, its elements and its script are page.css, page.html and page.js beside this file, as they stand in the page.
"""

from __future__ import annotations

import colorsys
import json
from importlib import resources
from typing import Any

from plotly.offline import get_plotlyjs

from mine.divergence import MIN_ESS
from mine.figures.style import look


def page(content: dict[str, Any]) -> str:
    """The whole page as text. content: of ``mine.explorer.payload``."""
    variants = sorted({name for experiment in content["experiments"].values() for name in experiment["variants"]})
    looks = {
        name: {"label": look(name).label, "light": look(name).colour, "dark": lightened(look(name).colour)}
        for name in variants
    }
    # "</script>" or "<!--" in a string would end the element that it stands in.
    data = json.dumps({**content, "looks": looks, "low_ess": MIN_ESS}, allow_nan=False).replace("<", "\\u003c")
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            '<link rel="icon" href="data:,">',
            f"<title>MINE, run by run</title>\n<style>\n{_part('page.css')}</style></head><body>",
            f"\n{_part('page.html')}",
            f'<script type="application/json" id="data">{data}</script>',
            f"<script>{get_plotlyjs()}</script>",
            f"<script>\n{_part('page.js')}</script>\n</body></html>\n",
        )
    )


def _part(name: str) -> str:
    return resources.files("mine.explorer").joinpath(name).read_text(encoding="utf-8")


def lightened(colour: str) -> str:
    """The same hue, light enough for a dark ground."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    parts = colorsys.hls_to_rgb(hue, max(lightness, 0.62), saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
