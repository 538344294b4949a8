"""What `snakemake concepts` measures and trains, and in which jobs.

Imported by the Snakefile: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from mine.concepts.names import CRITICS, DATA, JOINT, KINDS, METHODS, NEIGHBOURS, PENALTIES, SCENARIOS
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.kinds import Real, Whole, kinds_of, setting
from mine.own.settings import OwnSettings
from mine.planned import Planned
from mine.provenance import code_hash
from mine.settings import check_choice

MEASURING: dict[str, Any] = {
    "critic": "concat",
    "initialisations": 1,
    "hidden": 32,
    "learning_rate": 0.01,
    "average": 0.95,
    "patience": 5,
    "resamples": 199,
}
"""What leakage is measured with where it is not a default of ``mine estimate``: a table asks for dozens of estimates.
`snakemake concepts` says how well these do, and `mine leakage` takes them."""

_DRAWS = Whole(1, 10_000)
_WEIGHT = Real(0.0, 1e6)
_PERMUTATIONS = 99
"""Of a test, where settings name none: alarms are counted at p < 0.05, and thousands of tests made."""


@dataclass(frozen=True)
class KnownCell:
    """One job: a method on draws of a scenario at every leakage."""

    method: str
    scenario: str
    rows: int
    first: int
    draws: int

    @property
    def path(self) -> str:
        """Its table below the folder of known leakage."""
        return f"rows={self.rows}/method={self.method}/scenario={self.scenario}/first={self.first}.parquet"


@dataclass(frozen=True)
class ModelCell:
    """One job: models of a kind on a data set, a seed each, trained and measured. weight: of the concepts, of joint."""

    data: str
    kind: str
    weight: float | None

    @property
    def path(self) -> str:
        """Folder of its three tables below that of models."""
        return f"data={self.data}/kind={self.kind}/weight={'none' if self.weight is None else format(self.weight, 'g')}"


@dataclass(frozen=True)
class PenaltyCell:
    """One job: joint models on a data set, penalised by an estimator, a seed and weight each."""

    data: str
    estimator: str

    @property
    def path(self) -> str:
        """Its table below the folder of penalised models."""
        return f"data={self.data}/estimator={self.estimator}.parquet"


@dataclass(frozen=True)
class Plan(Planned):
    """The size of `snakemake concepts`. The defaults are the published one's. Construction checks every value.

    rows: of a draw of known leakage. leakages: injected, nats; 0 is where alarms are false. scenarios: of SCENARIOS.
    draws: of each method, its draws of each scenario. draws_per_job: how many one job makes.
    data: models are trained on. concept_weights: of the joint models. model_seeds: from 0 on.
    model_methods: leakage of models is measured with.
    training_rows, held_out_rows: of a model; of a finite data set half of it each. steps: updates. batch_size, hidden,
    learning_rate: of a model and its critics.
    penalised_data: penalised models are trained on. penalties: estimators. penalty_weights: of the penalty, 0 among
    them. penalised_concept_weight: of its concepts. penalty_seeds: from 100 on. critic_steps: updates of a critic
    between two of the model.
    settings: of an estimate, those that are not in MEASURING.
    """

    PART = "concepts"

    rows: tuple[int, ...] = (1_000, 5_000, 20_000)
    leakages: tuple[float, ...] = (0.0, 0.02, 0.05, 0.1)
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    draws: dict[str, int] = field(default_factory=lambda: {"js": 6, "ema": 6, NEIGHBOURS: 24})
    draws_per_job: int = setting(100, _DRAWS)
    data: tuple[str, ...] = tuple(DATA)
    concept_weights: tuple[float, ...] = (0.1, 1.0, 10.0)
    model_seeds: int = setting(3, Whole(1, 100))
    model_methods: tuple[str, ...] = ("js", NEIGHBOURS)
    training_rows: int = setting(5_000, Whole(100, 1_000_000))
    held_out_rows: int = setting(3_000, Whole(100, 1_000_000))
    steps: int = setting(1_500, Whole(1, 1_000_000))
    batch_size: int = setting(128, Whole(2, 100_000))
    hidden: int = setting(32, Whole(1, 10_000))
    learning_rate: float = setting(0.003, Real(0.0, 10.0, "(]"))
    penalised_data: tuple[str, ...] = ("xor-withheld", "tabular-withheld")
    penalties: tuple[str, ...] = PENALTIES
    penalty_weights: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    penalised_concept_weight: float = setting(1.0, _WEIGHT)
    penalty_seeds: int = setting(6, Whole(1, 100))
    critic_steps: int = setting(1, Whole(1, 1_000))
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise UserError for a value that is not allowed."""
        for name, kind in kinds_of(self).items():
            kind.check(f"concepts.{name}", getattr(self, name))
        for each in fields(self):
            if isinstance(getattr(self, each.name), list):
                object.__setattr__(self, each.name, tuple(getattr(self, each.name)))
        for name, known in (
            ("scenarios", SCENARIOS), ("draws", METHODS), ("data", DATA), ("model_methods", METHODS),
            ("penalised_data", DATA), ("penalties", PENALTIES),
        ):  # fmt: skip
            for each in getattr(self, name):
                check_choice(f"concepts.{name}", each, tuple(known))
        for name, kind, values in (
            ("draws", _DRAWS, self.draws.values()),
            ("rows", Whole(100, 1_000_000), self.rows),
            ("leakages", Real(0.0, 0.5), self.leakages),
            ("concept_weights", _WEIGHT, self.concept_weights),
            ("penalty_weights", _WEIGHT, self.penalty_weights),
        ):
            for value in values:
                kind.check(f"concepts.{name}", value)
        for name in ("leakages", "penalty_weights"):
            if 0.0 not in getattr(self, name):
                raise UserError(f"concepts.{name}: {list(getattr(self, name))} lacks 0, which the others are held to")
        self.estimate("js")

    def estimate(self, method: str, seed: int = 0) -> OwnSettings:
        """Settings of an estimate by a method."""
        OwnSettings.check_names(self.settings, "concepts.settings")
        estimator = method if method in CRITICS else "js"
        try:
            return OwnSettings(
                **{**MEASURING, "permutations": _PERMUTATIONS, **self.settings, "estimator": estimator, "seed": seed}
            )
        except UserError as error:
            raise UserError(f"concepts.settings.{error}") from None

    def rows_of(self, data: str) -> tuple[int, int]:
        """Training and held-out rows of a model."""
        finite = DATA[data].finite
        if finite is None:
            return self.training_rows, self.held_out_rows
        return min(self.training_rows, finite // 2), min(self.held_out_rows, finite - finite // 2)

    def known_cells(self) -> Iterator[KnownCell]:
        """Every job on known leakage."""
        for rows in self.rows:
            for method, draws in self.draws.items():
                for scenario in self.scenarios:
                    for first in range(0, draws, self.draws_per_job):
                        yield KnownCell(method, scenario, rows, first, min(self.draws_per_job, draws - first))

    def model_cells(self) -> Iterator[ModelCell]:
        """Every job that trains and measures models."""
        for data in self.data:
            for kind in KINDS:
                for weight in self.concept_weights if kind == JOINT else (None,):
                    yield ModelCell(data, kind, weight)

    def penalty_cells(self) -> Iterator[PenaltyCell]:
        """Every job that trains penalised models."""
        for data in self.penalised_data:
            for estimator in self.penalties:
                yield PenaltyCell(data, estimator)


KNOWN_KEYS = ("leakages", "settings")
MODEL_KEYS = (
    "model_seeds", "model_methods", "training_rows", "held_out_rows", "steps", "batch_size", "hidden", "learning_rate",
    "settings",
)  # fmt: skip
PENALTY_KEYS = (
    "penalty_weights", "penalised_concept_weight", "penalty_seeds", "critic_steps", "training_rows", "held_out_rows",
    "steps", "batch_size", "hidden", "learning_rate", "settings",
)  # fmt: skip
"""What a job of each kind depends on."""

FIRST_PENALTY_SEED = 100


def job_code_hash(module: str, method: str = "js") -> str:
    """Hash of what a job depends on: its module, and the files of the estimators that it measures or penalises with.

    module: of ``mine.concepts``. method: of METHODS or PENALTIES.
    """
    files = {ESTIMATORS[name].module for name in (method, "js") if name in ESTIMATORS}
    return code_hash(f"concepts.{module}", *(f"estimators.{name}" for name in sorted(files)))
