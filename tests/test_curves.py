"""Quantile curves against numpy, and the denominator that ended runs stay in."""

from __future__ import annotations

import numpy as np
import pytest
from factories import make_frame
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mine.curves import CURVE_COLUMNS, CellCurves, evaluation_steps, quantiles_with_ended
from mine.settings import TrainingSettings

TRAINING = TrainingSettings(steps=20, eval_every=8)

CELL = {
    "experiment": "made", "setting": "base", "critic": "concat", "variant": "ema", "task": "gaussian", "dim": 5,
    "rho": 0.9, "seed": 0,
}  # fmt: skip


def frame(**kwargs):
    return make_frame(**{"steps": 20, "eval_every": 8, **kwargs})


def curves_of(*runs):
    cell = CellCurves(len(runs), TRAINING)
    for rows, overflow in runs:
        cell.add(rows, overflow)
    table = cell.table(CELL).to_pandas()
    return {name: part.set_index("step") for name, part in table.groupby("quantity", sort=False)}


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 5)), elements=st.floats(-100, 100, width=32)),
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),
)
def test_of_live_runs_they_are_numpys(values, level):
    found = quantiles_with_ended(values, [level])[0]
    assert found == pytest.approx(np.quantile(values, level, axis=0), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-100, 100, width=32)),
    st.data(),
)
def test_an_ended_run_never_lowers_a_quantile(values, data):
    ended = data.draw(hnp.arrays(bool, values.shape))
    bad = data.draw(st.sampled_from([np.inf, -np.inf, np.nan]))
    levels = (0.25, 0.5, 0.75)
    whole = quantiles_with_ended(values, levels)
    left = quantiles_with_ended(np.where(ended, bad, values), levels)
    drawn = np.isfinite(left)
    assert (left[drawn] >= whole[drawn] - 1e-9).all()
    # Drawn exactly while both order statistics it lies between are live.
    live = (~ended).sum(axis=0)
    for index, level in enumerate(levels):
        assert (drawn[index] == (live > np.ceil((len(values) - 1) * level))).all()


def test_many_steps_are_taken_in_blocks():
    values = np.random.default_rng(0).normal(size=(4, 1000))
    assert quantiles_with_ended(values, [0.75])[0] == pytest.approx(np.quantile(values, 0.75, axis=0))


def test_planned_evaluations():
    assert evaluation_steps(TRAINING).tolist() == [1, 9, 17, 21]
    assert evaluation_steps(TrainingSettings(steps=20, eval_every=10)).tolist() == [1, 11, 21]
    assert evaluation_steps(TrainingSettings(steps=20, eval_every=99)).tolist() == [1, 21]


def test_completed_runs():
    runs = [(frame(mi_batch=level, grad_norm=2 * level, mi_population=level - 1), None) for level in (1, 2, 4, 8)]
    curves = curves_of(*runs)
    assert list(curves) == ["mi_batch", "grad_norm", "mi_heldout", "mi_population"]
    batch = curves["mi_batch"]
    assert batch.index.tolist() == list(range(1, 22))
    assert (batch["median"] == 3).all()
    assert (batch["q25"] == 1.75).all()
    assert (batch["q75"] == 5).all()
    assert (batch["n_runs"] == 4).all()
    assert (batch["live_share"] == 1).all()
    assert curves["grad_norm"].index.tolist() == list(range(1, 21))
    assert (curves["grad_norm"]["median"] == 6).all()
    assert curves["mi_population"].index.tolist() == [1, 9, 17, 21]
    assert (curves["mi_population"]["median"] == 2).all()


def test_an_ended_run_stays_in_the_denominator():
    completed = [(frame(mi_batch=level), None) for level in (1.0, 2.0, 3.0)]
    # Overflows at step 12 with an off-plan evaluation there; another at step 15 by its gradient alone.
    one = (frame(last=12, mi_batch=np.append(np.full(11, 0.0), -np.inf)), 12)
    other = (frame(last=15, mi_batch=0.5, grad_norm=np.append(np.full(14, 5.0), np.nan)), 15)
    curves = curves_of(*completed, one, other)
    batch = curves["mi_batch"]
    assert batch["live_share"].tolist() == [1.0] * 11 + [0.8] * 3 + [0.6] * 7
    # 0, .5, 1, 2, 3 up to step 11; .5, 1, 2, 3, ended; 1, 2, 3, ended, ended from 15 on.
    assert batch["median"].tolist() == [1.0] * 11 + [2.0] * 3 + [3.0] * 7
    assert batch["q25"].tolist() == [0.5] * 11 + [1.0] * 3 + [2.0] * 7
    assert batch["q75"].tolist()[:14] == [2.0] * 11 + [3.0] * 3
    assert batch["q75"].iloc[14:].isna().all()
    assert (batch["n_runs"] == 5).all()
    population = curves["mi_population"]
    assert population.index.tolist() == [1, 9, 17, 21]
    assert population["live_share"].tolist() == [1.0, 1.0, 0.6, 0.6]
    assert population["median"].notna().all()


def test_a_non_finite_value_of_a_live_run_ranks_above():
    runs = [(frame(mi_population=[0, value, 1, 1]), None) for value in (1.0, -np.inf, np.nan)]
    population = curves_of(*runs)["mi_population"]
    assert population["median"].isna().tolist() == [False, True, False, False]
    assert (population["live_share"] == 1).all()


def test_where_all_ended_there_is_no_quantile_and_no_nan():
    cell = CellCurves(1, TRAINING)
    cell.add(frame(last=3, mi_batch=[1.0, 1.0, np.inf]), 3)
    table = cell.table(CELL)
    assert table.column_names == list(CURVE_COLUMNS)
    median = table["median"].to_pylist()[:21]
    assert median == [1.0, 1.0] + [None] * 19
    assert table["live_share"].to_pylist()[:21] == [1.0, 1.0] + [0.0] * 19


WINDOWS = TrainingSettings(steps=20, eval_every=8, record_every=6)


def window_curves(*runs):
    cell = CellCurves(len(runs), WINDOWS)
    for rows, overflow in runs:
        cell.add(rows, overflow)
    table = cell.table(CELL).to_pandas()
    return {name: part.set_index("step") for name, part in table.groupby("quantity", sort=False)}


def test_curves_of_windows_stand_at_their_last_updates():
    assert evaluation_steps(WINDOWS).tolist() == [6, 12, 18, 21]
    made = {"mi_batch_mean": [1, 2, 3, 4, 0], "grad_norm_max": [9, 8, 7, 6, 0]}
    rows = frame(window=6, mi_batch=50.0, grad_norm=1.0, of_windows=made, mi_population=[1, 2, 3, 4])
    assert rows["step"].tolist() == [6, 12, 18, 20, 21]
    curves = window_curves((rows, None), (rows, None))
    assert curves["mi_batch"]["median"].to_dict() == {6: 1, 12: 2, 18: 3, 20: 4}
    assert curves["grad_norm"]["median"].to_dict() == {6: 9, 12: 8, 18: 7, 20: 6}
    assert curves["mi_population"]["median"].to_dict() == {6: 1, 12: 2, 18: 3, 21: 4}


def test_a_run_that_ended_inside_a_window_is_ended_from_its_end_on():
    whole = (frame(window=6, mi_batch=1.0), None)
    # The last row, at step 14, is evaluated and belongs to no step of the curves.
    cut = (frame(window=6, last=14, mi_batch=[2.0, 2.0, np.inf], mi_population=[3, 3, 9]), 14)
    curves = window_curves(whole, cut)
    assert curves["mi_batch"]["live_share"].tolist() == [1, 1, 0.5, 0.5]
    assert curves["mi_batch"]["median"].tolist()[:2] == [1.5, 1.5]
    assert curves["mi_batch"]["median"].iloc[2:].isna().all()
    assert curves["mi_population"]["live_share"].to_dict() == {6: 1, 12: 1, 18: 0.5, 21: 0.5}
    ended_with_one = (frame(window=6, last=18, mi_batch=[2.0, 2.0, np.nan]), 18)
    assert window_curves(whole, ended_with_one)["mi_batch"]["live_share"].tolist() == [1, 1, 0.5, 0.5]
