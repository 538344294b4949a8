"""Divergence on made traces of each kind."""

from __future__ import annotations

import numpy as np
import pytest
from factories import make_frame
from hypothesis import given, settings
from hypothesis import strategies as st

from mine import divergence

STEPS, EVERY = 400, 100  # evaluations at rows 1, 101, 201, 301, 401
TRUTH = 4.0


def frame(**kwargs):
    return make_frame(**{"steps": STEPS, "eval_every": EVERY, "mi_true": TRUTH, **kwargs})


def diverged_step(rows, margin=divergence.MARGIN):
    return divergence.diverged_step(divergence.overflow_step(rows, STEPS), divergence.runaway_step(rows, margin))


def blocks(*levels):
    """One in-batch value for row 1, then one level for the 100 rows up to each later evaluation."""
    return np.concatenate([[levels[0]], *[np.full(EVERY, level) for level in levels[1:]]])


def test_completed_and_fine():
    rows = frame()
    assert divergence.overflow_step(rows, STEPS) is None
    assert divergence.runaway_step(rows) is None
    assert diverged_step(rows) is None


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_overflow_by_mi_batch(value):
    rows = frame(last=237, mi_batch=np.append(np.full(236, 3.9), value))
    assert divergence.overflow_step(rows, STEPS) == 237
    assert divergence.runaway_step(rows) is None
    assert diverged_step(rows) == 237


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_overflow_by_gradient_alone(value):
    rows = frame(last=150, grad_norm=np.append(np.full(149, 5.0), value))
    assert np.isfinite(rows["mi_batch"]).all()
    assert divergence.overflow_step(rows, STEPS) == 150


def test_missing_gradient_of_the_last_row_is_no_overflow():
    rows = frame()
    assert np.isnan(rows["grad_norm"].iloc[-1])
    assert divergence.overflow_step(rows, STEPS) is None


def test_overflow_on_the_row_after_the_last_update():
    rows = frame(mi_batch=np.append(np.full(STEPS, 3.9), np.inf))
    assert divergence.overflow_step(rows, STEPS) == STEPS + 1


def test_runaway_is_dated_at_the_first_of_two_evaluations():
    rows = frame(mi_batch=blocks(0, 4, 7, 9, 9), mi_population=3.9)
    assert divergence.runaway_step(rows) == 201
    assert diverged_step(rows) == 201


@pytest.mark.parametrize("levels", [(0, 4, 7, 4, 4), (0, 4, 4, 4, 7), (0, 7, 4, 7, 4)])
def test_a_single_evaluation_is_an_excursion(levels):
    assert divergence.runaway_step(frame(mi_batch=blocks(*levels), mi_population=3.9)) is None


def test_right_in_batch_and_worthless_at_the_population():
    rows = frame(mi_batch=blocks(0, 3.9, 4.1, 4.0, 4.0), mi_population=[0, 3.8, -9.0, -17.0, -30.0])
    assert abs(rows["mi_batch"].iloc[-100:].mean() - TRUTH) < 0.2
    assert divergence.runaway_step(rows) == 201


def test_low_ess_of_the_population_testifies_as_a_bound():
    # 4.0 in-batch against 0.0: beyond the margin of 2, not beyond 2 + ln 20 = 5.0.
    doubtful = {"mi_batch": blocks(0, 3.9, 4.1, 4.0, 4.0), "mi_population": [0, 3.8, 0.0, 0.0, 0.0]}
    assert divergence.runaway_step(frame(**doubtful, population_ess=49.9)) is None
    assert divergence.runaway_step(frame(**doubtful, population_ess=50.0)) == 201
    assert divergence.runaway_step(frame(**doubtful, population_ess=49.9), min_ess=0) == 201
    one_hollow = [5000, 5000, 5000, 10, 5000]  # breaks the pair at 201 and 301, and the one at 301 and 401
    assert divergence.runaway_step(frame(**doubtful, population_ess=one_hollow)) is None
    worthless = {**doubtful, "mi_population": [0, 3.8, -1.5, -17.0, -30.0]}
    assert divergence.runaway_step(frame(**worthless, population_ess=1.0)) == 201


def test_the_allowance_covers_a_mean_that_misses_its_tail():
    """Log-normal summands with sd 4 on the log scale: a thousand of them rarely meet what their mean lives on."""
    summands = np.random.default_rng(0).lognormal(0.0, 4.0, size=(2000, 1000))
    ess = summands.sum(1) ** 2 / (summands**2).sum(1)
    too_low = np.log(summands.mean(1)) + divergence.LOW_ESS_ALLOWANCE < 8.0  # log of the exact mean, sd^2 / 2
    assert np.median(ess) < divergence.MIN_ESS
    assert np.mean(np.log(summands.mean(1)) < 8.0) > 0.5
    assert too_low.mean() <= 0.05


def test_low_ess_leaves_the_comparison_with_the_truth():
    rows = frame(mi_batch=blocks(0, 4, 7, 9, 9), mi_population=0.0, population_ess=1.0)
    assert divergence.runaway_step(rows) == 201


@pytest.mark.parametrize(("margin", "expected"), [(1.0, 101), (2.0, 201), (4.0, 301)])
def test_margins(margin, expected):
    rows = frame(mi_batch=blocks(0, 5.5, 7, 9, 9), mi_population=TRUTH)
    assert divergence.runaway_step(rows, margin) == expected
    assert diverged_step(rows, margin) == expected


def test_several_margins_are_looked_at_at_once():
    rows = frame(mi_batch=blocks(0, 5.5, 7, 9, 9), mi_population=TRUTH)
    assert divergence.runaway_steps(rows, (4.0, 1.0, 9.0, 2.0)) == [301, 101, None, 201]


def test_a_margin_must_be_exceeded():
    assert divergence.runaway_step(frame(mi_batch=6.0, mi_population=4.0)) is None
    assert divergence.runaway_step(frame(mi_batch=6.001, mi_population=4.0)) == 1


def test_fewer_rows_than_the_window_are_averaged_as_they_are():
    # Evaluations at rows 1, 11, 21, 31: means over all rows so far, 0, 6.36, 6.67, 6.77.
    values = np.append([0.0], np.full(30, 7.0))
    rows = make_frame(steps=30, eval_every=10, mi_true=TRUTH, mi_population=TRUTH, mi_batch=values)
    means = divergence.recent_mean(rows, divergence.evaluation_rows(rows))
    assert means == pytest.approx([0, 70 / 11, 140 / 21, 210 / 31])
    assert divergence.runaway_step(rows) == 11
    assert divergence.runaway_step(rows, 2.5) == 21


def test_the_window_is_the_last_100_rows_and_holds_the_row_itself():
    values = np.arange(1, STEPS + 2, dtype=float)
    rows = frame(mi_batch=values)
    means = divergence.recent_mean(rows, divergence.evaluation_rows(rows))
    assert means == pytest.approx([1, values[1:101].mean(), values[101:201].mean(), 251.5, 351.5])


def test_an_overflow_runs_last_row_is_an_evaluation():
    values = np.concatenate([[0.0], np.full(199, 4.0), [8.0] * 101, [8.0] * 40, [np.inf]])
    rows = frame(last=len(values), mi_batch=values, mi_population=TRUTH)
    assert divergence.evaluation_rows(rows).tolist() == [0, 100, 200, 300, 341]
    # Rows 301 and 342 are two evaluations in a row; the infinite value is left out of the mean.
    assert divergence.runaway_step(rows) == 301
    assert divergence.overflow_step(rows, STEPS) == 342
    assert diverged_step(rows) == 301


def test_an_evaluation_without_a_population_value_is_still_an_evaluation():
    rows = frame(mi_batch=blocks(0, 4, 9, 9, 9), mi_population=[0, 4, np.nan, np.nan, np.nan])
    assert divergence.runaway_step(rows) == 201


levels = st.lists(st.floats(-20, 40, width=32), min_size=5, max_size=5)
ess = st.lists(st.sampled_from([1.0, 49.0, 50.0, 1e4]), min_size=5, max_size=5)


def later(first, second):
    """Whether second never came before first; None is never."""
    return second is None or (first is not None and first <= second)


@settings(max_examples=60, deadline=None)
@given(levels, levels, ess, st.floats(0.1, 10), st.floats(0, 10))
def test_a_larger_margin_never_runs_away_earlier(batch, population, sizes, margin, more):
    rows = frame(mi_batch=blocks(*batch), mi_population=population, population_ess=sizes)
    assert later(divergence.runaway_step(rows, margin), divergence.runaway_step(rows, margin + more))


@settings(max_examples=60, deadline=None)
@given(levels, levels, ess)
def test_an_evaluation_that_may_testify_never_delays_the_verdict(batch, population, sizes):
    rows = frame(mi_batch=blocks(*batch), mi_population=population, population_ess=sizes)
    assert later(divergence.runaway_step(rows, min_ess=0), divergence.runaway_step(rows))


@settings(max_examples=60, deadline=None)
@given(levels, levels, ess, st.one_of(st.none(), st.integers(1, STEPS + 1)))
def test_diverged_is_the_earlier_of_both(batch, population, sizes, overflow):
    values = blocks(*batch)
    if overflow is not None:
        values[overflow - 1 :] = np.nan
    rows = frame(mi_batch=values, mi_population=population, population_ess=sizes)
    runaway = divergence.runaway_step(rows)
    assert divergence.overflow_step(rows, STEPS) == overflow
    assert runaway in (None, 1, 101, 201, 301)
    expected = min((s for s in (overflow, runaway) if s is not None), default=None)
    assert diverged_step(rows) == expected


@pytest.mark.parametrize(("window", "from_step"), [(1, 101), (8, 97), (100, 101), (200, 1), (150, 151)])
def test_of_windows_the_last_100_are_all_updates_of_those_that_hold_one(window, from_step):
    """At the row that holds step 200; updates have values 1, 2, ..., so a mean says which were averaged."""
    ends = np.unique([*range(window, STEPS + 1, window), STEPS])
    starts = np.append(0, ends[:-1])
    means = np.append((starts + 1 + ends) / 2, STEPS + 1)
    rows = frame(window=window, mi_batch=np.append(ends, STEPS + 1), of_windows={"mi_batch_mean": means})
    at = np.searchsorted(rows["step"], 200)
    assert divergence.recent_mean(rows, [at]).tolist() == pytest.approx([(from_step + rows["step"][at]) / 2])
    # The look after the last update counts as the one batch that it is.
    last = divergence.recent_mean(rows, [len(rows) - 1])[0]
    first = starts[ends > STEPS + 1 - 100][0] + 1
    assert last == pytest.approx((first + STEPS + 1) / 2)


def test_an_overflow_inside_a_window_is_dated_to_the_update():
    made = {"mi_batch": [0.0, 4.0, 8.0, 8.0, np.inf], "mi_population": [TRUTH] * 5}
    rows = frame(window=50, eval_every=50, last=237, **made)
    assert rows["step"].tolist() == [50, 100, 150, 200, 237]
    assert divergence.overflow_step(rows, STEPS) == 237
    # The window that overflowed has no finite mean and is left out.
    assert divergence.recent_mean(rows, divergence.evaluation_rows(rows)).tolist() == [0, 2, 6, 8, 8]
    assert divergence.runaway_step(rows, 1.5) == 150
    assert diverged_step(rows) == 200


def test_an_overflowed_gradient_inside_a_window():
    rows = frame(window=50, last=120, grad_norm=[5.0, 5.0, np.nan])
    assert divergence.overflow_step(rows, STEPS) == 120
