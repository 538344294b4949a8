"""Nearest neighbours for mixed data: against scikit-learn's, and what it does not have."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_selection import mutual_info_classif

from mine.baselines.mixed import jittered, local_class_values, local_values_given
from mine.errors import UserError


@pytest.fixture
def rows():
    source = np.random.default_rng(5)
    w = source.integers(3, size=1500)
    return source.standard_normal((1500, 1)) + w[:, None], w


def test_it_is_scikit_learns_of_one_amount(rows):
    x, w = rows
    for k in (1, 3, 7):
        expected = mutual_info_classif(x, w, n_neighbors=k, random_state=0)[0]
        assert local_class_values(jittered(x), w, k).mean() == pytest.approx(expected, abs=1e-9)


def test_a_line_and_a_tree_count_the_same(rows):
    x, w = rows
    plane = np.column_stack([x, np.zeros(len(x))])  # a coordinate without distance; not jittered
    assert local_class_values(plane / x.std(), w) == pytest.approx(local_class_values(x / x.std(), w))


def test_independence_may_be_below_zero(rows):
    x, w = rows
    source = np.random.default_rng(1)
    values = [local_class_values(jittered(x), source.permutation(w)).mean() for _ in range(20)]
    assert min(values) < 0.0 < max(values)
    assert abs(np.mean(values)) < 0.02


def test_given_classes_each_by_themselves(rows):
    x, w = rows
    given = (np.arange(len(w)) % 2).astype(int)
    parts = [local_class_values(jittered(x)[given == level], w[given == level]).mean() for level in (0, 1)]
    assert local_values_given(jittered(x), w, given).mean() == pytest.approx(np.mean(parts))
    # Nothing beyond what is given already.
    assert abs(local_values_given(jittered(x), w, w).mean()) < 1e-12


def test_equal_values_and_lonely_classes_are_no_trouble():
    x = np.repeat([[0.0], [1.0]], 50, axis=0)
    w = np.repeat([0, 1], 50)
    assert local_class_values(jittered(x), w).mean() == pytest.approx(np.log(2), abs=0.03)
    w[0] = 7
    assert np.isfinite(local_class_values(jittered(x), w)).all()
    with pytest.raises(UserError, match="1 samples are too few"):
        local_class_values(x[:1], w[:1])
