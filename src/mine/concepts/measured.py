"""The jobs of `snakemake concepts`: rows of ``mine.concepts.tables``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mine.concepts.exact import information
from mine.concepts.injected import injected, sample
from mine.concepts.leakage import Reading, as_row, by_critics, by_neighbours
from mine.concepts.models import Bottlenecks, Member, Model
from mine.concepts.names import DATA, HARD, JOINT, NEIGHBOURS
from mine.concepts.plan import FIRST_PENALTY_SEED, Plan
from mine.concepts.relations import Relation, relations
from mine.own.columns import Column, column
from mine.own.settings import OwnSettings

Row = dict[str, Any]


def read(
    method: str, predicted: Sequence[Column], concepts: Sequence[Column], target: Column, settings: OwnSettings
) -> Reading:
    """A reading by one method of ``mine.concepts.names.METHODS``."""
    function = by_neighbours if method == NEIGHBOURS else by_critics
    return function(predicted, concepts, target, settings)


def known_rows(
    plan: Plan, method: str, scenario: str, rows: int, numbers: range, report: Callable[[int], object]
) -> Iterator[Row]:
    """A row a draw and leakage. report: called with the readings done."""
    done = 0
    for number in numbers:
        for leakage in plan.leakages:
            report(done)
            s, c, w = sample(scenario, leakage, rows, number)
            columns = _amounts(s, "s"), [_levels(c, "c")], _levels(w, "w")
            start = time.process_time()
            reading = read(method, *columns, plan.estimate(method, seed=number))
            yield {
                "scenario": scenario,
                "method": method,
                "drawn": rows,
                "draw": number,
                "leakage": leakage,
                "leakage_difference": injected(scenario, leakage).difference,
                **as_row(reading),
                "cpu_s": time.process_time() - start,
            }
            done += 1


def model_rows(
    plan: Plan, data: str, kind: str, weight: float | None, report: Callable[[str], object]
) -> tuple[list[Row], list[Row], list[Row]]:
    """Rows of models, interventions and leakage of a seed each, trained as one stack. report: called with words."""
    members = [Member(seed, 1.0 if weight is None else weight) for seed in range(plan.model_seeds)]
    models = Bottlenecks(data, kind, members, plan).train(lambda done, whole: report(f"update {done:,} of {whole:,}"))
    of_models, interventions, leakage = [], [], []
    for model in models:
        report(f"leakage of seed {model.member.seed}")
        named = {"data": data, "kind": kind, "concept_weight": weight, "seed": model.member.seed}
        of_models.append(named | _accuracies(model) | {"outcome": _outcome(model)})
        interventions += [
            named | {"set": count, "label_accuracy": right} for count, right in enumerate(model.interventions.tolist())
        ]
        for relation in relations(model.concepts, model.label):
            concept, target = relation.named(DATA[data].concepts)
            exact = information(data, relation.concepts, relation.target)
            about = {"relation": relation.kind, "concept": concept, "target": target, "of_concept_exact": exact}
            for method in plan.model_methods:
                reading = of_model(model, relation, method, plan, discrete=kind == HARD)
                leakage.append(named | about | {"method": method} | as_row(reading))
    return of_models, interventions, leakage


def penalised_rows(plan: Plan, data: str, estimator: str, report: Callable[[str], object]) -> list[Row]:
    """A row a seed and weight of the penalty, all trained as one stack."""
    members = [
        Member(seed, plan.penalised_concept_weight, weight)
        for weight in plan.penalty_weights
        for seed in range(FIRST_PENALTY_SEED, FIRST_PENALTY_SEED + plan.penalty_seeds)
    ]
    models = Bottlenecks(data, JOINT, members, plan, estimator).train(
        lambda done, whole: report(f"update {done:,} of {whole:,}")
    )
    rows, every = [], tuple(range(DATA[data].kept))
    together = Relation("together", every, "label")
    for place, model in enumerate(models):
        report(f"leakage of model {place + 1} of {len(models)}")
        whole = model.overflow_step is None
        nothing = Reading(why="training became non-finite")
        reading = of_model(model, together, "js", plan) if whole else nothing
        beside = of_model(model, together, NEIGHBOURS, plan, test=False) if whole else nothing
        rows.append(
            {
                "data": data,
                "estimator": estimator,
                "weight": model.member.penalty,
                "seed": model.member.seed,
                "outcome": _outcome(model),
                "overflow_step": model.overflow_step,
                **_accuracies(model),
                "said": model.said,
                "of_concepts_exact": information(data, every, "label"),
                **as_row(reading),
                "neighbours": beside.conditional,
            }
        )
    return rows


def of_model(
    model: Model, relation: Relation, method: str, plan: Plan, *, discrete: bool = False, test: bool = True
) -> Reading:
    """One relation of a model by one method. test: whether nearest neighbours are tested, which takes their time."""
    places = list(relation.concepts)
    predicted = [
        (_levels if discrete else _amount)(model.predicted[:, place], f"predicted {place}") for place in places
    ]
    concepts = [_levels(model.concepts[:, place], f"concept {place}") for place in places]
    target = model.label if isinstance(relation.target, str) else model.concepts[:, relation.target]
    settings = plan.estimate(method, seed=model.member.seed)
    if method == NEIGHBOURS:
        return by_neighbours(predicted, concepts, _levels(target, "target"), settings, test=test)
    return by_critics(predicted, concepts, _levels(target, "target"), settings)


def _accuracies(model: Model) -> Row:
    return {
        "label_accuracy": float(model.interventions[0]),
        "concept_accuracy": float(model.concept_accuracy.mean()),
        "intervened_accuracy": float(model.interventions[-1]),
    }


def _outcome(model: Model) -> str:
    return "completed" if model.overflow_step is None else "overflow"


def _amounts(values: np.ndarray, name: str) -> list[Column]:
    return [_amount(each, f"{name}{place}") for place, each in enumerate(values.T)]


def _amount(values: np.ndarray, name: str) -> Column:
    return column(name, values, discrete=False)


def _levels(values: np.ndarray, name: str) -> Column:
    return column(name, values.astype(np.int64), discrete=True)
