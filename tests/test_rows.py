"""Rows of a trace read alike, whether a row is one update or a window of them."""

import numpy as np
import pytest
from factories import make_frame

from mine.rows import is_window, of_rows, updates_of


def test_a_row_that_is_one_update_is_its_value():
    frame = make_frame(steps=20, mi_batch=np.arange(21.0), grad_norm=np.arange(21.0) + 1)
    assert not is_window(frame).any()
    assert of_rows(frame, "mi_batch").tolist() == list(range(21))
    assert of_rows(frame, "grad_norm")[:20].tolist() == list(range(1, 21))
    assert np.isnan(of_rows(frame, "grad_norm")[20])
    assert updates_of(frame).tolist() == [1] * 21


def test_a_window_is_its_mean_and_its_largest():
    made = {"mi_batch_mean": [1, 2, 3, 0], "grad_norm_max": [7, 8, 9, 0], "grad_norm_median": [4, 5, 6, 0]}
    frame = make_frame(steps=20, window=8, mi_batch=[10, 20, 30, 40], grad_norm=2.0, of_windows=made)
    assert frame["step"].tolist() == [8, 16, 20, 21]
    assert is_window(frame).tolist() == [True, True, True, False]
    assert of_rows(frame, "mi_batch").tolist() == [1, 2, 3, 40]
    assert of_rows(frame, "grad_norm")[:3].tolist() == [7, 8, 9]
    assert of_rows(frame, "grad_norm", "grad_norm_median")[:3].tolist() == [4, 5, 6]
    assert np.isnan(of_rows(frame, "grad_norm")[3])
    assert updates_of(frame).tolist() == [8, 8, 4, 1]


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_overflow_is_not_finite_however_it_is_read(value):
    frame = make_frame(steps=20, window=8, last=11, mi_batch=[1, value], grad_norm=[1, np.nan])
    assert frame["step"].tolist() == [8, 11]
    assert updates_of(frame).tolist() == [8, 3]
    np.testing.assert_array_equal(of_rows(frame, "mi_batch"), [1, value])
    assert np.isnan(of_rows(frame, "grad_norm")[1])
