"""The evaluations table: one row an evaluation, holding what the trace has there."""

from __future__ import annotations

import numpy as np
import pytest
from factories import make_frame, make_metadata

from mine.evaluation_rows import EVALUATION_SCHEMA, evaluation_columns, evaluation_table
from mine.runs import RunFile
from mine.settings import Cell, TrainingSettings
from mine.trace import Trace

CELL = Cell("ema", 5, 0.9, 3)


def table_of(**columns):
    training = TrainingSettings(steps=200, eval_every=50)
    trace = Trace(make_frame(steps=200, eval_every=50, **columns), make_metadata(CELL, training))
    return evaluation_table([evaluation_columns("made", RunFile(None, "base", CELL, training), trace)])


def test_a_row_an_evaluation():
    batch = np.arange(201.0)
    frame = table_of(mi_batch=batch, mi_population=[1.0, 2.0, 3.0, 4.0, 5.0]).to_pandas()
    assert frame["step"].tolist() == [1, 51, 101, 151, 201]
    assert frame["mi_population"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert frame["mi_batch_recent"].tolist() == [0.0, 25.0, 50.5, 100.5, 150.5]
    assert set(frame["seed"]) == {3}
    assert frame["grad_norm"].tolist()[:4] == [5.0] * 4
    assert np.isnan(frame["grad_norm"].iloc[-1])
    assert frame["grad_norm_joint"].isna().all()


def test_types_do_not_depend_on_the_values():
    assert table_of().schema == EVALUATION_SCHEMA
    assert evaluation_table([]).schema == EVALUATION_SCHEMA
    assert len(evaluation_table([])) == 0


def test_a_run_that_overflowed_ends_with_its_last_evaluation():
    frame = table_of(last=70, mi_batch=np.append(np.full(69, 4.0), np.inf)).to_pandas()
    assert frame["step"].tolist() == [1, 51, 70]
    assert frame["mi_batch_recent"].tolist() == [4.0] * 3


def test_where_rows_are_windows_the_mean_is_theirs_and_the_rest_is_of_the_last_update():
    training = TrainingSettings(steps=200, eval_every=50, record_every=60)
    rows = make_frame(steps=200, eval_every=50, window=60, mi_batch=9.0, of_windows={"mi_batch_mean": [1, 2, 3, 4, 0]},
                      grad_norm=[1, 2, 3, 4, 0])  # fmt: skip
    trace = Trace(rows, make_metadata(CELL, training))
    found = evaluation_columns("made", RunFile(None, "base", CELL, training), trace)
    assert found["step"].tolist() == [60, 120, 180, 201]
    # The last 100 of step 180: the windows of 61 to 120 and 121 to 180; of step 201, from that of 61 to 120 on.
    expected = [1.0, 1.5, 2.5, (60 * 2 + 60 * 3 + 20 * 4 + 9) / 141]
    assert found["mi_batch_recent"].tolist() == pytest.approx(expected)
    assert found["grad_norm"].tolist()[:3] == [1.0, 2.0, 3.0]
