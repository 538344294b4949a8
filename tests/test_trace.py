"""The parquet contract: what is written is read back; what is not whole is refused by name."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_metadata, write_run

from mine.errors import UserError
from mine.files import check_writable
from mine.settings import Cell, TrainingSettings
from mine.trace import COLUMNS, SCHEMA, read_metadata, read_trace, write_trace


@pytest.fixture
def columns():
    result = {}
    for index, name in enumerate(COLUMNS):
        result[name] = np.ma.MaskedArray(np.arange(4.0) + index, mask=[False, False, True, False])
    result["step"] = np.ma.MaskedArray([1, 2, 3, 4])
    result["mi_batch"] = np.ma.MaskedArray([1.0, np.nan, np.inf, -np.inf])
    return result


def test_round_trip_keeps_nulls_and_non_finite_values_apart(tmp_path, columns):
    path = tmp_path / "deep" / "seed=0.parquet"
    metadata = make_metadata(Cell("ema", 1, 0.9, 0), TrainingSettings())
    write_trace(path, columns, metadata)
    assert read_trace(path).metadata == {"contract": 2, **metadata} == read_metadata(path)
    table = pq.read_table(path, partitioning=None)
    assert table.column_names == list(COLUMNS)
    assert table["mi_batch"].null_count == 0
    np.testing.assert_array_equal(table["mi_batch"].to_numpy(), [1.0, np.nan, np.inf, -np.inf])
    assert table["grad_norm"].is_null().to_pylist() == [False, False, True, False]


def test_a_folder_of_runs_reads_as_one_table(tmp_path):
    """As the README says: the path gives setting, variant, dim and rho, the rows give the seed."""
    for rho in (0.9, 0.95):
        for seed in (0, 3):
            write_run(
                tmp_path, setting="ema_rate=0.01", variant="biased-stable", dim=5, rho=rho, seed=seed, mi_batch=seed
            )
    table = pd.read_parquet(tmp_path)
    cells = table.groupby(["setting", "variant", "dim", "rho", "seed"], observed=True)["mi_batch"].agg(["size", "mean"])
    # Readers do not make numbers of a path's decimals: rho is the text that stands there.
    assert cells.index.tolist() == [
        ("ema_rate=0.01", "biased-stable", 5, r, s) for r in ("0.9", "0.95") for s in (0, 3)
    ]
    assert (cells["mean"] == [0, 3, 0, 3]).all()
    assert (cells["size"] == 201).all()
    one = pd.read_parquet(tmp_path, filters=[("rho", "==", "0.95"), ("seed", "==", 3)])
    assert len(one) == 201


def test_same_data_gives_the_same_bytes(tmp_path, columns):
    for name in ("a", "b"):
        write_trace(tmp_path / name, columns, {"cell": {}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_nothing(tmp_path, columns, monkeypatch):
    path = tmp_path / "run.parquet"
    path.write_text("the one before")

    def broken(*args, **kwargs):
        args[1].write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(UserError, match=r"run\.parquet: cannot be written \(No space left on device\)"):
        write_trace(path, columns, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.parquet"]
    assert path.read_text() == "the one before"


@pytest.mark.parametrize("content", [b"", b"noise" * 100, None])
def test_an_unreadable_file_is_named(tmp_path, columns, content):
    path = tmp_path / "run.parquet"
    write_trace(path, columns, {})
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    for read in (read_trace, read_metadata):
        with pytest.raises(UserError, match=r"run\.parquet: not a readable results file"):
            read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.parquet: not a readable results file"):
        read_trace(tmp_path / "none.parquet")


def test_another_contract_is_refused(tmp_path):
    path = tmp_path / "old.parquet"
    schema = SCHEMA.with_metadata({b"mine": json.dumps({"contract": 0}).encode()})
    pq.write_table(pa.Table.from_pylist([], schema=schema), path)
    with pytest.raises(UserError, match=r"contract 0, this version reads 2"):
        read_trace(path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(UserError, match="not a results file of this project"):
        read_trace(path)
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({b"mine": b'{"contract": 2}'}), path)
    with pytest.raises(UserError, match="columns differ"):
        read_trace(path)


def test_an_unwritable_place_is_named_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "run.parquet", tmp_path):
        with pytest.raises(UserError, match="cannot be written"):
            check_writable(path)
