"""Concept models: what each kind learns, that members of a stack are themselves, and what a penalty changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mine.concepts.measured import of_model
from mine.concepts.models import Bottlenecks, Member
from mine.concepts.plan import Plan
from mine.concepts.relations import Relation

PLAN = Plan(training_rows=1000, held_out_rows=500, steps=300, batch_size=64, hidden=16, learning_rate=0.01)


def trained(data, kind, *members, penalty=None, **changes):
    plan = Plan(**{**{name: getattr(PLAN, name) for name in ("training_rows", "held_out_rows", "steps", "batch_size",
                                                             "hidden", "learning_rate")}, **changes})  # fmt: skip
    return Bottlenecks(data, kind, members, plan, penalty).train()


@pytest.fixture(scope="module")
def hard():
    return trained("xor", "hard", Member(3))[0]


def test_a_hard_model_predicts_levels_and_learns_from_the_truth(hard):
    assert set(np.unique(hard.predicted)) == {0.0, 1.0}
    assert (hard.predicted == hard.concepts).mean(0) == pytest.approx(hard.concept_accuracy)
    assert hard.concept_accuracy.min() > 0.95
    assert hard.interventions[-1] == 1.0
    assert len(hard.interventions) == 3
    assert hard.interventions[0] == pytest.approx(hard.concept_accuracy.prod(), abs=0.05)
    assert hard.overflow_step is None
    assert hard.said is None


def test_concepts_of_a_sequential_model_never_saw_the_label(hard):
    model = trained("xor", "sequential", Member(3))[0]
    assert np.array_equal((model.predicted > 0).astype(float), hard.predicted)


def test_a_withheld_concept_is_only_worth_something_to_a_joint_model():
    weights = {"concept_weight": 0.01}
    joint = trained("xor-withheld", "joint", Member(3, **weights))[0]
    other = trained("xor-withheld", "hard", Member(3))[0]
    assert joint.predicted.shape == (500, 1)
    assert joint.interventions[0] > 0.75
    assert other.interventions[0] < 0.6
    assert joint.interventions[-1] < 0.6


def test_members_are_what_they_are_alone():
    several = trained("tabular", "joint", Member(1, 1.0), Member(2, 10.0), Member(1, 0.1), steps=60)
    for model in several:
        alone = trained("tabular", "joint", model.member, steps=60)[0]
        assert alone.predicted == pytest.approx(model.predicted, rel=1e-3, abs=1e-3)
        assert alone.interventions == pytest.approx(model.interventions, abs=0.01)
    assert not np.allclose(several[0].predicted, several[2].predicted)


@pytest.mark.parametrize("estimator", ["biased", "ema", "nwj", "js", "smile", "club"])
def test_every_penalty_trains_and_weight_zero_is_none(estimator):
    without, none, some = (
        trained("tabular-withheld", "joint", Member(1), steps=40)[0],
        *trained("tabular-withheld", "joint", Member(1), Member(1, penalty=2.0), steps=40, penalty=estimator),
    )
    assert none.predicted == pytest.approx(without.predicted, rel=1e-3, abs=1e-3)
    assert not np.allclose(some.predicted, without.predicted, atol=1e-2)
    assert np.isfinite([none.said, some.said]).all()


def test_a_penalty_of_ten_classes_and_further_critic_steps():
    model = trained("digits-withheld", "joint", Member(1, penalty=1.0), steps=3, penalty="ema", critic_steps=2)[0]
    assert model.predicted.shape == (500, 2)
    assert model.overflow_step is None


def test_a_penalty_takes_leakage_away():
    free, held = trained("xor-withheld", "joint", Member(3, 0.1), Member(3, 0.1, penalty=4.0), steps=600, penalty="js")
    assert free.interventions[0] > 0.7
    assert held.interventions[0] < free.interventions[0] - 0.1


@pytest.mark.parametrize("method", ["js", "neighbours"])
def test_a_constant_prediction_leaks_nothing_and_one_beside_others_is_left_out(method, hard):
    collapsed = replace(hard, predicted=np.where([True, False], 0.3, hard.predicted))
    first = Relation("label", (0,), "label")
    reading = of_model(collapsed, first, method, PLAN)
    assert (reading.conditional, reading.of_predicted, reading.low, reading.high) == (0.0, 0.0, 0.0, 0.0)
    assert reading.why == "the prediction is constant"
    both = replace(first, concepts=(0, 1))
    assert of_model(collapsed, both, "neighbours", PLAN).conditional is not None
