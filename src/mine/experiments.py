"""From a configuration to the runs it names: experiment x setting x critic x variant x task x dimension x truth x seed.

The truth of a cell is given by the correlation (``rho``) or by the mutual information of each stair (``mi``).

Imported by the Snakefile, and so by every job of a cluster: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mine.control.settings import ControlSettings, EncoderCell, check_together
from mine.errors import UserError
from mine.estimators import default_critic
from mine.estimators.names import ESTIMATORS
from mine.figures import FIGURES
from mine.settings import (
    EPOCH,
    GAUSSIAN,
    STREAM,
    Cell,
    TrainingSettings,
    check_choice,
    check_mis,
    check_rho,
    check_size,
)
from mine.tasks import FIXED, TASKS

BASE_SETTING = "base"
_VARIANT = "variant"
CONTROL = "control"
"""Key of an experiment that trains encoders, and of what a setting changes of their settings."""

MAX_SEEDS = 1_000_000
"""In one range; more is a slip of the keyboard."""

MAX_RUNS = 1_000_000
"""In one experiment, and in one configuration: as many files, and more than a scheduler lists."""

ALL = "all"
"""The target of experiments that name none, which `snakemake` alone makes."""

OF_RUNS = ("summary", "curves", "evaluations")
OF_STAIRS = ("stairs", "scores", "windows")
OF_ENCODERS = ("encoders", "encoder_steps", "optima")
"""The three kinds of tables that runs are collected into, see ``tables_of``."""

RULES = (
    "baselines", "claims", "claims_figure", "concepts", "explore", "figure", "figure_of_setting", "ledger", "notebook",
    "optimal", "own", "pages", "search",
)  # fmt: skip
"""Names that the workflow's rules have, and no target may; nor one that begins with one of RULE_PREFIXES."""

RULE_PREFIXES = ("train_", "collect_", "frozen_", "search_", "own_", "concepts_")

RUN_PATTERN = "setting={setting}/critic={critic}/variant={variant}/task={task}/dim={dim}/{truth}/seed={seed}.parquet"
"""A run's file below an experiment's runs folder: hive-partitioned, one file a seed; truth: ``rho=0.9`` or
``mi=2,4``."""

OWN = "mi=own"
"""What stands in the path of a fixed task, whose truth is its own."""

Group = tuple[str, str, str, str, int, str]
"""The cell that seeds are pooled over: setting, critic, variant, task, dim, and truth as it stands in paths."""

GROUP = ("setting", "critic", "variant", "task", "dim", "truth")
"""Names of the parts of a Group."""


@dataclass(frozen=True)
class PlannedRun:
    """One run that a configuration asks for: where it lies, and everything that training needs."""

    setting: str
    critic: str
    variant: str
    task: str
    dim: int
    truth: str
    seed: int
    training: TrainingSettings
    control: ControlSettings | None = None
    """Of an encoder's run."""

    @property
    def path(self) -> str:
        """The file below the experiment's runs folder."""
        return run_path(self.setting, self.cell)

    @property
    def group(self) -> Group:
        """The cell that seeds are pooled over."""
        return self.setting, self.critic, self.variant, self.task, self.dim, self.truth

    @property
    def rho(self) -> str:
        """The correlation as it stands in paths; empty where data are given by their mutual information."""
        return self.truth.removeprefix("rho=") if self.truth.startswith("rho=") else ""

    @property
    def cell(self) -> Cell | EncoderCell:
        """The run as training knows it."""
        if self.control is not None:
            return EncoderCell(self.variant, self.critic, self.task, self.dim, self.seed)
        name, _, value = self.truth.partition("=")
        given: dict[str, Any] = {"rho": None}
        if self.truth != OWN:
            given |= {"rho": float(value)} if name == "rho" else {"mi": parse_mis(value)}
        return Cell(variant=self.variant, dim=self.dim, seed=self.seed, critic=self.critic, task=self.task, **given)


def run_path(setting: str, cell: Cell | EncoderCell) -> str:
    """A run's file below its experiment's runs folder, see RUN_PATTERN."""
    return RUN_PATTERN.format(setting=setting, truth=truth_of(cell), **cell.to_dict())


def truth_of(cell: Cell | EncoderCell) -> str:
    """What a cell's data are given by, as it stands in paths: ``rho=0.9``, ``mi=2,4`` of a staircase, or OWN."""
    if cell.rho is not None:
        return f"rho={canonical_rho(cell.rho)}"
    return OWN if cell.mi is None else f"mi={said_of_mi(cell.mi)}"


def said_of_mi(mi: Sequence[float]) -> str:
    """Mutual information of the stairs as it stands in paths and options: ``2,4,6``."""
    return ",".join(repr(value).removesuffix(".0") for value in mi)


def parse_mis(text: str) -> tuple[float, ...]:
    """Mutual information of the stairs from ``"2,4,6"``, nats. Raises UserError."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"mi: {text!r} is not a list of numbers; write 2 or 2,4,6,8,10") from None
    return check_mis(values)


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
    given = settings_of(experiment)[setting]
    overrides = {name: value for name, value in given.items() if name not in (_VARIANT, CONTROL)}
    return TrainingSettings.from_dict({**experiment.get("training", {}), **overrides})


def control_of(experiment: dict[str, Any], setting: str) -> ControlSettings:
    """What the encoders of one named setting are trained for: the experiment's ``control``, with its overrides.

    Raises UserError for a value that may not be.
    """
    try:
        return ControlSettings.from_dict(experiment[CONTROL] | settings_of(experiment)[setting].get(CONTROL, {}))
    except UserError as error:
        raise UserError(f"settings.{setting}.control: {error}") from None


def settings_of(experiment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name to overrides of every setting of an experiment; ``base`` without overrides where none is named.

    Beside training settings an override may have ``variant``, see ``variants_of``, and ``control``, see ``control_of``.
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


def data_of(grid: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Task, dimension and truth, as it stands in paths, of every distribution that a grid names.

    A fixed task has one dimension and one truth, whatever the grid has for the others. Raises UserError.
    """
    found = []
    for task in grid.get("task", [GAUSSIAN]):
        if task in FIXED:
            found.append((task, FIXED[task].dim_x, OWN))
            continue
        check_choice("task", task, (*TASKS, *FIXED))
        if "dim" not in grid:
            raise UserError(f"grid: dim is missing, which task {task!r} needs")
        found += [(task, dim, truth) for dim, truth in itertools.product(grid["dim"], truths_of(grid))]
    return found


def truths_of(grid: dict[str, Any]) -> list[str]:
    """What a grid gives the data of its tasks by, as it stands in paths (``truth_of``); fixed tasks have their own.

    An entry of ``mi`` is a number, or a list of them: the stairs of a staircase. Raises UserError.
    """
    if ("rho" in grid) == ("mi" in grid):
        raise UserError("grid: has rho (correlations) or mi (mutual information, nats), one of the two")
    if "rho" in grid:
        return [f"rho={canonical_rho(rho)}" for rho in grid["rho"]]
    stairs = [check_mis(each if isinstance(each, list) else [each]) for each in grid["mi"]]
    return [f"mi={said_of_mi(each)}" for each in stairs]


def pairs_of(experiment: dict[str, Any], setting: str) -> list[tuple[str, str]]:
    """Critic and variant of every cell of a setting; each variant's own first critic where the grid names none.

    Pairs that do not exist are left out. Raises UserError where none is left, and for an unknown name.
    """
    grid, variants = experiment["grid"], variants_of(experiment, setting)
    for variant in variants:
        check_choice("variant", variant, tuple(ESTIMATORS))
    if "critic" not in grid:
        return [(default_critic(variant), variant) for variant in variants]
    pairs = [(c, v) for c, v in itertools.product(grid["critic"], variants) if c in ESTIMATORS[v].critics]
    if not pairs:
        raise UserError(f"grid: no estimator of {variants} exists with a critic of {grid['critic']}")
    return pairs


def count_runs(experiment: dict[str, Any]) -> int:
    """How many runs an experiment asks for, pairs that do not exist included; none is listed.

    Raises UserError for more than MAX_RUNS.
    """
    grid = experiment["grid"]
    variants = sum(len(each.get(_VARIANT, grid[_VARIANT])) for each in settings_of(experiment).values())
    cells = math.prod(len(grid[key]) for key in ("critic", "task", "dim", "rho", "mi") if key in grid)
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
    if CONTROL in experiment:
        yield from _encoders(experiment)
        return
    if stray := [name for name, given in settings_of(experiment).items() if CONTROL in given]:
        raise UserError(f"settings.{stray[0]}.control: of an experiment that trains no encoders; give it control too")
    seeds, data = parse_seeds(grid["seeds"]), data_of(grid)
    for setting in settings_of(experiment):
        training = training_of(experiment, setting)
        pairs = pairs_of(experiment, setting)
        for (critic, variant), (task, dim, truth) in itertools.product(pairs, data):
            check_size(dim, training)
            check_stairs(training, truth.count(",") + 1)
            for seed in seeds:
                yield PlannedRun(setting, critic, variant, task, dim, truth, seed, training)


def _encoders(experiment: dict[str, Any]) -> Iterator[PlannedRun]:
    """Every run of an experiment that trains encoders; its task is the goal, and its truth its own."""
    grid = experiment["grid"]
    if others := [name for name in ("task", "dim", "rho", "mi") if name in grid]:
        raise UserError(f"grid: {others[0]} belongs to no experiment with control, whose data stand there")
    for setting in settings_of(experiment):
        training, control = training_of(experiment, setting), control_of(experiment, setting)
        check_together(control, training)
        check_size(control.dim, training)
        for (critic, variant), seed in itertools.product(pairs_of(experiment, setting), parse_seeds(grid["seeds"])):
            yield PlannedRun(setting, critic, variant, control.goal, control.dim, OWN, seed, training, control)


def check_stairs(training: TrainingSettings, stairs: int) -> None:
    """Raise UserError where a staircase is to be trained on a data set."""
    if stairs > 1 and training.data != STREAM:
        raise UserError(f"data: {training.data!r} up a staircase, which has fresh pairs: leave data out")


def targets(config: dict[str, Any], target: str) -> list[str]:
    """Experiments that `snakemake TARGET` makes (key ``target``; ``all`` where it is left out), in their order."""
    return [name for name, experiment in config["experiments"].items() if experiment.get("target", ALL) == target]


def check_target(target: str) -> None:
    """Raise UserError where a target has the name of a rule of the workflow."""
    if target in RULES or target.startswith(RULE_PREFIXES):
        raise UserError(f"target: {target!r} is a rule of the workflow; choose another name")


def further_targets(config: dict[str, Any]) -> list[str]:
    """The targets that experiments carry beside ``all``, in their order."""
    named = dict.fromkeys(experiment.get("target", ALL) for experiment in config["experiments"].values())
    return [target for target in named if target != ALL]


def tables_of(experiment: dict[str, Any]) -> tuple[str, ...]:
    """The tables that an experiment's runs are collected into, which follow from the figures that it asks for.

    With a figure of stairs, or a staircase: a row a run and stair, scores over seeds, and windows along training. Else
    a row a run, curves over seeds and evaluations; and a row an epoch where every trace has one. Of encoders: a row a
    run, a row a run and recorded step, and the optima.
    """
    if CONTROL in experiment:
        return OF_ENCODERS
    needs = {table for figure in experiment.get("figures", []) for table in FIGURES[figure].needs}
    if needs & set(OF_STAIRS) or any("," in truth for _, _, truth in data_of(experiment["grid"])):
        return OF_STAIRS
    epochs = all(training_of(experiment, name).record_every == EPOCH for name in settings_of(experiment))
    return (*OF_RUNS, "epochs") if epochs else OF_RUNS


def check_figures(experiment: dict[str, Any]) -> None:
    """Raise UserError where a figure needs a table that an experiment has not, or would pool what it has several of."""
    tables, grid = tables_of(experiment), experiment["grid"]
    several = any(len(grid.get(name, [])) > 1 for name in ("task", "critic"))
    for figure in experiment.get("figures", []):
        if tables not in (OF_STAIRS, OF_ENCODERS) and (several or (FIGURES[figure].by_rho and "rho" not in grid)):
            raise UserError(f"figures: {figure!r} shows one task and one critic, by rho; give each an experiment")
        if missing := [table for table in FIGURES[figure].needs if table not in tables]:
            raise UserError(
                f"figures: {figure!r} needs the table {missing[0]!r}, and this experiment has {', '.join(tables)}"
            )


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
            "it has grid (variant, dim, rho or mi, seeds), training and settings"
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
