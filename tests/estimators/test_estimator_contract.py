"""Every registered estimator keeps the contract, with every critic it exists with; toys with one fault do not."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from types import ModuleType

import contract
import numpy as np
import pytest
import torch
from contract import CHECKS
from factories import VARIANTS
from made_outputs import CELLS, SMALL, fresh, pairs, requiring_grad, small

from mine.errors import UserError
from mine.estimators import build
from mine.estimators.base import OfCritic
from mine.estimators.interface import LOWER, Loss, Weights
from mine.estimators.names import ESTIMATORS, Named
from mine.estimators.values import log_mean_exp, mean
from mine.settings import CONCAT, SEPARABLE, TrainingSettings


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(("name", "critic"), CELLS)
def test_contract(check, name, critic):
    check(name, critic)


# ---- an estimator somebody adds: an entry in ESTIMATORS and a module


@dataclass(frozen=True)
class Toy(OfCritic):
    """E_P[T] - E_Q[e^T] + 1."""

    bound = LOWER
    value_is = "lower bound of I"
    shift_invariant = False

    def loss(self, outputs, state):
        return Loss(-self.value(outputs)), state

    def value(self, outputs):
        return mean(outputs["joint"]) - mean(outputs["product"].exp()) + 1.0


def register(monkeypatch, toy, critics=(SEPARABLE, CONCAT)):
    """As a file of the package and a line in names.py would."""
    module = ModuleType("mine.estimators.toy")
    module.build = lambda name, parts: toy(parts.critic())
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(ESTIMATORS, "toy", Named("toy", "Toy", "toy", critics))


@pytest.mark.parametrize("critic", [SEPARABLE, CONCAT])
def test_an_entry_and_a_module_are_an_estimator(monkeypatch, critic):
    register(monkeypatch, Toy)
    assert isinstance(build("toy", critic, 2, 3, TrainingSettings(hidden=4)), Toy)
    for check in CHECKS:
        check("toy", critic)


class SaysNothing(Toy):
    value_is = ""


class CallsItselfInvariant(Toy):
    shift_invariant = True


class DoesNotCallItselfInvariant(Toy):
    def value(self, outputs):
        return mean(outputs["joint"]) - log_mean_exp(outputs["product"])


class SaysItHasAClosedForm(Toy):
    closed_form = True

    def weights(self, outputs, state):
        product = outputs["product"]
        return Weights(product.softmax(1), mean(outputs["joint"]), log_mean_exp(product)), state


class MixesMembers(Toy):
    def value(self, outputs):
        return super().value(outputs) + 0.1 * mean(outputs["joint"]).mean()


class MixesGradients(Toy):
    def loss(self, outputs, state):
        return Loss(-self.value(outputs) * mean(outputs["joint"]).sum()), state


class ValueOfNoMember(Toy):
    def value(self, outputs):
        return super().value(outputs).mean()


class LongerWithEachBatch(Toy):
    def value(self, outputs):
        return mean(outputs["joint"]) - outputs["product"].exp().flatten(1).sum(1) / 6.0 + 1.0


class TakesTheFirstPair(Toy):
    def value(self, outputs):
        return outputs["joint"][:, 0] - mean(outputs["product"].exp()) + 1.0


class TurnsItsRows(Toy):
    def outputs(self, parameters, x, z, rolls=1):
        outputs = super().outputs(parameters, x, z, rolls)
        return outputs | {"joint": outputs["joint"].flip(1)}


class ChangesItsOutputs(Toy):
    def value(self, outputs):
        outputs["joint"] += 0.1
        return super().value(outputs)


class Ascends(Toy):
    def loss(self, outputs, state):
        return Loss(self.value(outputs)), state


class HasNoGradient(Toy):
    def loss(self, outputs, state):
        return Loss(-self.value(outputs) + 0.0 * (outputs["joint"] - 9.0).sqrt().sum(1)), state


class RemembersAGradient(Toy):
    def start(self, outputs):
        return (torch.zeros(len(outputs["joint"])),)

    def loss(self, outputs, state):
        return Loss(-self.value(outputs)), (mean(outputs["joint"]),)


class RemembersNothingNew(Toy):
    def start(self, outputs):
        return (mean(outputs["joint"]),)


class EverySeedTheSame(Toy):
    def init(self, generators):
        return super().init([torch.Generator().manual_seed(0) for _ in generators])


FAULTS = [
    (SaysNothing, "what_it_is"),
    (CallsItselfInvariant, "shift_invariance"),
    (DoesNotCallItselfInvariant, "shift_invariance"),
    (SaysItHasAClosedForm, "closed_form"),
    (MixesMembers, "stack_and_alone"),
    (MixesMembers, "members_do_not_mix"),
    (MixesGradients, "stack_and_alone"),
    (MixesGradients, "members_do_not_mix"),
    (ValueOfNoMember, "shapes"),
    (LongerWithEachBatch, "joined_batches"),
    (TakesTheFirstPair, "order_of_pairs"),
    (TurnsItsRows, "rows_are_pairs"),
    (ChangesItsOutputs, "pure"),
    (Ascends, "training"),
    (HasNoGradient, "finite_gradients"),
    (RemembersAGradient, "pure"),
    (RemembersNothingNew, "pure"),
    (EverySeedTheSame, "seeds"),
]


@pytest.mark.parametrize(("toy", "check"), FAULTS, ids=lambda part: part if isinstance(part, str) else part.__name__)
def test_a_fault_is_found(monkeypatch, toy, check):
    register(monkeypatch, toy)
    with pytest.raises(AssertionError):
        getattr(contract, check)("toy", CONCAT)


# ---- MINE among the others


@pytest.mark.parametrize("critic", [SEPARABLE, CONCAT])
@pytest.mark.parametrize("name", VARIANTS)
def test_mine_is_the_objective_of_the_same_name(name, critic):
    """Over three batches value and state are its objective's, and its gradient autograd's of what is ascended."""
    estimator = small(name, critic)
    objective = estimator.objective
    parameters = requiring_grad(fresh(estimator))
    state = expected_state = None
    for seed in range(3):
        outputs = estimator.outputs(parameters, *pairs(seed))
        joint, product = outputs["joint"], outputs["product"].flatten(1)
        if state is None:
            state = estimator.start({each: tensor.detach() for each, tensor in outputs.items()})
            expected_state = objective.init(product.detach())
        loss, state = estimator.loss(outputs, state)
        batch, expected_state = objective(joint.detach(), product.detach(), expected_state)
        contract.close(estimator.value(outputs), batch.mi_batch)
        assert all(torch.equal(a, b) for a, b in zip(state, expected_state, strict=True))
        second = product.exp().mean(1)
        if name.startswith("ema"):
            assert torch.equal(loss.log_ema, batch.log_ema)
            v = batch.log_ema.exp()
            if name == "ema-as-printed":
                second = (product * product.exp()).mean(1)
            if name == "ema-attached":
                v = v + SMALL.ema_rate * (second - second.detach())
            ascended = joint.mean(1) - second / v
        else:
            ascended = joint.mean(1) - second.log()
        leaves = list(parameters.values())
        found = torch.autograd.grad(loss.loss.sum(), leaves, retain_graph=True)
        for gradient, expected in zip(found, torch.autograd.grad(-ascended.sum(), leaves), strict=True):
            contract.close(gradient, expected)


def test_of_mine_only_the_moving_average_remembers():
    remembers = {}
    for name in VARIANTS:
        estimator = small(name)
        remembers[name] = len(estimator.start(estimator.outputs(fresh(estimator), *pairs(0))))
    assert remembers == {name: int(name.startswith("ema")) for name in VARIANTS}


@pytest.mark.parametrize("start", ["one", "first-batch"])
def test_the_moving_average_starts_where_it_is_told(start):
    estimator = small("ema-log", ema_init=start)
    outputs = estimator.outputs(fresh(estimator), *pairs(0))
    (log_v,) = estimator.start(outputs)
    expected = np.zeros(3) if start == "one" else np.log(np.exp(outputs["product"].numpy()).mean((1, 2)))
    np.testing.assert_allclose(log_v, expected, rtol=1e-12, atol=1e-12)


# ---- build


def test_names_are_unique_and_said_without_torch():
    assert all(name == named.name for name, named in ESTIMATORS.items())
    assert len({named.label for named in ESTIMATORS.values()}) == len(ESTIMATORS)
    code = "import sys, mine.estimators.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_an_error_in_one_line():
    with pytest.raises(UserError, match=r"^variant: 'nwjj' is unknown; allowed are biased, biased-stable, .*club$"):
        build("nwjj", SEPARABLE, 1, 1, TrainingSettings())


@pytest.mark.parametrize(
    ("name", "critic", "allowed"),
    [
        ("infonce", CONCAT, "separable, concat-all"),
        ("doe-gaussian", SEPARABLE, "density"),
        ("flo", "cnn", "concat, separable"),
    ],
)
def test_a_critic_that_it_does_not_exist_with_is_an_error(name, critic, allowed):
    with pytest.raises(UserError, match=f"^critic: '{critic}' is none that {name} exists with; allowed are {allowed}$"):
        build(name, critic, 1, 1, TrainingSettings())
