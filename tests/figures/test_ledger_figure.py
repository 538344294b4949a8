"""The page of claims: verdicts, their counts, bars of one scale, and nothing cut or beyond its column."""

from __future__ import annotations

import pytest
from figure_tables import lines, make_claims, title, words
from matplotlib.backends.backend_agg import FigureCanvasAgg

from mine.claims.claim import CHECKED, FAILS, HOLDS, PARTLY, REPORTED, REPOSITORY, UNDECIDED, US, WRITE_UP
from mine.errors import UserError
from mine.figures import FIGURES
from mine.figures.ledger import FACES


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
    numbers = [text.get_text() for text in drawn.axes[0].texts if text.get_ha() == "right"]
    assert numbers == [str(number) for number in range(1, 15)]
    assert [found.count(word) for word in FACES] == [4, 4, 4, 2]
    marks = [line.get_marker() for line in lines(drawn.axes[0], "verdict")]
    assert len(marks) == 14
    assert {(face.marker, face.fill) for face in FACES.values()} == {
        ("o", "full"),
        ("o", "left"),
        ("s", "full"),
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


def test_bars_are_the_primary_findings_on_one_scale():
    figure = draw(make_claims([HOLDS, PARTLY, FAILS, UNDECIDED]))
    found = on_page(figure)
    assert [text for text in found if text in ("3 of 3 hold", "2 of 3 hold", "0 of 3 hold", "3 open")] == [
        "3 of 3 hold", "2 of 3 hold", "0 of 3 hold", "3 open",
    ]  # fmt: skip
    bars = figure.axes[0].patches
    ends = {}
    for bar in bars:
        if bar.get_gid() in (HOLDS, FAILS, UNDECIDED):
            y = round(bar.get_y(), 6)
            ends.setdefault(y, []).append((bar.get_x(), bar.get_x() + bar.get_width()))
    assert len(ends) == 4
    # Each from 0 to all, without a gap.
    assert len({(round(min(spans)[0], 6), round(max(spans)[1], 6)) for spans in ends.values()}) == 1
    assert [len(spans) for _, spans in sorted(ends.items())] == [1, 2, 1, 1]
    assert "12 of 16 findings" in words(figure)
    assert "n = 20 seeds a finding" in words(figure)


def test_only_findings_that_are_judged_are_counted():
    claims = make_claims([HOLDS])
    claims.loc[0, "verdict"] = UNDECIDED
    claims.loc[1, "verdict"] = REPORTED
    assert "1 of 2 hold, 1 open" in on_page(draw(claims))
    assert "none judged" in on_page(draw(claims.assign(verdict=CHECKED)))


def test_an_undecided_claim_names_what_is_missing(drawn):
    assert on_page(drawn).count("no frozen/bias.parquet in the results") == 2
    assert on_page(drawn).count("3 open") == 2


def test_no_text_leaves_its_column(drawn):
    long = make_claims().assign(
        claim_where="no runs of a cell that has a long name; " * 20,
        sentence="A sentence of a claim that goes on for longer than any claim of the ledger does, and then some more.",
    )
    for figure in (drawn, draw(long)):
        renderer = FigureCanvasAgg(figure).get_renderer()
        axes = figure.axes[0]
        to_inches = axes.transData.inverted()
        starts = (0.0, 0.24, 3.5, 4.95, 6.25, 9.8)
        for text in axes.texts:
            assert "…" not in text.get_text()
            # Numbers of claims, and the scale's own words.
            if text.get_text().isdigit() or text.get_ha() == "center":
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


def test_a_missing_column_is_named():
    with pytest.raises(UserError, match="table 'claims': column 'claim_verdict' is missing"):
        draw(make_claims().drop(columns="claim_verdict"))
