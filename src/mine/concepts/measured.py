"""The jobs of `snakemake concepts` on models: rows of ``mine.concepts.tables``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mine.concepts.exact import information
from mine.concepts.leakage import Reading, amount, as_row, by_critics, by_neighbours, levels
from mine.concepts.models import Bottlenecks, Member, Model
from mine.concepts.names import DATA, HARD, JOINT, NEIGHBOURS
from mine.concepts.plan import FIRST_PENALTY_SEED, Plan
from mine.concepts.relations import Relation, relations

Row = dict[str, Any]


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
    """One relation of a model by one method. test: whether nearest neighbours are tested, which takes their time.

    A constant prediction says nothing of anything: it is left out, and where there is no other the leakage is 0.
    """
    places = list(relation.concepts)
    predicted = [
        (levels if discrete else amount)(model.predicted[:, place], f"predicted {place}")
        for place in places
        if (model.predicted[:, place] != model.predicted[0, place]).any()
    ]
    if not predicted:
        return Reading(of_predicted=0.0, conditional=0.0, low=0.0, high=0.0, why="the prediction is constant")
    concepts = [levels(model.concepts[:, place], f"concept {place}") for place in places]
    target = model.label if isinstance(relation.target, str) else model.concepts[:, relation.target]
    settings = plan.estimate(method, seed=model.member.seed)
    if method == NEIGHBOURS:
        return by_neighbours(predicted, concepts, levels(target, "target"), settings, test=test)
    return by_critics(predicted, concepts, levels(target, "target"), settings)


def _accuracies(model: Model) -> Row:
    return {
        "label_accuracy": float(model.interventions[0]),
        "concept_accuracy": float(model.concept_accuracy.mean()),
        "intervened_accuracy": float(model.interventions[-1]),
    }


def _outcome(model: Model) -> str:
    return "completed" if model.overflow_step is None else "overflow"
