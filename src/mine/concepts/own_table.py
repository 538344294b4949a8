"""The leakage table of a reader's own predictions: every relation by trained critics and by nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.stats import rankdata

from mine.concepts.leakage import Reading, by_critics, by_neighbours, codes, plug_in
from mine.concepts.relations import BETWEEN, Relation, relations
from mine.errors import UserError
from mine.own.columns import Column, Warned, entropy, faults_of
from mine.own.faults import Faults
from mine.own.settings import OwnSettings
from mine.statistics import holm

FEW_OF_A_CLASS = 10
"""Rows of a class below which a word is due."""

MOST_CLASSES = 50
"""Of the label and of a concept."""

MOST_LEVELS = 10
"""Different predictions up to which a predicted concept is taken as levels: a hard one."""

OUTSIDE, LIKE_PROBABILITIES, FEW_ROWS, TAKEN_AS_LEVELS = "outside_unit", "like_probabilities", "few_of_class", "levels"
MISPAIRED = "mispaired"
"""Codes of the warnings."""

BETTER_BY_ANOTHER = 0.1
"""Area under the curve that a prediction may have more for another concept than for its own before a word is due."""

GROUPED = "rows of one subject are each other's neighbours"
"""Why nearest neighbours do not read rows that belong together."""


@dataclass(frozen=True)
class Predictions:
    """Columns of a file that miss nothing. predicted, concepts: k each, in the same order; concepts and label discrete.

    groups: (n,), whose each row is, where several rows belong to one subject.
    """

    predicted: tuple[Column, ...]
    concepts: tuple[Column, ...]
    label: Column
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class Leak:
    """One relation. critics, neighbours: its readings; p, p_neighbours: corrected for the number of relations."""

    relation: Relation
    predicted: str
    target: str
    critics: Reading
    neighbours: Reading
    p: float | None = None
    p_neighbours: float | None = None


def checked(data: Predictions, *, logits: bool) -> tuple[Predictions, list[Warned]]:
    """Predictions, hard ones as levels, and what to be wary of.

    logits: whether predictions are logits; else they are probabilities.

    Raises:
        UserError: another number of predictions than of concepts, constant columns, too many classes; all in one line.
    """
    faults = Faults()
    if len(data.predicted) != len(data.concepts):
        raise UserError(
            f"predicted: {len(data.predicted)} columns for {len(data.concepts)} concepts; name one for each, in the "
            "same order"
        )
    faults.add(*faults_of([*data.predicted, *data.concepts, data.label]))
    for each in (*data.concepts, data.label):
        if (count := len(np.unique(each.values))) > MOST_CLASSES:
            faults.add(f"column {each.name!r}: {count:,} classes; a concept or label may have {MOST_CLASSES}")
    faults.settle()
    warned = [*_paired(data), *_scale(data.predicted, logits=logits), *_few([*data.concepts, data.label])]
    hard = [each for each in data.predicted if len(np.unique(each.values)) <= MOST_LEVELS]
    if hard:
        names = ", ".join(repr(each.name) for each in hard)
        warned.append(
            Warned(TAKEN_AS_LEVELS, f"{names}: at most {MOST_LEVELS} different predictions, so taken as levels.")
        )
    predicted = tuple(replace(each, values=each.values.astype(str), discrete=True) if each in hard else each
                      for each in data.predicted)  # fmt: skip
    return replace(data, predicted=predicted), warned


def leaks(
    data: Predictions,
    settings: OwnSettings,
    *,
    between: bool = True,
    device: torch.device | str = "cpu",
    report: Callable[[int, int, str], object] = lambda done, whole, name: None,
) -> list[Leak]:
    """Every relation of checked predictions. between: whether leakage between concepts is asked.

    report: called before each with those done, those there are, and its name.
    """
    found = []
    asked = [each for each in _relations(data) if between or each.kind != BETWEEN]
    names = [each.name for each in data.concepts]
    for done, relation in enumerate(asked):
        predicted = [data.predicted[place] for place in relation.concepts]
        concepts = [data.concepts[place] for place in relation.concepts]
        target = data.label if isinstance(relation.target, str) else data.concepts[relation.target]
        of = "all" if len(predicted) > 1 else predicted[0].name
        to = data.label.name if isinstance(relation.target, str) else names[relation.target]
        report(done, len(asked), f"{of} and {to}")
        critics = by_critics(predicted, concepts, target, settings, device, data.groups)
        if data.groups is None:
            neighbours = by_neighbours(_alike(predicted), concepts, target, settings)
        else:
            neighbours = Reading(why=GROUPED)
        found.append(Leak(relation, of, to, critics, neighbours))
    report(len(asked), len(asked), "done")
    of_critics, of_neighbours = (_corrected([one.p_value for one in each]) for each in (
        [one.critics for one in found], [one.neighbours for one in found]))  # fmt: skip
    return [
        replace(each, p=p, p_neighbours=other) for each, p, other in zip(found, of_critics, of_neighbours, strict=True)
    ]


def determined(data: Predictions) -> float:
    """H(y | c) by counts, nats: what all concepts leave open of the label, the most that can leak beyond them."""
    of_label = entropy([data.label])
    assert of_label is not None, "a label is discrete"
    return of_label - plug_in(list(data.concepts), [data.label])


def _relations(data: Predictions) -> Iterator[Relation]:
    return relations(np.stack([codes([each]) for each in data.concepts], 1), codes([data.label]))


def _alike(predicted: Sequence[Column]) -> list[Column]:
    """Columns of one kind, as nearest neighbours take them: levels beside amounts become numbers again."""
    if all(each.discrete for each in predicted):
        return list(predicted)
    return [replace(each, values=each.values.astype(float), discrete=False) for each in predicted]


def _corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """By Holm's method over those that there are."""
    there = [each for each in p_values if each is not None]
    corrected = iter(holm(there))
    return [None if each is None else next(corrected) for each in p_values]


def _paired(data: Predictions) -> list[Warned]:
    """A word on predictions that order the rows better by another concept than by the one that they are named for.

    By the area under the curve, which sees what a prediction says plainly: it may tell much of others by leaking, and
    is no prediction of those. Of concepts with two classes.
    """
    two = [place for place, each in enumerate(data.concepts) if len(np.unique(each.values)) == 2]
    told = []
    for place in two:
        each = data.predicted[place]
        areas = {other: _area(each.values, codes([data.concepts[other]]) == 1) for other in two}
        best = max(areas, key=lambda other: areas[other])
        if areas[best] > areas[place] + BETTER_BY_ANOTHER:
            told.append(
                f"{each.name!r} orders rows by {data.concepts[best].name!r} (area under the curve {areas[best]:.2f}) "
                f"better than by {data.concepts[place].name!r} ({areas[place]:.2f}), which it stands for"
            )
    if not told:
        return []
    cure = "are --predicted and --concepts in the same order?"
    return [Warned(MISPAIRED, f"{'; '.join(told[:3])}{' and more' if len(told) > 3 else ''}: {cure}")]


def _area(values: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve of values (n,) for a mask (n,), whichever way round; one half says nothing."""
    ranks, count = rankdata(values), int(positive.sum())
    area = (ranks[positive].mean() - (count + 1) / 2) / (len(values) - count)
    return float(max(area, 1.0 - area))


def _scale(predicted: Sequence[Column], *, logits: bool) -> list[Warned]:
    outside = [each for each in predicted if each.values.min() < 0.0 or each.values.max() > 1.0]
    if not logits and outside:
        told = ", ".join(f"{each.name!r} ({each.values.min():.3g} to {each.values.max():.3g})" for each in outside)
        return [
            Warned(
                OUTSIDE,
                f"Predictions outside [0, 1], so no probabilities: {told}. If they are logits, say --logits; if "
                "they are percent, all is well: the information is the same on any scale that keeps their order.",
            )
        ]
    if logits and not outside:
        return [
            Warned(LIKE_PROBABILITIES, "All predictions lie in [0, 1], as probabilities do, and --logits was said.")
        ]
    return []


def _few(columns: Sequence[Column]) -> list[Warned]:
    warned = []
    for each in columns:
        levels, counts = np.unique(each.values, return_counts=True)
        few = [f"{level!r} ({count})" for level, count in zip(levels.tolist(), counts, strict=True)
               if count < FEW_OF_A_CLASS]  # fmt: skip
        if few:
            warned.append(
                Warned(
                    FEW_ROWS,
                    f"Column {each.name!r} has classes of fewer than {FEW_OF_A_CLASS} rows, of which next to nothing "
                    f"can be said: {', '.join(few[:5])}{' and more' if len(few) > 5 else ''}.",
                )
            )
    return warned
