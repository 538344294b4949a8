"""Mutual information of arrays, data frames or tensors, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from mine.devices import device as choose_device
from mine.errors import UserError
from mine.own.columns import Column
from mine.own.crossfit import fit_and_estimate
from mine.own.estimate import Estimate, Fit, estimate_new
from mine.own.frames import names_of, sides_of
from mine.own.normalised import Form, normalised
from mine.own.parameters import DEPRECATED, refusing, settings_of
from mine.own.saved import load, save
from mine.own.settings import PER_Z, WITH_CRITIC, OwnSettings


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
        critic: ``separable``, ``concat``, or ``either``: both are trained, and the validation rows choose. None is
            ``either`` where the estimator exists with both, else the one it exists with.
        marginals: scale of each column of amounts: ``normal-scores``, ``standardise`` or ``none`` (as it is).
        random_state: of everything random: a seed, a NumPy generator, or None, which differs from call to call.
        n_init: critics trained, whose calibrated mean is read.
        split: shares of training, validation and test rows.
        n_permutations: derangements of the test rows.
        discrete_x: columns of X that hold levels and become one-hot: names, places from 0, a mask, or True for all.
            Those of a dtype of categories do so unless this is False.
        discrete_z: the same of Z.
        drop_missing: leave out rows that miss a value, instead of refusing them.
        device: where to train: ``cpu``, ``cuda``, or ``auto``, CUDA where there is one.
        settings: any other field of ``mine.own.settings.OwnSettings``, such as {"hidden": 128}; {"cross_fit": 5} reads
            every row once, and leaves no critic for new rows.
        seed: an older name of random_state.
        initialisations: an older name of n_init.
        permutations: an older name of n_permutations.

    Bad input is an ``InvalidInput``, which is a UserError and a ValueError.
    """

    def __init__(
        self,
        estimator: str = "js",
        *,
        critic: str | None = None,
        marginals: str = "normal-scores",
        random_state: Any = 0,
        n_init: int = 3,
        split: Sequence[float] = (60, 20, 20),
        n_permutations: int = 999,
        discrete_x: Sequence[int | str] = (),
        discrete_z: Sequence[int | str] = (),
        drop_missing: bool = False,
        device: str = "auto",
        settings: dict[str, Any] | None = None,
        seed: Any = DEPRECATED,
        initialisations: Any = DEPRECATED,
        permutations: Any = DEPRECATED,
    ) -> None:
        # Stored as given and checked in fit: what scikit-learn's get_params, set_params and clone rely on.
        self.estimator = estimator
        self.critic = critic
        self.marginals = marginals
        self.random_state = random_state
        self.n_init = n_init
        self.split = split
        self.n_permutations = n_permutations
        self.discrete_x = discrete_x
        self.discrete_z = discrete_z
        self.drop_missing = drop_missing
        self.device = device
        self.settings = settings
        self.seed = seed
        self.initialisations = initialisations
        self.permutations = permutations

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.two_d_labels = True
        return tags

    @refusing
    def fit(self, X: Any, Z: Any, groups: Any = None) -> MutualInformation:
        """Train, choose, and estimate on the test rows. Returns self.

        groups: (n,), whose each row is, where several rows belong to one subject.

        Raises:
            UserError: bad settings, or columns that nothing can be estimated from.
        """
        settings = self._settings()
        device = choose_device(self.device)
        (x, z), groups = sides_of(
            {"x": (X, self.discrete_x, None), "z": (Z, self.discrete_z, None)}, groups, drop=self.drop_missing
        )
        self._take(
            *fit_and_estimate(x, z, settings, device=device, groups=groups),
            (names_of(X), names_of(Z)),
        )
        return self

    def _take(self, fits: Sequence[Fit], estimate: Estimate, names: tuple[list[str] | None, list[str] | None]) -> None:
        """What ``fit`` leaves behind. fits: one, or that of every split. names: of the columns of X and Z."""
        self._names = names
        if names[0] is not None:
            self.feature_names_in_ = np.array(names[0], dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.n_features_in_ = len(fits[0].x.encoding.names)
        self._fit = fits[0] if len(fits) == 1 else None
        self._entropies = fits[0].entropies
        self.result_: Estimate = estimate
        self.mi_ = self.result_.mi
        self.interval_ = self.result_.interval
        self.p_value_ = self.result_.p_value
        self.spread_ = self.result_.spread
        self.warnings_ = [each.in_python for each in self.result_.warnings]
        self.rows_ = fits[0].rows if len(fits) == 1 else [each.rows for each in fits]

    @refusing
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

    @refusing
    def score_samples(self, X: Any, Z: Any) -> np.ndarray:
        """T of each joint pair (n,): up to a constant an estimate of its log density ratio, nats.

        Of InfoNCE and its kin up to a function of z. Raises as ``estimate`` does.
        """
        return self._fitted().scores(*self._columns(X, Z)[:2])

    @refusing
    def pointwise(self, X: Any, Z: Any) -> np.ndarray:
        """Pointwise mutual information of each pair (n,), nats: an estimate of ln p(x, z) / (p(x) p(z)).

        Above 0 the two are seen together more often than independent ones would be, below 0 less often. Their mean over
        fresh rows is the mean log density ratio, which is near ``mi_`` where the critic is calibrated; a single one is
        as good as the critic is there, and says little where training rows are few. On rows that ``fit`` trained on
        they are too high. Never below minus the log of the number of validation rows, where initialisations are
        averaged.

        Raises:
            UserError: as ``estimate`` does; of InfoNCE and its kin, whose T is free by a function of z.
        """
        fitted = self._fitted()
        if fitted.settings.estimator in PER_Z:
            raise UserError(
                f"estimator: T of {fitted.settings.estimator!r} is a log ratio up to a function of z only; allowed are "
                f"{', '.join(name for name in WITH_CRITIC if name not in PER_Z)}"
            )
        scores = self.score_samples(X, Z)
        return scores if fitted.blend is not None else scores - self.result_.judged.log_mean_exp

    def normalised(self) -> dict[str, Form]:
        """``mi_`` on scales from 0 to 1, by name, each with its interval.

        ``correlation``: that of two Gaussian columns of as much information. ``share_of_entropy_of_x``, ``..._z``: of a
        side whose columns are all discrete.
        """
        self._check_fitted()
        forms = normalised(self.result_.mi, self.result_.interval, self._entropies)
        return {each.name: each for each in forms}

    @refusing
    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted model as an npz archive, without pickle, whole or not at all. ``load`` reads it.

        Raises:
            UserError: the path cannot be written.
            NotFittedError: before ``fit``.
        """
        save(Path(path), self._fitted(), self.result_, self._names)

    @classmethod
    @refusing
    def load(cls, path: str | PathLike[str]) -> MutualInformation:
        """A model that ``save`` wrote, fitted. Reading it runs nothing that the file holds.

        Raises:
            UserError: no such file, a damaged one, or one that is no fitted model.
        """
        fitted, estimate, names = load(Path(path))
        given, default = fitted.settings.to_dict(), OwnSettings().to_dict()
        own = {name: given.pop(name) for name in ("estimator", "critic", "marginals", "split")}
        model = cls(
            **own,
            random_state=given.pop("seed"),
            n_init=given.pop("initialisations"),
            n_permutations=given.pop("permutations"),
            discrete_x=fitted.x.discrete,
            discrete_z=fitted.z.discrete,
            settings={name: value for name, value in given.items() if value != default[name]} or None,
        )
        model._take((fitted,), estimate, names)
        return model

    def _check_fitted(self) -> None:
        if not hasattr(self, "_fit"):
            raise NotFittedError("This MutualInformation is not fitted yet: call fit(X, Z) first")

    def _fitted(self) -> Fit:
        self._check_fitted()
        if self._fit is None:
            raise UserError("cross_fit: each split has critics of its own, none for new rows; fit without it")
        return self._fit

    def _settings(self) -> OwnSettings:
        return settings_of(self.get_params(deep=False))

    def _columns(self, X: Any, Z: Any, groups: Any = None) -> tuple[list[Column], list[Column], np.ndarray | None]:
        of_x, of_z = (frozenset(side.discrete) for side in (self._fitted().x, self._fitted().z))
        (x, z), groups = sides_of(
            {"x": (X, of_x, self._names[0]), "z": (Z, of_z, self._names[1])}, groups, drop=self.drop_missing
        )
        return x, z, groups
