"""The checks of scikit-learn's check_estimator that apply to an estimator of two samples."""

from __future__ import annotations

import warnings

import pytest
from sklearn.utils import estimator_checks

from mine.own import MutualInformation, estimate, settings

if not hasattr(estimator_checks, "estimator_checks_generator"):
    pytest.skip("scikit-learn before 1.6 has its checks elsewhere", allow_module_level=True)

OTHERWISE = {
    "check_array_api_input": "there are no array-API tensors but torch's, which have tests of their own",
    "check_complex_data": "refused in other words",
    "check_dtype_object": "refused in other words, as a ValueError",
    "check_estimators_empty_data_messages": "refused in other words",
    "check_estimators_nan_inf": "refused in other words",
    "check_fit1d": "one axis is one column",
    "check_fit2d_1feature": "refused in other words",
    "check_fit2d_1sample": "refused in other words",
    "check_fit_score_takes_y": "the second sample is called Z",
    "check_methods_sample_order_invariance": "scores are of pairs, so their methods take Z as well",
    "check_methods_subset_invariance": "scores are of pairs, so their methods take Z as well",
    "check_n_features_in_after_fitting": "refused in other words",
    "check_requires_y_none": "refused in other words",
}
"""Checks that do not apply, and why."""

QUICK = MutualInformation(
    n_init=1, n_permutations=99, split=(2, 1, 1), settings={"max_updates": 2, "eval_every": 1, "resamples": 99}
)
CHECKS = [(each.func.__name__, each) for _, each in estimator_checks.estimator_checks_generator(QUICK)]


def test_what_does_not_apply_is_still_among_the_checks():
    assert {name for name, _ in CHECKS} >= set(OTHERWISE) - {"check_array_api_input"}


@pytest.mark.parametrize(
    "check", [each for name, each in CHECKS if name not in OTHERWISE], ids=lambda each: each.func.__name__
)
def test_check(check, monkeypatch):
    # The checks have 15 to 30 rows, of which an estimate is refused otherwise.
    monkeypatch.setattr(settings, "MIN_TRAINING", 4)
    for module in (settings, estimate):
        monkeypatch.setattr(module, "MIN_HELD_OUT", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(QUICK)
