"""The phase diagram: every cell's counts, what was not run, and words that follow the counts."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import make_summary, panels, texts, title, truth_of, words
from heat_maps import heat_cells

from mine.errors import UserError
from mine.figures import FIGURES, phase

DIMS, RHOS = (1, 5, 20), (0.5, 0.9, 0.99)


def overflows(variant, dim, rho, seed, **cell):
    return variant == "biased" and dim == 20 and seed < 2


def runaways(variant, dim, rho, seed, **cell):
    return variant == "biased" and truth_of(dim, rho) > 4.0


@pytest.fixture(scope="module")
def summary():
    return make_summary(dims=DIMS, rhos=RHOS, overflows=overflows, runaways=runaways)


def test_a_cell_says_how_many_diverged_and_how_many_of_them_overflowed(summary):
    drawn = FIGURES["phase"].draw({"summary": summary})
    drawn.draw_without_rendering()
    axes = panels(drawn)["Biased, derangement"]
    found = {text.get_gid(): text.get_text() for text in axes.texts if text.get_gid()}
    assert found["biased:5:0.9"] == "5/5"
    assert found["biased:20:0.5"] == "2/5"
    assert found["biased:1:0.99"] == "0/5"
    assert texts(axes).count("× 2") == 3
    cells = heat_cells(axes)
    assert len(cells) == 9
    np.testing.assert_allclose(cells["biased:5:0.9"], phase.RAMP(1.0))
    np.testing.assert_allclose(cells["biased:20:0.5"], phase.RAMP(0.4))
    assert not any("×" in text for text in texts(panels(drawn)["EMA, derangement"]))


def test_the_ramp_darkens_in_greyscale():
    grey = [np.dot(phase.RAMP(share)[:3], (0.299, 0.587, 0.114)) for share in np.linspace(0, 1, 11)]
    assert np.all(np.diff(grey) < 0)


def test_title_and_subtitle_follow_the_counts(summary):
    drawn = FIGURES["phase"].draw({"summary": summary})
    assert "Biased 5 of 9 (in every run: 4); EMA 0 of 9" in title(drawn)
    assert "Biased 0.9 at d = 5, 0.9 at d = 20; EMA none." in words(drawn)
    assert "0 of 5 is compatible with a true share of up to 52 %" in words(drawn)
    assert "n = 5 seeds a cell" in words(drawn)
    turned = make_summary(dims=DIMS, rhos=RHOS, runaways=lambda variant, **cell: variant == "ema")
    assert "Biased 0 of 9; EMA 9 of 9 (in every run there)" in title(FIGURES["phase"].draw({"summary": turned}))


def test_a_cell_that_was_not_run_is_hatched_and_counted(summary):
    partial = summary[~((summary["dim"] == 20) & (summary["rho"] > 0.9))]
    drawn = FIGURES["phase"].draw({"summary": partial})
    axes = panels(drawn)["EMA, derangement"]
    cells = heat_cells(axes)
    assert cells["ema:20:0.99"] is None
    assert cells["ema:20:0.9"] is not None
    assert cells["ema:5:0.99"] is not None
    assert "2 cells of the grid were not run" in words(drawn)
    assert "EMA 0 of 8" in title(drawn)


def test_cells_of_different_size_keep_their_own_denominator(summary):
    fewer = summary[~((summary["dim"] == 1) & (summary["seed"] > 1))]
    drawn = FIGURES["phase"].draw({"summary": fewer})
    assert "0/2" in texts(panels(drawn)["EMA, derangement"])
    assert "n = 2 to 5 seeds a cell" in words(drawn)
    assert "0 of 2 is compatible with a true share of up to 84 %" in words(drawn)


SHAPES = {
    "one cell, one seed": {"dims": (5,), "rhos": (0.9,), "seeds": 1},
    "five variants": {"variants": ("biased", "biased-stable", "ema", "ema-as-printed", "ema-log"), "dims": DIMS},
    "two settings": {"settings": {"permutation": {}, "derangement": {"product": "derangement"}}, "dims": DIMS},
    "all overflow": {"overflows": lambda **cell: True},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_other_grids_are_drawn(shape):
    summary = make_summary(**SHAPES[shape])
    drawn = FIGURES["phase"].draw({"summary": summary})
    drawn.draw_without_rendering()
    assert len(panels(drawn)) == summary["setting"].nunique() * summary["variant"].nunique()


def test_a_missing_column_is_named(summary):
    with pytest.raises(UserError, match="runaway_step"):
        FIGURES["phase"].draw({"summary": summary.drop(columns="runaway_step")})
