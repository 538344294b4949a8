"""Mutual information of arrays, data frames or tensors, in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from mine.errors import UserError
from mine.own.columns import Column, column, without_missing
from mine.own.estimate import Estimate, estimate, estimate_new, fit
from mine.own.settings import OwnSettings


class MutualInformation(BaseEstimator):
    """Mutual information of X and Z by a neural critic, as ``mine estimate`` computes it.

    ``fit(X, Z)`` splits the rows, trains on some and has the estimate from others; ``estimate(X, Z)`` judges the fitted
    critic on rows of your own. X and Z: NumPy arrays, pandas frames or series, or torch tensors of shape (n,) or
    (n, columns); row i of X and row i of Z are one joint pair.

    Attributes after ``fit``:
        mi_: the estimate, nats: Donsker-Varadhan value of the chosen critic on the test rows (of InfoNCE and its kin
            InfoNCE's value). At the population it is a lower bound of the mutual information.
        interval_: (low, high), nats, over resamples of the test rows, the critic taken as given.
        p_value_: of the permutation test with the critic fixed.
        spread_: (low, high) of the test values over initialisations, nats.
        warnings_: what to be wary of, as sentences.
        result_: all of it, a ``mine.own.estimate.Estimate``.
        rows_: indices of training, validation and test rows among the rows that were kept.

    Args:
        estimator: of ``mine.own.settings.WITH_CRITIC``.
        critic: ``separable`` or ``concat``.
        seed: of everything random.
        initialisations: critics trained, of which the validation rows choose one.
        split: shares of training, validation and test rows.
        permutations: derangements of the test rows.
        discrete_x: columns of X, by place or by name, that hold levels: they become one-hot.
        discrete_z: the same of Z.
        drop_missing: leave out rows that miss a value, instead of refusing them.
        device: where to train.
        settings: any other field of ``mine.own.settings.OwnSettings``, such as {"hidden": 128}.
    """

    def __init__(
        self,
        estimator: str = "js",
        *,
        critic: str = "separable",
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
        self.seed = seed
        self.initialisations = initialisations
        self.split = split
        self.permutations = permutations
        self.discrete_x = discrete_x
        self.discrete_z = discrete_z
        self.drop_missing = drop_missing
        self.device = device
        self.settings = settings

    def fit(self, X: Any, Z: Any) -> MutualInformation:
        """Train, choose, and estimate on the test rows. Returns self.

        Raises:
            UserError: bad settings, or columns that nothing can be estimated from.
        """
        settings = self._settings()
        x, z = self._columns(X, Z)
        self._fit = fit(x, z, settings, device=self.device)
        self.result_: Estimate = estimate(self._fit, x, z)
        self.mi_ = self.result_.mi
        self.interval_ = self.result_.interval
        self.p_value_ = self.result_.p_value
        self.spread_ = self.result_.spread
        self.warnings_ = [each.text for each in self.result_.warnings]
        self.rows_ = self._fit.rows
        return self

    def estimate(self, X: Any, Z: Any) -> Estimate:
        """The fitted critic on rows that ``fit`` has not been given; on rows that it has, the value is too high.

        Raises:
            UserError: other columns than those of ``fit``, or fewer than ten rows.
            NotFittedError: before ``fit``.
        """
        return estimate_new(self._fitted(), *self._columns(X, Z))

    def score(self, X: Any, Z: Any) -> float:
        """``estimate(X, Z).mi``, nats: higher is better, so that scikit-learn can compare settings by it."""
        return self.estimate(X, Z).mi

    def score_samples(self, X: Any, Z: Any) -> np.ndarray:
        """T of each joint pair (n,): up to a constant an estimate of its log density ratio, nats.

        Of InfoNCE and its kin up to a function of z. Raises as ``estimate`` does.
        """
        fitted = self._fitted()
        x, z = fitted.tensors(*self._columns(X, Z))
        with torch.no_grad():
            scores = fitted.trained.estimator.critic.joint(
                fitted.trained.member(fitted.trained.chosen), x[None], z[None]
            )
        return scores[0].double().numpy()

    def _fitted(self):
        if not hasattr(self, "_fit"):
            raise NotFittedError("This MutualInformation is not fitted yet: call fit(X, Z) first")
        return self._fit

    def _settings(self) -> OwnSettings:
        own = {name: getattr(self, name) for name in ("estimator", "critic", "seed", "initialisations", "permutations")}
        try:
            return OwnSettings(**own, split=tuple(self.split), **(self.settings or {}))
        except TypeError as error:
            raise UserError(f"settings: {error}") from None

    def _columns(self, X: Any, Z: Any) -> tuple[list[Column], list[Column]]:
        x = columns_of(X, "x", self.discrete_x)
        z = columns_of(Z, "z", self.discrete_z)
        x, z, _ = without_missing(x, z, drop=self.drop_missing)
        return x, z


def columns_of(values: Any, side: str, discrete: Sequence[int | str] = ()) -> list[Column]:
    """Columns of an array, frame, series or tensor. side: ``x`` or ``z``, for names and messages.

    Raises:
        UserError: no rows and columns, or a discrete column that is not there.
    """
    import pandas as pd

    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    if isinstance(values, pd.Series):
        values = values.to_frame()
    if not isinstance(values, pd.DataFrame):
        array = np.asarray(values)
        if array.ndim not in (1, 2) or array.size == 0:
            raise UserError(f"{side}: shape {array.shape}; allowed are (rows,) and (rows, columns), not empty")
        array = array[:, None] if array.ndim == 1 else array
        values = pd.DataFrame(array, columns=[f"{side}[{place}]" for place in range(array.shape[1])])
    if values.empty:
        raise UserError(f"{side}: {values.shape[0]} rows of {values.shape[1]} columns; at least one of each is needed")
    names = [str(name) for name in values.columns]
    levels = set()
    for each in discrete:
        if each in list(values.columns):
            levels.add(list(values.columns).index(each))
        elif isinstance(each, int) and 0 <= each < len(names):
            levels.add(each)
        else:
            raise UserError(f"discrete_{side}: {each!r} is no column; {side} has {', '.join(names[:12])}")
    return [column(name, values.iloc[:, place], discrete=place in levels) for place, name in enumerate(names)]
