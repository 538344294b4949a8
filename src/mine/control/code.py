"""Which code a trained encoder depends on. Imported by the Snakefile: nothing here imports torch."""

from __future__ import annotations

from mine.estimators.names import ESTIMATORS
from mine.provenance import code_hash


def encoder_code_hash(variant: str) -> str:
    """Hash of what a run with this estimator depends on: its own file, the fresh critic's, the engine, the encoders."""
    return code_hash("control.runs", f"estimators.{ESTIMATORS[variant].module}", "estimators.donsker_varadhan")
