"""A picture of every fixed task: pairs of one draw, a coordinate of each side against the other's."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mine.figures import style
from mine.tasks import FIXED, fixed_task
from mine.tasks.draws import draw as draw_of

PAIRS = 400
_COLUMNS = 6
_HEIGHT, _SIZE = 0.95, 5.0


@style.styled
def draw() -> Figure:
    """Draw PAIRS pairs of each, number 0 of its draws: the first coordinate of x across, the first of z upwards."""
    names = list(FIXED)
    rows = -(-len(names) // _COLUMNS)
    sheet = style.Sheet(
        rows,
        _COLUMNS,
        title=f"{len(names)} fixed tasks of known mutual information",
        subtitle=f"{PAIRS} pairs of each: the first coordinate of x across, the first of z upwards, without "
        "the outermost hundredths. Below: mutual information, and dimensions of x and z.",
        caption="Where more coordinates depend on each other than the first two, the picture shows a part of it: of a "
        "task that is turned or has many coordinates it may show next to none. Made by `mine figures tasks`.",
        handles=[],
        panel_height=_HEIGHT,
        strips=[1] * rows,
        left=0.14,
        row_gap=0.2,
    )
    panels = [axes for row in sheet.axes for axes in row]
    for place, axes in enumerate(panels):
        axes.set_xticks([])
        axes.set_yticks([])
        if place >= len(names):
            axes.set_visible(False)
            continue
        name = names[place]
        x, z = (side[:, 0] for side in draw_of(name, PAIRS, 0))
        axes.scatter(x, z, s=1.5, color="#0A4A80", linewidths=0, rasterized=True)
        for values, limit in ((x, axes.set_xlim), (z, axes.set_ylim)):
            low, high = sorted(values)[PAIRS // 100], sorted(values)[-1 - PAIRS // 100]
            room = 0.08 * (high - low)
            limit(low - room, high + room)
        _write(axes, name)
    return sheet.figure


def _write(axes: Axes, name: str) -> None:
    """Its name above, its truth and dimensions below."""
    task = fixed_task(name)
    how = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": _SIZE, "annotation_clip": False}
    width = axes.get_position().width * style.WIDTH
    axes.annotate("\n".join(_broken(name, width)), (0, 1), (0, 2), va="bottom", **how)
    axes.annotate(f"{task.mi:.2f} nats, {task.dim_x} × {task.dim_z}", (0, 0), (0, -2), va="top", **how)


def _broken(name: str, width: float) -> list[str]:
    """A name in lines of at most this width, inches; it may break behind a hyphen."""
    lines, line = [], ""
    for part in name.replace("-", "-\n").split("\n"):
        if line and style.text_width(line + part, _SIZE) > width:
            lines.append(line)
            line = ""
        line += part
    return [*lines, line]
