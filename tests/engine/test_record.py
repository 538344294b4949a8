"""Rows for windows of updates: which steps they are, and what they say of the updates that they stand for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mine.engine.record import MEASURED, OF_WINDOWS, Recorder, Windows
from mine.engine.runs import train_at as train
from mine.settings import TrainingSettings
from mine.trace import COLUMNS

BY_EPOCH = TrainingSettings(
    epochs=9, data=203, last_batch="keep", record_every="epoch", batch_size=20, hidden=8, layers=1,
    eval_every=30, term_norms_every=25,
)  # fmt: skip
STREAM = TrainingSettings(steps=60, batch_size=16, hidden=8, layers=1, eval_every=30, term_norms_every=25)
# Overflows within a few steps.
WILD = replace(STREAM, optimizer="sgd", learning_rate=2.0, steps=200, hidden=16)

runs = (
    st.tuples(st.integers(1, 300), st.integers(1, 40))
    .filter(lambda run: run[1] <= run[0])
    .map(lambda run: Windows(*run))
)


@settings(max_examples=100, deadline=None)
@given(runs, st.data())
def test_windows_divide_the_updates(windows, data):
    last = data.draw(st.integers(1, windows.steps + 1))
    ends = windows.ends(last).tolist()
    assert ends == sorted(set(ends))
    assert ends[-1] == last
    inner = ends[:-1]
    assert all(windows.end(end) == end for end in inner)
    # Of a run that goes on to its end each step belongs to the first row at or after it, and that is its window.
    whole = windows.ends(windows.steps + 1)
    for step in (last, max(1, last - 1), 1):
        assert windows.end(step) == whole[np.searchsorted(whole, step)]
        assert windows.end(windows.end(step)) == windows.end(step) >= step
    assert inner == [end for end in whole.tolist() if end < last]
    widths = np.diff(whole[:-1], prepend=0)
    assert (widths[:-1] == windows.width).all()
    assert 1 <= widths[-1] <= windows.width
    assert whole[-1] - whole[-2] == 1


@settings(max_examples=100, deadline=None)
@given(runs, st.integers(1, 50))
def test_what_is_planned_is_due_once_at_the_end_of_its_window(windows, every):
    planned = {windows.end(step) for step in range(1, windows.steps + 1, every)}
    assert planned == {step for step in range(1, windows.steps + 2) if windows.due(step, every)}
    of_updates = Windows(windows.steps, 1)
    assert all(
        of_updates.due(step, every) == ((step - 1) % every == 0) for step in range(1, windows.steps + 1)
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(runs, st.integers(1, 60), st.integers(0, 2**32 - 1), st.data())
def test_how_updates_come_in_blocks_does_not_change_the_rows(windows, block, seed, data):
    last = data.draw(st.integers(1, windows.steps + 1))
    updates = np.random.default_rng(seed).normal(size=(last, len(MEASURED))).astype(np.float32)
    recorder = Recorder(windows)
    for first in range(0, last, block):
        recorder.add(updates[first : first + block], ended=first + block >= last)
    rows, of_windows = recorder.rows()
    ends = windows.ends(last)
    np.testing.assert_array_equal(rows, updates[ends - 1])
    if windows.width > 1:
        norm = updates[:, MEASURED.index("grad_norm")]
        expected = [norm[start:end].max() for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        np.testing.assert_array_equal(of_windows["grad_norm_max"], expected)


def of_windows(columns, ends):
    """What a window's columns should hold, from the trace of the same run with a row an update."""
    mi, norm = (columns[name].astype(np.float64).filled(np.nan) for name in ("mi_batch", "grad_norm"))
    by_ema = (columns["joint_mean"] - columns["log_ema"]).astype(np.float64).filled(np.nan)
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        here = slice(start, end)
        of_norms = (f(norm[here]) for f in (np.min, np.mean, np.median, np.max))
        # Nothing here looks twice.
        yield dict(zip(OF_WINDOWS, [mi[here].mean(), by_ema[here].mean(), np.nan, *of_norms], strict=True))


def check(variant, training, every, dim=2, rho=0.9, seed=3):
    """Train with a row an update and with a row a window, and hold the one against the other."""
    fine = train(variant, dim, rho, [seed], replace(training, record_every=1))[0]
    coarse = train(variant, dim, rho, [seed], replace(training, record_every=every))[0]
    last = len(fine.columns["step"])
    windows = Windows(training.steps, replace(training, record_every=every).window)
    ends = windows.ends(last)
    assert coarse.columns["step"].tolist() == ends.tolist()
    assert coarse.overflow_step == fine.overflow_step
    assert coarse.parameters.equal(fine.parameters)
    planned = ("grad_norm_joint", "grad_norm_product", "mi_heldout", "heldout_ess", "mi_population", "population_ess")
    for name in COLUMNS:
        # Values of the last update are those of the other trace, bit by bit; evaluations stand at other steps.
        if name not in (*OF_WINDOWS, *planned):
            one, other = fine.columns[name][ends - 1], coarse.columns[name]
            np.testing.assert_array_equal(np.ma.getmaskarray(one), np.ma.getmaskarray(other), err_msg=name)
            np.testing.assert_array_equal(one.compressed(), other.compressed(), err_msg=name)
        if name in OF_WINDOWS:
            assert np.ma.getmaskarray(fine.columns[name]).all()
    for name, every_n in (("mi_population", training.eval_every), ("grad_norm_joint", training.term_norms_every)):
        due = [windows.due(end, every_n) for end in ends.tolist()]
        if name == "mi_population":
            due[-1] = True
        assert (~np.ma.getmaskarray(coarse.columns[name])).tolist() == due
    with np.errstate(invalid="ignore"):
        expected = list(of_windows(fine.columns, ends))
    for name in OF_WINDOWS:
        values, mask = coarse.columns[name], np.ma.getmaskarray(coarse.columns[name])
        has_update = ends <= training.steps
        if (name == "mi_ema_mean" and not variant.startswith("ema")) or name == "mi_again_mean":
            assert mask.all()
            continue
        assert mask.tolist() == (~has_update).tolist()
        wanted = np.array([row[name] for row in expected])[has_update]
        np.testing.assert_allclose(values.data[has_update], wanted, rtol=1e-6, atol=1e-7, err_msg=name)
    return fine, coarse


@pytest.mark.parametrize(
    ("training", "every"),
    [
        (STREAM, 7),
        (STREAM, 60),
        (STREAM, 50),
        (BY_EPOCH, "epoch"),
        (BY_EPOCH, 13),
        (replace(STREAM, grad_clip=0.2, optimizer="adamw"), 7),
    ],
    ids=["incomplete last window", "one window", "a block", "an epoch", "across epochs", "clipped"],
)
def test_a_window_is_its_updates(training, every):
    _, coarse = check("ema", training, every)
    assert coarse.overflow_step is None


def test_without_a_moving_average_its_mean_is_null():
    check("biased-stable", STREAM, 7)


def test_epochs_are_counted_from_one():
    coarse = train("ema", 2, 0.9, [0], BY_EPOCH)[0].columns
    assert coarse["epoch"].tolist() == [*range(1, 10), None]
    fine = train("ema", 2, 0.9, [0], replace(BY_EPOCH, record_every=1))[0].columns
    assert fine["epoch"].tolist() == [*np.repeat(range(1, 10), 11).tolist(), None]
    assert np.ma.getmaskarray(train("ema", 2, 0.9, [0], STREAM)[0].columns["epoch"]).all()


@pytest.mark.parametrize("every", [3, 64, 200])
def test_an_overflow_ends_its_window_where_it_is(every):
    fine, coarse = check("biased", WILD, every, dim=5, rho=0.99)
    step = fine.overflow_step
    assert step is not None
    assert step % every, "the overflow must lie inside a window to test this"
    assert coarse.columns["step"][-1] == step
    assert not np.isfinite(coarse.columns["mi_batch"][-1] + coarse.columns["grad_norm"][-1])
    assert not np.ma.is_masked(coarse.columns["mi_population"][-1])
    assert not np.isfinite(coarse.columns["mi_batch_mean"][-1] + coarse.columns["grad_norm_max"][-1])


def test_this_would_see_a_window_that_is_one_update_off():
    fine = train("ema", 2, 0.9, [3], STREAM)[0].columns
    coarse = train("ema", 2, 0.9, [3], replace(STREAM, record_every=7))[0].columns
    off = [row["mi_batch_mean"] for row in of_windows(fine, [8, 15])]
    assert (np.abs(coarse["mi_batch_mean"][:2] - off) > 1e-4).all()
