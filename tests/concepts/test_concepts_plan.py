"""What `snakemake concepts` plans, what it refuses, and when its decision table says that a leakage is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mine.concepts.decision import FALSE_ALARMS, NO, YES, decided, smallest_told
from mine.concepts.names import DATA, JOINT, KINDS, PENALTIES, SCENARIOS
from mine.concepts.plan import KNOWN_KEYS, MODEL_KEYS, PENALTY_KEYS, Plan, job_code_hash
from mine.config import load_config
from mine.errors import UserError
from mine.provenance import import_closure

ROOT = Path(__file__).parents[2]


def test_the_published_plan():
    plan = Plan.from_dict(load_config(ROOT / "config" / "config.yaml")["concepts"])
    known, models, penalised = list(plan.known_cells()), list(plan.model_cells()), list(plan.penalty_cells())
    assert {cell.scenario for cell in known} == set(SCENARIOS)
    assert {cell.rows for cell in known} == {1_000, 5_000, 20_000}
    assert plan.leakages == (0, 0.02, 0.05, 0.1)
    assert {(cell.data, cell.kind) for cell in models} == {(data, kind) for data in DATA for kind in KINDS}
    assert {cell.weight for cell in models if cell.kind == JOINT} == {0.1, 1, 10}
    assert {cell.estimator for cell in penalised} == set(PENALTIES)
    assert plan.penalty_seeds >= 6, "the exact interval of a median over seeds needs as many"
    for cells in (known, models, penalised):
        assert len({cell.path for cell in cells}) == len(cells)
    assert plan.rows_of("xor") == (5_000, 3_000)
    assert plan.rows_of("digits") == (898, 899)


def test_draws_are_shared_out_to_jobs():
    plan = Plan(rows=[500], draws={"js": 5}, draws_per_job=2, scenarios=["xor-label"])
    assert [(cell.first, cell.draws) for cell in plan.known_cells()] == [(0, 2), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"row": [500]}, "concepts.row: unknown key; known are rows, leakages"),
        ({"rows": [5]}, "concepts.rows: 5 is not a whole number of at least 100"),
        ({"draws": {"knn": 5}}, "concepts.draws: 'knn' is unknown; allowed are js, ema, nwj, smile, neighbours"),
        ({"draws": {"js": 0}}, "concepts.draws: 0 is not a whole number of at least 1"),
        ({"leakages": [0.1]}, "concepts.leakages: [0.1] lacks 0, which the others are held to"),
        ({"leakages": [0, 2]}, "concepts.leakages: 2 is not a number in [0, 0.5]"),
        ({"data": ["mnist"]}, "concepts.data: 'mnist' is unknown; allowed are xor, xor-withheld"),
        ({"penalties": ["infonce"]}, "concepts.penalties: 'infonce' is unknown; allowed are biased, ema"),
        ({"penalty_weights": [0, -1]}, "concepts.penalty_weights: -1 is not a number in [0, 1e+06]"),
        ({"steps": 0}, "concepts.steps: 0 is not a whole number of at least 1"),
        ({"settings": {"hiden": 3}}, "concepts.settings.hiden: unknown key"),
        ({"settings": {"permutations": 3}}, "concepts.settings.permutations: 3 is not a whole number of at least 99"),
    ],
)
def test_a_bad_plan_is_refused_in_one_line(values, words):
    with pytest.raises(UserError) as refused:
        Plan.from_dict(values)
    assert str(refused.value).startswith(words)


def test_a_job_depends_on_what_it_is_given_and_on_its_own_code():
    plan = Plan(penalty_seeds=2)
    for keys in (KNOWN_KEYS, MODEL_KEYS, PENALTY_KEYS):
        again = Plan.from_json(plan.to_json(*keys))
        assert all(getattr(again, name) == getattr(plan, name) for name in keys)
    assert "penalty_seeds" not in plan.to_json(*KNOWN_KEYS)
    assert not [name for name in import_closure("concepts.known") if name == "concepts.models"]
    assert job_code_hash("known", "js") != job_code_hash("known", "ema")
    assert job_code_hash("known", "neighbours") == job_code_hash("known", "js")


def draws(method="js", rows=1000, *, found=20, false=0, of=20, none=0):
    """Draws at 0 and 0.05 nats; found and false: alarms; none: draws without a reading."""
    made = []
    for leakage, alarms in ((0.0, false), (0.05, found)):
        for draw in range(of):
            value = leakage + 0.01 * (-1) ** draw
            p = 0.01 if draw < alarms else 0.5
            row = {"method": method, "drawn": rows, "leakage": leakage, "leakage_difference": leakage - 0.01}
            row |= {"conditional": value, "low": value - 0.005, "high": value + 0.02, "p_value": p}
            row |= {"difference": value - 0.01, "difference_low": value - 0.03, "cpu_s": 1.0}
            if draw >= of - none:
                row |= dict.fromkeys(("conditional", "low", "high", "p_value", "difference", "difference_low"))
            made.append(row)
    return pd.DataFrame(made)


def told(**changes):
    none, some = decided(draws(**changes))
    assert none["tells"] is None
    return some["tells"]


def test_what_turns_the_decision():
    assert told() == YES
    assert told(found=10) == NO
    assert told(found=14) == NO  # 14 of 20: the exact interval begins at 0.46
    assert told(found=15) == YES
    assert told(false=5) == FALSE_ALARMS  # 5 of 20: surely above 5 %
    assert told(false=3) == YES
    assert told(found=15, none=6) == NO, "a draw without a reading is one without an alarm"


def test_the_numbers_of_the_decision():
    none, some = decided(draws(found=15, none=2))
    assert (some["draws"], some["readings"], some["alarms"]) == (20, 18, 15)
    assert some["alarm_share"] == 0.75
    assert some["bias"] == pytest.approx(0.0)
    assert some["spread"] == pytest.approx(0.01 * np.sqrt(18 / 17))
    assert some["difference_bias"] == pytest.approx(0.0)
    assert some["covered"] == 0.5
    assert (none["difference_alarms"], some["difference_alarms"]) == (0, 18)


def test_the_smallest_leakage_that_is_told():
    decision = pd.DataFrame([*decided(draws()), *decided(draws("neighbours", found=5))])
    assert smallest_told(decision, "js", 1000) == 0.05
    assert smallest_told(decision, "neighbours", 1000) is None
