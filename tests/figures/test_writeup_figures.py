"""The write-up's pictures in their own form: titles that follow the tables, published lines drawn as they are."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from figure_tables import lines, make_summary, panels, title, words
from writeup_tables import make_epochs

from mine import writeup
from mine.curves import quantiles_with_ended
from mine.errors import UserError
from mine.figures import FIGURES, common, norm_violins, trends
from mine.writeup.agreement import Reading

SMALL = {"seeds": 3, "epochs": 60, "rhos": (0.9, 0.99)}


def tables_of(**kwargs):
    """Tables of both figures, of runs as ``make_epochs`` makes them."""
    epochs = make_epochs(**kwargs)
    names = list(epochs["setting"].unique())
    summary = make_summary(
        {name: {"data": 1000, "epochs": int(epochs["epoch"].max()) + 1} for name in names},
        variants=list(epochs["variant"].unique()),
        dims=(2,),
        rhos=sorted(epochs["rho"].unique()),
        seeds=epochs["seed"].nunique(),
    )
    return {"summary": summary, "epochs": epochs}


@pytest.fixture(scope="module")
def tables():
    return tables_of()


@pytest.fixture(scope="module")
def small():
    return tables_of(**SMALL)


@pytest.fixture(scope="module")
def drawn(tables):
    figure = FIGURES["trends"].draw(tables)
    figure.draw_without_rendering()
    return figure


@pytest.fixture(scope="module")
def violins(tables):
    figure = FIGURES["norm_violins"].draw(tables)
    figure.draw_without_rendering()
    return figure


def collections(axes, gid):
    return [each for each in axes.collections if each.get_gid() == gid]


def test_panels_stand_as_in_the_picture(drawn):
    assert list(panels(drawn)) == ["ρ = 0.85", "ρ = 0.9", "ρ = 0.95", "ρ = 0.99"]
    bottoms = [axes.get_position().y0 for axes in drawn.axes]
    assert bottoms == sorted(bottoms, reverse=True)
    right = [[text.get_text() for text in axes.texts if "truth" in text.get_text()] for axes in drawn.axes]
    assert right == [["truth 1.28 nats"], ["truth 1.66 nats"], ["truth 2.33 nats"], ["truth 3.92 nats"]]
    assert all(lines(axes, "truth")[0].is_dashed() for axes in drawn.axes)
    assert all("nats" in axes.get_ylabel() for axes in drawn.axes)
    assert "epochs" in drawn.axes[-1].get_xlabel()


def test_the_title_says_where_it_ends_and_what_comes_out(drawn):
    assert title(drawn) == (
        "Biased ends in 5 of 5 at ρ = 0.99 (epochs 31–35; published 33), in 5 of 5 at 0.95 (epochs 154–158; published "
        "156) and lasts at 0.9 and at 0.85 as published; the published trend comes out in 9 of 9 quarters for Biased, "
        "16 of 16 for EMA"
    )
    assert "Of this picture's numbers 37 of 37 do." in words(drawn)
    assert "67 % of further runs" in words(drawn)


def test_other_numbers_make_another_title():
    figure = FIGURES["trends"].draw(tables_of(shift=1.0, ends={0.9: 80}, epochs=250, seeds=2))
    assert title(figure) == (
        "Biased ends in none of 2 at ρ = 0.99 (published 33), in none of 2 at 0.95 (published 156), in 2 of 2 at 0.9 "
        "(epochs 79–80; published lasts) and lasts at 0.85 as published; the published trend comes out in 0 of 5 "
        "quarters for Biased (4 too high, 1 ended before), 0 of 8 for EMA (8 too high)"
    )


def test_runs_that_stop_before_the_published_end_are_not_said_to_outlast_it():
    figure = FIGURES["trends"].draw(tables_of(rhos=(0.9, 0.99), ends={}, epochs=20, seeds=2))
    assert title(figure).startswith("Biased lasts at ρ = 0.99 for 20 epochs and at 0.9 as published; ")


def test_lines_are_those_of_the_lowest_seed_and_bands_of_all(tables, drawn):
    axes = panels(drawn)["ρ = 0.9"]
    rows = tables["epochs"].query("variant == 'ema' and rho == 0.9")
    (run,) = lines(axes, "run:ema")
    np.testing.assert_array_equal(run.get_ydata(), rows[rows["seed"] == 200]["mi_mean"])
    line = trends.line_of(rows, "ema", 0.9, 500)
    (trend,) = lines(axes, "trend:ema")
    np.testing.assert_array_equal(trend.get_ydata(), line.trends[0])
    assert line.seeds == [200, 201, 202, 203, 204]
    low, high = quantiles_with_ended(line.trends, (0.25, 0.75))
    assert (low < high).all()


def test_a_trend_stops_where_its_kernel_would_see_past_the_end(drawn):
    axes = panels(drawn)["ρ = 0.99"]
    (run,), (trend,) = lines(axes, "run:biased"), lines(axes, "trend:biased")
    last = np.isfinite(run.get_ydata()).nonzero()[0].max()
    assert last == 31
    assert np.isfinite(trend.get_ydata()).nonzero()[0].max() == last - 4 * writeup.SIGMA
    constant = trends.smoothed(np.full((1, 40), 2.0))
    np.testing.assert_allclose(constant, 2.0)


def test_published_lines_and_ends_are_drawn_as_they_are(drawn):
    for axes, rho in zip(drawn.axes, writeup.RHOS, strict=True):
        for variant in writeup.VARIANTS:
            here = common.cell(writeup.trend(), variant=variant, rho=rho)
            (line,) = lines(axes, f"published:{variant}")
            np.testing.assert_array_equal(line.get_ydata(), here["trend_nats"])
            np.testing.assert_array_equal(line.get_xdata(), here["epoch"])
            assert line.is_dashed()
            red, green, blue = plt.matplotlib.colors.to_rgb(line.get_color())
            assert red == green == blue
        low, high = axes.get_ylim()
        assert low < here["trend_nats"].min() < here["trend_nats"].max() < high
    ticks = {axes.texts[0].get_text(): collections(axes, "ends:biased") for axes in drawn.axes}
    assert [len(found) for found in ticks.values()] == [0, 0, 1, 1]
    (of_all,) = collections(drawn.axes[-1], "ends:biased")
    assert [segment[0, 0] for segment in of_all.get_segments()] == [31, 32, 33, 34, 35]
    (published,) = collections(drawn.axes[-1], "published-end")
    assert published.get_segments()[0][0, 0] == 33
    assert "Biased: spread 1.50 ✓" in " ".join(text.get_text() for text in drawn.axes[-1].texts)


def test_a_violin_a_rho_and_variant_with_the_published_lines_beside_it(tables, violins):
    (axes,) = violins.axes
    assert axes.get_yscale() == "log"
    assert "gradient L2 norm" in axes.get_ylabel()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.85", "0.9", "0.95", "0.99"]
    for variant in writeup.VARIANTS:
        for index, rho in enumerate(writeup.RHOS):
            (body,) = collections(axes, f"violin:{variant}:{rho:g}")
            middle = body.get_paths()[0].vertices[:, 0].mean()
            assert middle == pytest.approx(index + {"biased": -0.38, "ema": 0.1}[variant], abs=0.02)
            norms = tables["epochs"].query("variant == @variant and rho == @rho and seed == 200")["grad_norm_mean"]
            low, high = body.get_paths()[0].vertices[:, 1].min(), body.get_paths()[0].vertices[:, 1].max()
            np.testing.assert_allclose((low, high), (norms.min(), norms.max()), rtol=1e-6)
        for name in norm_violins.LINES:
            drawn = [each.get_segments()[0][0, 1] for each in collections(axes, f"published:{variant}:{name}")]
            table = writeup.gradient_norms().query("variant == @variant").sort_values("rho")
            np.testing.assert_allclose(drawn, table[name])
            own = [each.get_segments()[0][0, 1] for each in collections(axes, f"run:{variant}:{name}")]
            assert len(own) == 4


def test_the_violins_title_follows_the_table(tables, violins):
    assert title(violins).startswith("Biased's largest norm at ρ = 0.99 is 103 (")
    assert title(violins).endswith("12 of Biased's 12 published lines and 12 of EMA's 12 lie in the runs' range")
    assert "They differ nowhere." in words(violins)
    assert "averaged over an epoch's updates" in words(violins)
    other = FIGURES["norm_violins"].draw(tables_of(norm_factor=10.0, **SMALL))
    assert "0 of Biased's 6 published lines and 0 of EMA's 6" in title(other)
    assert "Biased's smallest norm larger at every ρ" in words(other)


def test_the_norm_is_a_parameter_and_the_caption_says_which(small):
    by_update = norm_violins.draw(**small, setting="base", norm="update")
    (axes,) = by_update.axes
    assert "of every update" in words(by_update)
    (line, *_) = collections(axes, "run:ema:max")
    norms = small["epochs"].query("variant == 'ema' and rho == 0.9 and seed == 200")
    assert line.get_segments()[0][0, 1] == pytest.approx(norms["grad_norm_max"].max())
    last = norm_violins.draw(**small, setting="base", norm="last")
    assert "of an epoch's last update" in words(last)
    with pytest.raises(UserError, match="median"):
        norm_violins.draw(**small, setting="base", norm="median")


def test_the_reading_of_a_point_is_a_parameter_and_the_caption_says_which(small):
    plain, by_v = (trends.draw(**small, setting="base", reading=Reading(by_v=by_v)) for by_v in (False, True))
    (one,), (other,) = (lines(figure.axes[0], "run:ema") for figure in (plain, by_v))
    np.testing.assert_allclose(other.get_ydata(), one.get_ydata() + 0.5)
    assert "its own denominator" in words(by_v)
    assert "its own denominator" not in words(plain)


SHAPES = {
    "one seed": {**SMALL, "seeds": 1},
    "one variant": {**SMALL, "variants": ("ema",)},
    "ended at once": {**SMALL, "ends": dict.fromkeys(SMALL["rhos"], 1)},
    "never": {**SMALL, "ends": {}},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["trends", "norm_violins"])
def test_other_tables_are_drawn(name, shape):
    figure = FIGURES[name].function(**tables_of(**SHAPES[shape]), setting="base")
    figure.draw_without_rendering()
    assert "nan" not in words(figure)


@pytest.mark.parametrize("name", ["trends", "norm_violins"])
def test_what_cannot_be_drawn_is_refused_in_one_line(name, small):
    with pytest.raises(UserError, match="setting"):
        FIGURES[name].function(**small, setting="none")
    with pytest.raises(UserError, match="mi_last"):
        FIGURES[name].draw({**small, "epochs": small["epochs"].drop(columns="mi_last")})
    with pytest.raises(UserError, match="'epochs'"):
        FIGURES[name].draw({"summary": small["summary"]})
    with pytest.raises(UserError, match="d = 2"):
        FIGURES[name].draw({**small, "epochs": small["epochs"].assign(dim=5)})


def each_its_own(table):
    """The same runs, every variant trained with a setting of its own name."""
    return table.assign(setting=table["variant"].astype(str))


@pytest.mark.parametrize("name", ["trends", "norm_violins"])
def test_variants_with_settings_of_their_own_are_drawn_together(name, small):
    own = {table: each_its_own(rows) for table, rows in small.items()}
    assert words(FIGURES[name].draw(own)).startswith(words(FIGURES[name].draw(small))[:60])
    twice = {table: pd.concat([rows, each_its_own(rows)]) for table, rows in small.items()}
    with pytest.raises(UserError, match="name one of base, biased, ema"):
        FIGURES[name].draw(twice)
