"""Where in-batch, held-out and population value part: which cell the data choose, and what is drawn of it."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import lines, make_curves, make_evaluations, make_summary, panels, texts, title, truth_of, words

from mine.errors import UserError
from mine.figures import FIGURES

RHOS = (0.85, 0.9, 0.99)


def values(variant, dim, rho, seed, **cell):
    """Biased looks right and is worth nothing at 0.85, by less at 0.9; its EMA partner is sound."""
    if variant != "biased":
        return {}
    off = {0.85: -40.0, 0.9: -10.0, 0.99: -500.0}[rho]
    return {
        "mi_batch_mean": truth_of(dim, rho) + 0.5,
        "mi_heldout": off / 2 - seed,
        "heldout_ess": 3.0,
        "mi_population": off - seed,
        "population_ess": 4.0,
    }


def overflows(variant, rho, **cell):
    return variant == "biased" and rho == 0.99


def tables_of(summary):
    return {"summary": summary, "curves": make_curves(summary), "evaluations": make_evaluations(summary)}


@pytest.fixture(scope="module")
def tables():
    return tables_of(make_summary(rhos=RHOS, values=values, overflows=overflows))


def test_the_cell_without_overflow_that_parts_most_is_drawn_beside_its_other_variant(tables):
    drawn = FIGURES["parting"].draw(tables)
    drawn.draw_without_rendering()
    assert set(panels(drawn)) == {"Biased", "EMA"}
    assert all("derangement, d = 5, ρ = 0.85" in texts(axes) for axes in drawn.axes)
    # -42 is the median over five seeds; under 50 samples it is a bound, ln 20 = 3.0 nats higher.
    assert "The batches of Biased read 3.70 nats for a truth of 3.20, but its critic is worth at most −39" in title(
        drawn
    )
    assert "; those of EMA read" in title(drawn)
    assert "of the cells without an overflow, whose batches end within 1 nat" in words(drawn)
    assert "6 cells looked at" in words(drawn)
    assert "n = 5 seeds a cell" in words(drawn)


def test_the_choice_follows_the_data(tables):
    summary = tables["summary"].copy()
    wrong = (summary["variant"] == "biased") & (summary["rho"] == 0.85)
    summary.loc[wrong, "mi_batch_mean"] += 5.0
    drawn = FIGURES["parting"].draw(tables_of(summary))
    assert all("derangement, d = 5, ρ = 0.9" in texts(axes) for axes in drawn.axes)
    ema = make_summary(rhos=RHOS, values=lambda variant, **cell: values("biased" if variant == "ema" else "", **cell))
    assert title(FIGURES["parting"].draw(tables_of(ema))).startswith("The batches of EMA read")


def test_a_cell_far_from_the_truth_is_drawn_only_where_none_is_near():
    summary = make_summary(values=lambda rho, **cell: {"mi_batch_mean": 20.0 if rho > 0.95 else 30.0})
    drawn = FIGURES["parting"].draw(tables_of(summary))
    assert "nearest the truth (none within 1 nat)" in words(drawn)
    assert "derangement, d = 5, ρ = 0.99" in texts(drawn.axes[0])


def test_where_nothing_parts_the_title_says_so():
    drawn = FIGURES["parting"].draw(tables_of(make_summary(seeds=2)))
    assert title(drawn).startswith("No cell parts by more than 2 nats")


def test_medians_quartiles_and_every_seed_are_those_of_the_table(tables):
    drawn = FIGURES["parting"].draw(tables)
    axes = panels(drawn)["Biased"]
    rows = tables["evaluations"].query("variant == 'biased' and rho == 0.85")
    (median,) = lines(axes, "median:population:biased")
    np.testing.assert_allclose(median.get_ydata(), rows.groupby("step")["mi_population"].median())
    (points,) = lines(axes, "low-ess:population:biased")
    np.testing.assert_allclose(np.sort(points.get_ydata()), np.sort(rows["mi_population"]))
    low, high = axes.get_ylim()
    assert low < rows["mi_population"].min()
    assert high > 3.7
    (truth,) = lines(axes, "truth")
    assert truth.is_dashed()
    # Held-out and population of EMA have samples enough: none is hollow.
    assert not lines(panels(drawn)["EMA"], "low-ess:population:ema")[0].get_xdata().size
    (batch,) = lines(axes, "median:in-batch:biased")
    curve = tables["curves"].query("variant == 'biased' and rho == 0.85")
    np.testing.assert_allclose(batch.get_ydata(), curve["median"])


def test_a_long_axis_is_linear_only_near_the_truth_and_says_so(tables):
    drawn = FIGURES["parting"].draw(tables)
    assert {axes.get_yscale() for axes in drawn.axes} == {"symlog"}
    assert "linear within ±5 nats (dotted), logarithmic beyond" in words(drawn)
    plain = FIGURES["parting"].draw(tables_of(make_summary(seeds=2)))
    assert {axes.get_yscale() for axes in plain.axes} == {"linear"}
    assert "logarithmic" not in words(plain)


def test_values_that_are_no_numbers_are_counted(tables):
    evaluations = tables["evaluations"].copy()
    here = (evaluations["rho"] == 0.85) & (evaluations["variant"] == "ema") & (evaluations["step"] == 3001)
    evaluations.loc[here, "mi_heldout"] = np.inf
    drawn = FIGURES["parting"].draw({**tables, "evaluations": evaluations})
    drawn.draw_without_rendering()
    assert "Values not drawn because not numbers: 5." in words(drawn)
    assert not any(text.startswith("held-out") for text in texts(panels(drawn)["EMA"]))


def test_a_median_is_drawn_only_while_it_lies_among_live_runs(tables):
    evaluations = tables["evaluations"]
    gone = (evaluations["variant"] == "ema") & (evaluations["seed"] < 3) & (evaluations["step"] > 1501)
    drawn = FIGURES["parting"].draw({**tables, "evaluations": evaluations[~gone]})
    (median,) = lines(panels(drawn)["EMA"], "median:population:ema")
    assert median.get_xdata().max() == 1501


SHAPES = {
    "one seed": {"seeds": 1},
    "one variant": {"variants": ("ema",)},
    "all overflow": {"overflows": lambda **cell: True},
    "no value": {"values": lambda **cell: dict.fromkeys(("mi_batch_mean", "mi_heldout", "mi_population"), np.nan)},
    "five variants": {"variants": ("biased", "biased-stable", "ema", "ema-as-printed", "ema-log"), "seeds": 2},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_other_tables_are_drawn(shape):
    drawn = FIGURES["parting"].draw(tables_of(make_summary(**SHAPES[shape])))
    drawn.draw_without_rendering()
    assert "nan" not in words(drawn)
    if shape == "all overflow":
        assert "a run overflowed in every one" in words(drawn)


@pytest.mark.parametrize(
    ("table", "column"),
    [("summary", "population_ess"), ("evaluations", "heldout_ess"), ("curves", "median")],
)
def test_a_missing_column_is_named(tables, table, column):
    with pytest.raises(UserError, match=column):
        FIGURES["parting"].draw({**tables, table: tables[table].drop(columns=column)})
