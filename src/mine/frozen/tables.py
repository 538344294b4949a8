"""Tables of the frozen-critic work: their columns, and many runs' tables as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from mine.errors import UserError
from mine.trace import read_table, write_table

_TEXT, _INT, _FLOAT = pa.string(), pa.int64(), pa.float64()

_RUN = {
    "dim": (_INT, "d, dimension of X and of Z"),
    "rho": (_FLOAT, "correlation of X and Z, coordinate by coordinate"),
    "seed": (_INT, "of the run that the critic is from"),
    "step": (_INT, "updates that the critic had"),
}

BIAS = _RUN | {
    "scheme": (_TEXT, "product pairs: independent, or a permutation of z within each batch"),
    "estimator": (_TEXT, "of the second term: biased (A / B) or ema (A / v)"),
    "ema_rate": (_FLOAT, "alpha; NaN for biased"),
    "batch_size": (_INT, "k"),
    "n_batches": (_INT, "batches behind the row, both halves together; 0 where too few outlast the start of v"),
    "bias_squared": (
        _FLOAT,
        "squared norm of the mean error of the second term's gradient, as the inner product of two independent "
        "halves: unbiased, so it may be negative; NaN where n_batches is 0",
    ),
    "reference_squared": (_FLOAT, "squared norm of the true second term, by halves too"),
    "variance": (_FLOAT, "trace of the covariance of one batch's second term; NaN where not measured"),
    "ess": (_FLOAT, "effective sample size of the reference"),
}

DIRECTIONS = _RUN | {
    "direction": (_TEXT, "of the unit vector u: the true gradient's second term, or random"),
    "batch_size": (_INT, "k"),
    "bias": (_FLOAT, "mean over batches of (A / B) . u, less its true value"),
    "bias_se": (_FLOAT, "its standard error, from batches and from the true value"),
    "taylor": (_FLOAT, "the write-up's second-order prediction of it"),
    "taylor_covariance": (_FLOAT, "its first term, -Cov(A, B) / mu_B^2"),
    "taylor_variance": (_FLOAT, "its second term, mu_A Var(B) / mu_B^3"),
    "taylor_ess": (_FLOAT, "effective sample size of the second moments in it"),
    "reference": (_FLOAT, "true value of the second term along u"),
    "ess": (_FLOAT, "effective sample size of the reference"),
}

IDENTITIES = _RUN | {
    "direction": (_TEXT, "of u, along which A is taken"),
    "ema_rate": (_FLOAT, "alpha"),
    "n_batches": (_INT, "batches that the moments are from"),
    "covariance_ratio": (_FLOAT, "Cov(v, A) / (alpha Cov(B, A)): 1"),
    "variance_ratio": (_FLOAT, "Var(v) / (alpha / (2 - alpha) Var(B)): 1"),
}

LAG = _RUN | {
    "ema_rate": (_FLOAT, "alpha"),
    "log_v": (_FLOAT, "log v after the batch that this critic saw (row step + 1 of the trace)"),
    "log_mean_exp": (_FLOAT, "log of that batch's mean of e^T, B_exp"),
    "log_expectation": (_FLOAT, "log E_Q[e^T] of this critic"),
    "lag": (_FLOAT, "(the moving average of the true expectations so far - E) / E, with E = E_Q[e^T]"),
    "noise": (_FLOAT, "(v - the moving average of the true expectations) / E"),
    "updates": (_INT, "since the row before, this row's own included; what the next three are means over"),
    "noise_squared": (_FLOAT, "of the square of v's noise, over E^2 of this row"),
    "batch_squared": (_FLOAT, "of the square of B_exp less its own critic's expectation, over the same E^2"),
    "noise_batch": (_FLOAT, "of the product of the two, over the same E^2"),
    "ess": (_FLOAT, "effective sample size of log_expectation"),
}


def table(columns: dict[str, tuple[pa.DataType, str]], rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table of these columns; NaN stays NaN."""
    schema = pa.schema([pa.field(name, kind, metadata={"meaning": text}) for name, (kind, text) in columns.items()])
    arrays = [pa.array([row[field.name] for row in rows], type=field.type, from_pandas=False) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def gather(paths: Sequence[Path], output: Path) -> int:
    """Write tables of the same columns as one, in their order, whole. Returns the number of rows.

    Raises UserError, naming the file, where one cannot be read or has other columns than the first.
    """
    parts: list[pa.Table] = []
    for path in paths:
        part = read_table(path)
        if parts and not part.schema.equals(parts[0].schema):
            raise UserError(f"{path}: other columns than {paths[0]}")
        parts.append(part)
    whole = pa.concat_tables(parts)
    write_table(output, whole)
    return len(whole)
