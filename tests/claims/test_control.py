"""The claims about control: what turns each verdict, and what is only reported."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mine.claims.claim import FAILS, HOLDS, PARTLY, REPORTED, UNDECIDED, judge
from mine.claims.control import GOALS
from mine.claims.control_correction import CLAIM as CORRECTION
from mine.claims.control_truthful import CLAIM as TRUTHFUL
from mine.claims.control_usable import CLAIM as USABLE
from mine.claims.tables import Tables
from mine.control.settings import ControlSettings

SETTINGS = {
    "maximise": "maximise",
    "beta=2": "compress",
    "beta=20": "compress",
    "removal=1": "remove",
    "turned": "remove",
}
VALUES = {
    "share": 0.99,
    "mi_y": 1.0,
    "mi_x": 2.0,
    "mi_s": 0.2,
    "estimate_y": 1.02,
    "estimate_x": 1.97,
    "estimate_s": 0.19,
}


def encoders(seeds=10, **changes):
    """Made encoders near the optimum. changes: columns of a variant's, a goal's or a setting's runs, ``remove_ema``."""
    rows = []
    for setting, goal in SETTINGS.items():
        for variant in ("biased", "ema"):
            for seed in range(seeds):
                row = {"setting": setting, "variant": variant, "task": goal, "seed": 500 + seed, "outcome": "completed"}
                row |= VALUES | {"fresh_s": 0.21 if goal == "remove" else np.nan}
                row["share"] += 0.001 * (seed - (seeds - 1) / 2)
                for name in (variant, f"{goal}_{variant}", f"{setting}_{variant}"):
                    row |= changes.get(name, {})
                rows.append(row)
    return pd.DataFrame(rows)


def judged(claim, table):
    return judge(claim, 17, Tables.of(control_encoders=table))


def primary(found):
    return {f"{each.cell} {each.quantity}": each.verdict for each in found.findings if each.primary}


def test_claims_judge_the_terms_that_encoders_are_trained_by():
    asked = {"maximise": {"power": 1.0}, "compress": {"beta": 2.0}, "remove": {"sensitive": [0.3], "removal": 1.0}}
    for goal, terms in GOALS.items():
        more = asked[goal] | ({"power": 1.0} if goal == "remove" else {})
        assert ControlSettings(goal, [0.9], encoder_dim=1, **more).terms == terms


def test_near_the_optimum_in_every_setting_is_usable():
    found = judged(USABLE, encoders())
    assert found.verdict == HOLDS
    assert [each.cell for each in found.findings if each.primary] == ["maximise", "compress", "remove"]
    assert {each.verdict for each in found.findings if not each.primary} == {REPORTED}


def test_the_worst_setting_of_a_goal_decides_it():
    assert judged(USABLE, encoders(**{"beta=20_ema": {"share": 0.8}})).verdict == PARTLY
    assert judged(USABLE, encoders(ema={"share": 0.8})).verdict == FAILS
    assert judged(USABLE, encoders(biased={"share": 0.1})).verdict == HOLDS


def test_an_interval_across_the_threshold_decides_nothing():
    table = encoders()
    table["share"] = 0.95 + 0.02 * (table["seed"] - 504.5)
    assert judged(USABLE, table).verdict == UNDECIDED


def test_runs_that_ended_are_worse_than_any():
    table = encoders()
    gone = (table["setting"] == "beta=2") & (table["variant"] == "ema") & (table["seed"] < 509)
    table.loc[gone, ["outcome", "share"]] = ["overflow", np.nan]
    found = judged(USABLE, table)
    assert found.verdict == PARTLY
    assert "9 of 20 runs ended" in {each.note for each in found.findings}
    assert "compress" not in found.where
    # One of ten does not turn it.
    table = encoders()
    table.loc[(table["setting"] == "beta=2") & (table["seed"] == 500), ["outcome", "share"]] = ["overflow", np.nan]
    assert judged(USABLE, table).verdict == HOLDS


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, FAILS),  # both near: nothing to correct
        ({"biased": {"share": 0.7}}, HOLDS),
        ({"biased": {"outcome": "overflow", "share": np.nan}}, HOLDS),
        ({"maximise_biased": {"share": 0.7}}, PARTLY),
        ({"biased": {"share": 0.7}, "ema": {"share": 0.8}}, UNDECIDED),  # better, and not usable
        ({"biased": {"share": 0.7}, "ema": {"share": 0.71}}, FAILS),
        ({"biased": {"outcome": "overflow"}, "ema": {"outcome": "overflow"}}, FAILS),
    ],
)
def test_a_correction_is_what_makes_usable_where_only_the_corrected_is(changes, verdict):
    assert judged(CORRECTION, encoders(**changes)).verdict == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, HOLDS),
        ({"ema": {"estimate_y": 1.3, "estimate_x": 1.5, "estimate_s": 0.05}}, FAILS),
        ({"ema": {"estimate_y": 0.7, "estimate_x": 2.5, "estimate_s": 0.35}}, FAILS),
        ({"beta=20_ema": {"estimate_x": 1.5}}, PARTLY),
        ({"biased": {"estimate_y": 9.0}}, HOLDS),
        ({"ema": {"outcome": "overflow"}}, FAILS),
    ],
)
def test_an_estimate_is_true_within_a_tenth_of_a_nat(changes, verdict):
    found = judged(TRUTHFUL, encoders(**changes))
    assert found.verdict == verdict
    assert len(primary(found)) == 5


def test_what_a_fresh_critic_finds_is_reported():
    found = [each for each in judged(TRUTHFUL, encoders()).findings if "fresh critic" in each.quantity]
    assert len(found) == 4
    assert {each.verdict for each in found} == {REPORTED}
    np.testing.assert_allclose([each.effect for each in found], 0.01)


@pytest.mark.parametrize("claim", [USABLE, CORRECTION, TRUTHFUL], ids=lambda claim: claim.name)
def test_too_few_seeds_and_no_tables_decide_nothing(claim):
    assert judged(claim, encoders(seeds=4)).verdict == UNDECIDED
    nothing = judge(claim, 17, Tables.of())
    assert nothing.verdict == UNDECIDED
    assert "control/encoders" in nothing.findings[0].note
    one_goal = encoders()
    assert judged(claim, one_goal[one_goal["task"] != "remove"]).verdict in (UNDECIDED, FAILS)
