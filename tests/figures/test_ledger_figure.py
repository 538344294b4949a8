"""The page of claims: verdicts, their counts, effects with intervals, and nothing that goes beyond its column."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import lines, make_claims, title, words
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mine.claims.claim import CHECKED, FAILS, HOLDS, PARTLY, REPORTED, REPOSITORY, UNDECIDED, US, WRITE_UP
from mine.errors import UserError
from mine.figures import FIGURES
from mine.figures.ledger import FACES, Scale


def draw(claims):
    drawn = FIGURES["ledger"].draw({"claims": claims})
    drawn.draw_without_rendering()
    return drawn


def on_page(drawn):
    return [text.get_text() for text in drawn.axes[0].texts]


@pytest.fixture(scope="module")
def drawn():
    return draw(make_claims())


def test_every_claim_has_its_number_and_verdict(drawn):
    found = on_page(drawn)
    assert [text for text in found if text.isdigit()] == [str(number) for number in range(1, 15)]
    assert [found.count(word) for word in FACES] == [4, 4, 4, 2]
    marks = [line.get_marker() for line in lines(drawn.axes[0], "verdict")]
    assert len(marks) == 14
    assert {(face.marker, face.fill) for face in FACES.values()} == {
        ("o", "full"),
        ("o", "left"),
        ("X", "full"),
        ("D", "none"),
    }


def test_the_title_counts_the_verdicts(drawn):
    assert (
        title(drawn) == "Of the write-up's 14 claims 4 hold, 4 hold only in part, 4 do not hold and 2 cannot be decided"
    )
    assert title(draw(make_claims([HOLDS]))) == "Of the write-up's 1 claim 1 holds"
    assert title(draw(make_claims([FAILS, HOLDS]))) == "Of the write-up's 2 claims 1 holds and 1 does not hold"
    assert "None of 3 claims" in title(draw(make_claims([UNDECIDED] * 3)))


def test_claims_that_are_not_the_write_ups_are_counted_apart_and_marked():
    claims = make_claims([HOLDS, FAILS, HOLDS, PARTLY])
    asked = claims["number"].map({1: WRITE_UP, 2: WRITE_UP, 3: REPOSITORY, 4: US})
    figure = draw(claims.assign(asked_by=asked))
    assert title(figure) == "Of the write-up's 2 claims 1 holds and 1 does not hold"
    assert "Of the repository's 1 claim 1 holds. Of 1 claim of our own 1 holds only in part" in words(figure)
    found = " ".join(on_page(figure))
    assert found.count("(asked by us)") == found.count("(asked by the repository)") == 1
    assert "(asked by" not in " ".join(on_page(draw(claims)))


def test_settings_are_not_taken_for_seeds():
    claims = make_claims([HOLDS])
    claims.loc[0, ["quantity", "n_seeds"]] = ["share of settings in which this holds", 64]
    assert "n = 20 seeds a finding" in words(draw(claims))


def test_a_talk_sized_page_has_the_sides_of_a_screen(drawn):
    width, height = drawn.get_size_inches()
    assert width / height == pytest.approx(16 / 9)
    # More claims than fit make a longer page, not a smaller text.
    wide, tall = draw(make_claims([HOLDS] * 40)).get_size_inches()
    assert tall / wide > 9 / 16


def test_effects_are_given_with_their_intervals(drawn):
    found = on_page(drawn)
    assert "−0.81 [−0.85, −0.77]" in found
    assert "−31.4 [−∞, −20.2]" in found
    shown = len(lines(drawn.axes[0], "effect"))
    assert shown == 2 * 12
    assert f"{shown} of 56 findings (42 primary)" in words(drawn)
    assert "n = 20 seeds a finding" in words(drawn)


def test_a_claim_that_holds_in_part_shows_both_sides():
    claims = make_claims([PARTLY])
    found = on_page(draw(claims))
    for verdict in (HOLDS, FAILS):
        first = claims[claims["primary"] & (claims["verdict"] == verdict)].iloc[0]
        assert any(text.startswith(first["quantity"][:20]) for text in found)
    assert "2 of 3 hold" in found


def test_only_primary_findings_that_agree_are_shown():
    claims = make_claims([HOLDS])
    claims.loc[0, "verdict"] = UNDECIDED
    claims.loc[1, "verdict"] = REPORTED
    found = on_page(draw(claims))
    assert "1 of 2 hold, 1 open" in found
    assert len(lines(draw(claims).axes[0], "effect")) == 1
    checked = draw(claims.assign(verdict=CHECKED, claim_verdict=UNDECIDED, claim_where="nothing to judge"))
    assert "nothing to judge" in on_page(checked)


def test_an_undecided_claim_names_what_is_missing(drawn):
    assert on_page(drawn).count("no frozen/bias.parquet in the results") == 2
    assert on_page(drawn).count("3 open") == 2
    long = make_claims([UNDECIDED]).assign(claim_where="no runs of a cell that has a long name; " * 20)
    assert any(text.endswith("…") for text in on_page(draw(long)))


def test_no_text_leaves_its_column(drawn):
    long = make_claims().assign(
        quantity="a quantity with a very long name indeed that no page could hold, median over seeds and cells, nats",
        cell="permutation and derangement, d = 5, ρ = 0.99, step 3,000",
        sentence="A sentence of a claim that goes on for longer than any claim of the ledger does, and then some more.",
    )
    for figure in (drawn, draw(long)):
        renderer = FigureCanvasAgg(figure).get_renderer()
        axes = figure.axes[0]
        to_inches = axes.transData.inverted()
        starts = (0.0, 0.24, 2.72, 4.1, 7.56, 9.8)
        for text in axes.texts:
            if text.get_text().isdigit():
                continue
            box = text.get_window_extent(renderer)
            (left, _), (right, _) = to_inches.transform([(box.x0, 0), (box.x1, 0)])
            end = next(start for start in starts if start > text.get_position()[0])
            assert right < end + 0.01, text.get_text()
            assert left > 0


@pytest.mark.parametrize("seeds", [0, 1, 2])
def test_few_seeds_are_said(seeds):
    said = words(draw(make_claims([UNDECIDED, HOLDS], seeds=seeds)))
    assert {0: "No finding has a seed", 1: "n = 1 seed a finding", 2: "n = 2 seeds a finding"}[seeds] in said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_effects_without_a_finite_number_are_drawn(value):
    draw(make_claims([HOLDS, PARTLY]).assign(effect=value, low=value, high=value))
    draw(make_claims([HOLDS]).assign(low=np.nan, high=np.nan))


def scale(quantity, effect, low, high):
    row = make_claims([HOLDS]).iloc[[0]].assign(quantity=quantity, effect=effect, low=low, high=high)
    return Scale.of(next(row.itertuples()))


def test_each_strip_has_what_its_effect_is_held_against():
    share = scale("share of runs", 0.2, 0.1, 0.4)
    assert share.marks == (0.0, 1.0)
    assert share.place(0.2) == pytest.approx(0.2)
    ratio = scale("ratio of variances", 2.0, 1.0, 4.0)
    assert ratio.marks == (1.0,)
    assert ratio.place(1.0) == pytest.approx(0.5)
    assert ratio.place(0.5) == pytest.approx(1 - ratio.place(2.0))
    trend = scale("Kendall's τ", -0.8, -0.9, -0.7)
    assert trend.marks == (0.0,)
    assert 0 < trend.place(-0.9) < trend.place(0.0) < 1
    # A "share" that is none of [0, 1] is not drawn as one.
    assert scale("share of log height", 1.2, 0.9, 1.5).marks == (0.0,)


def test_a_missing_column_is_named():
    with pytest.raises(UserError, match="table 'claims': column 'claim_verdict' is missing"):
        draw(make_claims().drop(columns="claim_verdict"))
