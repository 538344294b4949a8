"""MINDE: mutual information as the distance between two scores of z as noise takes it away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.engine.networks import Given, Mlp, Network, Parameters, Said
from mine.estimators.base import OfDensities
from mine.estimators.interface import NEITHER, Inputs, Loss, Outputs, State
from mine.estimators.parts import Parts
from mine.estimators.values import mean

SLOWEST, FASTEST, FIRST = 0.1, 20.0, 1e-3
"""Of the noise: its rate beta at times 0 and 1, rising linearly, and the time from which on it is looked at."""

LITTLE = 0.1
"""Of the usual weights, in the last layer before training."""

_NOISE, _LOG_SNR = Given("noise"), Given("log_snr")
_FEATURES = 3
_GOLDEN, _MIX = -7046029254386353131, (-4658895280553007687, -7723592293110705685)


def log_snr(time: float) -> float:
    """Log of the signal's variance over the noise's at this time, for data of variance 1: -ln(e^B - 1), B = int beta.

    Source: the variance preserving diffusion of Song et al. 2021 (arXiv:2011.13456), equation 33.
    """
    return -math.log(math.expm1(SLOWEST * time + 0.5 * (FASTEST - SLOWEST) * time * time))


LOWEST, HIGHEST = log_snr(1.0), log_snr(FIRST)


class FromLittle(Mlp):
    """A perceptron that says little to begin with: two of them agree at first, and the value starts near 0."""

    def init(self, generators: Sequence[torch.Generator]) -> Parameters:
        """See Mlp; the last layer is LITTLE of what it is there."""
        last, fresh = f"{self.name}.{self.layers}.", super().init(generators)
        return {name: LITTLE * values if name.startswith(last) else values for name, values in fresh.items()}


@dataclass(frozen=True)
class Minde(OfDensities):
    """Half the integral over log SNR of E|e(z_t, x) - e(z_t)|^2; e is the noise in z_t, guessed with x and without.

    z_t = a z + s e with e ~ N(0, I), a^2 + s^2 = 1. A guess is -s times a score, and d(log SNR) = beta / s^2 dt, so
    that this is the integral of beta/2 |score(z_t|x) - score(z_t)|^2 over time. Each network is trained by denoising
    score matching. Times are drawn with a density of beta / s^2, which is log SNR uniform. The networks say
    v = a e - s z, from which the guess is s z_t + a v (Salimans & Ho 2022, arXiv:2202.00512).

    What is told apart only by less noise than at FIRST is missed: with data of variance 1, information beyond some
    4 nats a coordinate. Data should have variance 1.

    Noise is no random number but a hash of the batch (``noise_of``), so that an update is a function of its batch.

    Source: Franzese, Bounoua & Michiardi 2024 (arXiv:2310.09031), the conditional variant MINDE-C as a difference of
    two scores, with the time's density, the rates and FIRST of the authors' code (MustaphaBounoua/minde).
    """

    conditional: FromLittle
    marginal: FromLittle
    bound = NEITHER
    value_is = "neither bound: the distance between two learned scores, never negative"
    shift_invariant = False

    @property
    def networks(self) -> tuple[Network, ...]:
        """See Estimator."""
        return self.conditional, self.marginal, _NOISE, _LOG_SNR

    def inputs(self, x: Tensor, z: Tensor, z_product: Tensor | None = None, rolls: int = 1) -> Inputs:
        """See Estimator."""
        uniform = noise_of(x, z)
        log_snr = LOWEST + (HIGHEST - LOWEST) * uniform[..., :1]
        noise = torch.special.ndtri(uniform[..., 1:])
        signal, spread = scales(log_snr)
        seen = torch.cat([signal * z + spread * noise, log_snr / HIGHEST, signal, spread], 2).to(z.dtype)
        noise, log_snr = noise.to(z.dtype), log_snr.to(z.dtype)
        both = torch.cat([seen, x], 2)
        return {self.conditional.name: both, self.marginal.name: seen, _NOISE.name: noise, _LOG_SNR.name: log_snr}

    def read(self, said: Said, z: Tensor) -> Outputs:
        """``conditional`` and ``marginal`` (S, n): squared errors of the guesses; ``difference``: between both."""
        signal, spread = scales(said[_LOG_SNR.name])
        v = signal * said[_NOISE.name] - spread * z
        with_x, without = said[self.conditional.name], said[self.marginal.name]
        pairs = {"conditional": (v, with_x), "marginal": (v, without), "difference": (with_x, without)}
        return {name: (signal * (one - other)).square().sum(2) for name, (one, other) in pairs.items()}

    def loss(self, outputs: Outputs, state: State) -> tuple[Loss, State]:
        """Both errors, added up: neither network's parameters are in the other's."""
        return Loss(mean(outputs["conditional"]) + mean(outputs["marginal"])), state

    def value(self, outputs: Outputs) -> Tensor:
        """See the class."""
        return 0.5 * (HIGHEST - LOWEST) * mean(outputs["difference"])


def scales(log_snr: Tensor) -> tuple[Tensor, Tensor]:
    """Factors of signal and of noise, a and s, at these log SNRs.

    Torch's sigmoid rounds by where a number lies in its tensor, its exp does not: a member keeps its bits in any stack.
    """
    return (1.0 + (-log_snr).exp()).sqrt().reciprocal(), (1.0 + log_snr.exp()).sqrt().reciprocal()


def noise_of(x: Tensor, z: Tensor) -> Tensor:
    """Numbers as good as uniform on (0, 1) from x (S, n, dx), z (S, n, dz) alone: float64 (S, n, 1 + dz).

    A row's are a hash of itself and of all x of its batch in their order: those of a row change when it comes again in
    another batch, and a z elsewhere changes none of them. The hash is splitmix64 (Steele, Lea & Flood 2014).
    """
    of_x, of_z = (_hash(values.double().contiguous().view(torch.int64)) for values in (x, z))
    of_batch = _hash(of_x)[:, None]
    counters = torch.arange(1, z.shape[2] + 2, device=z.device) * _GOLDEN
    mixed = _mix(_mix(of_x + _mix(of_z + _mix(of_batch)))[..., None] + counters)
    return ((mixed >> 11) & (2**53 - 1)).double().add(0.5) * 2.0**-53


def _hash(bits: Tensor) -> Tensor:
    """Of the last axis, in its order: (..., d) to (...). Sums wrap around, so order of addition does not matter."""
    places = torch.arange(1, bits.shape[-1] + 1, device=bits.device) * _GOLDEN
    return _mix(bits + places).sum(-1)


def _mix(bits: Tensor) -> Tensor:
    for shift, factor in zip((30, 27), _MIX, strict=True):
        bits = (bits ^ _shifted(bits, shift)) * factor
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """To the right, zeros coming in."""
    return (bits >> by) & (2 ** (64 - by) - 1)


def build(name: str, parts: Parts) -> Minde:
    """``minde``."""
    settings, seen = parts.settings, parts.dim_z + _FEATURES
    widths = settings.hidden, settings.layers, settings.activation
    return Minde(
        FromLittle("conditional", seen + parts.dim_x, parts.dim_z, *widths),
        FromLittle("marginal", seen, parts.dim_z, *widths),
    )
