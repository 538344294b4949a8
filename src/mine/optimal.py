"""The optimal critic, judged by the instruments that judge trained ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial

import pyarrow as pa
import torch

from mine.engine.instruments import Evaluation, judge_scores
from mine.engine.runs import gaussian_runs
from mine.engine.sources import source_of
from mine.estimators.values import log_mean_exp
from mine.gaussian import log_density_ratio, mutual_information
from mine.settings import TrainingSettings


def optimal_table(
    cells: Sequence[tuple[str, TrainingSettings, int, float, int]],
    n_batches: int,
    report: Callable[[int, str], None],
) -> pa.Table:
    """One row a cell (setting name, training settings, dim, rho, seed).

    Columns: setting, dim, rho, seed, mi_true, mi_batch_mean (mean Donsker-Varadhan value of the run's first n_batches
    training batches), mi_heldout, heldout_ess, mi_population, population_ess; information in nats.
    """
    # Held-out and population samples depend on the cell's seed, dimension and rho alone, not on its setting.
    judge = cache(_judge)
    rows = []
    for done, (setting, training, dim, rho, seed) in enumerate(cells, start=1):
        rows.append(
            {
                "setting": setting,
                "dim": dim,
                "rho": rho,
                "seed": seed,
                "mi_true": mutual_information(dim, rho),
                "mi_batch_mean": batch_value(dim, rho, seed, training, n_batches),
                **asdict(judge(dim, rho, seed)),
            }
        )
        report(done, f"d={dim} rho={rho:g} seed {seed}")
    return pa.Table.from_pylist(rows)


def batch_value(dim: int, rho: float, seed: int, training: TrainingSettings, n_batches: int) -> float:
    """Mean Donsker-Varadhan value of the optimal critic on a run's first training batches, nats."""
    batch = source_of(gaussian_runs(dim, rho, [seed]), training, "cpu").take(n_batches)
    values = []
    for place, size in enumerate(batch.sizes):
        x, z = batch.x[0, place, :size], batch.z[0, place, :size]
        # Without a z of its own a product pair has x of the row before (setting product: shift).
        z_product = z.roll(-1, 0) if batch.z_product is None else batch.z_product[0, place, :size]
        joint, product = log_density_ratio(x, z, rho), log_density_ratio(x, z_product, rho)
        values.append(joint.mean() - log_mean_exp(product[None])[0])
    return torch.stack(values).mean().item()


def _judge(dim: int, rho: float, seed: int) -> Evaluation:
    runs = gaussian_runs(dim, rho, [seed])
    task = runs[0].tasks[0]
    return judge_scores(partial(log_density_ratio, rho=rho), runs, task)[0]
