"""What each loss is least at, on a distribution over a small grid whose expectations are exact sums.

A table of T, one entry a cell, stands for the critic. A batch that holds every pair as often as P says, each z with
every x as often as P's marginal says, has P's and Q's expectations for its means.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from made_outputs import gradients, requiring_grad, small

COUNTS = np.array([[6, 1, 2], [1, 5, 1], [2, 1, 4], [1, 3, 1]])
"""How often (x, z) occurs: 4 values of x, 3 of z."""

P = COUNTS / COUNTS.sum()
Q = P.sum(1, keepdims=True) * P.sum(0, keepdims=True)
RATIO = torch.tensor(np.log(P / Q))
TRUTH = float((P * np.log(P / Q)).sum())

X, Z = (np.repeat(index.ravel(), COUNTS.ravel()) for index in np.indices(COUNTS.shape))
"""The batch's pairs."""

SHIFT = {"nwj": 1.0}
"""How far above the log density ratio T is best; 0 for the rest."""

WITH_BASELINE, WITH_U = ("tuba", "interpolated"), ("flo",)
EXACT = (
    "biased",
    "biased-stable",
    "ema",
    "ema-log",
    "nwj",
    "tuba",
    "flo",
    "js",
    "smile",
    "kl-dime",
    "gan-dime",
    "hd-dime",
)
"""Those whose loss is least at the log density ratio whatever the batch; InfoNCE's has a batch of its own."""


def outputs_of(tables):
    """Outputs of the whole batch from tables of T, and of log a or u."""
    t = tables["t"]
    outputs = {"joint": t[X, Z][None], "product": t[X[None, :], Z[:, None]][None]}
    if "log_a" in tables:
        outputs["log_baseline"] = tables["log_a"][Z][None]
    if "u" in tables:
        outputs["u"] = tables["u"][X, Z][None]
    return outputs


def two_by_two(tables):
    """InfoNCE's expectation at K = 2: every pair with every other x, as often as both occur."""
    pair, other = (index.ravel() for index in np.indices((len(X), len(X))))
    t = tables["t"]
    return {"joint": t[X[pair], Z[pair]][None], "product": t[X[other], Z[pair]][None, :, None]}


def with_two_others(tables):
    """Expectations of a batch of three: every pair with every two other x's, as often as they occur."""
    pair, first, second = (index.ravel() for index in np.indices((len(X),) * 3))
    t = tables["t"]
    product = torch.stack([t[X[first], Z[pair]], t[X[second], Z[pair]]], 1)
    return {
        "joint": t[X[pair], Z[pair]][None],
        "product": product[None],
        "log_baseline": tables["log_a"][Z[pair]][None],
    }


def loss_of(name, tables):
    estimator = small(name)
    outputs = two_by_two(tables) if name == "infonce" else outputs_of(tables)
    # A moving average that has arrived: v is E_Q[e^T] of the table it is asked for.
    log_v = torch.logsumexp(outputs["product"].detach().flatten(1), 1) - 2 * np.log(len(X))
    state = {"ema": (log_v.exp(),), "ema-log": (log_v,)}.get(name, ())
    return estimator.loss(outputs, state)[0].loss


def tables_at_the_optimum(name):
    tables = {"t": RATIO + SHIFT.get(name, 0.0)}
    if name in WITH_BASELINE:
        tables["log_a"] = torch.zeros(3, dtype=torch.float64)
    if name in WITH_U:
        tables["u"] = -RATIO
    return tables


def free(tables):
    """The same parts, somewhere else."""
    source = np.random.default_rng(0)
    return {name: torch.tensor(source.normal(size=table.shape)) for name, table in tables.items()}


@pytest.mark.parametrize("name", [*EXACT, "infonce"])
def test_the_gradient_vanishes_at_the_log_density_ratio_and_only_there(name):
    best = requiring_grad(tables_at_the_optimum(name))
    for gradient in gradients(loss_of(name, best), best).values():
        np.testing.assert_allclose(gradient, 0.0, atol=1e-14)
    elsewhere = requiring_grad(free(best))
    for gradient in gradients(loss_of(name, elsewhere), elsewhere).values():
        assert gradient.abs().max() > 1e-3


def optimised(name, line_search="strong_wolfe"):
    """Tables where a descent from elsewhere ends. A loss whose number means nothing has no line to be searched."""
    tables = {part: table.requires_grad_() for part, table in free(tables_at_the_optimum(name)).items()}
    optimizer = torch.optim.LBFGS(
        list(tables.values()), max_iter=500, tolerance_grad=1e-11, tolerance_change=0.0, line_search_fn=line_search
    )

    def closure():
        optimizer.zero_grad()
        loss = loss_of(name, tables)
        loss.sum().backward()
        return loss.sum()

    optimizer.step(closure)
    return {part: table.detach() for part, table in tables.items()}


@pytest.mark.parametrize("name", ["js", "smile", "gan-dime", "kl-dime", "hd-dime", "nwj"])
def test_training_finds_the_log_density_ratio(name):
    tables = optimised(name)
    np.testing.assert_allclose(tables["t"], RATIO + SHIFT.get(name, 0.0), atol=1e-6)
    assert small(name).value(outputs_of(tables)).item() == pytest.approx(TRUTH, abs=1e-6)


@pytest.mark.parametrize("name", ["biased-stable", "ema-log"])
def test_donsker_varadhan_finds_it_up_to_a_constant(name):
    tables = optimised(name, line_search=None)
    rest = tables["t"] - RATIO
    np.testing.assert_allclose(rest, rest.mean().expand_as(rest), atol=1e-6)
    assert small(name).value(outputs_of(tables)).item() == pytest.approx(TRUTH, abs=1e-6)


def test_tuba_finds_it_and_its_baseline_takes_what_depends_on_z_alone():
    tables = optimised("tuba")
    np.testing.assert_allclose(tables["t"] - tables["log_a"], RATIO, atol=1e-6)
    assert small("tuba").value(outputs_of(tables)).item() == pytest.approx(TRUTH, abs=1e-6)


def test_infonce_finds_it_up_to_what_depends_on_z_alone_and_has_less_than_the_truth():
    tables = optimised("infonce")
    rest = tables["t"] - RATIO
    np.testing.assert_allclose(rest, rest.mean(0).expand_as(rest), atol=1e-6)
    assert 0.05 < small("infonce").value(two_by_two(tables)).item() < TRUTH - 0.05


def test_flo_finds_it_up_to_what_depends_on_z_alone_and_u_is_minus_the_pointwise_mutual_information():
    tables = optimised("flo")
    rest = tables["t"] - RATIO
    np.testing.assert_allclose(rest, rest.mean(0).expand_as(rest), atol=1e-6)
    np.testing.assert_allclose(tables["u"], -RATIO, atol=1e-6)
    assert small("flo").value(outputs_of(tables)).item() == pytest.approx(TRUTH, abs=1e-6)


def near_the_optimum(name, count):
    """Tables at growing distances from the best."""
    source = np.random.default_rng(1)
    parts = tables_at_the_optimum(name)
    for scale in np.geomspace(0.01, 5.0, count):
        yield {part: table + torch.tensor(source.normal(0, scale, table.shape)) for part, table in parts.items()}


@pytest.mark.parametrize("name", ["biased-stable", "nwj", "tuba", "flo", "js"])
def test_lower_bounds_are_so_for_any_table(name):
    for tables in near_the_optimum(name, 60):
        assert small(name).value(outputs_of(tables)).item() <= TRUTH + 1e-12


@pytest.mark.parametrize(("name", "alpha"), [("infonce", 1.0), ("interpolated", 0.01), ("interpolated", 0.5)])
def test_lower_bounds_of_several_xs_are_so_for_any_table(name, alpha):
    for tables in near_the_optimum("interpolated", 12):
        assert small(name, alpha=alpha).value(with_two_others(tables)).item() <= TRUTH + 1e-12


@pytest.mark.parametrize("name", ["smile", "kl-dime", "gan-dime", "hd-dime"])
def test_what_is_called_no_bound_is_none(name):
    over = [small(name, smile_tau=0.5).value(outputs_of(tables)).item() for tables in near_the_optimum(name, 60)]
    assert min(over) < TRUTH - 0.1
    assert max(over) > TRUTH + 0.1


@pytest.mark.parametrize("family", ["gaussian", "logistic"])
def test_the_marginal_is_best_where_the_likelihood_is(family):
    """Location and scale that SciPy fits to the sample have no gradient left, and a greater loss beside them."""
    from scipy import stats

    z = np.random.default_rng(2).normal(1.5, 0.7, size=(200, 2))
    law = {"gaussian": stats.norm, "logistic": stats.logistic}[family]
    fits = np.array([law.fit(column) for column in z.T])
    estimator = small(f"doe-{family}")
    x = torch.zeros(1, len(z), 2, dtype=torch.float64)
    parameters = {
        path: torch.zeros_like(tensor).double() for path, tensor in estimator.init([torch.Generator()]).items()
    }
    for path, column in (("marginal.location", fits[:, 0]), ("marginal.log_scale", np.log(fits[:, 1]))):
        parameters[path] = torch.cat([torch.tensor(column), torch.zeros(1, dtype=torch.float64)])[None, None]
    parameters = requiring_grad(parameters)
    padded = torch.tensor(np.concatenate([z, np.zeros((len(z), 1))], 1))[None]

    def loss(parameters):
        return estimator.loss(estimator.outputs(parameters, x, padded), ())[0].loss

    found = gradients(loss(parameters), parameters)
    for path in ("marginal.location", "marginal.log_scale"):
        np.testing.assert_allclose(found[path][0, 0, :2], 0.0, atol=1e-4)
        for beside in (-0.1, 0.1):
            moved = torch.tensor([beside, beside, 0.0], dtype=torch.float64)
            assert loss(parameters | {path: parameters[path] + moved}).item() > loss(parameters).item() + 1e-3
