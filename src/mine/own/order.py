"""Whether rows can be taken as independent: series in file order, random walks, near copies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtri
from scipy.stats import rankdata

from mine.errors import UserError
from mine.own.columns import Column, Warned
from mine.own.rows import INDEPENDENT, MIN_STRETCHES, Groups, Rows, Stretches

_LOOKED_AT = 30
"""Columns of a side, spread evenly over all, that are looked at."""

_LONGEST = 50_000
"""Rows from the start of the file that are looked at as a series."""

_SHORTEST = 50

_SURE = 5.0
"""Standard errors of an autocorrelation from which on it is none of chance, whatever the number of columns."""

INFLATED = 1.3
"""How often the variance of a mean over independent rows that variance must be which the rows show."""

UNIT_ROOT = -3.43
"""Dickey and Fuller's t at 1 %, with a constant: above it a random walk cannot be excluded (MacKinnon 2010)."""

_WALKS = 0.8
"""Autocorrelation at lag 1 below which a column is no random walk even where few rows cannot exclude one."""

_QUERIES, _SPACE = 2_000, 12
_BUNCH, _INNER, _OUTER = 5, 16, 32
"""Most near copies of a row that are looked for; neighbours by which the number of dimensions is told."""

_FEWEST_COPIES = 5

NOT_STATIONARY = "not_stationary"
"""The warning with which no p-value is given."""

DEPENDENT_ROWS = "dependent_rows"
NEAR_COPIES = "near_copies"
"""The warning with which neither p nor the interval holds."""

AUTO = "auto"
"""Blocks as long as neighbours resemble each other."""


@dataclass(frozen=True)
class _Series:
    """A column in file order. scores (n,): normal scores, or which rows have the commonest level; discrete: which."""

    name: str
    scores: np.ndarray
    lags: np.ndarray
    size_lags: np.ndarray
    discrete: bool


def in_order(x: Sequence[Column], z: Sequence[Column]) -> list[Warned]:
    """Whether neighbouring rows resemble each other on both sides, which the permutation test takes them not to do.

    One side alone does no harm: in whatever order the other side's rows are put, the pairs are as likely. A file that
    is sorted by one of the columns is no series, and its order says nothing.
    """
    sides = [[columns[place] for place in _spread(len(columns))] for columns in (x, z)]
    if len(x[0].values) < _SHORTEST or any(_sorted(each) for side in sides for each in side):
        return []
    of_x, of_z = ([_series(each) for each in side] for side in sides)
    walks = [[each.name for each in side if is_walk(each)] for side in (of_x, of_z)]
    if all(walks):
        return [
            Warned(
                NOT_STATIONARY,
                f"{', '.join(map(repr, [each[0] for each in walks]))} cannot be told from random walks in the file's "
                "order: two of them look dependent whatever they are. Take differences first; no p-value is given.",
            )
        ]
    factor, one, other = max(((inflation(a, b), a.name, b.name) for a in of_x for b in of_z), key=lambda each: each[0])
    if factor < INFLATED:
        return []
    rows = len(x[0].values)
    return [
        Warned(
            DEPENDENT_ROWS,
            f"Neighbouring rows resemble each other in {one!r} and in {other!r}: together they tell about as much as "
            f"{rows / factor:,.0f} independent rows of {rows:,}, and p and the interval, which take all rows as "
            "independent, are too small. A time series needs --blocks, several rows of one subject --group; of a file "
            "that is merely sorted, --blocks 1 says that its rows are independent.",
        )
    ]


def _spread(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).round().astype(int))


def _sorted(column: Column) -> bool:
    """Whether values only rise or only fall; levels: whether each stands in one run."""
    values = column.values
    if column.discrete:
        return 1 + np.count_nonzero(values[1:] != values[:-1]) == len(np.unique(values))
    return bool((values[1:] >= values[:-1]).all() or (values[1:] <= values[:-1]).all())


def _series(column: Column) -> _Series:
    values = column.values[:_LONGEST]
    if column.discrete:
        known, codes = np.unique(values, return_inverse=True)
        scores = (codes == np.bincount(codes, minlength=len(known)).argmax()).astype(np.float64)
    else:
        scores = ndtri((rankdata(values) - 0.5) / len(values))
    # Calm and wild stretches are a resemblance too, which only the sizes show.
    return _Series(column.name, scores, autocorrelation(scores), autocorrelation(np.abs(scores)), column.discrete)


def autocorrelation(series: np.ndarray) -> np.ndarray:
    """At lags 0 to a quarter of the length, from all its pairs of rows, (lags,); zero of a constant."""
    count = len(series)
    centred = series - series.mean()
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    sums = np.fft.irfft(spectrum * spectrum.conj(), size)[: max(2, count // 4)]
    return sums / sums[0] if sums[0] > 1e-12 * count else np.zeros_like(sums)


def inflation(one: _Series, other: _Series) -> float:
    """1 + 2 sum_k r_one(k) r_other(k): how much the variance of a mean product exceeds that of independent rows.

    Bartlett 1935, for two series that are independent of each other. The sum ends where either is within chance.
    """
    return max(_inflation(a, b, len(one.scores)) for a, b in ((one.lags, other.lags), (one.size_lags, other.size_lags)))


def arrangement(
    x: Sequence[Column],
    z: Sequence[Column],
    blocks: int | str | None,
    groups: np.ndarray | None,
    held_out: int,
) -> Rows:
    """Which rows belong together, as the user says it.

    Args:
        x: columns.
        z: columns.
        blocks: rows of one, AUTO, or None.
        groups: whose each row is, or None.
        held_out: rows of the smallest part that is held out, which AUTO leaves enough blocks.

    Raises:
        UserError: blocks and groups at once, or as many groups as rows.
    """
    if groups is not None:
        if blocks is not None:
            raise UserError("blocks and group: rows are in time order or of several subjects; give one of the two")
        known, codes = np.unique(groups, return_inverse=True)
        if len(known) == len(codes):
            raise UserError(f"group: each of {len(codes):,} rows is a group of its own; leave it out")
        return Groups(codes)
    length = max(1, min(memory(x, z), held_out // (MIN_STRETCHES + 1))) if blocks == AUTO else blocks
    return INDEPENDENT if length is None or length == 1 else Stretches(int(length))


def of_new_rows(
    x: Sequence[Column], z: Sequence[Column], blocks: int | str | None, groups: np.ndarray | None, fitted: Rows
) -> list[Warned]:
    """What is odd about the order of rows given to a fitted critic. fitted: how the rows fitted on belonged together.

    blocks and groups: what is said of the new rows.
    """
    if groups is not None or blocks is not None:
        return []
    if isinstance(fitted, Groups):
        return [
            Warned(
                DEPENDENT_ROWS,
                "The rows fitted on were of groups and these are given without: p and the interval take each row as "
                "independent and are too small. Give groups here as well.",
            )
        ]
    return in_order(x, z)


def memory(x: Sequence[Column], z: Sequence[Column]) -> int:
    """Twice the rows after which neighbours on one side or the other no longer resemble each other."""
    sides = [[_series(columns[place]) for place in _spread(len(columns))] for columns in (x, z)]
    ends = [max(_end(each.lags, each.size_lags, len(each.scores)) for each in side) for side in sides]
    return max(1, 2 * min(ends))


def _end(lags: np.ndarray, size_lags: np.ndarray, rows: int) -> int:
    chance = 2.0 / math.sqrt(rows)
    return max(int(np.argmax(np.abs(each) < chance)) or len(each) for each in (lags, size_lags))


def _inflation(one: np.ndarray, other: np.ndarray, rows: int) -> float:
    chance = 1.0 / math.sqrt(rows)
    if min(np.abs(each[1:4]).max() for each in (one, other)) < _SURE * chance:
        return 1.0
    weak = np.flatnonzero(np.minimum(np.abs(one), np.abs(other)) < 2.0 * chance)
    # The first lags may be weak while a later one is not, as in every second row.
    end = next((lag for lag in weak if lag > 3), len(one))
    return 1.0 + 2.0 * float((one[1:end] * other[1:end]).sum())


def is_walk(series: _Series) -> bool:
    """Whether the augmented Dickey-Fuller test (Said and Dickey 1984) cannot exclude a random walk."""
    if series.discrete or series.lags[1] < _WALKS:
        return False
    return dickey_fuller(series.scores) > UNIT_ROOT


def dickey_fuller(series: np.ndarray) -> float:
    """Student's t of the level in a regression of the steps on it, a constant and earlier steps.

    Of those there are 4 (n / 100)^(1/4), as in Schwert 1989.
    """
    steps = np.diff(series)
    lags = int(4.0 * (len(series) / 100.0) ** 0.25)
    columns = [series[lags:-1], np.ones(len(steps) - lags)]
    columns += [steps[lags - lag : len(steps) - lag] for lag in range(1, lags + 1)]
    matrix, target = np.stack(columns, 1), steps[lags:]
    solved = np.linalg.lstsq(matrix, target, rcond=None)[0]
    residual = target - matrix @ solved
    variance = float(residual @ residual) / (len(target) - matrix.shape[1])
    error = math.sqrt(variance * np.linalg.pinv(matrix.T @ matrix)[0, 0])
    return float(solved[0]) / error if error > 0.0 else -math.inf


def near_copies(x: Sequence[Column], z: Sequence[Column], seed: int = 0) -> list[Warned]:
    """Whether rows lie in bunches far tighter than rows of their neighbourhood do: copies with a little noise.

    In d dimensions the ratio of the distances to a row's (j+1)-th and j-th neighbour, to the power d, is above m with
    chance m^-j, whatever the density (Facco et al. 2017 for j = 1). d is how the number of rows grows with distance.
    """
    numbers = [each for side in (x, z) for each in side if not each.discrete]
    numbers = [each for each in numbers if 2 * len(np.unique(each.values)) > len(each.values)]
    if len(numbers) < 2 or len(numbers[0].values) < _SHORTEST:
        return []
    places = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), _SPACE)).round().astype(int))
    points = np.stack([rankdata(numbers[place].values) for place in places], 1)
    points = ndtri((points - 0.5) / len(points))
    asked = np.random.default_rng(seed).permutation(len(points))[:_QUERIES]
    distances = cKDTree(points).query(points[asked], _OUTER + 1)[0][:, 1:]
    distances = distances[distances[:, 0] > 0.0]  # whole copies are told apart
    if len(distances) < _SHORTEST:
        return []
    growth = float(np.median(np.log(distances[:, _OUTER - 1] / distances[:, _INNER - 1])))
    dimension = math.log(_OUTER / _INNER) / max(growth, 1e-9)
    logs = np.log(distances[:, 1 : _BUNCH + 1] / distances[:, :_BUNCH])
    limits = math.log(2.0 * len(logs)) / (np.arange(1, _BUNCH + 1) * dimension)  # half a row expected beyond each
    count = int((logs > limits).sum(0).max())
    if count < max(_FEWEST_COPIES, 0.01 * len(logs)):
        return []
    return [
        Warned(
            NEAR_COPIES,
            f"At least {count / len(asked):.0%} of the rows have near copies, far closer than others around them: if "
            "these are copies with a little noise, or rows of one subject, training and test rows share them and the "
            "value is too high. Say --group with the column that tells them.",
        )
    ]
