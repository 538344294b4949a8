"""What is measured at one frozen critic: bias and variance of the second term, Taylor's prediction, identities of v.

Everything streams: pairs are drawn, looked at and forgotten some thousand at a time, whatever the number of samples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from mine.errors import UserError
from mine.frozen.averages import burn_in, moving_average, softmax
from mine.frozen.critics import Critics
from mine.frozen.gradients import FrozenCritic, as_array
from mine.frozen.reference import Moments, Reference, Report, moments, reference
from mine.frozen.sampling import Purpose, permuted_pairs, product_pairs, source
from mine.frozen.tables import BIAS, DIRECTIONS, IDENTITIES, table

ROWS = 2048
"""Pairs that are looked at at once, at least: one layer's activations of so many stay in a core's cache."""

RANDOM_DIRECTIONS = 3

MIN_BATCHES = 50
"""Of a half, after the start of v is forgotten; with fewer an alpha is not measured."""

FIRST_BATCHES = 250
"""Fewest batches that an identity is given for; then twice as many, and so on."""


@dataclass(frozen=True)
class Plan:
    """What to measure.

    batch_sizes: k, each a divisor of the largest. ema_rates: alpha. k: batch size of the moving average, one of
    batch_sizes. samples: product pairs behind each estimate; rounded down to whole blocks. Construction checks every
    value and raises UserError.
    """

    batch_sizes: tuple[int, ...]
    ema_rates: tuple[float, ...]
    k: int
    samples: int

    def __post_init__(self) -> None:
        """Check every value."""
        for size in self.batch_sizes:
            if size < 2:
                raise UserError(f"batch-sizes: {size} is not a whole number of at least 2")
            if max(self.batch_sizes) % size:
                raise UserError(f"batch-sizes: {size} does not divide the largest, {max(self.batch_sizes)}")
        for rate in self.ema_rates:
            if not 0.0 < rate <= 1.0:
                raise UserError(f"ema-rates: {rate:g} is not a number in (0, 1]")
        if self.k not in self.batch_sizes:
            raise UserError(f"batch-sizes: without {self.k}, the batch size that the critics were trained with")
        for name, values in (("batch-sizes", self.batch_sizes), ("ema-rates", self.ema_rates)):
            if len(set(values)) < len(values):
                raise UserError(f"{name}: a value stands twice")
        if self.samples < 2 * self.rows:
            raise UserError(f"samples: {self.samples} is not a whole number of at least {2 * self.rows}")

    @property
    def rows(self) -> int:
        """Pairs at once: whole batches of every size."""
        largest = max(self.batch_sizes)
        return largest * max(1, ROWS // largest)

    @property
    def half(self) -> int:
        """Product pairs of each half."""
        return self.samples // (2 * self.rows) * self.rows

    @property
    def permuted_half(self) -> int:
        """Permuted pairs of each half, of each k; a quarter, since every k needs its own shuffle and its own pass."""
        return max(self.rows, self.half // 4 // self.rows * self.rows)

    @property
    def work(self) -> int:
        """Pairs that a critic is measured by in all."""
        return 6 * self.half + 2 * len(self.batch_sizes) * self.permuted_half


def measure(
    critics: Critics, steps: Sequence[int], plan: Plan, report: Callable[[int, str], Any] = lambda done, text: None
) -> dict[str, pa.Table]:
    """The tables bias, directions and identities of one run's critics after ``steps`` updates.

    report: called with pairs done of ``plan.work`` for each step, and what is at work.
    Raises UserError where a step is not among the critics.
    """
    cell = critics.cell
    frozen = {step: FrozenCritic.of(critics, step) for step in steps}
    rows: dict[str, list[dict[str, Any]]] = {"bias": [], "directions": [], "identities": []}
    done = 0
    for step, critic in frozen.items():

        def advance(pairs: int, step: int = step) -> None:
            nonlocal done
            done += pairs
            report(done, f"critic after {step} updates")

        at = {"dim": cell.dim, "rho": cell.rho, "seed": cell.seed, "step": step}
        for name, found in _measure_one(critic, at, plan, advance).items():
            rows[name] += [at | row for row in found]
    columns = {"bias": BIAS, "directions": DIRECTIONS, "identities": IDENTITIES}
    return {name: table(columns[name], rows[name]) for name in columns}


def _measure_one(
    critic: FrozenCritic, at: dict[str, Any], plan: Plan, report: Report
) -> dict[str, list[dict[str, Any]]]:
    dim, rho, step = at["dim"], at["rho"], at["step"]

    def numbers(purpose: Purpose) -> torch.Generator:
        # Random directions are the run's, the same at each of its steps.
        return source(at["seed"], dim, rho, purpose, *([] if purpose is Purpose.DIRECTIONS else [step]))

    truth = reference(critic, dim, rho, plan.half, plan.rows, numbers(Purpose.REFERENCE), report)
    random = torch.randn(RANDOM_DIRECTIONS, critic.n_parameters, generator=numbers(Purpose.DIRECTIONS)).double()
    named = {"true gradient": truth.direction}
    named |= {f"random {n}": as_array(u / u.norm()) for n, u in enumerate(random, start=1)}
    units = np.stack(list(named.values()))
    expected = moments(
        critic, units, truth.log_expectation, dim, rho, 2 * plan.half, plan.rows, numbers(Purpose.MOMENTS), report
    )
    passed = _Independent(critic, truth, units, plan).run(dim, numbers(Purpose.INDEPENDENT), report)
    permuted = _permuted(critic, truth, plan, dim, rho, numbers(Purpose.PERMUTATION), report)
    return {
        "bias": [*passed.bias(), *permuted],
        "directions": passed.along(list(named), expected),
        "identities": passed.identities(list(named), expected),
    }


class _Independent:
    """One pass over independent product pairs, from which everything but the permutation comes.

    Two halves, each with a v of its own that starts at its mean. e^T is in units of its expectation throughout.
    """

    def __init__(self, critic: FrozenCritic, truth: Reference, units: np.ndarray, plan: Plan) -> None:
        self._critic, self._truth, self._plan = critic, truth, plan
        self._units = torch.from_numpy(units.astype(np.float32))
        self._rates = np.array(plan.ema_rates, dtype=np.float64)
        self._batches = plan.half // plan.k  # of a half, at the moving average's k
        left = self._batches - burn_in(self._rates)
        self._kept = np.where(left >= MIN_BATCHES, left, 0)
        sizes, rates = len(plan.batch_sizes), len(plan.ema_rates)
        # Sums over batches of the second term, biased for each k and then ema for each alpha; and of its square at k.
        self._sums = np.zeros((2, sizes + rates, critic.n_parameters))
        self._squares = np.zeros(1 + rates)
        self._ratio, self._ratio_squared = np.zeros((2, sizes, len(units)))
        self._means = np.empty(2 * self._batches)
        self._numerators = np.empty((2 * self._batches, len(units)))

    def run(self, dim: int, numbers: torch.Generator, report: Report) -> _Independent:
        """Take all samples."""
        plan = self._plan
        for half in range(2):
            v = np.ones(len(self._rates))
            for taken in range(0, plan.half, plan.rows):
                v = self._take(half, taken // plan.k, product_pairs(plan.rows, dim, numbers), v)
                report(plan.rows)
        return self

    def _take(self, half: int, first: int, pairs: torch.Tensor, v: np.ndarray) -> np.ndarray:
        """Add pairs whose first batch of k is number ``first`` of its half. Returns v after them."""
        plan = self._plan
        scores = as_array(self._critic.scores(pairs)) - self._truth.log_expectation
        along = as_array(self._critic.along(self._units))
        biased = np.stack([softmax(scores, k) for k in plan.batch_sizes], 1)
        for index, k in enumerate(plan.batch_sizes):
            ratios = (biased[:, index, None] * along).reshape(-1, k, along.shape[1]).sum(1)
            self._ratio[index] += ratios.sum(0)
            self._ratio_squared[index] += np.square(ratios).sum(0)

        exp_scores = np.exp(scores).reshape(-1, plan.k)
        means = exp_scores.mean(1)
        averages = moving_average(means, self._rates, v)
        counts = (first + np.arange(len(means)))[:, None] >= self._batches - self._kept
        over_average = counts / averages
        ema = (exp_scores[:, :, None] * (over_average / plan.k)[:, None]).reshape(len(scores), -1)
        weights = torch.from_numpy(np.concatenate([biased, ema], 1).astype(np.float32))
        self._sums[half] += as_array(self._critic.weighted(weights))

        squared = as_array(self._critic.squared_norms(weights[:, plan.batch_sizes.index(plan.k)], plan.k))
        self._squares[0] += squared.sum()
        # A / v is A / B times B / v.
        self._squares[1:] += squared @ np.square(means[:, None] * over_average)
        place = slice(half * self._batches + first, half * self._batches + first + len(means))
        self._means[place] = means
        self._numerators[place] = (exp_scores.reshape(-1, 1) * along).reshape(len(means), plan.k, -1).mean(1)
        return averages[-1]

    def bias(self) -> list[dict[str, Any]]:
        """Rows of the table of bias, without the run's columns."""
        plan, truth = self._plan, self._truth
        counts = np.concatenate([[plan.half // k for k in plan.batch_sizes], self._kept])
        estimators = [("biased", np.nan, k) for k in plan.batch_sizes]
        estimators += [("ema", float(rate), plan.k) for rate in plan.ema_rates]
        rows = []
        for index, (estimator, rate, k) in enumerate(estimators):
            count, variance = counts[index], np.nan
            means = self._sums[:, index] / count if count else np.full_like(self._sums[:, index], np.nan)
            if count and (estimator == "ema" or k == plan.k):
                place = 0 if estimator == "biased" else 1 + index - len(plan.batch_sizes)
                variance = float(self._squares[place] / (2 * count) - means[0] @ means[1])
            rows.append(_bias_row("independent", estimator, rate, k, int(count), means, variance, truth))
        return rows

    def along(self, names: Sequence[str], expected: Moments) -> list[dict[str, Any]]:
        """Rows of the table of directions, without the run's columns."""
        rows = []
        for index, k in enumerate(self._plan.batch_sizes):
            n = 2 * (self._plan.half // k)
            mean = self._ratio[index] / n
            variance = np.maximum(self._ratio_squared[index] / n - mean * mean, 0.0) * n / max(n - 1, 1)
            error = np.sqrt(variance / n + np.square(expected.reference_se))
            covariance_term, variance_term = expected.taylor(k)
            rows += [
                {
                    "direction": name,
                    "batch_size": k,
                    "bias": mean[place] - expected.reference[place],
                    "bias_se": error[place],
                    "taylor": covariance_term[place] + variance_term[place],
                    "taylor_covariance": covariance_term[place],
                    "taylor_variance": variance_term[place],
                    "taylor_ess": expected.ess,
                    "reference": expected.reference[place],
                    "ess": self._truth.ess,
                }
                for place, name in enumerate(names)
            ]
        return rows

    def identities(self, names: Sequence[str], expected: Moments) -> list[dict[str, Any]]:
        """Rows of the table of identities, without the run's columns: for n of 250, 500, ... batches in a row.

        Moments are about the true means, not the sample's: v remembers 1 / alpha batches, and about its own mean a
        short stretch of it varies too little.
        """
        rows = []
        averages = moving_average(self._means, self._rates, np.ones(len(self._rates)))
        for index, (rate, start) in enumerate(zip(self._rates, burn_in(self._rates), strict=True)):
            n = FIRST_BATCHES
            while start + n <= len(self._means):
                stretch = slice(start, start + n)
                v, b = averages[stretch, index] - 1.0, self._means[stretch] - 1.0
                a = self._numerators[stretch] - expected.reference
                with np.errstate(divide="ignore", invalid="ignore"):
                    variance = np.mean(v * v) / (rate / (2.0 - rate) * np.mean(b * b))
                    covariance = (v @ a) / (rate * (b @ a))
                rows += [
                    {
                        "direction": name,
                        "ema_rate": float(rate),
                        "n_batches": n,
                        "covariance_ratio": float(covariance[place]),
                        "variance_ratio": float(variance),
                    }
                    for place, name in enumerate(names)
                ]
                n *= 2
        return rows


def _permuted(
    critic: FrozenCritic, truth: Reference, plan: Plan, dim: int, rho: float, numbers: torch.Generator, report: Report
) -> list[dict[str, Any]]:
    """Rows of bias with z shuffled within each batch. Every k needs its own pass."""
    rows = []
    for k in plan.batch_sizes:
        sums = np.zeros((2, critic.n_parameters))
        for half in range(2):
            for _ in range(0, plan.permuted_half, plan.rows):
                scores = as_array(critic.scores(permuted_pairs(plan.rows, k, dim, rho, numbers)))
                weights = torch.from_numpy(softmax(scores, k).astype(np.float32))
                sums[half] += as_array(critic.weighted(weights[:, None])[0])
                report(plan.rows)
        count = plan.permuted_half // k
        rows.append(_bias_row("permutation", "biased", np.nan, k, count, sums / count, np.nan, truth))
    return rows


def _bias_row(
    scheme: str,
    estimator: str,
    rate: float,
    k: int,
    count: int,
    means: np.ndarray,
    variance: float,
    truth: Reference,
) -> dict[str, Any]:
    errors = means - truth.halves
    return {
        "scheme": scheme,
        "estimator": estimator,
        "ema_rate": rate,
        "batch_size": k,
        "n_batches": 2 * count,
        "bias_squared": float(errors[0] @ errors[1]),
        "reference_squared": truth.squared,
        "variance": variance,
        "ess": truth.ess,
    }
