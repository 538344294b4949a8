"""Mutual information of an encoder that is not linear, where no closed form has it: an estimate, and how far off it is.

t = f(x) + unit noise has few dimensions, and x, y and s are jointly normal. So p(t) and p(t | y) are means of
phi(t - f(x)), phi the density of the noise, over x and over x | y, and I(t; y) = E log p(t | y) - log p(t). Each
density is such a mean by importance sampling, and each log of a mean is held between two values:

- from below by the log of an unbiased mean, which Jensen's inequality makes too small (Burda, Grosse & Salakhutdinov
  2016, theorem 1);
- from above by the same mean with the x that made t in place of one of its samples (Sobolev & Vetrov 2019; with samples
  of p(x) the two are the bounds for a tractable conditional of Poole et al. 2019).

The value is halfway between the two, so its bias is at most half of what lies between them on average.

What f has in common with the linear map that fits it best costs no error: samples are drawn from where that map puts x
given t, and of its own information, known exactly, only the difference is estimated. The nearer f is to a linear map,
the smaller are both errors. Everything here is float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import logsumexp

from mine.control.gaussian import Array, channels, information, objective
from mine.control.settings import ControlSettings

OUTER = 4096
"""Triples of x, t and what t is paired with, over which the information is averaged."""

INNER = 64
"""Samples of x by which each density of each t is averaged."""

PILOT = 20_000
"""Inputs to which the linear map is fitted; no other number comes from them."""

_FROM_PRIOR = 1 / 8
"""Share of the samples that are drawn as if t were unknown. They bound every weight, whatever f."""

_AT_ONCE = 256
"""Triples whose densities are worked out together, for the cache's sake."""

Map = Callable[[Array], Array]
"""f: x (n, d) to (n, m)."""


@dataclass(frozen=True)
class Estimate:
    """A number, its standard error, and the most that its bias is on average: about ``value`` +- 2 errors +- bias."""

    value: float
    standard_error: float
    bias_bound: float = 0.0


@dataclass(frozen=True)
class LinearFit:
    """f as A x + b and what is left over. slope: A (m, d). offset: b (m,). noise: covariance of t - A x - b (m, m)."""

    slope: Array
    offset: Array
    noise: Array

    @classmethod
    def of(cls, f: Map, dim: int, generator: Generator) -> LinearFit:
        """By least squares over PILOT inputs."""
        x = generator.standard_normal((PILOT, dim))
        said, design = f(x), np.column_stack([x, np.ones(PILOT)])
        found = np.linalg.lstsq(design, said, rcond=None)[0]
        left = said - design @ found
        noise = np.eye(said.shape[1]) + left.T @ left / PILOT
        return cls(*(np.asarray(each, dtype=np.float64) for each in (found[:-1].T, found[-1], noise)))


def judged(control: ControlSettings, f: Map, fit: LinearFit, generator: Generator) -> dict[str, Estimate]:
    """``power`` E|f(x)|^2, ``objective`` and ``mi_x``, ``mi_y`` and, where there is an s, ``mi_s``; nats.

    The standard errors are those of means over OUTER triples that have nothing in common. fit: any; a good one makes
    the errors small.
    """
    x, known = generator.standard_normal((OUTER, control.dim)), channels(control)
    seen = {name: _through(channel.cross, channel.correlations, x, generator) for name, channel in known.items()}
    noise = generator.standard_normal((OUTER, len(fit.offset)))
    said, linear = f(x), x @ fit.slope.T + fit.offset
    unit = np.eye(len(fit.offset))

    white = np.zeros_like(x), np.eye(control.dim)
    middles, widths = {}, {}
    given = {"x": white} | {name: (z @ known[name].cross.T, known[name].conditional) for name, z in seen.items()}
    for name, (mean, covariance) in given.items():
        low, high = _log_density(f, fit, said + noise, x, mean, covariance, generator)
        # The same of the linear map's own code, exactly: what is subtracted here has its known mean added again.
        exact = _log_normal(
            linear + noise - fit.offset - mean @ fit.slope.T, fit.slope @ covariance @ fit.slope.T + unit
        )
        middles[name], widths[name] = 0.5 * (low + high) - exact, float((high - low).mean())

    of_linear = information(control, fit.slope)
    samples = {"x": -middles["x"]} | {name: middles[name] - middles["x"] for name in seen}
    bounds = {name: 0.5 * max(0.0, widths["x"] + (0.0 if name == "x" else widths[name])) for name in samples}
    found = {f"mi_{name}": _estimate(samples[name], float(of_linear[name]), bounds[name]) for name in samples}
    weighted = sum(abs(weight) * bounds[term] for term, weight in zip(control.terms, control.weights, strict=True))
    found["objective"] = _estimate(objective(control, samples), float(objective(control, of_linear)), weighted)
    of_power = float(np.square(fit.slope).sum() + np.square(fit.offset).sum())
    found["power"] = _estimate(np.square(said).sum(1) - np.square(linear).sum(1), of_power)
    return found


def _through(cross: Array, correlations: Array, x: Array, generator: Generator) -> Array:
    """What a channel makes of x (n, d), of the same shape."""
    return x @ cross + np.sqrt(1.0 - np.square(correlations)) * generator.standard_normal(x.shape)


def _estimate(samples: Array, known: float, bias_bound: float = 0.0) -> Estimate:
    return Estimate(
        known + float(samples.mean()), float(samples.std(ddof=1)) / math.sqrt(len(samples)), float(bias_bound)
    )


def _log_density(
    f: Map, fit: LinearFit, t: Array, x: Array, mean: Array, covariance: Array, generator: Generator
) -> tuple[Array, Array]:
    """Two values of log p(t) for each t (n, m), on average one below and one above it, (n,) each.

    x: (n, d), the inputs that made t. mean, covariance: (n, d) and (d, d) of x, for each t what is given.
    """
    parts = []
    for first in range(0, len(t), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        parts.append(_log_density_of_some(f, fit, t[some], x[some], mean[some], covariance, generator))
    low, high = (np.concatenate(each) for each in zip(*parts, strict=True))
    return low, high


def _log_density_of_some(
    f: Map, fit: LinearFit, t: Array, x: Array, mean: Array, covariance: Array, generator: Generator
) -> tuple[Array, Array]:
    slope, n_prior = fit.slope, round(_FROM_PRIOR * INNER)
    spread = slope @ covariance @ slope.T + fit.noise
    gain = np.linalg.solve(spread, slope @ covariance).T
    of_t = _log_normal(t - fit.offset - mean @ slope.T, spread)
    centre = mean + (t - fit.offset - mean @ slope.T) @ gain.T
    samples = generator.standard_normal((len(t), INNER, x.shape[1]))
    samples[:, :n_prior] = samples[:, :n_prior] @ _root(covariance) + mean[:, None]
    samples[:, n_prior:] = samples[:, n_prior:] @ _root(covariance - gain @ slope @ covariance) + centre[:, None]
    samples = np.concatenate([samples, x[:, None]], 1)

    # The density of the samples is that of x times (share + (1 - share) ratio), by Bayes' rule.
    said = f(samples.reshape(-1, x.shape[1])).reshape(*samples.shape[:2], -1)
    ratio = _log_normal(t[:, None] - samples @ slope.T - fit.offset, fit.noise) - of_t[:, None]
    mixture = np.logaddexp(math.log(_FROM_PRIOR), math.log1p(-_FROM_PRIOR) + ratio)
    weights = _log_normal(t[:, None] - said, np.eye(t.shape[1])) - mixture

    low = logsumexp(weights[:, :INNER], 1) - math.log(INNER)
    # The true x takes the place of a sample of its own kind, which it is of with this probability.
    of_prior = np.exp(math.log(_FROM_PRIOR) - mixture[:, -1])
    without = [np.delete(weights, place, 1) for place in (0, INNER - 1)]
    prior, other = (logsumexp(each, 1) - math.log(INNER) for each in without)
    return low, of_prior * prior + (1.0 - of_prior) * other


def _log_normal(values: Array, covariance: Array) -> Array:
    """Log density at values (..., m) of a centred normal distribution, (...)."""
    factor = np.linalg.cholesky(covariance)
    # Not by `solve`, which would take each vector by itself.
    white = values @ np.linalg.inv(factor).T
    return (
        -0.5 * np.square(white).sum(-1)
        - np.log(np.diagonal(factor)).sum()
        - 0.5 * len(factor) * math.log(2.0 * math.pi)
    )


def _root(covariance: Array) -> Array:
    """A symmetric root (d, d), of what rounding may have made a little less than positive."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
