"""What figures share: one look and label an estimator, panels with whole axes, heat maps that say what they show."""

from __future__ import annotations

import ast
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from factories import VARIANTS
from heat_maps import heat_cells
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.markers import MarkerStyle

from mine.estimators.names import BASELINES, ESTIMATORS, label
from mine.figures import common, ema_bias, panels, style
from mine.figures.looks import LOOKS, look, luminance

GREYS = LinearSegmentedColormap.from_list("greys", ["#ffffff", "#000000"])
SHEET = {"title": "A finding", "subtitle": "", "caption": "n = 3", "handles": [], "panel_height": 1.0}


@pytest.fixture(autouse=True)
def _style():
    with style.context():
        yield


def test_everything_that_can_be_drawn_has_a_look_under_its_registered_label():
    assert set(LOOKS) == {*ESTIMATORS, *BASELINES}
    assert {name: each.label for name, each in LOOKS.items()} == {name: label(name) for name in LOOKS}
    assert len({each.label for each in LOOKS.values()}) == len(LOOKS)
    assert (label("biased-stable"), label("ema-log")) == ("Biased, log-sum-exp", "EMA, log space")
    assert look("of my own").label == "of my own"


@pytest.mark.parametrize("name", LOOKS)
def test_small_text_in_an_estimators_colour_can_be_read(name):
    assert 1.05 / (luminance(to_rgb(look(name).text_colour)) + 0.05) >= 4.49


def test_no_two_looks_share_a_marker():
    markers = [each.marker for each in LOOKS.values()]
    assert len(set(markers)) == len(markers)
    outlines = [MarkerStyle(marker).get_path().vertices for marker in markers]
    assert all(np.isfinite(outline).all() for outline in outlines)


def test_an_x_means_an_overflow_and_nothing_else():
    """No look is one, and no figure draws the filled one that it would be mistaken for."""
    assert {"x", "X"}.isdisjoint(each.marker for each in LOOKS.values())
    sources = [path.read_text(encoding="utf-8") for path in Path(panels.__file__).parent.glob("*.py")]
    words = {node.value for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert "s" in words
    assert "X" not in words


# Colours as they look without one kind of cone (Machado, Oliveira and Fernandes 2009, severity 1).
BLINDNESS = {
    "protanopia": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deuteranopia": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritanopia": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("kind", BLINDNESS)
def test_mines_own_variants_differ_to_the_colour_blind(kind):
    seen = {name: np.array(BLINDNESS[kind]) @ to_rgb(look(name).colour) for name in VARIANTS}
    assert min(np.linalg.norm(seen[one] - seen[other]) for one in seen for other in seen if one != other) > 0.15


def made(rows=("a", "b"), columns=(1, 2, 3), without=()):
    cells = [(r, c) for r in rows for c in columns if (r, c) not in without]
    return pd.DataFrame(cells, columns=["kind", "dim"]).assign(value=1.0)


def labelled(axes, axis):
    axes.figure.draw_without_rendering()
    ticks = axes.get_xticklabels() if axis == "x" else axes.get_yticklabels()
    return any(tick.get_visible() and tick.get_text() for tick in ticks)


def test_panels_share_axes_and_label_the_outer_ones():
    sheet = panels.Panels(made(), row="kind", col="dim", share_y=True, xlabel="below", ylabel="beside", **SHEET)
    assert [(panel.row, panel.column, len(panel.rows)) for panel in sheet] == [
        (kind, dim, 1) for kind in ("a", "b") for dim in (1, 2, 3)
    ]
    first = next(iter(sheet)).axes
    first.set(xlim=(0, 7), ylim=(0, 5))
    for panel in sheet:
        assert (panel.axes.get_xlim(), panel.axes.get_ylim()) == ((0, 7), (0, 5))
        assert (panel.axes.get_xlabel(), labelled(panel.axes, "x")) == (
            ("below", True) if panel.row == "b" else ("", False)
        )
        assert (panel.axes.get_ylabel(), labelled(panel.axes, "y")) == (
            ("beside", True) if panel.column == 1 else ("", False)
        )


def test_a_panel_without_rows_is_blank_and_its_neighbours_take_the_labels():
    sheet = panels.Panels(
        made(without=[("a", 1), ("b", 3)]), row="kind", col="dim", xlabel="below", ylabel="beside", **SHEET
    )
    assert len(list(sheet)) == 4
    assert [axes.axison for line in sheet.axes for axes in line] == [False, True, True, True, True, False]
    labels = {(panel.row, panel.column): (panel.axes.get_xlabel(), panel.axes.get_ylabel()) for panel in sheet}
    assert labels == {
        ("a", 2): ("", "beside"), ("a", 3): ("below", ""), ("b", 1): ("below", "beside"), ("b", 2): ("below", ""),
    }  # fmt: skip


def test_panels_go_on_below_and_leave_no_window_open():
    sheet = panels.Panels(made(rows=("a",), columns=range(5)), col="dim", abreast=3, xlabel="below", **SHEET)
    assert [len(line) for line in sheet.axes] == [3, 2]
    assert [panel.line for panel in sheet] == [0, 0, 0, 1, 1]
    assert [bool(panel.axes.get_xlabel()) for panel in sheet] == [False, False, True, True, True]
    boxes = [panel.axes.get_position() for panel in sheet]
    np.testing.assert_allclose([box.x0 for box in boxes[:2]], [box.x0 for box in boxes[3:]])
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("end", "last"), [(60, 60), (3000, 3000), (2500, 2500), (20, 20), (500, 500), (1, 1), (7000, 7000)]
)
def test_the_end_of_training_has_a_tick(end, last):
    ticks = panels.ticks_to(end)
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(last)
    assert 3 <= len(ticks) <= 7
    assert len(set(np.round(np.diff(ticks), 9))) == 1 or end == 7000


def test_ticks_of_training_are_in_its_unit_and_stand_inwards():
    axes = next(iter(panels.Panels(made(("a",), (1,)), col="dim", **SHEET))).axes
    panels.training_axis(axes, 6000, unit=12)
    labels = axes.get_xticklabels()
    assert [text.get_text() for text in labels] == ["0", "100", "200", "300", "400", "500"]
    assert (labels[0].get_horizontalalignment(), labels[-1].get_horizontalalignment()) == ("left", "right")
    assert axes.get_xticks()[-1] == 6000


def test_a_caption_has_interval_and_number_of_seeds():
    said = panels.caption("Line: median", interval="band: quartiles", n="n = 3 seeds", notes=["", "More."])
    assert said == "Line: median; band: quartiles; n = 3 seeds. More."


def test_a_heat_map_has_its_first_row_on_top_blanks_and_hatches():
    values = pd.DataFrame([[0.0, 1.0], [0.5, np.nan]], ["top", "bottom"], ["left", "right"])
    words = pd.DataFrame([["none", "all"], ["2/4", ""]], values.index, values.columns)
    hatched = pd.DataFrame([[False, False], [True, False]], values.index, values.columns)
    axes = next(iter(panels.Panels(made(("a",), (1,)), col="dim", xlabel="below", **SHEET))).axes
    texts = panels.heat(
        axes, values, words, colours=GREYS, limits=(0, 1), hatched=hatched, gid=lambda row, column: f"{row}:{column}"
    )
    assert {gid: text.get_text() for gid, text in texts.items()} == {
        "top:left": "none", "top:right": "all", "bottom:left": "2/4",
    }  # fmt: skip
    assert texts["top:left"].get_color() == style.INK
    assert texts["top:right"].get_color() == "white"
    found = heat_cells(axes)
    np.testing.assert_allclose(found["top:right"], (0, 0, 0, 1))
    assert found["bottom:left"] is None
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["top", "bottom"]
    tops = axes.transData.transform([(0.5, 0.5), (0.5, 1.5)])[:, 1]
    assert tops[0] > tops[1]
    assert axes.get_xlabel() == "below"


def test_large_shares_are_said_as_multiples():
    assert common.share_of([0.18, 1.02], "the truth") == "18–102 % of the truth"
    assert common.share_of([0.5, 0.5], "it") == "50 % of it"
    assert common.share_of([-0.2, 0.4], "it") == "−20 to 40 % of it"
    assert common.share_of([1.66, 726.62], "the truth") == "1.7 to 730 times the truth"


def test_a_square_is_never_said_to_be_negative():
    assert ema_bias._times([-0.0026, 0.047]) == "at most 0.047 times"
    assert ema_bias._times([0.0085, 0.047]) == "0.0085 to 0.047 times"
    assert ema_bias._times([-0.2, -0.1]) == "not above 0 times"


def test_independent_pairs_are_said_in_english():
    rows = pd.DataFrame({"product": ["independent"], "variant": ["ema"]})
    assert common.settings_text(rows) == "independent product pairs"
    assert common.settings_text(rows.assign(product="derangement")) == "product pairs by derangement"


def test_a_line_above_a_narrow_panel_has_its_short_form():
    sheet = panels.Panels(made(("a",), range(6)), col="dim", strips=[2], **{**SHEET, "panel_height": 1.0})
    strips = [style.Strip("fits", "black", "f"), style.Strip("far too long for a panel of an inch", "black", "short")]
    panel = next(iter(sheet))
    sheet.title(panel, "Heading", strips=strips)
    assert [text.get_text() for text in panel.axes.texts] == ["Heading", "fits", "short"]
