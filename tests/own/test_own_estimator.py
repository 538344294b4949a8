"""The library object: scikit-learn's manner, and what it takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from known_data import gaussian
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from mine.errors import UserError
from mine.own import MutualInformation
from mine.own.parameters import seed_of, settings_of

SETTINGS = {"max_updates": 200, "patience": 4}


@pytest.fixture(scope="module")
def data():
    return gaussian(600, 2, 0.7)


@pytest.fixture(scope="module")
def fitted(data):
    return MutualInformation(n_init=2, n_permutations=99, settings=SETTINGS).fit(*data)


def test_attributes_after_fit(fitted):
    assert fitted.mi_ == fitted.result_.mi
    assert fitted.interval_[0] < fitted.mi_ < fitted.interval_[1]
    assert fitted.p_value_ == 0.01
    assert [len(part) for part in fitted.rows_] == [360, 120, 120]
    # The value is concave in T: that of the mean is at least the mean value, and can be above every member's.
    tests = [each.test for each in fitted.result_.initialisations]
    assert fitted.spread_ == (min(tests), max(tests))
    assert np.mean(tests) - 1e-3 <= fitted.mi_ <= max(tests) + 0.01
    assert all(isinstance(each, str) for each in fitted.warnings_)


@pytest.mark.parametrize(
    "turned",
    [pd.DataFrame, lambda a: torch.from_numpy(a), lambda a: torch.from_numpy(a).requires_grad_(), np.ndarray.tolist],
)
def test_frames_tensors_and_lists_give_what_arrays_give(fitted, data, turned):
    other = clone(fitted).fit(*(turned(each) for each in data))
    assert other.mi_ == fitted.mi_


def test_parameters_in_scikit_learns_manner(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "mi_")
    copy.set_params(estimator="nwj", random_state=3)
    assert (copy.estimator, copy.random_state) == ("nwj", 3)
    with pytest.raises(ValueError, match="Invalid parameter"):
        copy.set_params(widths=3)


def test_estimate_on_fresh_rows(fitted):
    dependent, independent = gaussian(500, 2, 0.7, seed=8), gaussian(500, 2, 0.0, seed=9)
    found = fitted.estimate(*dependent)
    assert found.mi == pytest.approx(0.67, abs=0.25)
    assert found.initialisations == ()
    assert fitted.score(*dependent) == found.mi
    # A critic of dependent data is worth less than nothing on independent ones.
    assert fitted.score(*independent) < 0.0


def test_scores_of_samples_are_those_of_the_estimate(fitted):
    x, z = gaussian(200, 2, 0.7, seed=8)
    scores = fitted.score_samples(x, z)
    assert scores.shape == (200,)
    assert scores.mean() == pytest.approx(fitted.estimate(x, z).judged.joint_mean, abs=1e-6)


def test_discrete_columns_by_name_and_place(data):
    x, _ = data
    frame = pd.DataFrame({"size": x[:, 0], "kind": np.where(x[:, 0] + x[:, 1] > 0, "up", "down")})
    model = MutualInformation(n_init=1, n_permutations=99, discrete_z=["kind"], settings=SETTINGS)
    by_name = model.fit(frame[["size"]], frame[["kind"]])
    by_place = clone(by_name).set_params(discrete_z=[0]).fit(frame[["size"]], frame["kind"])
    assert by_name.mi_ == by_place.mi_
    assert 0.05 < by_name.mi_ < 0.69
    with pytest.raises(UserError, match="discrete_z: 'sort' is no column; z has kind"):
        clone(by_name).set_params(discrete_z=["sort"]).fit(frame[["size"]], frame[["kind"]])


def test_missing_values_are_refused_or_dropped(data):
    x, z = (each.copy() for each in data)
    x[3, 0] = np.nan
    model = MutualInformation(n_init=1, n_permutations=99, settings=SETTINGS)
    with pytest.raises(UserError, match=r"1 of 600 rows lack one, column 'x\[0\]' in row 4"):
        model.fit(x, z)
    assert sum(map(len, model.set_params(drop_missing=True).fit(x, z).rows_)) == 599


@pytest.mark.parametrize(
    ("shape_x", "shape_z", "message"),
    [
        ((60, 2, 2), (60, 2), r"x: shape \(60, 2, 2\)"),
        ((0, 2), (0, 2), "not empty"),
        ((60, 2), (50, 2), "x has 60 rows and z has 50"),
    ],
)
def test_wrong_shapes(shape_x, shape_z, message):
    source = np.random.default_rng(0)
    with pytest.raises(UserError, match=message):
        MutualInformation().fit(source.standard_normal(shape_x), source.standard_normal(shape_z))


def test_an_unknown_setting_and_no_fit(data):
    with pytest.raises(UserError, match=r"settings.depth: unknown key; known are"):
        MutualInformation(settings={"depth": 3}).fit(*data)
    with pytest.raises(UserError, match=r"settings\.seed: is the parameter random_state; say it there"):
        MutualInformation(settings={"seed": 3}).fit(*data)
    with pytest.raises(NotFittedError):
        MutualInformation().estimate(*data)


def test_other_columns_than_those_of_fit(fitted, data):
    with pytest.raises(UserError, match="3 given, and the critic was trained on 2"):
        fitted.estimate(np.hstack([data[0], data[0][:, :1]]), data[1])


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [("seed", "random_state", 3), ("initialisations", "n_init", 1), ("permutations", "n_permutations", 99)],
)
def test_older_names_are_taken_with_a_warning(old, new, value):
    given = MutualInformation(**{old: value}).get_params()
    with pytest.warns(FutureWarning, match=f"{old} is called {new} now"):
        found = settings_of(given)
    assert found == settings_of(MutualInformation(**{new: value}).get_params())


def test_random_states():
    assert seed_of(7) == 7
    assert seed_of(np.random.RandomState(1)) == seed_of(np.random.RandomState(1))
    assert seed_of(np.random.default_rng(1)) == seed_of(np.random.default_rng(1)) != seed_of(np.random.default_rng(2))
    assert seed_of(None) != seed_of(None)
    with pytest.raises(UserError, match="random_state: 'x' is not a whole number"):
        settings_of(MutualInformation(random_state="x").get_params())


def test_errors_are_value_errors_too(data):
    with pytest.raises(ValueError, match="n_init: 0 is not"):
        MutualInformation(n_init=0).fit(*data)


def test_pointwise_values_are_log_ratios(data, fitted):
    """The mean over fresh rows is the mean log density ratio; each is near the Gaussian's where there are many rows."""
    x, z = gaussian(2000, 2, 0.7, seed=5)
    found = fitted.pointwise(x, z)
    rho = 0.7
    exact = (-0.5 * np.log(1 - rho**2) - (rho**2 * (x**2 + z**2) - 2 * rho * x * z) / (2 * (1 - rho**2))).sum(1)
    assert np.corrcoef(found, exact)[0, 1] > 0.95
    assert found.mean() == pytest.approx(exact.mean(), abs=0.1)


def test_pointwise_values_of_one_critic_are_shifted_and_of_infonce_refused(data):
    quick = {"n_init": 1, "n_permutations": 99}
    model = MutualInformation(**quick, settings={**SETTINGS, "combine": "choose"}).fit(*data)
    x, z = gaussian(200, 2, 0.7, seed=5)
    shift = model.score_samples(x, z) - model.pointwise(x, z)
    np.testing.assert_allclose(shift, model.result_.judged.log_mean_exp)
    with pytest.raises(UserError, match="up to a function of z only; allowed are"):
        MutualInformation("infonce", **quick, settings={"max_updates": 25}).fit(*data).pointwise(x, z)


def test_normalised_forms(fitted):
    form = fitted.normalised()["correlation"]
    assert form.value == pytest.approx(np.sqrt(1 - np.exp(-2 * fitted.mi_)))
    assert form.low < form.value < form.high
    assert list(fitted.normalised()) == ["correlation"]
