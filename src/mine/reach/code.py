"""Which code a job of `snakemake own` depends on. Imported by the Snakefile: nothing here imports torch."""

from __future__ import annotations

from mine.estimators.names import ESTIMATORS
from mine.own.settings import OwnSettings
from mine.provenance import code_hash
from mine.reach.methods import METHODS
from mine.tasks import modules_of


def cell_code_hash(method: str, task: str) -> str:
    """Hash of what a method's rows of one task come from; what it imports by name is hashed by name."""
    asked = METHODS[method]
    modules = [f"tasks.{name}" for name in modules_of(task)]
    if asked.peer:
        return code_hash("reach.peers", *modules)
    trained = asked.settings.get("estimator", "" if asked.function else OwnSettings.estimator)
    if trained:
        modules.append(f"estimators.{ESTIMATORS[trained].module}")
    measures = ("reach.functions", f"reach.{asked.function}") if asked.function else ("reach.measured",)
    return code_hash(*measures, *modules)
