"""The search's figure against its tables: every number drawn where it is, and a title that counts and judges."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from heat_maps import heat_cells
from made_runs import TINY
from test_search_outcome import made_search

from mine.errors import UserError
from mine.figures import FIGURES
from mine.figures import search as figure
from mine.search import outcome
from mine.search.fits import FAMILY, winner
from mine.search.stages import settings_of


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def tables():
    runs = made_search()
    found = outcome.judgements(TINY, runs)
    return {
        "numbers": outcome.numbers_table(found, runs, 500),
        "judged": outcome.judged_table(found, settings_of(runs), 500),
        "moves": outcome.moves(runs, winner(found[outcome.UNDEPARTED])),
    }


@pytest.fixture(scope="module")
def drawn(tables):
    made = FIGURES["search"].draw(tables)
    made.draw_without_rendering()
    return made


def held_of(tables):
    first = tables["judged"][tables["judged"]["winner"]].iloc[0]
    numbers = tables["numbers"]
    return numbers[(numbers["code"] == first["code"]) & (numbers["candidate"] == first["candidate"])]


def artists(drawn):
    """Lines and texts of panels by their gid."""
    return {line.get_gid(): line for axes in drawn.axes for line in axes.lines if line.get_gid()}


def words(drawn):
    return " ".join(text.get_text() for text in drawn.texts)


def test_every_published_number_stands_where_it_is(tables, drawn):
    by_gid = artists(drawn)
    held = held_of(tables)
    assert len(held) == 61
    for row in held.to_dict("records"):
        gid = f"{row['variant']}:{row['rho']:g}:{row['name']}"
        (x,) = by_gid[f"published:{gid}"].get_xdata()
        if math.isfinite(row["published"]):
            assert x == row["published"], gid
        else:
            assert x > held.loc[held["group"] == "end", "published"].replace(math.inf, 0).max(), gid
        marked = by_gid[f"{'inside' if row['inside'] else 'outside'}:{gid}"]
        colour, marker = figure.INSIDE if row["inside"] else figure.OUTSIDE
        assert (marked.get_color(), marked.get_marker()) == (colour, marker)
        if math.isfinite(row["median"]):
            assert marked.get_xdata()[0] == row["median"]
        assert f"{'outside' if row['inside'] else 'inside'}:{gid}" not in by_gid


def test_nothing_is_drawn_of_a_number_that_no_run_has(tables):
    lost = {"min": math.nan, "max": math.nan, "low": math.nan, "high": math.nan, "median": math.nan, "inside": False}
    numbers = tables["numbers"].copy()
    there = (numbers["variant"] == "ema") & (numbers["rho"] == 0.9) & (numbers["name"] == "trend_2")
    for column, value in lost.items():
        numbers.loc[there, column] = value
    by_gid = artists(FIGURES["search"].draw(tables | {"numbers": numbers}))
    assert "published:ema:0.9:trend_2" in by_gid
    assert not {"inside:ema:0.9:trend_2", "outside:ema:0.9:trend_2"} & set(by_gid)


def test_the_heat_map_has_the_mean_of_the_moves(tables, drawn):
    moves = tables["moves"]
    cells = heat_cells(next(axes for axes in drawn.axes if "Units" in axes.texts[-1].get_text()))
    shifts = figure.shifts(moves)
    assert list(shifts.columns) == [
        *(("biased", group) for group in figure.GROUPS),
        *(("ema", group) for group in figure.GROUPS[1:]),
    ]
    for (choice, before, after, variant, group), rows in moves.groupby(
        ["choice", "before", "after", "variant", "group"]
    ):
        value = shifts.loc[(choice, before, after), (variant, group)]
        assert value == pytest.approx(rows["units"].mean())
        cell = cells[f"{choice},{before},{after}:{variant},{group}"]
        np.testing.assert_allclose(cell, figure.RAMP(math.sqrt(min(value / figure.LARGEST, 1.0))))
    # Biased has no alpha.
    assert {gid for gid, colour in cells.items() if colour is None} == {
        f"{choice},{before},{after}:biased,{group}"
        for choice, before, after in shifts.index
        if choice == "ema_rate"
        for group in figure.GROUPS
    }


def test_the_title_judges_and_counts(tables, drawn):
    held, said = held_of(tables), words(drawn)
    assert "The pictures are compatible with the best setting found (p = " in said
    assert f"{int(held['inside'].sum())} of 61 published numbers lie in the range of its 5 runs" in said
    assert "500 pairs, batches of 20, 1 × 32 critic, adam 0.00" in said
    assert f"Holm's correction over all candidates of its kind at {FAMILY:g}" in said
    turned = tables["judged"].assign(compatible=False, p=1 / 6)
    said = words(FIGURES["search"].draw(tables | {"judged": turned}))
    assert "The pictures are not compatible with the nearest setting found (p = 0.17)" in said
    assert "Compatible: 0 of 2 candidates of Algorithm 1, 0 of 1 candidates with a departure" in said
    numbers = tables["numbers"].assign(inside=False)
    assert "0 of 61 published numbers" in words(FIGURES["search"].draw(tables | {"numbers": numbers}))


def test_settings_fitted_apart_are_both_named(tables):
    won = tables["judged"][tables["judged"]["winner"]]
    shared = won.assign(hidden=16, learning_rate=0.01)
    assert figure.settings_words(shared).startswith("Both: 500 pairs, batches of 20, 1 × 16 critic, adam 0.01,")
    apart = shared.assign(hidden=[16, 64])
    assert "; EMA: 500 pairs, batches of 20, 1 × 64 critic" in figure.settings_words(apart)
    assert figure.settings_words(apart).endswith("α = 0.1")


def test_the_caption_says_where_choices_are_moved_from(tables, drawn):
    base = pd.unique(tables["moves"]["base"])
    assert len(base) == 2
    other = tables["moves"].assign(base=base[-1].replace("hidden=32", "hidden=128"))
    said = words(FIGURES["search"].draw(tables | {"moves": other}))
    assert "a near one of EMA: 500 pairs, batches of 20, 1 × 128 critic" in said
    assert "1 × 128" not in words(drawn)


def test_a_table_that_lacks_something_is_refused(tables):
    for name, column in (("numbers", "inside"), ("judged", "winner"), ("moves", "units")):
        with pytest.raises(UserError, match=column):
            FIGURES["search"].draw(tables | {name: tables[name].drop(columns=column)})
        with pytest.raises(UserError, match=name):
            FIGURES["search"].draw(tables | {name: tables[name].head(0)})
    with pytest.raises(UserError, match="judged"):
        FIGURES["search"].draw(tables | {"judged": tables["judged"].assign(winner=False)})
