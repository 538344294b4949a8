"""The best that an encoder can do: exact where theory has it, the best of many numerical starts where not.

Along the canonical directions an encoder has powers p_i, and with rho_i of y and sigma_i of s
    I(t; y) = sum -1/2 ln(1 - rho_i^2 p_i / (1 + p_i)),   I(x; t) = sum 1/2 ln(1 + p_i).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mine.control.gaussian import Array, basis, channels, information, objective
from mine.control.settings import COMPRESS, MAXIMISE, ControlSettings

STARTS = 50
"""Of the numerical search, where the optimum does not separate."""

_HALVINGS = 200


@dataclass(frozen=True)
class Optimum:
    """The best encoder.

    objective: what it reaches, nats. encoder: W (m, d). powers: (d,) along y's canonical directions, None where the
    optimum has none. exact: whether theory says so; else it is the best found.
    """

    objective: float
    encoder: Array
    powers: Array | None
    exact: bool


def optimum(control: ControlSettings) -> Optimum:
    """The best linear encoder of these settings.

    ``maximise``: the m strongest directions (by Poincare's separation and Fiedler's bound of |A + B|), a concave
    allocation of power among them. ``compress``: Chechik, Globerson, Tishby & Weiss 2005 (JMLR 6), theorem 3.1.
    ``remove``: as ``maximise``, where s has y's directions and removal <= 1: the gain of each direction is then concave
    as far as it rises, and with removal = 1 the sum is the secrecy rate of parallel Gaussian channels, which
    independent inputs reach (Liang, Poor & Shamai 2008). Otherwise the best of STARTS numerical starts.

    Of ``compress`` with m = d it is the best of all encoders, linear or not (Globerson & Tishby 2004). Of the others it
    need not be: the power bounds the channel, not the directions, and a map that is not linear may bring more than m
    directions into m dimensions. ``ceiling`` says how much that can be worth to ``maximise``.
    """
    if control.goal == COMPRESS:
        assert control.beta is not None, "checked"
        powers = bottleneck_powers(np.array(control.correlations), control.beta, control.encoder_dim)
    elif control.goal == MAXIMISE or _separates(control):
        powers = _allocated(control)
    else:
        return best_found(control)
    encoder = _along(powers, control)
    return Optimum(_objective(control, encoder), encoder, powers, exact=True)


def critical_betas(correlations: Array) -> Array:
    """Beta at which the i-th direction enters, 1 / rho_i^2, rising. Source: Chechik et al. 2005, beta_i^c."""
    return np.sort(1.0 / np.square(correlations))


def bottleneck_powers(correlations: Array, beta: float, encoder_dim: int) -> Array:
    """Powers of the Gaussian information bottleneck along the canonical directions, (d,).

    alpha_i^2 = (beta (1 - lambda_i) - 1) / lambda_i with lambda_i = 1 - rho_i^2, where that is above 0, of the m
    strongest. Source: Chechik et al. 2005, theorem 3.1, in which r_i = 1 since x is white.
    """
    squared = np.square(correlations)
    powers = np.maximum(0.0, (beta * squared - 1.0) / (1.0 - squared))
    powers[np.argsort(-squared, kind="stable")[encoder_dim:]] = 0.0
    return powers


def bottleneck_curve(control: ControlSettings, points: int = 200) -> tuple[Array, Array, Array]:
    """Beta, and I(x; t) and I(t; y) of the optimum there, nats, each (points,).

    From the first critical beta to where the weakest direction that m lets in has entered and I(x; t) has gone on by
    one half.
    """
    correlations = np.array(control.correlations)
    low = float(critical_betas(correlations)[0])
    high = max(4.0 * float(critical_betas(correlations)[control.encoder_dim - 1]), 2.0 * (control.beta or low))
    betas = np.geomspace(low, high, points)
    powers = np.stack([bottleneck_powers(correlations, beta, control.encoder_dim) for beta in betas])
    of_y = 0.5 * (np.log1p(powers) - np.log1p((1.0 - np.square(correlations)) * powers)).sum(1)
    return betas, 0.5 * np.log1p(powers).sum(1), of_y


def ceiling(control: ControlSettings) -> float:
    """What I(t; y) of no encoder within the power exceeds, linear or not; nats. Of goal ``maximise``.

    No f gets more through m channels of unit noise than their capacity, I(x; t) <= m/2 ln(1 + P/m) (Shannon 1948), and
    no t that has so much of x has more of y than the information bottleneck of all d directions. The two need not be
    reached together; for d = 1 a linear encoder does.
    """
    assert control.power is not None, "checked"
    correlations, m = np.array(control.correlations), control.encoder_dim
    capacity = 0.5 * m * np.log1p(control.power / m)
    low, high = 1.0, 2.0
    while _bottleneck(correlations, high)[0] < capacity:
        high *= 2.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _bottleneck(correlations, middle)[0] < capacity else (low, middle)
    return _bottleneck(correlations, high)[1]


def _bottleneck(correlations: Array, beta: float) -> tuple[float, float]:
    """I(x; t) and I(t; y) of the optimum of all directions, nats."""
    powers = bottleneck_powers(correlations, beta, len(correlations))
    of_x, of_noise = np.log1p(powers), np.log1p((1.0 - np.square(correlations)) * powers)
    return 0.5 * float(of_x.sum()), 0.5 * float((of_x - of_noise).sum())


def waterfilling(gains: list[Callable[[float], float]], power: float) -> Array:
    """Powers (n,) that add up to at most ``power`` and make the sum of n gains largest, each concave while it rises.

    gains: derivative of each gain, as a function of its power. By halving the multiplier that all derivatives have in
    common, and for each multiplier the power.
    """

    def at(multiplier: float) -> Array:
        return np.array([_crossing(gain, multiplier, power) for gain in gains])

    if at(0.0).sum() <= power:
        return at(0.0)
    low, high = 0.0, max(gain(0.0) for gain in gains)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if at(middle).sum() > power else (low, middle)
    return at(high)


def _crossing(gain: Callable[[float], float], level: float, most: float) -> float:
    """The power up to which a falling derivative lies above ``level``, between 0 and ``most``."""
    if gain(0.0) <= level:
        return 0.0
    if gain(most) > level:
        return most
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if gain(middle) > level else (low, middle)
    return 0.5 * (low + high)


def slope(squared: float, power: float) -> float:
    """d/dp of -1/2 ln(1 - rho^2 p / (1 + p)), nats. squared: rho^2."""
    return 0.5 * squared / ((1.0 + power) * (1.0 + (1.0 - squared) * power))


def _separates(control: ControlSettings) -> bool:
    return control.angle == 0.0 and control.removal is not None and control.removal <= 1.0


def _allocated(control: ControlSettings) -> Array:
    """Powers of the best subset of m directions, (d,)."""
    assert control.power is not None, "checked"
    of_y = np.square(control.correlations)
    of_s = np.square(control.sensitive) if control.sensitive is not None else np.zeros(control.dim)
    weight = control.removal or 0.0

    def gain(index: int) -> Callable[[float], float]:
        return lambda power: slope(of_y[index], power) - weight * slope(of_s[index], power)

    if control.goal == MAXIMISE:
        subsets = [tuple(np.argsort(-of_y, kind="stable")[: control.encoder_dim].tolist())]
    else:
        subsets = list(itertools.combinations(range(control.dim), control.encoder_dim))
    found = []
    for subset in subsets:
        powers = np.zeros(control.dim)
        powers[list(subset)] = waterfilling([gain(index) for index in subset], control.power)
        found.append((_objective(control, _along(powers, control)), powers))
    return max(found, key=lambda each: each[0])[1]


def _along(powers: Array, control: ControlSettings) -> Array:
    """The encoder (m, d) with these powers along y's canonical directions, the m largest of them."""
    order = np.argsort(-powers, kind="stable")[: control.encoder_dim]
    return np.sqrt(powers[order])[:, None] * basis(control.dim)[:, order].T


def _objective(control: ControlSettings, encoder: Array) -> float:
    return float(objective(control, information(control, encoder)))


def best_found(control: ControlSettings, starts: int = STARTS) -> Optimum:
    """The best of many starts of a quasi-Newton search over all encoders within the power, if any."""
    from scipy.optimize import minimize

    shape, generator = (control.encoder_dim, control.dim), np.random.default_rng(0)
    best: tuple[float, Array] = (-np.inf, np.zeros(shape))
    for _ in range(starts):
        start = generator.standard_normal(shape)
        found = minimize(
            lambda flat: [-each for each in _with_gradient(control, flat.reshape(shape))],
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-10},
        )
        if -found.fun > best[0]:
            best = -float(found.fun), limited(found.x.reshape(shape), control.power)
    return Optimum(best[0], best[1], None, exact=False)


def limited(encoder: Array, power: float | None) -> Array:
    """The encoder, made smaller where its power is above the limit."""
    total = float(np.square(encoder).sum())
    return encoder if power is None or total <= power else encoder * np.sqrt(power / total)


def _with_gradient(control: ControlSettings, raw: Array) -> tuple[float, Array]:
    """The objective of ``limited(raw)`` and its gradient with respect to raw, flat."""
    encoder, total = limited(raw, control.power), float(np.square(raw).sum())
    eye, of_channels = np.eye(control.encoder_dim), channels(control)
    of_input = np.linalg.solve(eye + encoder @ encoder.T, encoder)
    gradient = np.zeros_like(encoder)
    for name, weight in zip(control.terms, control.weights, strict=True):
        gradient += weight * of_input
        if name in of_channels:
            given = encoder @ of_channels[name].conditional
            gradient -= weight * np.linalg.solve(eye + given @ encoder.T, given)
    if control.power is not None and total > control.power:
        # Through the scaling: what lies along raw itself has no effect.
        scale = np.sqrt(control.power / total)
        gradient = scale * (gradient - raw * float((gradient * raw).sum()) / total)
    return _objective(control, encoder), gradient.ravel()
