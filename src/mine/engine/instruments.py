"""Two instruments that judge critics: the held-out value that a practitioner could compute, and the population value.

Both look at fixed parameters, on samples that training never saw, drawn per run and the same at every evaluation of it.
Only the population value is what a lower bound is about: a held-out product term is a mean of e^T over samples that may
never meet the tail that carries it, which its effective sample size shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mine.engine.networks import Parameters, say
from mine.engine.seeding import Stream
from mine.engine.sources import Run
from mine.estimators.interface import Estimator, Outputs, join
from mine.estimators.values import effective_sample_size, log_mean_exp, mean
from mine.tasks.interface import Task

HELDOUT_PAIRS = 10_000
HELDOUT_ROLLS = 10
"""Product pairs of a held-out joint pair, where a critic does not take all of a batch."""
POPULATION_PAIRS = 20_000
"""Of the joint and of the product distribution, each."""

AT_ONCE = {"cpu": 1, "cuda": 64}
"""Critics that are best judged together, by device. A GPU would wait for the host with one; a CPU gains nothing."""

# One layer's activations of so many rows stay in a core's cache. A GPU takes all rows at once.
_ROWS_ON_CPU = 1_000

Scores = Callable[[Tensor, Tensor], Tensor]
"""T of pairs for each of S critics: x and z, each (S, n, d), to (S, n)."""


@dataclass(frozen=True)
class Evaluation:
    """One run, judged. Values in nats; an effective sample size is at most the number of samples; None: has none."""

    mi_heldout: float
    heldout_ess: float | None
    mi_population: float | None
    population_ess: float | None


def evaluate(
    estimator: Estimator,
    parameters: Parameters,
    runs: Sequence[Run],
    task: Task,
    batch_size: int,
    device: torch.device | str = "cpu",
) -> list[Evaluation]:
    """Judge S members on a task that all of them have, each on the evaluation samples of its own run.

    batch_size: k, of which the value of an estimator that takes all pairs of a batch depends.
    """
    sources = [run.generator(Stream.EVALUATION, device) for run in runs]
    critic = estimator.critic
    with torch.no_grad():
        if critic is None or critic.all_pairs:
            outputs = _in_batches(estimator, parameters, task, batch_size, sources)
        else:
            outputs = _rolled(estimator, parameters, task, sources)
        value, nothing = estimator.value(outputs).tolist(), [None] * len(runs)
        ess = nothing if critic is None else effective_sample_size(outputs["product"]).tolist()
        population = [nothing, nothing]
        if critic is not None and task.log_ratio is not None:
            found = _population(lambda x, z: critic.joint(parameters, x, z), task, sources)
            population = [each.tolist() for each in found]
    return [Evaluation(*each) for each in zip(value, ess, *population, strict=True)]


def judge_scores(
    scores: Scores, runs: Sequence[Run], task: Task, device: torch.device | str = "cpu"
) -> list[Evaluation]:
    """The same of functions T that no network computes, by Donsker-Varadhan's value."""
    sources = [run.generator(Stream.EVALUATION, device) for run in runs]
    with torch.no_grad():
        x, z, offsets = _heldout_pairs(task, sources)
        product = [_in_rows(scores, x, _roll(z, offset)) for offset in offsets.unbind(1)]
        outputs = {"joint": _in_rows(scores, x, z), "product": torch.stack(product, 2)}
        value = mean(outputs["joint"]) - log_mean_exp(outputs["product"])
        population = _population(scores, task, sources)
        each = torch.stack([value, effective_sample_size(outputs["product"]), *population], 1)
    return [Evaluation(*one) for one in each.tolist()]


def _heldout_pairs(task: Task, sources: Sequence[torch.Generator]) -> tuple[Tensor, Tensor, Tensor]:
    """10,000 fresh pairs, and of each run HELDOUT_ROLLS distinct non-zero offsets (S, rolls)."""
    x, z = task.sample((HELDOUT_PAIRS,), sources)
    offsets = [
        1 + torch.randperm(HELDOUT_PAIRS - 1, generator=source, device=source.device)[:HELDOUT_ROLLS]
        for source in sources
    ]
    return x, z, torch.stack(offsets)


def _rolled(estimator: Estimator, parameters: Parameters, task: Task, sources: Sequence[torch.Generator]) -> Outputs:
    """Outputs of 10,000 fresh pairs; product pairs by ten distinct rolls of z, so that none keeps its own z."""
    x, z, offsets = _heldout_pairs(task, sources)
    rolled = torch.stack([_roll(z, offset) for offset in offsets.unbind(1)], 1)
    rows = _ROWS_ON_CPU // (HELDOUT_ROLLS + 1) if x.device.type == "cpu" else HELDOUT_PAIRS
    parts = []
    for first in range(0, HELDOUT_PAIRS, rows):
        some = slice(first, first + rows)
        z_product = rolled[:, :, some].flatten(1, 2)
        said = say(estimator.networks, parameters, estimator.inputs(x[:, some], z[:, some], z_product))
        parts.append(estimator.read(said, z[:, some]))
    return {name: values.double() for name, values in join(parts).items()}


def _in_batches(
    estimator: Estimator, parameters: Parameters, task: Task, k: int, sources: Sequence[torch.Generator]
) -> Outputs:
    """Outputs of 10,000 fresh pairs, rounded up to whole batches of k."""
    batches = math.ceil(HELDOUT_PAIRS / k)
    x, z = task.sample((batches, k), sources)
    outputs = [estimator.outputs(parameters, x[:, batch], z[:, batch]) for batch in range(batches)]
    return {name: values.double() for name, values in join(outputs).items()}


def _population(scores: Scores, task: Task, sources: Sequence[torch.Generator]) -> tuple[Tensor, Tensor]:
    """Donsker-Varadhan value and effective sample size: E_P[T] by joint pairs, E_Q[e^T] by importance sampling.

    The product term's samples are from the mixture (P + Q) / 2. With r the exact density ratio dP/dQ, Q's density over
    the mixture's is 2 / (1 + r): for the optimal critic e^T = r the summand r 2 / (1 + r) is at most 2, where plain
    samples of Q have summands without bound.
    """
    x, z = task.sample((POPULATION_PAIRS,), sources)
    x_product, z_product = task.sample_x((POPULATION_PAIRS,), sources), task.sample_z((POPULATION_PAIRS,), sources)
    joint, product = _in_rows(scores, x, z), _in_rows(scores, x_product, z_product)
    assert task.log_ratio is not None, "only a task that knows its density ratio has a population value"
    log_ratio = task.log_ratio(torch.cat([x, x_product], 1), torch.cat([z, z_product], 1))
    log_weight = math.log(2.0) - torch.nn.functional.softplus(log_ratio)
    summands = torch.cat([joint, product], 1) + log_weight
    return mean(joint) - log_mean_exp(summands), effective_sample_size(summands)


def _roll(z: Tensor, offset: Tensor) -> Tensor:
    """Each run's z (S, n, d) moved on by its offset (S,)."""
    n = z.shape[1]
    rolled = (torch.arange(n, device=z.device) - offset[:, None]) % n
    return z.gather(1, rolled[:, :, None].expand_as(z))


def _in_rows(scores: Scores, x: Tensor, z: Tensor) -> Tensor:
    """T of all pairs (S, n), so many at a time as suits the device, in float64 from here on."""
    rows = _ROWS_ON_CPU if x.device.type == "cpu" else x.shape[1]
    return torch.cat([scores(*pairs) for pairs in zip(x.split(rows, 1), z.split(rows, 1), strict=True)], 1).double()
