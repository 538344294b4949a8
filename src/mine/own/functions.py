"""One call for one number: mutual information, conditional mutual information, and that of every pair of columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mine.devices import device as choose_device
from mine.errors import UserError
from mine.own.columns import Column, Warned, entropy, faults_of, without_missing
from mine.own.conditional import Conditional, estimate_conditional, fit_conditional
from mine.own.crossfit import fit_and_estimate
from mine.own.estimate import Estimate
from mine.own.estimator import MutualInformation
from mine.own.faults import Faults
from mine.own.frames import columns_of, sides_of
from mine.own.parameters import refusing, settings_of
from mine.progress import ProgressLine
from mine.statistics import holm


def mutual_information(x: Any, z: Any, *, groups: Any = None, **parameters: Any) -> Estimate:
    """Mutual information of x and z with its interval, nats: ``.mi``, ``.interval``, ``.p_value``, ``.warnings``.

    A warning's ``in_python`` is its sentence with these parameters' names, its ``text`` with the command's options.

    Args:
        x: array, frame, series or tensor of shape (n,) or (n, columns).
        z: the same, as many rows.
        groups: (n,), whose each row is, where several rows belong to one subject.
        **parameters: of ``MutualInformation``.

    Raises:
        InvalidInput: as ``MutualInformation.fit``.
    """
    return MutualInformation(**parameters).fit(x, z, groups).result_


@refusing
def conditional_mutual_information(
    x: Any, z: Any, c: Any, *, discrete_c: Any = (), groups: Any = None, **parameters: Any
) -> Conditional:
    """I(x; z | c), nats, as the difference of two estimates on the same rows: no bound, and it may be negative.

    ``.p_value`` is of a test of conditional independence, which is approximate where c holds amounts
    (``mine.own.conditional``).

    Args:
        x: array, frame, series or tensor of shape (n,) or (n, columns).
        z: the same, as many rows.
        c: the same; what is known already.
        discrete_c: columns of c that hold levels, as ``discrete_x`` of ``MutualInformation``.
        groups: (n,), whose each row is. There is no test then.
        **parameters: of ``MutualInformation``.

    Raises:
        InvalidInput: as ``MutualInformation.fit``.
    """
    model = MutualInformation(**parameters)
    settings = settings_of(model.get_params(deep=False))
    given = {"x": (x, model.discrete_x, None), "z": (z, model.discrete_z, None), "c": (c, discrete_c, None)}
    (x, z, c), groups = sides_of(given, groups, drop=model.drop_missing)
    fitted = fit_conditional(x, z, c, settings, device=choose_device(model.device), groups=groups)
    return estimate_conditional(fitted, x, z, c)


@dataclass(frozen=True)
class Matrix:
    """Mutual information of every pair of k columns. All arrays (k, k) and symmetric; nats.

    mi: values; on the diagonal the entropy of a discrete column, infinite of amounts. low, high: of their intervals.
    p: of each pair's permutation test; p_holm: the same, corrected for the number of pairs (Holm 1979). NaN where there
    is none, as on the diagonal and of a pair that was refused.
    names: of the columns. warnings: of each pair (i, j), i < j, that has any; refused: why a pair has no value.
    """

    names: tuple[str, ...]
    mi: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_holm: np.ndarray
    warnings: dict[tuple[int, int], tuple[Warned, ...]]
    refused: dict[tuple[int, int], str]

    def to_frame(self) -> Any:
        """``mi`` as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.mi, index=list(self.names), columns=list(self.names))


@refusing
def mutual_information_matrix(
    values: Any,
    *,
    discrete: Any = (),
    progress: bool | Callable[[int, int], object] = False,
    **parameters: Any,
) -> Matrix:
    """Mutual information of each column with each other, one pair after the other in this process.

    Args:
        values: array or frame (n, columns), two columns or more.
        discrete: columns that hold levels, as ``discrete_x`` of ``MutualInformation``.
        progress: True for a line on standard error, or what is called with the pairs done and the pairs there are.
        **parameters: of ``MutualInformation``. Rows that miss a value are those of a pair: others keep theirs.

    Raises:
        InvalidInput: bad columns or parameters. A pair that has no estimate, such as a column and a function of it, is
            in ``refused`` instead.
    """
    model = MutualInformation(**parameters)
    settings = settings_of(model.get_params(deep=False))
    device = choose_device(model.device)
    columns = columns_of(values, "x", discrete)
    if len(columns) < 2:
        raise UserError("x: 1 column; a matrix needs 2 or more")
    faults = Faults()
    faults.add(*faults_of(columns))
    faults.settle()
    pairs = list(combinations(range(len(columns)), 2))
    say = _progress(progress, len(pairs))
    found: dict[tuple[int, int], Estimate] = {}
    refused: dict[tuple[int, int], str] = {}
    for done, (i, j) in enumerate(pairs):
        say(done)
        try:
            x, z, _ = without_missing([columns[i]], [columns[j]], drop=model.drop_missing)
            found[i, j] = fit_and_estimate(x, z, settings, device=device)[1]
        except UserError as error:
            refused[i, j] = str(error)
    say(len(pairs))
    if not found:
        raise UserError(f"none of {len(pairs)} pairs has an estimate; the first: {next(iter(refused.values()))}")
    return _matrix(columns, found, refused)


def _progress(wanted: bool | Callable[[int, int], object], pairs: int) -> Callable[[int], object]:
    if callable(wanted):
        return lambda done: wanted(done, pairs)
    if not wanted:
        return lambda done: None
    line = ProgressLine(pairs)

    def say(done: int) -> None:
        line.update(done, f"{done:,} of {pairs:,} pairs")
        if done == pairs:
            line.close()

    return say


def _matrix(
    columns: Sequence[Column], found: dict[tuple[int, int], Estimate], refused: dict[tuple[int, int], str]
) -> Matrix:
    own = [entropy([each]) for each in columns]
    tested = [pair for pair, each in found.items() if math.isfinite(each.p_value)]
    corrected = dict(zip(tested, holm([found[pair].p_value for pair in tested]), strict=True))
    of_pairs = {pair: (each.mi, *each.interval, each.p_value) for pair, each in found.items()}
    parts = np.full((5, len(columns), len(columns)), np.nan)
    for pair, numbers in of_pairs.items():
        parts[(slice(4), *pair)] = parts[(slice(4), *pair[::-1])] = numbers
    for pair, p in corrected.items():
        parts[(4, *pair)] = parts[(4, *pair[::-1])] = p
    np.fill_diagonal(parts[0], [math.inf if each is None else each for each in own])
    warned = {pair: each.warnings for pair, each in found.items() if each.warnings}
    return Matrix(tuple(each.name for each in columns), *parts, warned, refused)
