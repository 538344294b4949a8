"""Discrete-continuous tasks: truths by routes of their own, density ratios by counting and by SciPy's densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from mine.errors import UserError
from mine.tasks import atoms, fixed_task, steps
from mine.tasks.draws import draw


@pytest.mark.parametrize("levels", [2, 5, 9])
def test_truth_of_steps_is_h_of_z_less_that_given_x(levels):
    """The density of Z as a histogram whose cells divide every step."""
    z = (np.arange(8 * (levels + 1)) + 0.5) / 8
    density = np.mean([(z >= x) & (z < x + 2) for x in range(levels)], 0) / 2
    entropy = -np.sum(density * np.log(density)) / 8
    assert steps.of_levels(levels).mi == pytest.approx(entropy - math.log(2), abs=1e-12)


def test_density_ratio_of_steps_counts_the_levels_that_can_have_z():
    x, z = draw("steps-5", 200, 1)
    for of_x in (x, np.roll(x, 1, 0)):
        can = (z - np.arange(5) >= 0) & (z - np.arange(5) < 2)
        own = can[np.arange(200), of_x[:, 0].astype(int)]
        wanted = np.where(own, np.log(5 / can.sum(1)), -np.inf)
        np.testing.assert_allclose(fixed_task("steps-5").log_ratio(*map(torch.from_numpy, (of_x, z))), wanted)


def test_truth_of_atoms_is_that_of_a_fine_table():
    """The normal half in cells, the atoms a row and a column each: I of the table, which only loses by its cells."""
    edges = np.linspace(-6, 6, 1_201)
    at = (edges[1:] + edges[:-1]) / 2
    a, b = np.meshgrid(at, at, indexing="ij")
    normal = stats.multivariate_normal(cov=[[1, 0.9], [0.9, 1]]).pdf(np.stack([a, b], -1)) * 0.01**2
    table = np.zeros((1_202, 1_202))
    table[:1_200, :1_200] = normal / normal.sum() / 2
    table[1_200:, 1_200:] = [[0.225, 0.025], [0.025, 0.225]]
    product = table.sum(1, keepdims=True) * table.sum(0)
    seen = table > 0
    truth = np.sum(table[seen] * np.log(table[seen] / product[seen]))
    assert fixed_task("atoms-0.9").mi == pytest.approx(truth, abs=1e-3)


def test_density_ratio_of_atoms_is_that_of_the_half():
    x, z = draw("atoms-0.9", 400, 1)
    atom = abs(x) == 1
    assert 120 < atom.sum() < 280
    assert ((abs(z) == 1) == atom).all()
    pairs = zip(x[:, 0], z[:, 0], atom[:, 0], strict=True)
    law = stats.multivariate_normal(cov=[[1, 0.9], [0.9, 1]])
    wanted = [
        math.log((0.45 if a == b else 0.05) / 2 / 0.25**2)
        if discrete
        else law.logpdf([a, b]) - stats.norm.logpdf(a) - stats.norm.logpdf(b) + math.log(2)
        for a, b, discrete in pairs
    ]
    task = fixed_task("atoms-0.9")
    np.testing.assert_allclose(task.log_ratio(*map(torch.from_numpy, (x, z))), wanted, rtol=1e-6, atol=1e-6)
    assert task.log_ratio(torch.tensor([[1.0]]), torch.tensor([[0.3]])) == -math.inf


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: steps.of_levels(1), "levels: 1 is not a whole number of at least 2"),
        (lambda: atoms.of_rho(1.0, 0.5), "rho: 1.0 is not a number between -1 and 1"),
        (lambda: atoms.of_rho(0.5, 1.0), "same: 1.0 is not a number between 0 and 1"),
    ],
)
def test_a_task_out_of_range_is_refused(make, words):
    with pytest.raises(UserError, match=f"^{words}$"):
        make()
