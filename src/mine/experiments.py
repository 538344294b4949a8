"""From a configuration to the runs it names: experiment x setting x variant x dimension x rho x seed.

Imported by the Snakefile, and so by every job of a cluster: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mine.errors import UserError
from mine.settings import Cell, TrainingSettings, check_rho, check_size

BASE_SETTING = "base"
_VARIANT = "variant"
MAX_SEEDS = 1_000_000
"""In one range; more is a slip of the keyboard."""

MAX_RUNS = 1_000_000
"""In one experiment, and in one configuration: as many files, and more than a scheduler lists."""

RUN_PATTERN = "setting={setting}/variant={variant}/dim={dim}/rho={rho}/seed={seed}.parquet"
"""A run's file below an experiment's runs folder: hive-partitioned, one file a seed."""


@dataclass(frozen=True)
class PlannedRun:
    """One run that a configuration asks for: where it lies, and everything that training needs."""

    setting: str
    variant: str
    dim: int
    rho: str
    seed: int
    training: TrainingSettings

    @property
    def path(self) -> str:
        """The file below the experiment's runs folder."""
        return RUN_PATTERN.format(**self.__dict__)

    @property
    def cell(self) -> Cell:
        """The run as training knows it."""
        return Cell(self.variant, self.dim, float(self.rho), self.seed)


def canonical_rho(value: Any) -> str:
    """Rho as it stands in paths: the shortest decimal that reads back as the same number ("0.9", never "0.90")."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"rho: {value!r} is not a number in (-1, 1)") from None
    check_rho(number)
    return repr(number)


def parse_seeds(text: str | int | Iterable[int]) -> list[int]:
    """Seeds from ``"0-15"``, ``"0,3,7"``, ``"0-3,8"``, one number or a list, in rising order without repeats.

    Raises UserError on anything else.
    """
    if isinstance(text, bool):
        raise UserError(f"seed: {text!r} is not a seed; write 3, 0-15 or 0,3,7")
    parts: Iterable[Any] = str(text).split(",") if isinstance(text, (str, int)) else text
    seeds: set[int] = set()
    for part in parts:
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", str(part))
        if match is None:
            raise UserError(f"seed: {text!r} is not a list of seeds; write 3, 0-15 or 0,3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise UserError(f"seed: range {part!r} runs backwards; write {last}-{first}")
        if last - first >= MAX_SEEDS:
            raise UserError(f"seed: range {part!r} holds more than {MAX_SEEDS:,} seeds")
        seeds.update(range(first, last + 1))
        if len(seeds) > MAX_SEEDS:
            raise UserError(f"seed: more than {MAX_SEEDS:,} seeds in all")
    if not seeds:
        raise UserError(f"seed: {text!r} names no seed; write 3, 0-15 or 0,3,7")
    return sorted(seeds)


def training_of(experiment: dict[str, Any], setting: str) -> TrainingSettings:
    """The training settings of one named setting: the experiment's, with that setting's overrides."""
    overrides = {name: value for name, value in settings_of(experiment)[setting].items() if name != _VARIANT}
    return TrainingSettings.from_dict({**experiment.get("training", {}), **overrides})


def settings_of(experiment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name to overrides of every setting of an experiment; ``base`` without overrides where none is named.

    Beside training settings an override may have ``variant``, see ``variants_of``.
    """
    return experiment.get("settings") or {BASE_SETTING: {}}


def variants_of(experiment: dict[str, Any], setting: str) -> list[str]:
    """The variants that are trained with a named setting: those of its ``variant``, else all of the grid.

    Raises UserError for one that the grid does not have.
    """
    known = experiment["grid"]["variant"]
    chosen = list(settings_of(experiment)[setting].get(_VARIANT, known))
    for variant in chosen:
        if variant not in known:
            raise UserError(f"settings.{setting}.variant: {variant!r} is not in the grid, which has {', '.join(known)}")
    return chosen


def count_runs(experiment: dict[str, Any]) -> int:
    """How many runs an experiment, or a benchmark, asks for, pairs that do not exist included; none is listed.

    Raises UserError for more than MAX_RUNS.
    """
    grid = experiment["grid"]
    variants = sum(len(each.get(_VARIANT, grid[_VARIANT])) for each in settings_of(experiment).values())
    cells = math.prod(len(grid[key]) for key in ("critic", "task", "dim", "rho") if key in grid)
    total = variants * cells * len(parse_seeds(grid["seeds"]))
    if total > MAX_RUNS:
        raise UserError(f"grid: {total:,} runs; there may be at most {MAX_RUNS:,}")
    return total


def expand(experiment: dict[str, Any]) -> Iterator[PlannedRun]:
    """Every run of one experiment of the configuration, seeds innermost.

    Raises UserError for a value out of range.
    """
    grid = experiment["grid"]
    count_runs(experiment)
    seeds = parse_seeds(grid["seeds"])
    rhos = [canonical_rho(rho) for rho in grid["rho"]]
    for setting in settings_of(experiment):
        training = training_of(experiment, setting)
        variants = variants_of(experiment, setting)
        for variant, dim, rho in itertools.product(variants, grid["dim"], rhos):
            check_size(dim, training)
            for seed in seeds:
                yield PlannedRun(setting, variant, dim, rho, seed, training)


def targets(config: dict[str, Any], target: str) -> list[str]:
    """Experiments that `snakemake TARGET` makes (key ``target``; ``all`` where it is left out), in their order."""
    return [name for name, experiment in config["experiments"].items() if experiment.get("target", "all") == target]


def kept_steps(frozen: dict[str, Any]) -> list[int]:
    """Numbers of updates after which the critics of ``frozen`` are kept: those measured, and every ``lag_every``.

    Raises UserError for one beyond the end of training.
    """
    last = training_of(frozen, BASE_SETTING).steps
    beyond = [step for step in frozen["steps"] if step > last]
    if beyond:
        raise UserError(f"steps: {beyond[0]} is not a number of updates from 0 to {last}, the end of training")
    return sorted({*frozen["steps"], *range(0, last + 1, frozen["lag_every"]), last})


def parse_grid(text: str) -> dict[str, Any]:
    """An experiment given as JSON (option ``--grid``), the form in which rules hand it to a command.

    Raises UserError where it is not JSON, has unknown training settings or values out of range.
    """
    try:
        experiment = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"--grid: not JSON ({error})") from None
    if not isinstance(experiment, dict):
        raise UserError(f"--grid: {text[:40]!r} is not a JSON object with grid, training and settings")
    try:
        for run in expand(experiment):
            run.cell  # noqa: B018 - building the cell checks it
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"--grid: not an experiment of the configuration ({type(error).__name__}: {error}); "
            "it has grid (variant, dim, rho, seeds), training and settings"
        ) from None
    return experiment


def training_options(training: TrainingSettings) -> str:
    """The settings as options of ``mine train``, all of them, so that a printed command says what it does."""
    values = training.to_dict()
    del values["steps" if training.epochs is not None else "epochs"]
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in values.items() if value is not None)


@dataclass(frozen=True)
class SeedBlock:
    """Seeds that one job trains together."""

    name: str
    seeds: str
    """As ``mine train --seed`` reads them, or the wildcard ``{seed}``."""
    files: tuple[str, ...]
    """RUN_PATTERN with every wildcard but the seed left open."""


def seed_blocks(seeds: list[int], runs_per_job: int) -> list[SeedBlock]:
    """Jobs of at most ``runs_per_job`` seeds each.

    Which seeds share a job depends on the seed's value alone, so that a new seed reruns at most the job it falls
    into. One run a job needs no blocks: the seed stays a wildcard, and one rule serves them all.
    """
    if runs_per_job == 1:
        return [SeedBlock("each", "{seed}", (RUN_PATTERN,))]
    blocks = []
    for _, members in itertools.groupby(sorted(seeds), key=lambda seed: seed // runs_per_job):
        block = list(members)
        text = ",".join(map(str, block))
        if block == list(range(block[0], block[-1] + 1)) and len(block) > 1:
            text = f"{block[0]}-{block[-1]}"
        files = tuple(RUN_PATTERN.replace("{seed}", str(seed)) for seed in block)
        blocks.append(SeedBlock(text.replace("-", "_to_").replace(",", "_"), text, files))
    return blocks
