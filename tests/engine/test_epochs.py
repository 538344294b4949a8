"""Training by epochs of a data set against a loop written apart from it, in distribution over seeds.

The loop below is torch's own layers, autograd, Adam, AdamW and generators; it shares no code and no random number with
the package. So nothing is equal but the distribution over seeds, and a test is one of two samples. Each such test has
twins that show it can fail: the same two samples with one thing wrong.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from mine.engine.runs import gaussian_runs, train_at, train_runs
from mine.settings import TrainingSettings

pytestmark = pytest.mark.xdist_group("epochs")  # what one test has trained, the next one takes

DIM, RHO, SEEDS = 2, 0.9, 24
LEVEL = 1e-3
"""Samples are fixed by their seeds, so a test that passes once passes always; the level guards its first time."""

PERMUTATION = TrainingSettings(
    epochs=6, data=203, batch_size=20, last_batch="keep", record_every="epoch", hidden=16, layers=1, learning_rate=0.01,
    eval_every=1000, term_norms_every=1000,
)  # fmt: skip
# A last batch of 3 after one of 20: dropped or halved, it would show.
SHORT = replace(PERMUTATION, data=23, epochs=None, steps=40, record_every=2)
# Batches of 4, of which a permutation leaves a quarter in place and the data set's z less than a fortieth.
ACROSS = replace(
    PERMUTATION, data=43, batch_size=4, product="independent", optimizer="adamw", epochs=None, steps=66, record_every=11
)
CASES = {
    "in batch, last kept": ("biased", PERMUTATION),
    "mostly the last batch": ("biased", SHORT),
    "across the data set": ("ema", ACROSS),
}


def plainly(variant, training, seed):
    """mi_batch and the gradient's norm at every update of a loop as one writes it by hand, two arrays (steps,)."""
    torch.manual_seed(10_000 + seed)
    n, k = training.data, training.batch_size
    x = torch.randn(n, DIM)
    z = RHO * x + (1 - RHO**2) ** 0.5 * torch.randn(n, DIM)
    network = nn.Sequential(nn.Linear(2 * DIM, training.hidden), nn.ReLU(), nn.Linear(training.hidden, 1))
    optimizer = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[training.optimizer](
        network.parameters(), lr=training.learning_rate
    )
    v, mi, norms = 1.0, [], []
    while True:
        order, other_order = torch.randperm(n), torch.randperm(n)
        for first in range(0, n, k):
            batch, other = order[first : first + k], other_order[first : first + k]
            if len(batch) < k and training.last_batch == "drop":
                continue
            if training.product == "permutation":
                other = batch[torch.randperm(len(batch))]
            elif training.product == "derangement":
                other = batch.roll(int(torch.randint(1, len(batch), ())))
            joint = network(torch.cat([x[batch], z[batch]], 1)).mean()
            product = network(torch.cat([x[batch], z[other]], 1)).exp().mean()
            value = joint - product.log()
            if variant == "ema":
                v = (1 - training.ema_rate) * v + training.ema_rate * product.item()
                loss = product / v - joint
            else:
                loss = -value
            optimizer.zero_grad()
            loss.backward()
            norms.append(torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item())
            mi.append(value.item())
            optimizer.step()
            if len(mi) == training.steps:
                return np.array(mi), np.array(norms)


@cache
def of_plain(variant, training):
    """The last window's mean of mi_batch and median norm for each seed, (SEEDS, 2)."""
    last = slice(training.steps - training.window, None)
    runs = [plainly(variant, training, seed) for seed in range(SEEDS)]
    return np.array([[mi[last].mean(), np.median(norms[last])] for mi, norms in runs])


@cache
def of_ours(variant, training):
    """The same of the package's runs, from the row of the last window."""
    runs = train_at(variant, DIM, RHO, range(SEEDS), training, judged=False)
    return np.array([[run.columns[name][-2] for name in ("mi_batch_mean", "grad_norm_median")] for run in runs])


def p_values(one, other):
    """Of Welch's test and of a rank test on each of the two quantities."""
    pairs = list(zip(one.T, other.T, strict=True))
    return [
        *(float(stats.ttest_ind(*pair, equal_var=False).pvalue) for pair in pairs),
        *(float(stats.mannwhitneyu(*pair).pvalue) for pair in pairs),
    ]


@pytest.mark.parametrize("case", CASES)
def test_runs_are_distributed_as_a_plain_loops(case):
    variant, training = CASES[case]
    assert min(p_values(of_ours(variant, training), of_plain(variant, training))) > LEVEL


@pytest.mark.parametrize(
    ("case", "wrong"),
    [
        ("in batch, last kept", {"batch_size": 10, "steps": 126, "record_every": 21}),
        ("in batch, last kept", {"product": "derangement"}),
        ("in batch, last kept", {"learning_rate": 0.005}),
        ("mostly the last batch", {"last_batch": "drop"}),
        ("across the data set", {"product": "permutation"}),
    ],
    ids=["half batches", "none in place", "half the rate", "last dropped", "z of the batch"],
)
def test_one_thing_wrong_is_seen(case, wrong):
    variant, training = CASES[case]
    steps = {"epochs": None, "steps": training.steps}
    assert min(p_values(of_ours(variant, replace(training, **{**steps, **wrong})), of_plain(variant, training))) < LEVEL


def one_run(seed, rho, learning_rate=None, dim=DIM):
    (run,) = gaussian_runs(dim, rho, [seed])
    return replace(run, learning_rate=learning_rate)


def rho_of(run):
    return run.key[1]


MIXED = [one_run(3, 0.9), one_run(3, 0.9, 0.05), one_run(4, 0.5), one_run(3, -0.6, 0.002)]


def bitwise_same(one, other):
    """Whether two runs have the same rows, nulls and the last bit included."""
    assert one.overflow_step == other.overflow_step
    assert one.parameters.equal(other.parameters)
    for name, values in one.columns.items():
        theirs = other.columns[name]
        np.testing.assert_array_equal(np.ma.getmaskarray(values), np.ma.getmaskarray(theirs), err_msg=name)
        np.testing.assert_array_equal(values.compressed(), theirs.compressed(), err_msg=name)


@pytest.mark.parametrize("training", [PERMUTATION, ACROSS], ids=["in batch, adam", "across, adamw"])
def test_a_mixed_stack_gives_each_run_what_it_gets_alone(training):
    """Runs of several rho and learning rates train together; each is the run that its own settings give."""
    for run, result in zip(MIXED, train_runs("ema", "concat", MIXED, training, judged=False), strict=True):
        assert result.run == run
        bitwise_same(result, train_runs("ema", "concat", [run], training, judged=False)[0])
        own = replace(training, learning_rate=run.learning_rate or training.learning_rate)
        bitwise_same(result, train_runs("ema", "concat", [replace(run, learning_rate=None)], own, judged=False)[0])


def test_members_of_a_mixed_stack_are_judged_by_their_own_truth():
    results = train_runs("ema", "concat", MIXED[1:3], PERMUTATION)
    for run, result in zip(MIXED[1:3], results, strict=True):
        own = replace(PERMUTATION, learning_rate=run.learning_rate or PERMUTATION.learning_rate)
        bitwise_same(result, train_at("ema", DIM, rho_of(run), [run.seed], own)[0])
        assert result.columns["mi_population"].count() == 2


def test_a_mixed_stack_goes_on_when_members_leave():
    training = TrainingSettings(
        steps=120, batch_size=16, hidden=16, optimizer="sgd", record_every=8, eval_every=50, learning_rate=0.01
    )
    runs = [
        one_run(seed, rho, rate, dim=5)
        for seed, rho, rate in ((0, 0.99, 5.0), (1, 0.5, None), (2, 0.99, 2.0), (0, 0.99, None), (1, 0.9, 0.3))
    ]
    results = train_runs("biased", "concat", runs, training, judged=False)
    ended = [result.overflow_step for result in results]
    assert any(step is not None for step in ended), "a member must leave to test this"
    assert any(step is None for step in ended), "a member must stay to test this"
    for run, result in zip(runs, results, strict=True):
        bitwise_same(result, train_runs("biased", "concat", [run], training, judged=False)[0])
