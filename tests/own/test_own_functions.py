"""The library's calls: one value, a conditional one, a matrix of pairs."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from known_data import gaussian

import mine
from mine import MutualInformation, conditional_mutual_information, mutual_information, mutual_information_matrix
from mine.errors import UserError

QUICK = {"n_init": 1, "n_permutations": 99, "settings": {"max_updates": 50, "patience": 4, "resamples": 99}}


def test_one_call_is_fit():
    x, z = gaussian(300, 1, 0.7)
    found, model = mutual_information(x, z, **QUICK), MutualInformation(**QUICK).fit(x, z)
    assert (found.mi, found.interval, found.p_value) == (model.mi_, model.interval_, model.p_value_)


def test_conditional_information_of_arrays():
    source = np.random.default_rng(0)
    c, one, other = source.standard_normal((3, 300))
    kind = np.where(c > 0, "up", "down")
    found = conditional_mutual_information(c + one, one + 0.5 * other, kind, discrete_c=True, **QUICK)
    assert found.cells.levels == 2
    assert found.p_value == 0.01
    assert found.mi > 0.1
    with pytest.raises(ValueError, match="x has 300 rows and c has 30"):
        conditional_mutual_information(c, one, other[:30], **QUICK)


def test_a_matrix_of_pairs():
    x, z = gaussian(300, 1, 0.8)
    frame = pd.DataFrame(
        {"a": x[:, 0], "b": z[:, 0], "kind": np.where(x[:, 0] > 0, "up", "down"), "twice": 2 * x[:, 0]}
    )
    seen = []
    found = mutual_information_matrix(
        frame, discrete=["kind"], progress=lambda done, pairs: seen.append((done, pairs)), **QUICK
    )
    assert seen == [(done, 6) for done in range(7)]
    assert found.names == ("a", "b", "kind", "twice")
    np.testing.assert_array_equal(found.mi, found.mi.T)
    assert found.mi[0, 1] == pytest.approx(mutual_information(frame["a"], frame["b"], **QUICK).mi)
    assert found.low[0, 1] < found.mi[0, 1] < found.high[0, 1]
    assert list(found.refused) == [(0, 3)]
    assert np.isnan(found.mi[0, 3])
    assert np.isinf(found.mi[0, 0])
    assert 0.6 < found.mi[2, 2] <= np.log(2)
    assert found.p_holm[0, 1] == pytest.approx(5 * found.p[0, 1])
    assert found.to_frame().loc["b", "a"] == found.mi[0, 1]


def test_what_a_matrix_refuses():
    with pytest.raises(UserError, match="a matrix needs 2 or more"):
        mutual_information_matrix(np.arange(60.0))
    with pytest.raises(UserError, match=r"'x\[1\]': constant"):
        mutual_information_matrix(np.stack([np.arange(60.0), np.zeros(60)], 1))


def test_the_package_has_the_library_and_imports_nothing_heavy_for_it():
    assert set(mine._LIBRARY) <= set(dir(mine))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mine.nothing
    code = "import sys, mine; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
