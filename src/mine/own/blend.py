"""The critic that is read: the mean of the trained critics, calibrated on the validation rows.

A classifier's T is right where joint and product pairs both are, and free where only product pairs are: there a network
may say anything, and one T of 12 on one product pair costs the Donsker-Varadhan value any amount. So the mean of the
initialisations is cut off at a T that validation rows reach, then scaled, and weighed against the copula alone. These
three numbers are chosen by the validation rows; what comes out is a critic like any other, so its value bounds the
mutual information as every critic's does. The mean is never worse than a member on average: the Donsker-Varadhan value
is concave in T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mine.estimators.corrected import Corrected
from mine.estimators.interface import Critic, Outputs, Parameters

CAPS = (0.95, 0.99, 0.999, 1.0)
"""Quantiles of the validation rows' T at which it may be cut off."""

ROWS = 4_000
"""Validation rows that are looked at."""

LARGEST = 1.25
"""Of the weights together. Where few rows part joint from product pairs entirely, any larger T would look better."""

_BLOCK, _ROLLS, _STEPS = 500, 64, 30
_PRIOR = 2.0
"""Weight of 'neither scaled nor weighed', in validation rows and nats: a standard deviation of 1/2 around it."""


@dataclass(frozen=True)
class Blend:
    """T = max(slope min(mean T, cap) + of_known T_known - offset, floor), for who looks at critics; it is not trained.

    critic: of the members, whose parameters (S, ...) every call is given. offset: so that the mean of e^T over product
    pairs of the validation rows is 1. floor: -log n of n validation rows. Of a right T at most one of n joint pairs is
    below it, so that the floor costs 1 / n nats at most; of a wrong one a single odd row would cost any amount.
    validation: the Donsker-Varadhan value, without the floor, on the pairs that chose it, nats.
    """

    critic: Critic
    cap: float
    slope: float
    of_known: float
    offset: float
    floor: float
    validation: float

    def to_dict(self) -> dict[str, float]:
        """What was chosen, by name; T in nats."""
        numbers = {
            "cap": self.cap,
            "slope": self.slope,
            "weight_of_copula": self.of_known,
            "offset": self.offset,
            "floor": self.floor,
        }
        return {**numbers, "validation": self.validation}

    @property
    def all_pairs(self) -> bool:
        """See Critic."""
        return self.critic.all_pairs

    def joint(self, parameters: Parameters, x: Tensor, z: Tensor) -> Tensor:
        """T on joint pairs x (1, n, dx), z (1, n, dz). Returns (1, n), float64."""
        scores = self.critic.joint(parameters, *_of_each(parameters, x, z)).double()
        return self.read(scores, self.critic.known_joint(x, z) if isinstance(self.critic, Corrected) else None)

    def outputs(self, parameters: Parameters, x: Tensor, z: Tensor, rolls: int = 1) -> Outputs:
        """``joint`` (1, n) and ``product`` (1, n, m), float64."""
        outputs = self.critic.outputs(parameters, *_of_each(parameters, x, z), rolls)
        known = self.critic.known_outputs(x, z, rolls) if isinstance(self.critic, Corrected) else {}
        return {name: self.read(each.double(), known.get(name)) for name, each in outputs.items()}

    def read(self, scores: Tensor, known: Tensor | None) -> Tensor:
        """T of each member (S, ...) and what is known of it (1, ...), as one, (1, ...)."""
        read = self.slope * scores.mean(0, keepdim=True).clamp(max=self.cap) - self.offset
        return (read if known is None else read + self.of_known * known.double()).clamp(min=self.floor)


def fit_blend(critic: Critic, parameters: Parameters, x: Tensor, z: Tensor) -> Blend:
    """The blend of the highest Donsker-Varadhan value on validation rows x (n, dx), z (n, dz)."""
    joint, product = _scores(critic, parameters, x[:ROWS], z[:ROWS])
    best = None
    for cap in np.quantile(joint[:, 0], CAPS):
        cut_joint, cut_product = (_cut(each, cap) for each in (joint, product))
        weights, value = concave_weights(cut_joint, cut_product)
        if best is None or value > best.validation + 1e-9:
            of_known = float(weights[1]) if len(weights) > 1 else 0.0
            offset = float((cut_joint @ weights).mean()) - value
            best = Blend(critic, float(cap), float(weights[0]), of_known, offset, -math.log(len(joint)), value)
    return best


def _cut(scores: np.ndarray, cap: float) -> np.ndarray:
    return np.column_stack([np.minimum(scores[:, 0], cap), scores[:, 1:]])


def concave_weights(joint: np.ndarray, product: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights w of columns of T that make the Donsker-Varadhan value of T w largest, drawn to (1, 0, ...); that value.

    joint (n, K), product (m, K). The value is concave in w: Newton's steps, halved where they do not
    improve it. A network that rows speak against has weight 0, it is not turned round; LARGEST bounds the sum.
    """
    start = np.eye(joint.shape[1])[0]
    ridge = _PRIOR / len(joint)

    def value(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = product @ weights
        top = scores.max()
        share = np.exp(scores - top)
        total = share.sum()
        return float((joint @ weights).mean() - top - math.log(total / len(scores))), share / total

    weights, (plain, share) = start, value(start)
    for _ in range(_STEPS):
        mean = share @ product
        gradient = joint.mean(0) - mean - 2.0 * ridge * (weights - start)
        curvature = (product * share[:, None]).T @ product - np.outer(mean, mean)
        step = np.linalg.solve(curvature + 2.0 * ridge * np.eye(len(start)), gradient)
        penalised = plain - ridge * float(((weights - start) ** 2).sum())
        for half in 0.5 ** np.arange(20):
            tried = weights + half * step
            tried[0] = min(max(tried[0], 0.0), LARGEST)
            tried[1:] = tried[1:].clip(-1.0, LARGEST - tried[0])
            found, found_share = value(tried)
            better = found - ridge * float(((tried - start) ** 2).sum()) - penalised
            if better > 0.0:
                break
        else:
            break
        weights, plain, share = tried, found, found_share
        if better < 1e-8:
            break
    return weights, plain


def _scores(critic: Critic, parameters: Parameters, x: Tensor, z: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Mean T over members, and what is known, of joint pairs (n, K) and of product pairs (m, K)."""
    joints, products = [], []
    count = max(1, round(len(x) / _BLOCK))
    with torch.no_grad():
        for x_block, z_block in zip(x.tensor_split(count), z.tensor_split(count), strict=True):
            rolls = min(_ROLLS, len(x_block) - 1)
            pair = x_block[None], z_block[None]
            outputs = critic.outputs(parameters, *_of_each(parameters, *pair), rolls)
            known = critic.known_outputs(*pair, rolls) if isinstance(critic, Corrected) else {}
            for name, found in (("joint", joints), ("product", products)):
                columns = [outputs[name].double().mean(0), *([known[name][0].double()] if known else [])]
                found.append(torch.stack([each.flatten() for each in columns], 1).numpy())
    return np.concatenate(joints), np.concatenate(products)


def _of_each(parameters: Parameters, x: Tensor, z: Tensor) -> list[Tensor]:
    members = len(next(iter(parameters.values())))
    return [each.expand(members, *each.shape[1:]) for each in (x, z)]
