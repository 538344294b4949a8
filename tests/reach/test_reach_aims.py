"""Every aim of `snakemake own` on made tables: all are reached on good ones, and each can fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_tables import RIVAL, ROWS, estimates, nulls

from mine.reach.aims import best_other, judged, mean_and_interval, with_errors
from mine.reach.methods import CROSS_FIT, OURS, TASKS, set_of
from mine.reach.plan import NULLS
from mine.tasks.fixed import HEAVY, HIGH, LOW, ONE_BY_ONE, OTHER, SPIRALS

PUBLIC = [name for name in TASKS if set_of(name) != "further"]


def reached(table, of_nulls=None):
    return {each["aim"]: each["reached"] for each in judged(table, nulls() if of_nulls is None else of_nulls, ROWS)}


def test_good_tables_reach_every_aim():
    found = judged(estimates(), nulls(), ROWS)
    assert {each["reached"] for each in found} == {"yes"}
    assert len(found) == 17 + 1 + len(NULLS)
    within = next(each for each in found if each["aim"] == "within 0.1 nats")
    assert within["measured"] == "40 of 40, mean over 5 draws (40 to 40)"


def test_without_anything_nothing_is_measured():
    found = judged(estimates().iloc[:0], nulls().iloc[:0], ROWS)
    assert {each["reached"] for each in found} == {"not measured"}


def of(table, method=OURS, tasks=PUBLIC, draws=range(5)):
    return (table["method"] == method) & table["task"].isin(tasks) & table["draw"].isin(draws)


def worse(table, by, **chosen):
    table.loc[of(table, **chosen), "value"] += by


def column(table, name, value, **chosen):
    table.loc[of(table, **chosen), name] = value


def wide(table):
    column(table, "low", 0.4)
    column(table, "high", 0.6)


def beside(table, **chosen):
    column(table, "low", 0.6, **chosen)
    column(table, "high", 0.7, **chosen)


JUDGING = [name for name in PUBLIC if set_of(name) == "judging"]
GROUPS = (ONE_BY_ONE, LOW, HIGH, HEAVY, SPIRALS)
IN_GROUP = {group: [name for name in PUBLIC if TASKS[name].group == group] for group in GROUPS}
MORE = [*IN_GROUP[LOW], *IN_GROUP[HIGH], *IN_GROUP[HEAVY]]
LESS = "absolute error less the best other's"


@pytest.mark.parametrize(
    ("aim", "spoil"),
    [
        ("mean absolute error, one split, nats", lambda t: worse(t, 0.04)),
        ("CPU seconds of an estimate, one split, median", lambda t: column(t, "cpu_s", 16.0)),
        ("mean absolute error, --cross-fit 5, nats", lambda t: worse(t, 0.03, method=CROSS_FIT)),
        ("CPU seconds of an estimate, --cross-fit 5, median", lambda t: column(t, "cpu_s", 61.0, method=CROSS_FIT)),
        ("within 0.1 nats", lambda t: worse(t, 0.1, tasks=PUBLIC[:4])),
        ("within 0.1 nats, tasks that nothing was chosen on", lambda t: worse(t, 0.1, tasks=JUDGING[:3])),
        *((f"{LESS}, {g}", lambda t, g=g: worse(t, 0.08, tasks=IN_GROUP[g])) for g in IN_GROUP),
        ("groups on which it is better than the best other", lambda t: worse(t, 0.045, tasks=MORE)),
        ("smallest value, nats, as it is", lambda t: worse(t, -0.57, tasks=PUBLIC[:1], draws=[2])),
        ("wrong by more than 0.15 nats without a warning of it", lambda t: worse(t, 0.2, tasks=PUBLIC[:1], draws=[2])),
        ("right within 0.1 nats, but warned about", lambda t: column(t, "warnings", "few_values", tasks=PUBLIC[:5])),
        ('verdicts "at least"', lambda t: column(t, "warnings", "overfitting", tasks=PUBLIC[:9])),
        ("interval covers the truth", lambda t: beside(t, tasks=PUBLIC[:7])),
        ("width of the interval, median, nats", wide),
    ],
)  # fmt: skip
def test_each_aim_can_fail(aim, spoil):
    table = estimates()
    spoil(table)
    assert reached(table)[aim] == "no"


@pytest.mark.parametrize("kind", NULLS)
def test_each_kind_of_null_data_can_fail(kind):
    table = nulls()
    table.loc[(table["kind"] == kind) & (table["draw"] < 13), "p_value"] = 0.04
    found = reached(estimates(), table)
    assert [aim for aim, answer in found.items() if answer == "no"] == [f"null data, {kind}: share of p < 0.05"]


def test_a_note_on_columns_excuses_no_wrong_value_and_a_warning_does():
    table = estimates()
    worse(table, 0.2, tasks=PUBLIC[:1])
    column(table, "warnings", "few_values", tasks=PUBLIC[:1])
    assert reached(table)["wrong by more than 0.15 nats without a warning of it"] == "no"
    column(table, "warnings", "few_values,overfitting", tasks=PUBLIC[:1])
    assert reached(table)["wrong by more than 0.15 nats without a warning of it"] == "yes"


def test_a_task_without_a_value_is_wrong():
    table = estimates()
    column(table, "value", np.nan, tasks=PUBLIC[:4])
    found = reached(table)
    assert found["within 0.1 nats"] == found["mean absolute error, one split, nats"] == "no"
    assert found["smallest value, nats, as it is"] == "no"


def test_the_best_other_is_one_that_was_measured_on_the_whole_group():
    table = estimates()
    part = table[(table["method"] == RIVAL) & (table["task"] == "1v1-normal-0.75")].assign(method="gmm-mi", value=0.5)
    public = with_errors(table[table["set"] != "further"])
    both = with_errors(pd.concat([table[table["set"] != "further"], part]))
    name, worse_by, over = best_other(both, ONE_BY_ONE)
    assert (name, over) == (RIVAL, f"{len(IN_GROUP[ONE_BY_ONE])} tasks of 1 draw")
    assert worse_by == pytest.approx(np.full(len(IN_GROUP[ONE_BY_ONE]), -0.04))
    assert best_other(public, OTHER) is None
    several = table[table["method"] != RIVAL].copy()
    several = pd.concat([several, several[several["method"] == OURS].assign(method="cca", value=0.52)])
    name, worse_by, over = best_other(with_errors(several), ONE_BY_ONE)
    assert (name, over, len(worse_by)) == ("cca", "5 draws", 5)


def test_the_interval_is_students():
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(0).normal(size=6)
    mean, low, high = mean_and_interval(values)
    expected = ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))
    assert mean_and_interval(values[:1])[1:] == (-np.inf, np.inf)
