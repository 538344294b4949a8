"""The parquet contract of one encoder's run: columns, metadata, reading back.

A row stands for a window of encoder updates (setting ``record_every``); the last row, step ``steps + 1``, is a look at
the encoder and the critics that training ends with. Exact values are of the encoder before update ``step``; beside each
stands what its critic said. All information in nats; null where a quantity does not exist for a goal, or was not
measured at a row; inf and nan are values that training produced.

Of an encoder that is not linear, power, objective and information are not exact but estimates by Monte Carlo, at the
rows at which critics are judged too (setting ``eval_every``, and the last row), and null at all others. The metadata
have, under ``monte_carlo``, the standard error of each and a bound of its bias (``mine.control.monte_carlo``). Its
population values are null: they need an exact density ratio.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mine.errors import UserError
from mine.trace import read_table, write_table

if TYPE_CHECKING:
    import pandas as pd

CONTRACT = 1
"""Raised by one whenever a column or a metadata key changes its meaning."""

_KEY = b"mine-control"
_FLOAT, _FLOAT32 = pa.float64(), pa.float32()
_ELSE = "; of one that is not linear estimated, at judged rows only, see the metadata"
_TERMS = {
    "y": "I(t; y), t being what the encoder says and y what it is to know",
    "x": "I(x; t), x being the encoder's input",
    "s": "I(t; s), s being what t is not to know",
}


def _of_terms(prefix: str, kind: pa.DataType, words: str) -> dict[str, tuple[pa.DataType, str]]:
    return {f"{prefix}_{term}": (kind, words.format(what)) for term, what in _TERMS.items()}


COLUMNS: dict[str, tuple[pa.DataType, str]] = {
    "seed": (pa.int32(), "the run's seed; a folder of runs read as one table has the rest of the cell from its path"),
    "step": (
        pa.int32(),
        "encoder update that ends the row's window, 1-based; exact values are of the encoder before it",
    ),
    "power": (_FLOAT, f"E|f(x)|^2 of the encoder t = f(x) + unit noise, tr(W W') of a linear one{_ELSE}"),
    "objective": (
        _FLOAT,
        f"exact: what the encoder is to make large, the weighted sum of its goal's terms, nats{_ELSE}",
    ),
    **_of_terms("mi", _FLOAT, f"exact {{}}; nats{_ELSE}"),
    "estimated_objective": (_FLOAT, "the same weighted sum of what the critics said: mean over the window, nats"),
    **_of_terms("estimate", _FLOAT, "in-batch estimate of {}: mean over the window's updates, nats"),
    **_of_terms("grad_norm", _FLOAT32, "L2 norm of the gradient applied at step to the critic of {}"),
    "grad_norm_encoder": (_FLOAT32, "L2 norm of the gradient applied at step to the encoder"),
    "grad_norm_encoder_max": (_FLOAT32, "largest of the window"),
    **_of_terms("heldout", _FLOAT, "the estimator's value on 10,000 fresh pairs of the encoder, of {}; no bound, nats"),
    **_of_terms(
        "population", _FLOAT, "Donsker-Varadhan value of a linear encoder's critic at the population, of {}; nats"
    ),
    "fresh_s": (
        _FLOAT,
        "population value of a fresh critic, trained on the finished linear encoder, of I(t; s): a lower bound; nats",
    ),
    "fresh_s_heldout": (_FLOAT, "the same critic's value on 10,000 fresh pairs, nats"),
}
"""Name to (type, meaning) of every column, in file order."""

SCHEMA = pa.schema([pa.field(name, kind) for name, (kind, _) in COLUMNS.items()])


def write_run(path: Path, columns: dict[str, np.ma.MaskedArray], metadata: dict[str, Any]) -> None:
    """Write one run's file whole or not at all. Raises UserError when the path cannot be written.

    columns: every name of COLUMNS to one value a row; masked entries become null. metadata: JSON-serialisable.
    """
    arrays = [
        pa.array(np.ma.getdata(columns[field.name]), field.type, mask=np.ma.getmaskarray(columns[field.name]))
        for field in SCHEMA
    ]
    payload = json.dumps({"contract": CONTRACT, **metadata}, sort_keys=True)
    write_table(path, pa.Table.from_arrays(arrays, schema=SCHEMA.with_metadata({_KEY: payload.encode()})))


def read_metadata(path: Path) -> dict[str, Any]:
    """Metadata of one run's file, without its rows. Raises UserError as ``read_run`` does."""
    try:
        schema = pq.read_metadata(path).schema.to_arrow_schema()
    except Exception as error:  # bytes that are noise can break a reader in any way
        raise UserError(f"{path}: not a readable results file ({str(error).strip().splitlines()[:1]})") from None
    return _checked(path, schema)


def read_run(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows (nulls as NaN) and metadata of one run.

    Raises UserError, naming the file: missing, damaged, no encoder's run, or of another contract.
    """
    table = read_table(path, "results file")
    metadata = _checked(path, table.schema)
    if not len(table):
        raise UserError(f"{path}: has no rows; delete it and run again")
    return table.to_pandas(ignore_metadata=True), metadata


def _checked(path: Path, schema: pa.Schema) -> dict[str, Any]:
    try:
        metadata = json.loads((schema.metadata or {})[_KEY])
        keys = {"cell", "settings", "control", "outcome", "overflow_step", "encoder", "device", "code"}
        missing = sorted(keys - set(metadata))
    except (KeyError, ValueError, TypeError, RecursionError):
        raise UserError(f"{path}: not an encoder's results file (no 'mine-control' metadata)") from None
    if metadata.get("contract") != CONTRACT or not schema.remove_metadata().equals(SCHEMA) or missing:
        raise UserError(f"{path}: an encoder's results file of another contract than {CONTRACT}; delete it, run again")
    return metadata
