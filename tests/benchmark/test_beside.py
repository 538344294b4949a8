"""Public figures beside ours: the right cells, their difference, and what was not run or ended."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mine.estimators.literature import MIS, PUBLIC
from mine.publish.beside import FIGURES, as_table, stairs_beside, tasks_beside
from mine.reach.methods import TASKS


def stair(variant, mi, value, critic="concat", outcome="completed"):
    return {"variant": variant, "critic": critic, "mi_true": mi, "outcome": outcome, "mi_batch_mean": value}


def test_a_stair_is_the_mean_over_seeds_less_theirs():
    made = [stair("nwj", MIS[0], 1.2), stair("nwj", MIS[0], 1.4), stair("nwj", MIS[0], 9.0, critic="separable")]
    ended = [stair("smile", MIS[1], 2.0), stair("smile", MIS[1], math.nan, outcome="overflow")]
    pairs = [stair("infonce", MIS[4], 4.0, critic="separable")]
    frame = stairs_beside(pd.DataFrame([*made, *ended, *pairs]))
    first, second, third = frame.itertuples(index=False)
    theirs = PUBLIC["nwj"][0][0]
    assert first == ("NWJ", MIS[0], theirs, pytest.approx(1.3), pytest.approx(1.3 - theirs), "concat, 2 seeds")
    assert (second.theirs, second.note) == (PUBLIC["smile"][1][0], "concat, 1 of 2 runs overflowed")
    assert (third.ours, third.note) == (4.0, "separable, 1 seed")
    assert math.isnan(second.ours)
    assert math.isnan(second.difference)
    assert "| NWJ | 1.39 | 1.31 | 1.3 | −0.01 | concat, 2 seeds |" in as_table(frame)
    assert "| SMILE | 2.77 | 2.65 | — | — |" in as_table(frame)


def test_public_figures_are_of_tasks_that_we_have_and_name_where_they_were_read():
    table = pd.read_csv(FIGURES)
    assert set(table["task"]) <= set(TASKS)
    assert not table.duplicated(["task", "method"]).any()
    assert table.notna().all().all()


def test_a_task_is_the_mean_over_draws_less_theirs():
    public = pd.read_csv(FIGURES).iloc[0]
    row = {"task": public["task"], "method": public["method"], "rows": 10_000, "mi_true": 0.4133}
    ours = pd.DataFrame([row | {"value": 0.40}, row | {"value": 0.42}, row | {"value": 7.0, "rows": 300}])
    (found,) = tasks_beside(ours).itertuples(index=False)
    assert (found.ours, found.difference) == (pytest.approx(0.41), pytest.approx(0.41 - public["value"]))
    (none,) = tasks_beside(ours[:0]).itertuples(index=False)
    assert math.isnan(none.ours)
    assert "| — |" in as_table(tasks_beside(ours[:0]))
