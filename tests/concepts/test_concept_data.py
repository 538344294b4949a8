"""Exact information of concepts, held against other ways to it: draws, SciPy's orthants and integrals, scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import mutual_info_score

from mine.concepts.data import CORRELATION, draw
from mine.concepts.exact import entropy, information, joint, orthant
from mine.concepts.injected import SIGNAL, chances, injected, sample
from mine.concepts.names import DATA, SCENARIOS
from mine.errors import UserError


@pytest.mark.parametrize("name", list(DATA))
def test_draws_follow_the_exact_table(name):
    rows, _ = draw(name, min(100_000, DATA[name].finite or 100_000), 0, seed=3)
    table = joint(name)
    assert table.sum() == pytest.approx(1.0)
    counts = np.zeros_like(table)
    np.add.at(counts, (*rows.concepts.T, rows.label), 1.0 / len(rows.label))
    assert np.abs(counts - table).max() < 0.006
    assert rows.inputs.shape[1] == DATA[name].inputs


def test_orthants_are_those_of_the_normal_law():
    covariance = np.full((3, 3), CORRELATION) + (1 - CORRELATION) * np.eye(3)
    for signs in ((1, 1, 1), (0, 1, 1), (1, 0, 0), (0, 0, 0)):
        turn = np.diag(2.0 * np.array(signs) - 1.0)
        expected = multivariate_normal([0.0] * 3, turn @ covariance @ turn).cdf(np.zeros(3))
        assert orthant(signs, CORRELATION) == pytest.approx(expected, abs=2e-5)


def test_information_of_the_tabular_concepts_by_hand():
    both = np.array([[orthant((a, b), CORRELATION) for b in (0, 1)] for a in (0, 1)])
    assert information("tabular", 0, 1) == pytest.approx(float((both * np.log(4 * both)).sum()))
    # P(y = 1 | c1 = 1) = P(at least one of two others | c1 = 1).
    share = 1.0 - orthant((1, 0, 0), CORRELATION) / 0.5
    by_hand = np.log(2) + share * np.log(share) + (1 - share) * np.log(1 - share)
    for place in range(3):
        assert information("tabular", place, "label") == pytest.approx(by_hand)


@pytest.mark.parametrize("name", ["xor", "tabular"])
def test_concepts_that_determine_the_label_leave_nothing_to_leak_together(name):
    assert information(name, "concepts", "label") == pytest.approx(entropy(name, "label"))
    assert entropy(name, "label") == pytest.approx(np.log(2))
    assert information(f"{name}-withheld", "concepts", "label") < np.log(2) - 0.2


def test_the_first_concept_of_xor_says_nothing():
    assert information("xor", 0, "label") == pytest.approx(0.0, abs=1e-15)
    assert information("xor", 0, 1) == pytest.approx(0.0, abs=1e-15)


def test_digits_are_their_rows():
    rows, none = draw("digits", 1797, 0, seed=1)
    assert len(none.label) == 0
    for place in range(3):
        assert information("digits", place, "label") == pytest.approx(
            mutual_info_score(rows.concepts[:, place], rows.label)
        )
    assert information("digits", 0, 2) == pytest.approx(mutual_info_score(rows.concepts[:, 0], rows.concepts[:, 2]))
    training, held_out = draw("digits", 1000, 797, seed=1)
    together = np.vstack([training.inputs, held_out.inputs])
    assert np.array_equal(together, rows.inputs)
    with pytest.raises(UserError, match="rows: 1,000 to train on and 798 held out of digits, which has 1,797"):
        draw("digits", 1000, 798, seed=1)


def _mixture(density, weights, of):
    shares = np.asarray(weights) / np.sum(weights)
    return lambda s: sum(share * density(s, *cell) for share, cell in zip(shares, of, strict=True))


def _divergence(one, other):
    return quad(lambda s: one(s) * np.log(one(s) / other(s)), -9, 9, limit=200)[0]


@pytest.mark.parametrize("scenario", list(SCENARIOS))
@pytest.mark.parametrize("leakage", [0.0, 0.02, 0.1])
def test_injected_leakage_by_another_integral(scenario, leakage):
    found, table = injected(scenario, leakage), chances(scenario)

    def density(s, c, w):
        return norm.pdf(s, SIGNAL * (2 * c - 1) + found.shift * (2 * w - 1))

    conditional = sum(
        table[c, w] * _divergence(lambda s, c=c, w=w: density(s, c, w), _mixture(density, table[c], [(c, 0), (c, 1)]))
        for c in (0, 1)
        for w in (0, 1)
    )
    whole = _mixture(density, table.ravel(), [(0, 0), (0, 1), (1, 0), (1, 1)])
    alone = sum(
        table[:, w].sum() * _divergence(_mixture(density, table[:, w], [(0, w), (1, w)]), whole) for w in (0, 1)
    )
    assert conditional == pytest.approx(leakage, abs=1e-8)
    assert found.conditional == pytest.approx(leakage, abs=1e-10)
    assert found.of_predicted == pytest.approx(alone, abs=1e-8)
    one = SCENARIOS[scenario]
    assert found.of_concept == pytest.approx(information(one.data, one.concept, one.injected), abs=1e-12)
    assert found.difference <= found.conditional + 1e-12


def test_draws_of_one_number_share_rows_and_noise():
    (a, c, w), (b, same_c, same_w) = (sample("xor-label", leakage, 500, 4) for leakage in (0.0, 0.1))
    assert np.array_equal(c, same_c)
    assert np.array_equal(w, same_w)
    assert np.allclose((b - a)[:, 0], injected("xor-label", 0.1).shift * (2 * w - 1))
    assert not np.array_equal(sample("xor-label", 0.0, 500, 5)[0], a)
