"""From a configuration's ``benchmark`` to the runs it names: critic x estimator x task x dimension x seed.

Imported by the Snakefile, and so by every job of a cluster: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from mine.errors import UserError
from mine.estimators import check_critic
from mine.estimators.names import ESTIMATORS
from mine.estimators.settings import CRITICS
from mine.experiments import count_runs, parse_seeds, seed_blocks, training_options
from mine.settings import MOST, TrainingSettings, check_choice
from mine.tasks import TASKS

PATTERN = "critic={critic}/variant={variant}/task={task}/dim={dim}/seed={seed}.parquet"
"""A run's file below a benchmark's runs folder: hive-partitioned, one file a seed."""


@dataclass(frozen=True)
class StairsCell:
    """One run's place: critic, estimator, task, d of X and of Z, and seed."""

    critic: str
    variant: str
    task: str
    dim: int
    seed: int

    def __post_init__(self) -> None:
        """Check every value; raises UserError."""
        check_choice("variant", self.variant, tuple(ESTIMATORS))
        check_choice("critic", self.critic, CRITICS)
        check_critic(self.variant, self.critic)
        check_choice("task", self.task, TASKS)
        for name, low in (("dim", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise UserError(f"{name}: {value!r} is not a whole number of at least {low}")
            if value > MOST[name]:
                raise UserError(f"{name}: {value!r} is not a whole number of at most {MOST[name]:,}")

    @property
    def path(self) -> str:
        """The file below the benchmark's runs folder."""
        return PATTERN.format(**self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The cell by name, as it goes into the metadata of a results file."""
        return asdict(self)


@dataclass(frozen=True)
class StairsBlock:
    """Seeds that one job trains together. seeds: as ``mine train --seed`` reads them, or the wildcard ``{seed}``."""

    name: str
    seeds: str
    files: tuple[str, ...]
    """PATTERN with every wildcard but the seed left open."""


def cells(benchmark: dict[str, Any]) -> Iterator[StairsCell]:
    """Every run of one benchmark of the configuration, seeds innermost.

    Pairs of critic and estimator that do not exist are left out. Raises UserError where none is left.
    """
    grid = benchmark["grid"]
    count_runs(benchmark)
    seeds = parse_seeds(grid["seeds"])
    pairs = [(c, v) for c, v in itertools.product(grid["critic"], grid["variant"]) if c in ESTIMATORS[v].critics]
    if not pairs:
        raise UserError(f"grid: no estimator of {grid['variant']} exists with a critic of {grid['critic']}")
    for (critic, variant), task, dim, seed in itertools.product(pairs, grid["task"], grid["dim"], seeds):
        yield StairsCell(critic, variant, task, dim, seed)


def settings_of_benchmark(benchmark: dict[str, Any]) -> TrainingSettings:
    """The settings that all runs of a benchmark share. Raises UserError."""
    return TrainingSettings.from_dict(benchmark.get("training", {}))


def stairs_of(benchmark: dict[str, Any]) -> list[float]:
    """Mutual information of each stair, nats."""
    return [float(mi) for mi in benchmark["mi"]]


def blocks(benchmark: dict[str, Any], runs_per_job: int) -> list[StairsBlock]:
    """Jobs of at most ``runs_per_job`` seeds each, as ``mine.experiments.seed_blocks`` divides them."""
    found = []
    for block in seed_blocks(parse_seeds(benchmark["grid"]["seeds"]), runs_per_job):
        each = block.seeds == "{seed}"
        seeds = ["{seed}"] if each else [str(seed) for seed in parse_seeds(block.seeds)]
        found.append(StairsBlock(block.name, block.seeds, tuple(PATTERN.replace("{seed}", seed) for seed in seeds)))
    return found


def options(benchmark: dict[str, Any]) -> str:
    """Stairs and settings as options of ``mine train``, all of them, so that a printed command says what it does."""
    return f"--mi {','.join(map(repr, stairs_of(benchmark)))} {training_options(settings_of_benchmark(benchmark))}"


def parse_benchmark(text: str) -> dict[str, Any]:
    """A benchmark given as JSON (option ``--grid``), the form in which rules hand it to a command. Raises UserError."""
    try:
        benchmark = json.loads(text)
        list(cells(benchmark)), settings_of_benchmark(benchmark), stairs_of(benchmark)
    except json.JSONDecodeError as error:
        raise UserError(f"--grid: not JSON ({error})") from None
    except (RecursionError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"--grid: not a benchmark of the configuration ({type(error).__name__}: {error}); "
            "it has grid (variant, critic, task, dim, seeds), mi and training"
        ) from None
    return benchmark


def parse_mis(text: str) -> list[float]:
    """Mutual information of the stairs from ``"2,4,6"``. Raises UserError."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"mi: {text!r} is not a list of numbers; write 2 or 2,4,6,8,10") from None
    for value in values:
        if not value >= 0.0 or not math.isfinite(value):
            raise UserError(f"mi: {value!r} is not a number of nats of at least 0")
    return values
