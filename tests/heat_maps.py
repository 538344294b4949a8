"""What a heat map says: the colour of each cell, by the gid of its words."""

from __future__ import annotations

from typing import Any


def heat_cells(*several: Any) -> dict[str, Any]:
    """Colour of every cell of heat maps that has words, by its gid; None of a hatched one."""
    found = {}
    for axes in several:
        mesh = axes.collections[0]
        height, width = mesh.get_array().shape
        colours = mesh.to_rgba(mesh.get_array()).reshape(height, width, 4)
        hatched = {patch.get_gid().removeprefix("hatched:") for patch in axes.patches if patch.get_gid()}
        for text in axes.texts:
            if text.get_gid():
                x, y = text.get_position()
                found[text.get_gid()] = None if text.get_gid() in hatched else tuple(colours[int(y), int(x)])
    return found
