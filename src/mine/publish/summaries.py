"""The summaries that are published: those of the results, and rows published before that were not made again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mine.columns import RUN
from mine.errors import UserError
from mine.experiments import expand
from mine.summary import SUMMARY_SCHEMA, with_later_columns
from mine.trace import WRITING, read_table

_Key = tuple[str, str, str, str, int, float | None, int]


def summary_of(file: Path, published: Path, experiment: dict[str, Any]) -> tuple[pa.Table, int]:
    """An experiment's summary, held against the configuration, and how many of its rows were published before.

    Cells that the results do not have keep their published rows. Raises UserError where neither has them.
    """
    made = _read_summary(file, upgrade=False) if file.exists() or not published.exists() else None
    held = set() if made is None else _check_rows(file, made, experiment)
    before = _read_summary(published, upgrade=True) if published.exists() else None
    planned = {key: place for place, key in enumerate(_planned(experiment))}
    if held != set(planned) and before is not None:
        keep = [key in planned and key not in held for key in _keys(before)]
        cells = {key[:-1] for key in held}
        # A cell comes from one publication: seeds of two are not pooled.
        keep = [good and key[:-1] not in cells for good, key in zip(keep, _keys(before), strict=True)]
        rows = before.filter(pa.array(keep, pa.bool_()))
        held |= _check_rows(published, rows, experiment)
        made = rows if made is None else pa.concat_tables([made, rows])
        places = [planned[key] for key in _keys(made)]
        made = made.take(sorted(range(len(made)), key=places.__getitem__))
    else:
        rows = None
    if held != set(planned):
        raise UserError(
            f"{file}: holds {len(held)} runs, {len(held & set(planned))} of them among the {len(planned)} of "
            "the configuration; run `make reproduce` again"
        )
    return made, 0 if rows is None else len(rows)


def summary_files(results: Path, summaries: dict[str, pa.Table]) -> dict[str, bytes]:
    """Published name to bytes of each experiment's summary: those of the results, where nothing was added to them."""
    found = {}
    for name, summary in summaries.items():
        file = results / name / "summary.parquet"
        if file.exists() and pq.read_metadata(file).num_rows == len(summary):
            found[f"data/{name}_summary.parquet"] = file.read_bytes()
            continue
        stream = io.BytesIO()
        pq.write_table(summary, stream, **WRITING)
        found[f"data/{name}_summary.parquet"] = stream.getvalue()
    return found


def _read_summary(summary: Path, upgrade: bool) -> pa.Table:
    """A summary of this version. upgrade: one of an earlier version too, without settings that it did not know."""
    table = read_table(summary, "summary")
    if upgrade:
        table = with_later_columns(table)
        if set(table.column_names) == set(SUMMARY_SCHEMA.names):
            table = table.select(SUMMARY_SCHEMA.names).cast(SUMMARY_SCHEMA)
    if table.column_names != SUMMARY_SCHEMA.names:
        raise UserError(f"{summary}: not a summary of this version; run `make reproduce` again")
    return table


def describe(table: pa.Table) -> dict[str, Any]:
    """What published.json says of one experiment."""
    frame = table.to_pandas(ignore_metadata=True)
    return {
        "runs": len(frame),
        "seeds": int(frame["seed"].nunique()),
        "overflow": int(frame["overflow_step"].notna().sum()),
        "runaway": int(frame["runaway_step"].notna().sum()),
        "training_code": sorted(frame["code"].dropna().unique()),
        "device": sorted(frame["device"].dropna().unique()),
    }


def _planned(experiment: dict[str, Any]) -> dict[_Key, dict[str, Any]]:
    """Every run of the configuration, in the order of its grid, to its settings."""
    return {
        (run.setting, *(getattr(run.cell, name) for name in RUN[1:])): run.training.to_dict()
        for run in expand(experiment)
    }


def _keys(table: pa.Table) -> list[_Key]:
    columns = [table[name].to_pylist() for name in RUN]
    return list(zip(*columns, strict=True))


def _check_rows(summary: Path, table: pa.Table, experiment: dict[str, Any]) -> set[_Key]:
    """The runs that a summary holds.

    Raises UserError for one that the configuration does not make, or makes with other settings: it would be
    published under a wrong configuration.
    """
    planned, frame = _planned(experiment), table.to_pandas(ignore_metadata=True)
    keys = _keys(table)
    if foreign := set(keys) - set(planned):
        raise UserError(
            f"{summary}: holds {len(keys)} runs, {len(keys) - len(foreign)} of them among the {len(planned)} of "
            "the configuration; run `make reproduce` again"
        )
    for row, key in enumerate(keys):
        for setting, value in planned[key].items():
            found = frame.at[row, setting]
            same = pd.isna(found) if value is None else str(found) == str(value) or found == value
            if not same:
                raise UserError(
                    f"{summary}: made with {setting} {found} in setting {key[0]!r}, the configuration says {value}; "
                    "run `make reproduce` again"
                )
    return set(keys)
