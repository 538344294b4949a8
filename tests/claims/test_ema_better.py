"""Nearer, farther, neither, and what is no number."""

from __future__ import annotations

import numpy as np
import pytest
from made import NAN, RHOS, SCHEMES, grid, made_summary, plausible

from mine.claims import ema_better
from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.pairs import distance, farther, median_difference, pair
from mine.claims.tables import Tables
from mine.gaussian import mutual_information

CELL = "derangement, d = 2, ρ = 0.9"


def off(*errors):
    """Final values so far from the truth, nats, in every quantity; a list is one error a seed."""
    return dict(
        zip(("mi_batch_mean", "mi_heldout", "mi_population"), errors * (3 if len(errors) == 1 else 1), strict=True)
    )


def writeup(biased, ema, seeds=20, dims=(2,), rhos=RHOS):
    """Every cell alike. biased, ema: columns, of which final values are given as errors."""
    cells = []
    for cell in grid(setting=SCHEMES, variant=("biased", "ema"), dim=dims, rho=rhos):
        truth = mutual_information(cell["dim"], cell["rho"])
        made = biased if cell["variant"] == "biased" else ema
        values = {name: truth + np.asarray(value) if name.startswith("mi_") else value for name, value in made.items()}
        cells.append({**cell, **values})
    return made_summary(*cells, seeds=seeds)


def judged(table, holds=True):
    return judge(ema_better.CLAIM, 9, Tables.of(writeup_summary=table, search_plausible=plausible(holds)))


def primary(verdict):
    return [f.verdict for f in verdict.findings if f.primary and not f.cell.startswith("plausible")]


def one(verdict, words, cell=CELL):
    (finding,) = [f for f in verdict.findings if f.cell == cell and words in f.quantity]
    return finding


def nearer(verdict, quantity):
    return one(verdict, f"nearer the truth, {quantity}")


def test_nearer_in_every_seed_is_better():
    verdict = judged(writeup(off(-0.5), off(0.2)))
    assert verdict.verdict == HOLDS
    assert primary(verdict) == [HOLDS] * 8
    share = nearer(verdict, "in-batch")
    assert (share.effect, share.low, share.high) == (1.0, pytest.approx(0.025 ** (1 / 20)), 1.0)
    assert one(verdict, "|error| of biased less that of EMA, in-batch").effect == pytest.approx(0.3)


def test_farther_in_every_seed_is_not():
    verdict = judged(writeup(off(-0.2), off(0.5)), holds=False)
    assert verdict.verdict == FAILS
    assert primary(verdict) == [FAILS] * 8


def test_nearer_in_half_of_the_seeds_cannot_be_decided():
    verdict = judged(writeup(off([0.1, 0.9] * 10), off(-0.5)))
    assert verdict.verdict == UNDECIDED
    assert set(primary(verdict)) == {UNDECIDED}


def test_a_run_that_diverged_is_worse_than_any_finite_one():
    # Its batches happen to read the truth; the EMA is 3 nats off.
    table = writeup({**off(0.0), "runaway_step": 501}, off(-3.0))
    verdict = judged(table)
    assert primary(verdict) == [HOLDS] * 8
    assert one(verdict, "|error| of biased less that of EMA, in-batch").effect == np.inf
    # A plot shows the number.
    assert one(verdict, "a runaway's number taken as it is").effect == 0.0
    assert one(verdict, "a runaway's number taken as it is").verdict == REPORTED


def test_an_overflow_without_a_number_is_worse_as_plotted_too():
    verdict = judged(writeup({**off(NAN), "overflow_step": 700}, off(-3.0)))
    assert primary(verdict) == [HOLDS] * 8
    assert one(verdict, "a runaway's number taken as it is").effect == 1.0


def test_two_that_diverged_tie_and_stay_in_the_denominator():
    away = {"runaway_step": [501] * 14 + [NAN] * 6}
    verdict = judged(writeup({**off(0.0), "overflow_step": 700}, {**off(0.0), **away}))
    share = nearer(verdict, "in-batch")
    assert (share.effect, share.verdict) == (0.3, UNDECIDED)
    assert "6 of 20; biased in 0; 14 ties" in share.note
    everywhere = judged(writeup({**off(0.0), "overflow_step": 700}, {**off(0.0), "runaway_step": 501}))
    assert primary(everywhere) == [FAILS] * 8


def test_a_value_of_low_effective_sample_size_is_worse_than_any_number():
    table = writeup(off(-1.0), {**off(0.0), "population_ess": 49.0})
    verdict = judged(table)
    assert (nearer(verdict, "population").verdict, nearer(verdict, "population").effect) == (FAILS, 0.0)
    assert nearer(verdict, "held-out").verdict == HOLDS


def test_a_low_effective_sample_size_is_better_than_divergence():
    table = writeup({**off(-1.0), "runaway_step": 501}, {**off(0.0), "population_ess": 49.0})
    assert nearer(judged(table), "population").verdict == HOLDS


def test_nothing_is_decided_where_nobody_has_a_number():
    table = writeup({**off(-1.0), "heldout_ess": 49.0}, {**off(0.0), "heldout_ess": 49.0})
    share = nearer(judged(table), "held-out")
    assert (share.verdict, share.low, share.high) == (UNDECIDED, 0.0, 1.0)
    assert "20 without a number on either side" in share.note
    assert nearer(judged(table), "population").verdict == HOLDS


def test_one_scheme_alone_is_a_part():
    table = writeup(off(-0.5), off(0.2))
    table.loc[(table["variant"] == "ema") & (table["setting"] == "permutation"), "mi_batch_mean"] -= 5.0
    verdict = judged(table)
    assert (verdict.verdict, verdict.where.count("derangement"), verdict.where.count("permutation")) == (PARTLY, 4, 0)


def test_pairs_are_of_the_same_seed_whatever_the_order():
    errors = np.linspace(-3.0, 3.0, 20)
    table = writeup(off(errors), off(errors * 0.9)).sample(frac=1.0, random_state=0)
    assert nearer(judged(table), "in-batch").effect == 1.0


def test_other_cells_are_corrected_and_decide_nothing():
    table = writeup(off(-0.5), off(0.2), dims=(1, 2))
    verdict = judged(table)
    assert len(primary(verdict)) == 8
    other = one(verdict, "nearer the truth, in-batch", "derangement, d = 1, ρ = 0.9")
    # 16 cells of 3 quantities, 8 of which are primary.
    assert (other.verdict, other.level) == (HOLDS, pytest.approx(1 - 0.05 / 40))


def test_a_missing_cell_is_named():
    table = writeup(off(-0.5), off(0.2))
    verdict = judged(table[~((table["variant"] == "ema") & (table["rho"] == 0.99))])
    assert verdict.verdict == UNDECIDED
    assert "no runs of ema, derangement, d = 2, ρ = 0.99" in verdict.where
    assert primary(judged(table[table["setting"] == "derangement"])).count(UNDECIDED) == 4


def test_a_missing_table_or_column_is_named():
    assert judge(ema_better.CLAIM, 9, Tables.of()).where == "no writeup/summary.parquet in the results"
    assert "no column heldout_ess" in judged(writeup(off(0.1), off(0.2)).drop(columns="heldout_ess")).where


def test_seeds_without_a_partner_are_left_out_and_said():
    table = writeup(off(-0.5), off(0.2))
    fewer = table[~((table["variant"] == "ema") & (table["seed"] >= 17))]
    share = nearer(judged(fewer), "in-batch")
    assert share.n_seeds == 17
    assert "3 seeds of one side only left out" in share.note
    table.loc[table["variant"] == "ema", "seed"] += 100
    assert "no seed that both sides of a pair have; derangement, d = 2, ρ = 0.85" in judged(table).where


def test_too_few_seeds_decide_nothing():
    verdict = judged(writeup(off(-0.5), off(0.2), seeds=4))
    assert set(primary(verdict)) == {UNDECIDED}
    assert "4 seeds, at least 5 are needed" in verdict.where


def test_order_of_numbers_no_numbers_and_divergence():
    one_, other = (
        np.array(side)
        for side in zip(
            *[
                (1.0, 0.25),
                (NAN, 1.0),
                (1.0, NAN),
                (np.inf, 1.0),
                (1.0, np.inf),
                (np.inf, NAN),
                (NAN, np.inf),
                (np.inf, np.inf),
                (NAN, NAN),
            ],
            strict=True,
        )
    )
    expected = [0.75, np.inf, -np.inf, np.inf, -np.inf, np.inf, -np.inf, 0.0, NAN]
    np.testing.assert_array_equal(farther(one_, other), expected)


def test_distance_knows_what_is_no_number():
    runs = made_summary(
        {
            "mi_true": 4.0,
            "mi_population": [3.5, 3.5, 3.5, NAN],
            "population_ess": [50.0, 49.9, NAN, 80.0],
            "mi_batch_mean": 4.2,
            "runaway_step": NAN,
        },
        seeds=4,
    )
    np.testing.assert_allclose(distance(runs, "population"), [0.5, NAN, NAN, NAN])
    np.testing.assert_allclose(distance(runs, "in-batch"), 0.2)
    np.testing.assert_allclose(distance(runs.assign(diverged_step=501.0), "population"), np.inf)


def test_an_unknown_difference_widens_the_interval_on_both_sides():
    known = np.linspace(0.0, 0.9, 10)
    certain, open_ = median_difference(known), median_difference(np.append(known[:-3], [NAN] * 3))
    assert open_.low < certain.low < certain.high < open_.high == np.inf
    assert np.isnan(open_.value)


def test_pair_says_nothing_where_all_seeds_are_there():
    runs = made_summary({}, seeds=5)
    assert pair(runs, runs)[2] == ""
    assert pair(runs, runs[:-1])[2] == "1 seed of one side only left out"
