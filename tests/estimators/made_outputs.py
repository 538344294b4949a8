"""Outputs of a stack made by hand, in float64, and estimators of small networks."""

from __future__ import annotations

import numpy as np
import torch

from mine.estimators import build
from mine.estimators.names import ESTIMATORS
from mine.settings import TrainingSettings

CELLS = [(name, critic) for name, named in ESTIMATORS.items() for critic in named.critics]
"""Every estimator with every critic it exists with."""

DIM_X, DIM_Z = 2, 3
SMALL = TrainingSettings(hidden=7, layers=2, embedding=5, activation="tanh", alpha=0.3, ema_rate=0.2)


def small(name, critic=None, **changes):
    """An estimator of small networks, with the first critic it exists with where none is named."""
    settings = TrainingSettings.from_dict(SMALL.to_dict() | changes)
    return build(name, critic or ESTIMATORS[name].critics[0], DIM_X, DIM_Z, settings)


def fresh(estimator, seeds=(0, 1, 2)):
    """Parameters of a stack, one member a seed, float64."""
    return {name: tensor.double() for name, tensor in estimator.init([generator(seed) for seed in seeds]).items()}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def pairs(seed, n=6, members=3, dim_x=DIM_X, dim_z=DIM_Z):
    """Joint pairs x (S, n, dx), z (S, n, dz)."""
    source = np.random.default_rng(seed)
    x = source.normal(size=(members, n, dim_x))
    z = x.sum(2, keepdims=True) + source.normal(size=(members, n, dim_z))
    return torch.tensor(x), torch.tensor(z)


def member(tree, place):
    """One member of a tree as a stack of one."""
    return {name: tensor[place : place + 1].clone() for name, tensor in tree.items()}


def gradients(loss, of):
    """Gradient of a stack's losses with respect to each tensor of a tree, none left out."""
    found = torch.autograd.grad(loss.sum(), list(of.values()), materialize_grads=True)
    return dict(zip(of, found, strict=True))


def requiring_grad(tree):
    return {name: tensor.clone().requires_grad_() for name, tensor in tree.items()}
