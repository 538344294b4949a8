"""XOR of two concepts: truths by enumeration, and that one concept says nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mine.tasks import fixed_task

PAIRS = 20_000


def drawn(name):
    x, z = fixed_task(name).sample((PAIRS,), [torch.Generator().manual_seed(7)])
    return x[0].numpy(), z[0, :, 0].numpy()


@pytest.mark.parametrize(
    ("name", "truth"), [("xor", math.log(2)), ("xor-concepts", math.log(2)), ("xor-first-concept", 0)]
)
def test_the_truth_is_that_of_the_table_of_concepts_and_label(name, truth):
    x, label = drawn(name)
    concepts = (x > 0.5).astype(int)
    counts = np.zeros((2,) * concepts.shape[1] + (2,))
    np.add.at(counts, (*concepts.T, label.astype(int)), 1.0 / PAIRS)
    product = counts.sum(-1, keepdims=True) * counts.sum(tuple(range(counts.ndim - 1)))
    seen = counts > 0
    plug_in = float((counts[seen] * np.log(counts[seen] / product[seen])).sum())
    assert fixed_task(name).mi == pytest.approx(truth)
    assert plug_in == pytest.approx(truth, abs=0.001)


def test_inputs_and_concepts_are_of_the_same_numbers():
    inputs, label = drawn("xor")
    concepts, same = drawn("xor-concepts")
    assert np.array_equal(inputs > 0.5, concepts == 1)
    assert np.array_equal(label, same)
    assert np.array_equal(label == 1, (inputs[:, 0] > 0.5) != (inputs[:, 1] > 0.5))


def test_the_density_ratio_has_expectation_one_under_the_product():
    task = fixed_task("xor")
    x, z = task.sample((PAIRS,), [torch.Generator().manual_seed(7)])
    assert task.log_ratio(x, z)[0].mean().item() == pytest.approx(math.log(2))
    ratio = task.log_ratio(x, z.roll(1, 1)).exp()
    assert ratio.mean().item() == pytest.approx(1.0, abs=0.03)
    one = fixed_task("xor-first-concept")
    assert not one.log_ratio(*one.sample((5,), [torch.Generator().manual_seed(7)])).any()
