"""The summary's values against numbers computed another way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factories import make_frame, make_metadata

from mine.runs import RunFile
from mine.settings import Cell, TrainingSettings
from mine.summary import (
    RESULT_COLUMNS,
    SETTING_COLUMNS,
    SUMMARY_COLUMNS,
    causes,
    final_batch,
    final_window,
    gradient_norms,
    summary_row,
    summary_table,
)
from mine.trace import Trace

CELL = Cell("ema", 5, 0.9, 3)


def row_of(training=None, overflow_step=None, **columns):
    training = training or TrainingSettings(steps=200, eval_every=50)
    frame = make_frame(steps=training.steps, eval_every=training.eval_every, **columns)
    trace = Trace(frame, make_metadata(CELL, training, overflow_step=overflow_step))
    return summary_row("made", RunFile(None, "base", CELL, training), trace)


def test_what_drove_the_gradient():
    generator = np.random.default_rng(3)
    norms = generator.gamma(2, 3, 201)
    norms[[70, 120]] = 150.0, 900.0
    frame = make_frame(steps=200, eval_every=50, grad_norm=norms)
    frame["log_mean_exp"], frame["log_ema"] = np.log(norms), 0.0
    for name, value in (("grad_norm_joint", 1.0), ("grad_norm_product", 3.0)):
        frame[name] = np.where((frame["step"] - 1) % 50 == 0, value, np.nan)
    frame.loc[50, "grad_norm_joint"] = 300.0  # before the norm passes 100
    found = causes(frame, 200)
    assert found["norm_100_step"] == 71
    assert found["norm_100_product_share"] == 0.75
    assert found["grad_norm_early"] == pytest.approx(np.median(norms[:200]), rel=1e-6)
    assert found["spike_norm"] == pytest.approx(np.median(np.sort(norms[:200])[-10:]), rel=1e-6)
    assert found["spike_multiplier"] == pytest.approx(found["spike_norm"], rel=1e-5)
    assert found["multiplier_max"] == pytest.approx(900.0, rel=1e-5)
    assert found["multiplier_median"] == pytest.approx(np.median(norms[:200]), rel=1e-5)


def test_what_was_not_is_null():
    calm = causes(make_frame(steps=200, eval_every=50, grad_norm=5.0), 200)
    assert [name for name, value in calm.items() if value is None] == [
        "norm_100_step", "norm_100_product_share", "multiplier_median", "multiplier_max", "spike_multiplier",
    ]  # fmt: skip
    assert set(causes(make_frame(steps=200, eval_every=50, mi_batch=np.inf), 200).values()) == {None}


def test_a_completed_run():
    generator = np.random.default_rng(1)
    batch, norms = generator.normal(4, 1, 201), generator.gamma(2, 3, 201)
    population = [0, 3.5, 3.6, 3.7, 3.8]
    row = row_of(mi_true=4.2, mi_batch=batch, grad_norm=norms, mi_population=population, mi_heldout=3.5)
    window = batch.astype(np.float32).astype(float)[181:]  # 20 rows, the last tenth of 200 steps
    assert row["mi_batch_mean"] == pytest.approx(sum(window) / 20, rel=1e-6)
    assert row["mi_batch_sd"] == pytest.approx(math.sqrt(sum((window - window.mean()) ** 2) / 19), rel=1e-6)
    assert row["mi_batch_error"] == pytest.approx(window.mean() - 4.2, rel=1e-5)
    assert row["mi_population"] == 3.8
    assert row["mi_population_error"] == pytest.approx(-0.4)
    assert row["mi_heldout_error"] == pytest.approx(-0.7)
    assert (row["heldout_ess"], row["population_ess"]) == (1000, 5000)
    assert row["grad_norm_median"] == pytest.approx(np.sort(norms[:200])[99:101].mean(), rel=1e-6)
    assert row["grad_norm_max"] == pytest.approx(norms[:200].max(), rel=1e-6)
    assert (row["outcome"], row["last_step"], row["code"], row["device"]) == (
        "completed",
        201,
        "abc123",
        "cpu",
    )
    assert all(
        row[name] is None for name in RESULT_COLUMNS if name.endswith(("_step", "nat", "nats")) and name != "last_step"
    )


def test_cell_and_settings_stand_in_every_row():
    training = TrainingSettings(steps=200, eval_every=50, data=500, batch_size=64, ema_rate=0.3)
    row = row_of(training)
    assert list(row) == list(SUMMARY_COLUMNS)
    assert (row["experiment"], row["setting"], row["variant"]) == ("made", "base", "ema")
    assert (row["dim"], row["rho"], row["seed"]) == (5, 0.9, 3)
    assert (row["data"], row["batch_size"], row["ema_rate"], row["grad_clip"]) == ("500", 64, 0.3, None)
    assert set(SETTING_COLUMNS) == set(training.to_dict())


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_overflow_run_keeps_what_came(value):
    batch = np.append(np.full(119, 3.0), value)
    norms = np.append(np.arange(1.0, 120.0), np.nan)
    row = row_of(overflow_step=120, last=120, mi_batch=batch, grad_norm=norms)
    assert row["mi_batch_mean"] == pytest.approx(value, nan_ok=True)
    assert math.isnan(row["mi_batch_sd"])
    assert (row["outcome"], row["last_step"], row["overflow_step"], row["diverged_step"]) == (
        "overflow",
        120,
        120,
        120,
    )
    assert row["grad_norm_median"] == 60
    assert row["grad_norm_max"] == 119
    assert row["mi_population"] == 3.7  # the last row's, of the last finite parameters


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_gradient_that_overflowed_stays(value):
    norms = np.array([1.0, 2.0, 3.0, value])
    row = row_of(overflow_step=4, last=4, mi_batch=3.0, grad_norm=norms)
    assert row["grad_norm_median"] == 2.5
    assert row["grad_norm_max"] == pytest.approx(value, nan_ok=True)
    assert row["mi_batch_mean"] == 3.0
    assert row["overflow_step"] == 4
    assert gradient_norms(make_frame(steps=9, last=2, grad_norm=[1.0, value]), 9)[0] == math.inf


@pytest.mark.parametrize(
    ("rows", "steps", "expected"), [(3001, 3000, 300), (201, 200, 20), (120, 200, 12), (7, 200, 1), (2, 1, 1)]
)
def test_the_final_window_is_a_tenth(rows, steps, expected):
    assert final_window(rows, steps) == expected


def test_a_window_of_one_row_has_no_deviation():
    mean, deviation = final_batch(make_frame(steps=5, mi_batch=np.arange(6.0)), 5)
    assert mean == 5
    assert math.isnan(deviation)


def test_runaway_columns():
    batch = np.concatenate([[0], np.full(100, 5.5), np.full(100, 7.0), np.full(200, 9.0)])
    row = row_of(TrainingSettings(steps=400, eval_every=100), mi_true=4.0, mi_batch=batch, mi_population=4.0)
    assert (row["runaway_step_1nat"], row["runaway_step"], row["runaway_step_4nats"]) == (101, 201, 301)
    assert (row["overflow_step"], row["diverged_step"]) == (None, 201)


def test_the_table_keeps_nulls_apart_from_nan():
    rows = [row_of(), row_of(overflow_step=2, last=2, mi_batch=[1.0, np.nan])]
    table = summary_table(rows)
    assert table.column_names == list(SUMMARY_COLUMNS)
    assert table["overflow_step"].to_pylist() == [None, 2]
    assert table["mi_batch_mean"].null_count == 0
    assert math.isnan(table["mi_batch_mean"][1].as_py())
    assert table["grad_clip"].null_count == 2
    assert table.schema.field("mi_heldout").metadata[b"meaning"].startswith(b"held out")


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_the_last_finite_in_batch_value_of_an_overflow(value):
    row = row_of(overflow_step=30, last=30, mi_batch=np.append(np.arange(29.0), value))
    assert row["mi_batch_last"] == 28.0
    assert row_of(overflow_step=1, last=1, mi_batch=value)["mi_batch_last"] is None


WINDOWS = TrainingSettings(steps=200, eval_every=50, record_every=8)


def windows_of(values, last=201):
    """Rows of 8 updates of a run whose every value is given: the last of each, their means and their largest."""
    ends = np.array([*range(8, min(last, 200) + 1, 8)] + ([min(last, 200)] if min(last, 200) % 8 else []))
    parts = [values[end - 8 if end % 8 == 0 else end // 8 * 8 : end] for end in ends]
    look = [values[-1]] if last > 200 else []
    return {name: np.array([f(part) for part in parts] + look) for name, f in
            (("last", lambda part: part[-1]), ("mean", np.mean), ("max", np.max), ("median", np.median))}  # fmt: skip


def test_a_run_of_windows():
    generator = np.random.default_rng(1)
    batch, norms = generator.normal(4, 1, 201), generator.gamma(2, 3, 201)
    mi, norm = windows_of(batch), windows_of(norms)
    assert len(mi["last"]) == 26
    of_windows = {"mi_batch_mean": mi["mean"], "grad_norm_max": norm["max"], "grad_norm_median": norm["median"]}
    row = row_of(WINDOWS, window=8, mi_batch=mi["last"], grad_norm=norm["last"], of_windows=of_windows, mi_true=4.0)
    # The last tenth of 200 steps, 182 to 201: the windows of 177 to 200, and the look at the end.
    assert row["mi_batch_mean"] == pytest.approx(batch[176:].mean(), rel=1e-6)
    assert row["mi_batch_sd"] == pytest.approx(np.std(mi["mean"][-4:-1], ddof=1), rel=1e-6)
    assert row["mi_batch_last"] == pytest.approx(batch[-1], rel=1e-6)
    assert row["grad_norm_median"] == pytest.approx(np.median(norm["median"][:-1]), rel=1e-6)
    assert row["grad_norm_max"] == pytest.approx(norms[:200].max(), rel=1e-6)
    assert row["grad_norm_early"] == row["grad_norm_median"]
    assert (row["last_step"], row["record_every"], row["steps"]) == (201, "8", 200)
    assert row["spike_norm"] == pytest.approx(np.median(np.sort(norm["max"][:-1])[-10:]), rel=1e-6)


def test_early_windows_end_among_the_first_200_updates_or_there_is_one():
    for window, expected in ((90, 1.5), (300, 1.0)):  # windows end at 90, 180, 270, ... or at 300, 600, ...
        norms = np.arange(1.0, 2 + 900 // window)
        frame = make_frame(steps=900, window=window, grad_norm=2 * norms, of_windows={"grad_norm_median": norms})
        assert causes(frame, 900)["grad_norm_early"] == expected


def test_a_norm_of_100_anywhere_in_a_window_is_dated_at_its_end():
    largest = np.full(26, 5.0)
    largest[[10, 17]] = 150.0, 900.0
    frame = make_frame(steps=200, window=8, grad_norm=3.0, of_windows={"grad_norm_max": largest})
    frame["log_mean_exp"], frame["log_ema"] = np.log(np.arange(1.0, 27.0)), 0.0
    found = causes(frame, 200)
    assert found["norm_100_step"] == 11 * 8
    assert found["multiplier_max"] == pytest.approx(25.0)
    assert gradient_norms(frame, 200) == (3.0, 900.0)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_overflow_inside_a_window(value):
    training, made = WINDOWS, {"mi_batch": np.append(np.full(14, 3.0), value), "grad_norm": [*range(1, 15), np.nan]}
    row = row_of(training, overflow_step=117, last=117, window=8, **made)
    assert (row["outcome"], row["overflow_step"], row["last_step"]) == ("overflow", 117, 117)
    assert row["mi_batch_mean"] == pytest.approx(value, nan_ok=True)
    assert math.isnan(row["mi_batch_sd"])
    assert row["mi_batch_last"] == 3.0
    assert (row["grad_norm_median"], row["grad_norm_max"]) == (7.5, 14)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_gradient_that_overflowed_inside_a_window_stays(value):
    row = row_of(WINDOWS, overflow_step=20, last=20, window=8, mi_batch=3.0, grad_norm=[1.0, 2.0, value])
    assert row["grad_norm_median"] == 2.0
    assert row["grad_norm_max"] == pytest.approx(value, nan_ok=True)
    assert row["overflow_step"] == 20


def test_one_window_has_no_deviation():
    training = TrainingSettings(steps=100, record_every=50)
    mean, deviation = final_batch(make_frame(steps=100, window=50, mi_batch=[1.0, 2.0, 53.0]), training.steps)
    assert mean == pytest.approx((50 * 2.0 + 53.0) / 51)
    assert math.isnan(deviation)


def test_types_of_settings_hold_every_way_to_say_them():
    by_epoch = TrainingSettings(data=203, batch_size=20, epochs=40, last_batch="keep", record_every="epoch")
    rows = [row_of(by_epoch, window=11), row_of(WINDOWS, window=8)]
    table = summary_table(rows).to_pylist()
    said = [[row[name] for name in ("steps", "epochs", "data", "last_batch", "record_every")] for row in table]
    assert said == [[440, 40, "203", "keep", "epoch"], [200, None, "stream", "drop", "8"]]
