"""Aggregate scores over tasks: against closed forms, and against loops and libraries that compute the same."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_estimates import benchmark, benchmark_n
from scipy.stats import mannwhitneyu, trim_mean

from mine.reach import scores as of_scores
from mine.reach.aims import with_errors
from mine.reach.scores import (
    ALL,
    Group,
    bootstrapped,
    cost_to_reach,
    difference,
    groups_of,
    improvement,
    in_order,
    interquartile_mean,
    judged,
    label_of,
    resampled,
    scores,
    share_within,
    tied,
    together,
)

ERRORS = st.floats(0.0, 10.0) | st.just(math.inf)
CELLS = arrays(float, st.tuples(st.integers(2, 4), st.integers(1, 6)), elements=ERRORS)
METHODS = ("ours", "js", "gaussian-mixture", "nwj")
TASKS = ("1v1-normal-0.75", "student-identity-5-5-2", "student-identity-5-5-3", "turned-labels-5-1-4-1.5")


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Resamples, so that a property is quick."""
    monkeypatch.setattr(of_scores, "RESAMPLES", 200)


@settings(max_examples=25, deadline=None)
@given(arrays(float, st.integers(1, 30), elements=st.floats(0.0, 10.0)))
def test_the_interquartile_mean_is_scipys_trimmed_mean(errors):
    assert interquartile_mean(errors) == pytest.approx(trim_mean(errors, 0.25))


def test_a_quarter_without_a_value_is_left_out_and_more_is_not():
    assert interquartile_mean(np.array([1.0, 1.0, 1.0, np.inf])) == 1.0
    assert interquartile_mean(np.array([1.0, 1.0, np.inf, np.inf])) == math.inf


@settings(max_examples=25, deadline=None)
@given(CELLS)
def test_an_interval_holds_ordered_ends_that_some_resample_has(cells):
    for statistic in (interquartile_mean, share_within):
        found, drawn = bootstrapped(statistic, cells), statistic(resampled(cells))
        assert found.low <= found.high
        assert {found.low, found.high} <= set(drawn.tolist())
        assert drawn.min() <= found.low


@settings(max_examples=25, deadline=None)
@given(CELLS)
def test_a_resample_has_as_many_draws_of_each_task_and_none_of_another(cells):
    drawn = resampled(cells).reshape(-1, *cells.shape)
    for task in range(cells.shape[1]):
        assert set(drawn[..., task].ravel().tolist()) <= set(cells[:, task].tolist())


def test_draws_that_agree_leave_no_doubt_and_one_draw_has_no_interval():
    assert bootstrapped(interquartile_mean, np.full((3, 5), 0.2)).within(0.2 - 1e-12, 0.2 + 1e-12)
    one = bootstrapped(interquartile_mean, np.full((1, 5), 0.2))
    assert (one.value, math.isnan(one.low), math.isnan(one.high)) == (pytest.approx(0.2), True, True)


def test_the_interval_is_that_of_every_resample_there_is(monkeypatch):
    """Two draws of two tasks have 16 resamples, all as likely: quantiles of these are what the bootstrap comes to."""
    monkeypatch.setattr(of_scores, "RESAMPLES", 20_000)
    cells = np.array([[0.1, 0.5], [0.3, 1.1]])
    every = [
        np.mean([cells[a, 0], cells[b, 0], cells[c, 1], cells[d, 1]])
        for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in (0, 1)
    ]  # fmt: skip
    found = bootstrapped(lambda errors: errors.mean(axis=-1), cells)
    assert found.low == pytest.approx(np.quantile(every, 0.025, method="inverted_cdf"))
    assert found.high == pytest.approx(np.quantile(every, 0.975, method="inverted_cdf"))
    share = np.mean(resampled(cells).mean(axis=1) == found.low)
    assert share == pytest.approx(1 / 16, abs=0.01)


@settings(max_examples=25, deadline=None)
@given(CELLS, st.data())
def test_improvement_is_mann_whitneys_share_and_turns_round(one, data):
    other = data.draw(arrays(float, one.shape, elements=ERRORS))
    found, turned = improvement(one, other), improvement(other, one)
    pairs = one.shape[0] ** 2
    # SciPy counts the other way round, and takes infinity for a number too large.
    ranks = [np.where(np.isinf(cells), 99.0, cells) for cells in (one, other)]
    wanted = np.mean([mannwhitneyu(y, x).statistic / pairs for x, y in zip(*(each.T for each in ranks), strict=True)])
    assert found.value == pytest.approx(wanted)
    assert found.value + turned.value == pytest.approx(1.0)
    assert 0.0 <= found.low <= found.high <= 1.0


def test_what_differs_on_every_draw_is_told_apart_though_the_draws_spread():
    """The same draws of hard and easy data: a difference of 0.01 within a spread of 1."""
    cells = np.random.default_rng(0).uniform(0.0, 1.0, (3, 8))
    assert difference(cells + 0.01, cells).within(0.01 - 1e-9, 0.01 + 1e-9)
    assert bootstrapped(interquartile_mean, cells + 0.01).low < bootstrapped(interquartile_mean, cells).value
    nothing = np.full((3, 8), np.inf)
    assert difference(nothing, nothing).value == 0.0
    assert difference(nothing, cells).low == math.inf


@pytest.fixture(scope="module")
def table():
    return together(benchmark(METHODS, tasks=TASKS))


def test_every_estimate_counts_and_failures_are_wrong_by_any_amount(table):
    rows = scores(groups_of(table)[0]).set_index("method")
    assert set(rows.index) == set(METHODS)
    assert (rows["tasks"] == len(TASKS)).all()
    assert rows.at["gaussian-mixture", "failed"] == pytest.approx(1 / 4)
    assert rows.at["nwj", "failed"] == pytest.approx(4 / 12)
    assert rows.at["nwj", "error"] > 2.0
    for method in METHODS:
        of_method = table[table["method"] == method]
        off = (of_method["value"] - of_method["mi_true"]).abs()
        assert rows.at[method, "within"] == pytest.approx((off <= 0.1).mean())
        assert rows.at[method, "near"] == pytest.approx((off <= 0.1 * of_method["mi_true"]).mean())
        assert rows.at[method, "cpu_s"] == of_method["cpu_s"].median()
    assert list(rows.index)[-1] == "nwj"


def test_groups_are_of_their_tasks_and_a_method_without_one_of_these_is_in_none(table):
    names = [group.name for group in groups_of(table)]
    assert names == [ALL, "1 × 1", "heavy tails", "other families"]
    gone = table[(table["method"] != "js") | (table["task"] != TASKS[1])]
    found = {group.name: set(group.methods) for group in groups_of(gone)}
    assert "js" not in found[ALL] | found["heavy tails"]
    assert "js" in found["1 × 1"]


def test_a_method_of_one_draw_is_scored_and_not_compared(table):
    group = Group.of(ALL, table[(table["method"] != "js") | (table["draw"] == 0)])
    assert group.draws("js") == (0,)
    assert "js" in set(scores(group)["method"])
    assert group.alike == in_order(set(METHODS) - {"js"})
    assert "js" not in tied(group, "ours")


def test_a_method_is_tied_with_itself_under_another_name(table):
    twin = table[table["method"] == "ours"].assign(method="twin")
    group = Group.of(ALL, pd.concat([table, twin]))
    assert "twin" in tied(group, "ours")
    assert "nwj" not in tied(group, "ours")
    assert (label_of("twin"), in_order(["twin", "ours"])) == ("twin", ["ours", "twin"])


def test_rows_of_other_tables_are_those_of_as_many_pairs():
    table = benchmark(("ours",), draws=1, tasks=TASKS)
    other = pd.concat([table.assign(method="minde"), table.assign(method="minde", rows=500)])
    assert together(table, None, other)["method"].value_counts().to_dict() == {"ours": 4, "minde": 4}


def test_the_cost_is_that_of_the_fewest_pairs_at_which_all_draws_are_near():
    table = judged(with_errors(benchmark_n(("ours", "gaussian-mixture"))))
    found = cost_to_reach(table).set_index(["task", "method"])
    for (task, method), of_method in table.groupby(["task", "method"]):
        wanted = math.nan
        for count in sorted(of_method["rows"].unique(), reverse=True):
            at = of_method[of_method["rows"] == count]
            if ((at["value"] - at["mi_true"]).abs() <= 0.1 * at["mi_true"]).all():
                wanted = count
        np.testing.assert_equal(found.at[(task, method), "rows"], wanted)
        if not math.isnan(wanted):
            at = of_method[of_method["rows"] == wanted]
            assert found.at[(task, method), "cpu_s"] == at["cpu_s"].median()
    assert found["rows"].notna().any()
    assert found["rows"].isna().any()
