"""Critics of which everything is known: linear T, so that e^T is lognormal under the product of standard normals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from mine.engine.networks import Layout, Mlp
from mine.frozen.critics import Critics
from mine.frozen.gradients import FrozenCritic
from mine.settings import Cell, TrainingSettings

SETTINGS = TrainingSettings(steps=100, batch_size=8, hidden=2, layers=1, product="derangement", ema_rate=0.1)


def linear_parameters(slopes, constant=0.0):
    """T = slopes . (x, z) + constant, by two ReLU units of opposite sign; P = 4d + 2 + 2 + 1."""
    slopes = np.asarray(slopes, dtype=np.float32)
    return np.concatenate([np.stack([slopes, -slopes], 1).ravel(), [0, 0], [1, -1], [constant]]).astype(np.float32)


def linear(slopes, constant=0.0):
    return FrozenCritic(
        torch.from_numpy(linear_parameters(slopes, constant)), Mlp("critic", len(slopes), 1, 2, 1, "relu")
    )


def random_critic(dim=2, hidden=5, layers=2, activation="relu", seed=0, dtype=torch.float32, scale=2.0):
    network = Mlp("critic", 2 * dim, 1, hidden, layers, activation)
    layout = Layout([network])
    parameters = scale * layout.packed(layout.matrix(network.init([torch.Generator().manual_seed(seed)])))[0]
    return FrozenCritic(parameters.to(dtype), network)


def made_critics(parameters, steps=None, rho=0.5, seed=0, settings=SETTINGS, **metadata):
    """Critics as read from a file. parameters: one (P,) a step."""
    steps = range(len(parameters)) if steps is None else steps
    dim = (len(parameters[0]) - 5) // 4
    described = {
        "cell": Cell("ema", dim, rho, seed).to_dict(),
        "settings": settings.to_dict(),
        "code": "abc",
        **metadata,
    }
    return Critics(Path("made.npz"), np.array(steps), np.array(parameters, dtype=np.float32), described)
