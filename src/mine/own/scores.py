"""A fixed critic on test rows: its value over all product pairs, bootstrap, permutation test, effective sample size.

Test rows are cut into blocks. Within a block every x goes with every z, so that memory stays bounded whatever the
number of rows; a product pair joins two rows, never one with itself. All of it in float64.

A bootstrap draws rows with replacement, so a row may stand for several. Its copies are one row here: a resample is a
weight (how often a row was drawn) on rows and pairs, and a pair of two copies of one row does not exist. Joined as
product pairs they would be joint pairs, and would lower every resample's value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mine.estimators.interface import Estimator, Parameters
from mine.own.rows import INDEPENDENT, Rows
from mine.own.settings import DONSKER_VARADHAN, GAN_DIME, INFONCE, NWJ, SMILE

SEPARABLE_BLOCK, CONCAT_BLOCK, SIDE_BLOCK = 2048, 256, 128
"""Largest block, rows: a separable critic scores n^2 pairs at the price of n rows, the concatenated one does not.
SIDE_BLOCK is its block for what stands beside the value."""

_GRID = 1 << 17
"""Pairs that a concatenated critic scores at once."""

_PORTION = 1000
"""Derangements that are drawn at once."""

VALUE_IS = {
    DONSKER_VARADHAN: "Donsker-Varadhan value of the critic on test rows: an estimate of a lower bound of the mutual "
    "information",
    INFONCE: "InfoNCE value of the critic on test rows: an estimate of a lower bound of the mutual information, and "
    "never above log K, K being the test rows of a block",
    NWJ: "NWJ value of the critic on test rows: an estimate of a lower bound of the mutual information",
    SMILE: "SMILE value of the critic on test rows: no bound, since e^T is clipped",
    GAN_DIME: "mean estimated log density ratio of the test rows: no bound",
}
"""What each value is, in words."""


@dataclass(frozen=True)
class Judged:
    """What test rows say of one critic, the critic taken as given.

    value: nats. resampled (resamples,): the same of bootstrap resamples of the rows.
    joint_mean: mean T of the test rows' own pairs. permuted (permutations,): the same of derangements.
    ess_pairs: effective sample size of e^T among the product pairs. ess_rows: the same of rows, each with the sum over
    its pairs; of x's rows or of z's, whichever is smaller.
    pairs: product pairs. block: rows of the smallest block.
    joint, product: T of test pairs for a figure, of the first block; less the log of the product pairs' mean e^T.
    scores: T of all joint pairs, (n,).
    """

    value: float
    resampled: np.ndarray
    joint_mean: float
    permuted: np.ndarray
    ess_pairs: float
    ess_rows: float
    pairs: int
    block: int
    joint: np.ndarray
    product: np.ndarray
    scores: np.ndarray

    def interval(self, level: float) -> tuple[float, float]:
        """Percentile interval of the value over resamples of the test rows, nats."""
        return percentiles(self.resampled, level)

    @property
    def log_mean_exp(self) -> float:
        """Log of the mean e^T over product pairs of the first block."""
        return float(self.scores[0] - self.joint[0])

    @property
    def standard_error(self) -> float:
        """Standard deviation over resamples, nats."""
        return float(self.resampled.std(ddof=1))

    @property
    def p_value(self) -> float:
        """(1 + number of derangements whose mean T is as large) / (1 + derangements).

        Over a fixed set of scores the product term is the same for every order of the rows, so comparing mean T
        compares values.
        """
        return share_above(self.permuted, self.joint_mean)


def percentiles(resampled: np.ndarray, level: float) -> tuple[float, float]:
    """Percentile interval of a value from its resamples (resamples,)."""
    low, high = np.quantile(resampled, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def share_above(permuted: np.ndarray, given: float) -> float:
    """P of a permutation test from the statistics of other orders (orders,) and of the given one.

    The given order counts as one of them (Phipson & Smyth 2010).
    """
    # Sums of the same numbers in another order differ in their last digits.
    slack = 1e-12 * (abs(given) + 1.0)
    return float((1 + np.count_nonzero(permuted >= given - slack)) / (1 + len(permuted)))


def judge(
    estimator: Estimator,
    parameters: Parameters,
    x: Tensor,
    z: Tensor,
    *,
    reads: str = DONSKER_VARADHAN,
    above: float = 0.0,
    smile_tau: float = 5.0,
    resamples: int = 0,
    permutations: int = 0,
    bootstrap: np.random.Generator | None = None,
    shuffle: np.random.Generator | None = None,
    block: int | None = None,
    together: Rows = INDEPENDENT,
    report: Callable[[int], object] = lambda done: None,
) -> Judged:
    """Judge one critic on rows that training has not seen.

    Args:
        estimator: one that has a critic.
        parameters: a stack of one.
        x: (n, dx), standardised as the training rows.
        z: (n, dz).
        reads: the value, of ``mine.own.settings.VALUES``.
        above: by how much T stands above the log ratio.
        smile_tau: where SMILE's clips.
        resamples: bootstrap resamples, each within its block.
        permutations: derangements, each within its block.
        bootstrap: random numbers of the resamples.
        shuffle: random numbers of the derangements.
        block: largest block, rows; the critic's kind decides where it is None.
        together: which rows belong together, of these rows.
        report: called with the number of rows judged so far.
    """
    measure = _PerZ(resamples) if reads == INFONCE else _OfPairs(resamples, reads, smile_tau, above)
    own: list[np.ndarray] = []
    block = _block_of(estimator, block)
    most = together.most_orders(len(x)) if len(x) <= block else None
    permuted = np.zeros(permutations if most is None else min(permutations, most))
    stop = 0
    effective = _Effective()
    sizes: list[int] = []
    first: tuple[np.ndarray, np.ndarray] | None = None
    for scores in score_blocks(estimator, parameters, x, z, block):
        rows = len(scores)
        start, stop = stop, stop + rows
        sizes.append(rows)
        drawn = together.weights(start, stop, resamples, bootstrap) if resamples else np.empty((0, rows))
        weights = torch.cat([torch.ones(1, rows, dtype=torch.float64), torch.from_numpy(drawn.astype(np.float64))])
        measure.add(scores, weights)
        effective.add(scores)
        own.append(scores.diagonal().numpy().copy())
        if permutations:
            portions = [len(permuted)] if len(permuted) == most else _portions(len(permuted))
            orders = (together.orders(start, stop, count, shuffle) for count in portions)
            permuted += np.concatenate([permuted_sums(scores, each) for each in orders])
        report(stop)
        if first is None:
            off = ~torch.eye(rows, dtype=torch.bool)
            first = scores.diagonal().numpy().copy(), scores[off].numpy()
    values = measure.values()
    of_pairs, of_rows = effective.sizes()
    joint, product = first
    shift = np.logaddexp.reduce(product) - math.log(len(product))
    return Judged(
        float(values[0]),
        values[1:],
        float(np.concatenate(own).mean()),
        permuted / len(x),
        of_pairs,
        of_rows,
        sum(size * (size - 1) for size in sizes),
        min(sizes),
        joint - shift,
        product - shift,
        np.concatenate(own),
    )


def _block_of(estimator: Estimator, block: int | None) -> int:
    if block is not None:
        return block
    return SEPARABLE_BLOCK if estimator.critic.all_pairs else CONCAT_BLOCK


def _portions(permutations: int) -> list[int]:
    """Derangements in portions that fit the memory."""
    whole, rest = divmod(permutations, _PORTION)
    return [_PORTION] * whole + [rest] * (rest > 0)


def score_blocks(
    estimator: Estimator, parameters: Parameters, x: Tensor, z: Tensor, block: int | None = None
) -> Iterator[Tensor]:
    """T(x_j, z_i) at [i, j] of each block of rows, float64 (rows, rows)."""
    critic = estimator.critic
    count = math.ceil(len(x) / _block_of(estimator, block))
    for x_block, z_block in zip(x.tensor_split(count), z.tensor_split(count), strict=True):
        with torch.no_grad():
            yield (_all_pairs if critic.all_pairs else _grid)(critic, parameters, x_block, z_block).double().cpu()


def _all_pairs(critic, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
    outputs = critic.outputs(parameters, x[None], z[None])
    rows = len(x)
    scores = torch.empty(rows, rows, dtype=outputs["joint"].dtype, device=x.device)
    own = torch.eye(rows, dtype=torch.bool, device=x.device)
    scores[own] = outputs["joint"][0]
    scores[~own] = outputs["product"][0].flatten()
    return scores


def _grid(critic, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
    rows, parts = len(x), []
    for z_part in z.split(max(1, _GRID // rows)):
        pairs = x.repeat(len(z_part), 1), z_part.repeat_interleave(rows, 0)
        parts.append(critic.joint(parameters, *(each[None] for each in pairs)).view(len(z_part), rows))
    return torch.cat(parts)


class _OfPairs:
    """Mean T over rows, and the mean e^T over pairs of two rows, for many weightings of the rows at once.

    Donsker-Varadhan's value takes the log of the second, SMILE's that of a clipped e^T, NWJ's (of 1 + T) the second
    itself, and f-DIME's does without.
    """

    def __init__(self, resamples: int, reads: str, smile_tau: float, above: float) -> None:
        self._reads, self._above, self._clip = reads, above, smile_tau if reads == SMILE else math.inf
        self._joint, self._rows, self._pairs = (torch.zeros(resamples + 1, dtype=torch.float64) for _ in range(3))
        self._log_sum = torch.full((resamples + 1,), -torch.inf, dtype=torch.float64)

    def add(self, scores: Tensor, weights: Tensor) -> None:
        """Scores (n, n); weights (resamples + 1, n)."""
        scores = scores - self._above
        self._joint += weights @ scores.diagonal()
        scores = scores.clamp(-self._clip, self._clip)
        top = _largest_product(scores)
        terms = (scores - top).exp().fill_diagonal_(0.0)
        self._rows += weights.sum(1)
        self._pairs += weights.sum(1).square() - weights.square().sum(1)
        self._log_sum = torch.logaddexp(self._log_sum, top + ((weights @ terms) * weights).sum(1).log())

    def values(self) -> np.ndarray:
        """Nats, one a weighting."""
        joint, log_mean_exp = self._joint / self._rows, self._log_sum - self._pairs.log()
        if self._reads == NWJ:
            return (joint + 1.0 - log_mean_exp.exp()).numpy()
        return (joint if self._reads == GAN_DIME else joint - log_mean_exp).numpy()


class _PerZ:
    """InfoNCE's value: mean over rows of T - log of the mean e^T over the row's own x and every other row's."""

    def __init__(self, resamples: int) -> None:
        self._sum, self._rows = (torch.zeros(resamples + 1, dtype=torch.float64) for _ in range(2))

    def add(self, scores: Tensor, weights: Tensor) -> None:
        """Scores (n, n); weights (resamples + 1, n)."""
        top = scores.amax(1)
        terms = (scores - top[:, None]).exp()
        own = terms.diagonal().clone()
        others = weights @ terms.fill_diagonal_(0.0).T
        count = weights.sum(1, keepdim=True) - weights + 1.0
        # Drawn twice, a row is still one x among those that its z chooses from.
        of_rows = own.log() - ((others + own) / count).log()
        self._sum += (weights * of_rows).nan_to_num(0.0).sum(1)
        self._rows += weights.sum(1)

    def values(self) -> np.ndarray:
        """Nats, one a weighting."""
        return (self._sum / self._rows).numpy()


class _Effective:
    """(sum w)^2 / sum w^2 of w = e^T: over product pairs, and over rows with the sum of their pairs."""

    def __init__(self) -> None:
        self._pairs: list[Tensor] = []
        self._rows: tuple[list[Tensor], list[Tensor]] = ([], [])

    def add(self, scores: Tensor) -> None:
        """Scores (n, n)."""
        masked = scores.clone().fill_diagonal_(-torch.inf)
        self._pairs.append(torch.stack([masked.flatten().logsumexp(0), (2.0 * masked).flatten().logsumexp(0)]))
        for axis, found in enumerate(self._rows):
            found.append(masked.logsumexp(axis))

    def sizes(self) -> tuple[float, float]:
        """Of pairs and of rows."""
        of_pairs = torch.stack(self._pairs).logsumexp(0)
        of_rows = []
        for found in self._rows:
            logs = torch.cat(found)
            of_rows.append(2.0 * logs.logsumexp(0) - (2.0 * logs).logsumexp(0))
        return float((2.0 * of_pairs[0] - of_pairs[1]).exp()), float(min(of_rows).exp())


def _largest_product(scores: Tensor) -> Tensor:
    return scores.clone().fill_diagonal_(-torch.inf).max()


def permuted_sums(scores: Tensor, orders: np.ndarray) -> np.ndarray:
    """Sum of T(x_order(i), z_i) of each order, (count,)."""
    flat, starts = scores.flatten(), np.arange(len(scores)) * len(scores)
    return np.array([float(flat[torch.from_numpy(starts + order)].sum()) for order in orders])
