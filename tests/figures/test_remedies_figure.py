"""Remedies by name: medians over all runs, every run drawn, and a title that counts."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import lines, make_summary, panels, texts, title, truth_of, words

from mine.errors import UserError
from mine.figures import FIGURES

SETTINGS = {
    "base": {"product": "derangement"},
    "clip=1": {"product": "derangement", "grad_clip": 1.0},
    "batch_size=512": {"product": "derangement", "batch_size": 512},
}


def runaways(setting, variant, **cell):
    return variant == "biased-stable" and setting != "batch_size=512"


def values(setting, variant, rho, dim, seed, **cell):
    if runaways(setting, variant):
        return {"mi_batch_mean": 800.0 + seed, "mi_population": -900.0, "population_ess": 2.0}
    return {"mi_population": truth_of(dim, rho) - 1.0 + 0.1 * seed}


def make(**more):
    return make_summary(SETTINGS, variants=("biased-stable", "ema"), **{"values": values, "runaways": runaways} | more)


@pytest.fixture(scope="module")
def summary():
    return make()


def test_title_names_the_settings_without_a_diverged_run(summary):
    drawn = FIGURES["remedies"].draw({"summary": summary})
    drawn.draw_without_rendering()
    assert "Biased, log-sum-exp: no run diverged with batch_size=512 (1 of 3 settings)" in title(drawn)
    assert "EMA: no run diverged with any of 3 settings" in title(drawn)
    turned = make(runaways=lambda variant, **cell: variant == "ema")
    assert "EMA: some run diverged with every one of 3 settings" in title(FIGURES["remedies"].draw({"summary": turned}))


def test_medians_are_over_all_runs_and_what_is_outside_has_its_number(summary):
    drawn = FIGURES["remedies"].draw({"summary": summary})
    axes = panels(drawn)["d = 5, ρ = 0.9: population"]
    medians = [line.get_xdata()[0] for line in lines(axes, "median:ema")]
    np.testing.assert_allclose(medians, truth_of(5, 0.9) - 0.8)
    assert len(lines(axes, "low-ess:biased-stable")) == 2
    assert texts(axes).count("−900") == 2
    assert "802" in texts(panels(drawn)["d = 5, ρ = 0.9: in-batch"])
    (truth,) = lines(axes, "truth")
    assert truth.is_dashed()
    assert truth.get_xdata()[0] == pytest.approx(truth_of(5, 0.9))
    assert "EMA with base" in words(drawn)


def test_every_run_is_drawn_and_diverged_ones_are_crosses(summary):
    for heading, axes in panels(FIGURES["remedies"].draw({"summary": summary})).items():
        if heading.endswith("diverged"):
            assert [text for text in texts(axes) if "/" in text] == ["5/5", "0/5", "5/5", "0/5", "0/5", "0/5"]
            continue
        assert sum(line.get_xdata().size for line in lines(axes, "run:ema")) == 15
        assert sum(line.get_xdata().size for line in lines(axes, "run:biased-stable")) == 5
        assert sum(line.get_xdata().size for line in lines(axes, "diverged:biased-stable")) == 10


def test_overflowed_runs_stay_in_the_median_and_are_counted():
    summary = make(overflows=lambda variant, seed, **cell: variant == "ema" and seed < 3, values=lambda **cell: {})
    drawn = FIGURES["remedies"].draw({"summary": summary})
    drawn.draw_without_rendering()
    axes = panels(drawn)["d = 5, ρ = 0.9: in-batch"]
    assert texts(axes).count("inf") == 3
    assert "3/5 (× 3)" in texts(panels(drawn)["d = 5, ρ = 0.9: diverged"])


def test_an_overflow_without_a_number_ranks_above_all():
    some = make(
        overflows=lambda variant, seed, **cell: variant == "ema" and seed < 3,
        values=lambda variant, seed, **cell: {"mi_batch_mean": np.nan} if variant == "ema" and seed < 3 else {},
    )
    drawn = FIGURES["remedies"].draw({"summary": some})
    assert texts(panels(drawn)["d = 5, ρ = 0.9: in-batch"]).count("inf") == 3
    assert "not numbers" not in words(drawn)


def test_a_single_setting_goes_by_its_name():
    drawn = FIGURES["remedies"].draw({"summary": make_summary(runaways=lambda variant, **cell: variant == "biased")})
    assert title(drawn) == "Biased: some run diverged with derangement; EMA: no run diverged with derangement"


SHAPES = {
    "one seed": {"seeds": 1},
    "no number": {"values": lambda **cell: {"mi_batch_mean": np.nan, "mi_population": np.nan}},
    "all overflow": {"overflows": lambda **cell: True},
    "both infinities": {"values": lambda seed, **cell: {"mi_batch_mean": (-np.inf, np.inf)[seed % 2]}},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_other_tables_are_drawn(shape):
    summary = make(**SHAPES[shape])
    drawn = FIGURES["remedies"].draw({"summary": summary})
    drawn.draw_without_rendering()
    if shape == "no number":
        assert "Values not drawn because not numbers: 120." in words(drawn)


def test_a_partial_grid_is_drawn(summary):
    partial = summary[~((summary["setting"] == "clip=1") & (summary["variant"] == "ema"))]
    drawn = FIGURES["remedies"].draw({"summary": partial})
    drawn.draw_without_rendering()
    assert "EMA: no run diverged with any of 2 settings" in title(drawn)


def test_a_missing_column_is_named(summary):
    with pytest.raises(UserError, match="mi_population"):
        FIGURES["remedies"].draw({"summary": summary.drop(columns="mi_population")})
