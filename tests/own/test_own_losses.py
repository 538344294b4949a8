"""Losses on scores: those of mine.estimators, differentiable, in a reader's own loop."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.own.losses import objective

SHAPES = {"product": (6, 5), "others": (6, 5)}


def scores(needs, seed=0):
    source = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(SHAPES.get(name, (6,)), generator=source, dtype=torch.float64).requires_grad_()
        for name in needs
    }


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_objective_is_differentiable_in_all_that_it_needs(name):
    made = objective(name)
    given = scores(made.needs)
    loss = made(**given)
    assert loss.shape == ()
    assert loss.requires_grad
    loss.backward()
    trained = [each for each in made.needs if each not in ("others", "difference")]  # of values alone: CLUB's, MINDE's
    assert all(given[each].grad.isfinite().all() and given[each].grad.abs().sum() > 0 for each in trained)
    assert made.value(**given).shape == ()
    assert made.value_is


def test_against_formulas_written_out():
    given = scores(("joint", "product", "log_baseline", "u"))
    joint, product, log_a, u = (each.detach() for each in given.values())
    softplus = nn.functional.softplus
    js = softplus(-joint).mean() + softplus(product).mean()
    nwj = joint.mean() - (product - 1).exp().mean()
    dv = joint.mean() - (product.logsumexp((0, 1)) - math.log(30))
    tuba = 1 + (joint - log_a).mean() - (product - log_a[:, None]).exp().mean()
    infonce = (joint - torch.cat([joint[:, None], product], 1).logsumexp(1)).mean() + math.log(6)
    flo = 1 - (u + (product - (joint + u)[:, None]).exp().mean(1)).mean()
    for found, wanted in (
        (objective("js")(joint, product), js),
        (objective("nwj").value(joint, product), nwj),
        (objective("biased-stable").value(joint, product), dv),
        (objective("tuba").value(joint, product, log_a), tuba),
        (objective("infonce").value(joint, product), infonce),
        (objective("flo").value(joint, product, u=u), flo),
        (objective("smile", smile_tau=0.5).value(joint, product),
         joint.mean() - (product.clamp(-0.5, 0.5).logsumexp((0, 1)) - math.log(30))),
    ):  # fmt: skip
        torch.testing.assert_close(found, wanted)


def test_the_moving_average_is_carried_on():
    made = objective("ema-log", ema_rate=0.5)
    joint, product = (torch.zeros(4), torch.zeros(4, 3))
    made(joint, product)
    torch.testing.assert_close(made.state[0], torch.zeros(1))  # half of 1 and half of e^0
    made(joint, product + math.log(3.0))
    torch.testing.assert_close(made.state[0], torch.tensor([math.log(2.0)]))


def test_one_product_pair_each_may_be_flat():
    joint, product = torch.randn(5), torch.randn(5)
    torch.testing.assert_close(objective("js")(joint, product), objective("js")(joint, product[:, None]))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_under_autocast_losses_are_those_of_float32(name):
    made, again = objective(name), objective(name)
    given = {name: each.detach().bfloat16() for name, each in scores(made.needs).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, value = made(**given), made.value(**given)
    wanted = {name: each.float() for name, each in given.items()}
    assert loss.dtype == value.dtype == torch.float32
    torch.testing.assert_close(loss, again(**wanted), rtol=0, atol=0)
    torch.testing.assert_close(value, again.value(**wanted), rtol=0, atol=0)


def test_scores_that_a_half_has_no_exponential_of():
    """e^12 is beyond float16."""
    joint, product = torch.full((4,), 12.0, dtype=torch.float16), torch.full((4, 3), 12.0, dtype=torch.float16)
    assert objective("nwj").value(joint, product) == pytest.approx(12.0 - math.exp(11.0), rel=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"joint": torch.zeros(3)}, "js takes the scores joint, product"),
        ({"joint": torch.zeros(3), "product": torch.zeros(3), "u": torch.zeros(3)}, "js takes the scores"),
        ({"joint": torch.zeros(3), "product": torch.zeros(4)}, r"product: shape \(4, 1\) is not \(n, m\) of the n = 3"),
        ({"joint": torch.zeros(3, 2), "product": torch.zeros(3)}, r"joint: shape \(3, 2\) is not \(n,\)"),
        ({"joint": torch.tensor(1.0), "product": torch.zeros(3)}, r"joint: shape \(\) is not"),
    ],
)
def test_wrong_scores(given, message):
    with pytest.raises(UserError, match=message):
        objective("js")(**given)


def test_wrong_names_and_settings():
    with pytest.raises(UserError, match="objective: 'mine' is unknown"):
        objective("mine")
    with pytest.raises(UserError, match="'tau' is unknown"):
        objective("smile", tau=1.0)
    with pytest.raises(UserError, match="smile_tau"):
        objective("smile", smile_tau=-1.0)


def test_a_loop_of_ones_own():
    """Any module, any optimiser: two channels read twice, 0.51 nats."""
    source = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
    made, optimiser = objective("js"), torch.optim.Adam(critic.parameters(), lr=5e-3)

    def batch(rows):
        x = torch.randn(rows, 1, generator=source)
        z = 0.8 * x + 0.6 * torch.randn(rows, 1, generator=source)
        joint, product = (critic(torch.cat([x, other], 1)).squeeze(1) for other in (z, z.roll(1, 0)))
        return joint, product

    for _ in range(300):
        optimiser.zero_grad()
        made(*batch(128)).backward()
        optimiser.step()
    with torch.no_grad():
        assert float(objective("biased-stable").value(*batch(10_000))) == pytest.approx(0.51, abs=0.06)
