"""Methods that are one function: against closed forms, and as rows of `mine reach cell`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from mine.cli import main
from mine.errors import UserError
from mine.gaussian import mutual_information
from mine.provenance import import_closure
from mine.reach import densities, latent, mixture
from mine.reach.code import cell_code_hash
from mine.reach.methods import METHODS
from mine.reach.settings import own_settings
from mine.tasks import fixed_task
from mine.tasks.draws import draw


def normals(n, rho, dim=1, seed=0):
    source = np.random.default_rng(seed)
    x = source.normal(size=(n, dim))
    return x, rho * x + np.sqrt(1 - rho * rho) * source.normal(size=(n, dim))


def test_a_mixtures_log_ratio_is_that_of_the_task_with_its_components():
    x, z = (side.astype(float) for side in draw("cross-0.9", 100, 0))
    covariances = np.array([[[1, rho], [rho, 1]] for rho in (0.9, -0.9)])
    found = mixture.log_ratio(np.full(2, 0.5), np.zeros((2, 2)), covariances, x, z)
    wanted = fixed_task("cross-0.9").log_ratio(torch.from_numpy(x), torch.from_numpy(z))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_mixture_has_the_information_of_normals(dim):
    assert mixture.estimate(*normals(3_000, 0.9, dim), 0) == pytest.approx(mutual_information(dim, 0.9), abs=0.1)


def test_a_mixture_takes_as_many_components_as_the_rows_need():
    """One normal sees nothing of four clusters that are not correlated."""
    x, z = (side.astype(float) for side in draw("cross-0.9", 3_000, 0))
    assert mixture.estimate(x, z, 0) == pytest.approx(fixed_task("cross-0.9").mi, abs=0.1)


def test_a_latent_approximation_finds_the_one_direction_that_matters():
    """Each side one variable seen twelve times, with noise of its own: their mean is all that tells of the other."""
    x, z = normals(1_500, 0.9)
    noise = 0.3 * np.random.default_rng(1).normal(size=(2, 1_500, 12))
    wide_x, wide_z = x + noise[0], z + noise[1]
    truth = mutual_information(1, 0.9 / (1 + 0.09 / 12))
    assert latent.estimate(wide_x, wide_z, 0) == pytest.approx(truth, abs=0.3)
    assert latent.estimate(wide_x, noise[1], 0) == pytest.approx(0.0, abs=0.1)


def test_the_same_seed_gives_the_same_value_and_another_another():
    x, z = normals(100, 0.5)
    for module in (mixture, latent):
        assert module.estimate(x, z, 3) == module.estimate(x, z, 3) != module.estimate(x, z, 4)


@pytest.mark.parametrize("module", [mixture, latent])
def test_too_few_rows_are_refused(module):
    with pytest.raises(UserError, match=r"^x and z: 10 samples are too few"):
        module.estimate(*normals(10, 0.5), 0)


FUNCTIONS = [name for name, method in METHODS.items() if method.function and name not in ("doe-flow", "minde")]


def test_a_cell_of_each_has_its_rows_and_why_there_is_none(tmp_path):
    words = ["reach", "cell", "--plan", "{}", "--rows", "200", "--first", "0", "--draws", "2"]
    for method in FUNCTIONS:
        path = tmp_path / f"{method}.parquet"
        assert main([*words, "--method", method, "--task", "1v1-normal-0.75", "--output", str(path)]) == 0
        table = pd.read_parquet(path)
        assert table["method"].tolist() == [method] * 2
        assert table["value"].notna().all()
        assert (table["cpu_s"] > 0).all()
    path = tmp_path / "labels.parquet"
    task = "turned-labels-5-1-4-1.5"
    assert main([*words, "--method", "latent-neighbours", "--task", task, "--output", str(path)]) == 0
    assert pd.read_parquet(path)["value"].notna().sum() + pd.read_parquet(path)["why"].notna().sum() == 2


@pytest.mark.parametrize("estimator", ["doe-flow", "minde"])
def test_densities_find_the_information_of_normals_on_rows_apart(estimator):
    x, z = normals(2_000, 0.9)
    quick = {"max_updates": 300, "hidden": 32, "learning_rate": 0.003}
    assert densities.estimate(x, z, 0, estimator, **quick) == pytest.approx(mutual_information(1, 0.9), abs=0.2)
    assert densities.estimate(x, z[::-1].copy(), 0, estimator, **quick) == pytest.approx(0.0, abs=0.1)


def test_what_a_method_is_made_of_makes_its_rows_stale_and_nothing_else_does():
    task = "1v1-normal-0.75"
    hashes = {name: cell_code_hash(name, task) for name in METHODS}
    assert hashes["neighbours"] == hashes["cca"]
    assert hashes["smile"] != hashes["nwj"]  # each its estimator's file
    assert hashes["ours"] == hashes["js"] == hashes["cross-fit"]
    assert (
        len({hashes[name] for name in ("ours", "neighbours", "doe-flow", "minde", "gaussian-mixture", "bmi-ksg")}) == 6
    )
    for measured in ("reach.measured", "reach.peers"):
        assert not {"reach.functions", "reach.mixture", "reach.latent", "reach.methods"} & set(import_closure(measured))


@pytest.mark.parametrize("method", [name for name, each in METHODS.items() if not (each.peer or each.function)])
def test_what_an_estimate_is_asked_with_is_allowed(method):
    settings = own_settings(dict(METHODS[method].settings))
    assert settings.reads == METHODS[method].settings.get("value", settings.value)
