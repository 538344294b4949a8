"""The tables of `snakemake concepts`: what a row is, and the jobs' tables as one."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mine.columns import FLOAT, INT, STRING, Columns, schema
from mine.concepts.plan import Plan
from mine.errors import UserError
from mine.trace import read_table

READING: Columns = {
    "of_predicted": (FLOAT, "I(s; w), s being what is predicted and w what may leak, nats"),
    "of_concept": (FLOAT, "I(c; w), c being the true concepts, nats"),
    "difference": (FLOAT, "I(s; w) - I(c; w) as it is, nats; null where there is no reading"),
    "difference_low": (FLOAT, "its interval's lower end, 95 %"),
    "difference_high": (FLOAT, "its interval's upper end"),
    "conditional": (FLOAT, "I(s; w | c) as it is, nats"),
    "low": (FLOAT, "its interval's lower end, 95 %"),
    "high": (FLOAT, "its interval's upper end"),
    "p_value": (FLOAT, "of the permutation test that s and w are independent given c"),
    "rows": (INT, "rows that it is read on: a critic's test rows, all of nearest neighbours"),
    "warnings": (STRING, "codes of the warnings, separated by commas"),
    "why": (STRING, "why there is no reading"),
}

KNOWN: Columns = {
    "scenario": (STRING, "of mine.concepts.names.SCENARIOS"),
    "method": (STRING, "of mine.concepts.names.METHODS"),
    "drawn": (INT, "rows of the draw"),
    "draw": (INT, "number of the draw"),
    "leakage": (FLOAT, "exact I(s; w | c), nats"),
    "leakage_difference": (FLOAT, "exact I(s; w) - I(c; w), nats"),
    **READING,
    "cpu_s": (FLOAT, "CPU seconds of the reading"),
}
"""Name to (type, meaning) of every column of known.parquet. One row a scenario, method, number of rows, leakage and
draw."""

_MODEL: Columns = {
    "data": (STRING, "of mine.concepts.names.DATA"),
    "kind": (STRING, "hard, sequential or joint"),
    "concept_weight": (FLOAT, "weight of the concepts in training; null but for joint models"),
    "seed": (INT, "of rows, initialisation and batches"),
}

MODELS: Columns = {
    **_MODEL,
    "label_accuracy": (FLOAT, "share of held-out rows whose label is right"),
    "concept_accuracy": (FLOAT, "the same of the concepts, mean over them"),
    "intervened_accuracy": (FLOAT, "of the label when every concept is set to the truth"),
    "outcome": (STRING, "completed, or overflow where a gradient was not finite"),
}
"""The same of models.parquet. One row a model."""

INTERVENTIONS: Columns = {
    **_MODEL,
    "set": (INT, "concepts set to the truth, in an order that the seed draws"),
    "label_accuracy": (FLOAT, "share of held-out rows whose label is right"),
}
"""The same of interventions.parquet. One row a model and number of concepts."""

LEAKAGE: Columns = {
    **_MODEL,
    "relation": (STRING, "label, between or together, see mine.concepts.relations"),
    "concept": (STRING, "what is predicted: a concept, or all"),
    "target": (STRING, "what may leak: label, or another concept"),
    "method": (STRING, "of mine.concepts.names.METHODS"),
    "of_concept_exact": (FLOAT, "exact I(c; w), nats"),
    **READING,
}
"""The same of leakage.parquet. One row a model, relation and method."""

PENALISED: Columns = {
    "data": (STRING, "of mine.concepts.names.DATA"),
    "estimator": (STRING, "of the penalty"),
    "weight": (FLOAT, "of the penalty; 0: none"),
    "seed": (INT, "of rows, initialisation and batches: the same model and data for every estimator and weight"),
    "outcome": (STRING, "completed, or overflow where a gradient or the penalty was not finite"),
    "overflow_step": (INT, "update at which it was; null where it never was"),
    "label_accuracy": (FLOAT, "share of held-out rows whose label is right"),
    "concept_accuracy": (FLOAT, "the same of the concepts, mean over them"),
    "intervened_accuracy": (FLOAT, "of the label when every concept is set to the truth"),
    "said": (FLOAT, "the penalty's own estimate of I(l, c; y), mean of the last 100 batches, nats"),
    "of_concepts_exact": (FLOAT, "exact I(c; y), nats: what no model can take from it"),
    **READING,
    "neighbours": (FLOAT, "I(l; y | c) by nearest neighbours, nats"),
}
"""The same of penalised.parquet. One row a model; its reading is I(l; y | c) of all its concepts together."""

DECISION: Columns = {
    "method": (STRING, "of mine.concepts.names.METHODS"),
    "rows": (INT, "rows of a draw"),
    "leakage": (FLOAT, "exact I(s; w | c), nats"),
    "draws": (INT, "over all scenarios"),
    "readings": (INT, "of them with a value"),
    "alarms": (INT, "draws with p < 0.05: false ones at 0"),
    "alarm_share": (FLOAT, "of all draws; the power where something leaks"),
    "alarm_low": (FLOAT, "its exact interval's lower end, 95 %"),
    "alarm_high": (FLOAT, "its upper end"),
    "difference_alarms": (INT, "draws whose interval of the difference lies above 0"),
    "bias": (FLOAT, "mean of value less truth, nats"),
    "spread": (FLOAT, "standard deviation of value less truth over draws, nats; null of one draw"),
    "difference_bias": (FLOAT, "mean of the difference less its truth, nats"),
    "difference_spread": (FLOAT, "its standard deviation"),
    "covered": (FLOAT, "share of draws whose interval holds the truth"),
    "cpu_s": (FLOAT, "CPU seconds of a reading, median"),
    "tells": (STRING, "yes: surely more alarms than chance would give, few false ones; see mine.concepts.decision"),
}
"""The same of decision.parquet. One row a method, number of rows and leakage."""


def known(plan: Plan, folder: Path) -> pa.Table:
    """Every job's rows. Raises UserError where a job's table is missing, or holds other rows than the plan asks for."""
    return _together({folder / cell.path: cell.draws * len(plan.leakages) for cell in plan.known_cells()}, KNOWN)


def of_models(plan: Plan, folder: Path, name: str, columns: Columns) -> pa.Table:
    """The same of one table of the jobs on models, of whatever number of rows. name: models, interventions, leakage."""
    return _together(dict.fromkeys(folder / cell.path / f"{name}.parquet" for cell in plan.model_cells()), columns)


def penalised(plan: Plan, folder: Path) -> pa.Table:
    """The same of the jobs on penalised models."""
    rows = plan.penalty_seeds * len(plan.penalty_weights)
    return _together({folder / cell.path: rows for cell in plan.penalty_cells()}, PENALISED)


def _together(paths: dict[Path, int] | dict[Path, None], columns: Columns) -> pa.Table:
    tables = []
    for path, rows in paths.items():
        table = read_table(path)
        if (rows is not None and table.num_rows != rows) or table.column_names != list(columns):
            raise UserError(f"{path}: not the rows of the plan; run `snakemake concepts` again")
        tables.append(table)
    return pa.concat_tables(tables) if tables else schema(columns).empty_table()
