"""A predicted concept whose leakage is known: a noisy concept with a share of something else mixed in.

The predicted concept's logit is s = SIGNAL (2c - 1) + shift (2w - 1) + normal noise, c being the concept and w what
leaks: the label, or another concept. Given c and w it is normal, so I(s; w | c), I(s; w) and I(s; w) - I(c; w) are
integrals over a line. ``shift`` is what makes I(s; w | c) as large as was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq

from mine.concepts.data import draw
from mine.concepts.exact import joint, places
from mine.concepts.names import SCENARIOS

SIGNAL = 1.5
"""How far the concept moves the logit, in standard deviations of the noise: it is told apart in 93 % of rows."""

_REACH, _POINTS = 12.0, 4001
_MOST_SHIFT = 8.0


@dataclass(frozen=True)
class Injected:
    """Exact numbers of a scenario at one shift, nats.

    conditional: I(s; w | c). of_predicted: I(s; w). of_concept: I(c; w).
    """

    shift: float
    conditional: float
    of_predicted: float
    of_concept: float

    @property
    def difference(self) -> float:
        """I(s; w) - I(c; w): below 0 where noise takes more than leakage adds."""
        return self.of_predicted - self.of_concept


def chances(scenario: str) -> np.ndarray:
    """P(c, w), (2, 2)."""
    one = SCENARIOS[scenario]
    table = joint(one.data)
    kept = (one.concept, *places(one.data, one.injected))
    return table.sum(tuple(axis for axis in range(table.ndim) if axis not in kept))


@cache
def injected(scenario: str, leakage: float) -> Injected:
    """The scenario whose I(s; w | c) is ``leakage`` nats."""
    table = chances(scenario)
    if leakage == 0.0:
        return exact(table, 0.0)
    shift = brentq(lambda each: exact(table, each).conditional - leakage, 0.0, _MOST_SHIFT, xtol=1e-12)
    return exact(table, float(shift))


def exact(table: np.ndarray, shift: float) -> Injected:
    """Numbers at a shift, by the trapezium rule, which is exact to rounding for what is smooth and ends in zero.

    table: P(c, w), (2, 2).
    """
    reach = SIGNAL + shift + _REACH
    at = np.linspace(-reach, reach, _POINTS)
    step = at[1] - at[0]
    means = SIGNAL * np.array([[-1.0], [1.0]]) + shift * np.array([[-1.0, 1.0]])
    density = np.exp(-0.5 * np.square(at - means[..., None])) / np.sqrt(2.0 * np.pi)
    weighted = table[..., None] * density

    def entropy(mass: np.ndarray) -> float:
        return float(-(mass * np.log(np.maximum(mass, 1e-300))).sum() * step)

    def plain(mass: np.ndarray) -> float:
        return float(-(mass * np.log(np.maximum(mass, 1e-300))).sum())

    # I(s; w | c) = H(s, c) + H(w, c) - H(s, w, c) - H(c).
    conditional = entropy(weighted.sum(1)) + plain(table) - entropy(weighted) - plain(table.sum(1))
    of_predicted = entropy(weighted.sum((0, 1))) + plain(table.sum(0)) - entropy(weighted.sum(0))
    return Injected(shift, conditional, of_predicted, plain(table.sum(0)) + plain(table.sum(1)) - plain(table))


def sample(scenario: str, leakage: float, rows: int, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw ``number``: predicted concept (n, 1) as a logit, concept (n,) and what leaks (n,).

    Every draw is independent of the others; draws of one number share rows and noise over leakages.
    """
    one = SCENARIOS[scenario]
    drawn, _ = draw(one.data, rows, 0, seed=1_000_000 + number)
    concept = drawn.concepts[:, one.concept]
    leaks = drawn.label if isinstance(one.injected, str) else drawn.concepts[:, one.injected]
    noise = np.random.default_rng([number, rows, 77]).standard_normal(rows)
    shift = injected(scenario, leakage).shift
    predicted = SIGNAL * (2.0 * concept - 1.0) + shift * (2.0 * leaks - 1.0) + noise
    return predicted[:, None], concept, leaks
