"""The formula against estimates that do not know it, and wrong formulas, which must be found out."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mine.claims import exact_mi
from mine.claims.claim import FAILS, HOLDS, UNDECIDED, Claim, judge, overall
from mine.claims.tables import Tables
from mine.gaussian import mutual_information

QUICK = {"seeds": range(5), "pairs": 4_000, "neighbour_pairs": 500}
MONTE_CARLO, NEIGHBOURS = "Monte Carlo", "nearest neighbours"


def found(instrument="", **changes):
    all_ = exact_mi.findings(Tables.of(), **(QUICK | changes))
    return [finding for finding in all_ if finding.quantity.startswith(instrument)]


def test_the_right_formula_fails_nowhere():
    # With so few pairs an interval may be wider than its margin, which decides nothing.
    judged = found(pairs=20_000, neighbour_pairs=1_000)
    assert len(judged) == 16 + 4
    assert all(finding.primary and finding.n_seeds == 5 for finding in judged)
    assert FAILS not in {finding.verdict for finding in judged}
    assert sum(finding.verdict == HOLDS for finding in judged) >= 12
    assert all(finding.low <= finding.effect <= finding.high for finding in judged)


@pytest.mark.parametrize(
    "formula",
    [
        lambda dim, rho: 2.0 * mutual_information(dim, rho),  # without the half
        lambda dim, rho: mutual_information(dim, rho) / np.log(2.0),  # in bits
        lambda dim, rho: -0.5 * dim * np.log(1.0 - rho),  # without the square
    ],
)
def test_a_wrong_formula_does_not_hold(formula):
    judged = found(formula=formula)
    assert {finding.verdict for finding in judged} == {FAILS}
    assert overall(judged)[0] == FAILS


def test_a_formula_without_d_fails_above_one_dimension_only():
    judged = found(MONTE_CARLO, formula=lambda dim, rho: mutual_information(1, rho))
    assert {finding.verdict for finding in judged if not finding.cell.startswith("d = 1,")} == {FAILS}
    assert FAILS not in {finding.verdict for finding in judged if finding.cell.startswith("d = 1,")}


def test_an_error_as_large_as_the_margin_cannot_be_decided():
    judged = found(MONTE_CARLO, formula=lambda dim, rho: mutual_information(dim, rho) * 1.005)
    # The interval's bounds lie on both sides of the margin but where the sample happens to be off.
    assert sum(finding.verdict == UNDECIDED for finding in judged) >= 12


def test_too_few_seeds_decide_nothing():
    judged = found(formula=lambda dim, rho: 9.0 * dim, seeds=range(3))
    assert {finding.verdict for finding in judged} == {UNDECIDED}
    assert all("3 seeds" in finding.note for finding in judged)


def test_without_scikit_learn_its_findings_name_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.feature_selection", None)
    quick = Claim(**{**vars(exact_mi.CLAIM), "findings": lambda tables: exact_mi.findings(tables, **QUICK)})
    judged = judge(quick, 1, Tables.of())
    assert judged.verdict == UNDECIDED
    missing = [finding for finding in judged.findings if finding.quantity.startswith(NEIGHBOURS)]
    assert [finding.note for finding in missing] == ["scikit-learn is not installed"] * 4


def test_monte_carlo_of_independent_variables_is_zero():
    assert exact_mi.monte_carlo(3, 0.0, 0, 500) == pytest.approx(0.0, abs=1e-12)
    assert exact_mi.nearest_neighbours(0.0, 0, 2_000) == pytest.approx(0.0, abs=0.05)


def test_seeds_and_cells_have_samples_of_their_own():
    values = [exact_mi.monte_carlo(*cell, 200) for cell in ((1, 0.9, 0), (1, 0.9, 1), (1, 0.95, 0))]
    assert len(set(values)) == 3
    assert exact_mi.monte_carlo(1, 0.9, 0, 200) == values[0]
