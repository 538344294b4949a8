"""The figures of encoders: what is drawn where, what their words say, and tables that they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from encoder_tables import SETTINGS, VARIANTS, made_encoders, realistic

from mine.errors import UserError
from mine.figures import FIGURES


def words(drawn):
    found = (text.get_text() for text in drawn.findobj(lambda artist: hasattr(artist, "get_text")))
    return " ".join(" ".join(found).split())


def lines(drawn, gid):
    return [line for axes in drawn.axes for line in axes.get_lines() if line.get_gid() == gid]


@pytest.fixture(scope="module")
def tables():
    return realistic()


def test_shares_stand_at_their_medians_and_ended_runs_are_counted(tables):
    drawn = FIGURES["control_share"].draw(tables)
    assert len(lines(drawn, "median:ema")) == len(SETTINGS)
    runs = tables["encoders"]
    at = runs[(runs["setting"] == "maximise") & (runs["variant"] == "ema")]["share"].median()
    assert lines(drawn, "median:ema")[0].get_xdata()[0] == pytest.approx(at)
    said = words(drawn)
    assert "10 ×" in said  # every NWJ run at β = 20
    assert "−0.40" in said  # below the panel
    assert "n = 10 seeds a cell" in said
    assert "of 4 settings: Biased 3, EMA 4, NWJ 3, SMILE 4, InfoNCE 3, CLUB 3" in said


def test_a_perceptron_is_named_and_may_stand_beyond_the_best_linear_encoder():
    tables = made_encoders(
        2, ("ema",), {"maximise": SETTINGS["maximise"]}, maximise_ema={"encoder": "mlp", "share": 1.05}
    )
    drawn = FIGURES["control_share"].draw(tables)
    assert "maximise, power 8, MLP encoder" in words(drawn)
    assert "over that of the best linear encoder" in words(drawn)
    assert drawn.axes[0].get_xlim()[1] > 1.05


def test_the_plane_has_the_curve_the_optimum_and_both_places_of_every_estimator(tables):
    drawn = FIGURES["information_plane"].draw(tables)
    assert len(lines(drawn, "truth")) == 2
    runs = tables["encoders"]
    of = runs[(runs["setting"] == "beta=2") & (runs["variant"] == "ema")]
    (exact, _), (said, _) = lines(drawn, "exact:ema"), lines(drawn, "said:ema")
    assert exact.get_xydata()[0] == pytest.approx(of[["mi_x", "mi_y"]].median().to_numpy())
    assert said.get_xydata()[0] == pytest.approx(of[["estimate_x", "estimate_y"]].median().to_numpy())
    # A runaway estimate stands at the edge, inside the panel.
    (_, beyond) = lines(drawn, "said:club")
    assert beyond.get_xdata()[0] < drawn.axes[1].get_xlim()[1] < 30
    assert "Of I(x; t) CLUB says 29.20 nats more than there is (compress, β = 20)" in words(drawn)
    assert "10 of 60 runs ended" in words(drawn)


def test_estimates_have_the_exact_value_beside_them(tables):
    drawn = FIGURES["control_estimates"].draw(tables)
    panels = 5 * len(VARIANTS)  # y; y and x; y and s
    assert len(lines(drawn, "truth")) == panels
    steps = tables["encoder_steps"]
    of = steps[(steps["setting"] == "maximise") & (steps["variant"] == "biased")].groupby("step")["mi_y"].median()
    np.testing.assert_allclose(lines(drawn, "truth")[0].get_ydata(), of.to_numpy())
    assert "CLUB's estimate of I(x; t) ends" in words(drawn)
    assert "(compress, β = 20): the farthest of all" in words(drawn)


def test_the_plane_needs_encoders_that_compress():
    tables = made_encoders(2, ("ema",), {"maximise": SETTINGS["maximise"]})
    with pytest.raises(UserError, match="no encoder of goal compress"):
        FIGURES["information_plane"].draw(tables)
    FIGURES["control_share"].draw(tables)
    FIGURES["control_estimates"].draw(tables)


@pytest.mark.parametrize("name", ["control_share", "information_plane", "control_estimates"])
def test_a_table_without_a_column_or_rows_is_refused(tables, name):
    with pytest.raises(UserError, match="column 'setting' is missing"):
        FIGURES[name].draw({key: table.drop(columns="setting") for key, table in tables.items()})
    with pytest.raises(UserError, match="no rows"):
        FIGURES[name].draw({key: table[:0] for key, table in tables.items()})
