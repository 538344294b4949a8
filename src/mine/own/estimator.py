"""Mutual information of arrays, data frames or tensors, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from mine.devices import device as choose_device
from mine.errors import UserError
from mine.own.columns import Column, column, group_of, without_missing
from mine.own.crossfit import fit_and_estimate
from mine.own.estimate import Estimate, estimate_new
from mine.own.faults import Faults
from mine.own.frames import check_rows, columns_of, names_of
from mine.own.settings import OwnSettings


class MutualInformation(BaseEstimator):
    """Mutual information of X and Z by a neural critic, as ``mine estimate`` computes it.

    ``fit(X, Z)`` splits the rows, trains on some and has the estimate from others; ``estimate(X, Z)`` judges the fitted
    critic on rows of your own. X and Z: NumPy arrays (masked entries miss their value), pandas frames or series, tables
    with ``to_pandas``, or torch tensors of shape (n,) or (n, columns); row i of X and row i of Z are one joint pair.
    Frames are matched by their columns' names to those of ``fit``, whatever the order.

    Attributes after ``fit``:
        mi_: the estimate, nats: Donsker-Varadhan value of the chosen critic on the test rows (of InfoNCE and its kin
            InfoNCE's value). At the population it is a lower bound of the mutual information.
        interval_: (low, high), nats, over resamples of the test rows, the critic taken as given.
        p_value_: of the permutation test with the critic fixed.
        spread_: (low, high) of the test values over initialisations, nats.
        warnings_: what to be wary of, as sentences.
        result_: all of it, a ``mine.own.estimate.Estimate``.
        feature_names_in_, n_features_in_: names of X's columns, where it had any, and how many.
        rows_: indices of training, validation and test rows among the rows that were kept; with ``cross_fit`` a list
            of them, one a split.

    Args:
        estimator: of ``mine.own.settings.WITH_CRITIC``.
        critic: ``separable`` or ``concat``; None is ``concat`` where the estimator exists with it.
        marginals: scale of each column of amounts: ``normal-scores``, ``standardise`` or ``none`` (as it is).
        seed: of everything random.
        initialisations: critics trained, of which the validation rows choose one.
        split: shares of training, validation and test rows.
        permutations: derangements of the test rows.
        discrete_x: columns of X that hold levels and become one-hot: names, places from 0, a mask, or True for all.
        discrete_z: the same of Z.
        drop_missing: leave out rows that miss a value, instead of refusing them.
        device: where to train: ``cpu``, ``cuda``, or ``auto``, CUDA where there is one.
        settings: any other field of ``mine.own.settings.OwnSettings``, such as {"hidden": 128}; {"cross_fit": 5} reads
            every row once, and leaves no critic for new rows.
    """

    def __init__(
        self,
        estimator: str = "js",
        *,
        critic: str | None = None,
        marginals: str = "normal-scores",
        seed: int = 0,
        initialisations: int = 3,
        split: Sequence[float] = (60, 20, 20),
        permutations: int = 999,
        discrete_x: Sequence[int | str] = (),
        discrete_z: Sequence[int | str] = (),
        drop_missing: bool = False,
        device: str = "cpu",
        settings: dict[str, Any] | None = None,
    ) -> None:
        # Stored as given and checked in fit: what scikit-learn's get_params, set_params and clone rely on.
        self.estimator = estimator
        self.critic = critic
        self.marginals = marginals
        self.seed = seed
        self.initialisations = initialisations
        self.split = split
        self.permutations = permutations
        self.discrete_x = discrete_x
        self.discrete_z = discrete_z
        self.drop_missing = drop_missing
        self.device = device
        self.settings = settings

    def fit(self, X: Any, Z: Any, groups: Any = None) -> MutualInformation:
        """Train, choose, and estimate on the test rows. Returns self.

        groups: (n,), whose each row is, where several rows belong to one subject.

        Raises:
            UserError: bad settings, or columns that nothing can be estimated from.
        """
        settings = self._settings()
        device = choose_device(self.device)
        self._names: tuple[list[str] | None, list[str] | None] = (None, None)
        x, z, groups = self._columns(X, Z, groups)
        self._names = names_of(X), names_of(Z)
        if self._names[0] is not None:
            self.feature_names_in_ = np.array(self._names[0], dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.n_features_in_ = len(x)
        fits, self.result_ = fit_and_estimate(x, z, settings, device=device, groups=groups)
        self._fit = fits[0] if len(fits) == 1 else None
        self.mi_ = self.result_.mi
        self.interval_ = self.result_.interval
        self.p_value_ = self.result_.p_value
        self.spread_ = self.result_.spread
        self.warnings_ = [each.text for each in self.result_.warnings]
        self.rows_ = fits[0].rows if len(fits) == 1 else [each.rows for each in fits]
        return self

    def estimate(self, X: Any, Z: Any, groups: Any = None) -> Estimate:
        """The fitted critic on rows that ``fit`` has not been given; on rows that it has, the value is too high.

        groups: as of ``fit``.

        Raises:
            UserError: other columns than those of ``fit``, or fewer than ten rows.
            NotFittedError: before ``fit``.
        """
        return estimate_new(self._fitted(), *self._columns(X, Z, groups))

    def score(self, X: Any, Z: Any) -> float:
        """``estimate(X, Z).mi``, nats: higher is better, so that scikit-learn can compare settings by it."""
        return self.estimate(X, Z).mi

    def score_samples(self, X: Any, Z: Any) -> np.ndarray:
        """T of each joint pair (n,): up to a constant an estimate of its log density ratio, nats.

        Of InfoNCE and its kin up to a function of z. Raises as ``estimate`` does.
        """
        return self._fitted().scores(*self._columns(X, Z)[:2])

    def _fitted(self):
        if not hasattr(self, "_fit"):
            raise NotFittedError("This MutualInformation is not fitted yet: call fit(X, Z) first")
        if self._fit is None:
            raise UserError("cross_fit: each split has critics of its own, none for new rows; fit without it")
        return self._fit

    def _settings(self) -> OwnSettings:
        own = {
            name: getattr(self, name)
            for name in ("estimator", "critic", "marginals", "seed", "initialisations", "permutations")
        }
        try:
            return OwnSettings(**own, split=self.split, **(self.settings or {}))
        except TypeError as error:
            raise UserError(f"settings: {error}") from None

    def _columns(self, X: Any, Z: Any, groups: Any = None) -> tuple[list[Column], list[Column], np.ndarray | None]:
        check_rows(X, Z)
        faults, sides = Faults(), []
        for values, side, discrete, names in zip(
            (X, Z), ("x", "z"), (self.discrete_x, self.discrete_z), self._names, strict=True
        ):
            with faults.gathered():
                sides.append(columns_of(values, side, discrete, names))
        faults.settle()
        x, z = sides
        given = len(x[0].values)
        x, z, keep = without_missing(x, z, drop=self.drop_missing)
        if groups is None:
            return x, z, None
        of_rows = column("groups", groups, discrete=True, most=None)
        if len(of_rows.values) != given:
            raise UserError(f"groups: {len(of_rows.values):,} for {given:,} rows")
        return x, z, group_of([of_rows], keep)
