"""NumPy's files and what is no regular file: right columns, or one line."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from mine.errors import UserError
from mine.own.reading import read, read_sides


def archive(path, **arrays):
    """An npz with arrays in the order given; a list of two is two arrays of one name."""
    with zipfile.ZipFile(path, "w") as file:
        for name, each in arrays.items():
            for array in each if isinstance(each, list) else [each]:
                with file.open(f"{name}.npy", "w") as stream:
                    np.lib.format.write_array(stream, np.asarray(array))


ROWS = np.arange(6.0)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_named_twice_is_refused_where_it_is_meant(tmp_path):
    archive(tmp_path / "a.npz", x=[ROWS, ROWS + 1], z=ROWS, w=ROWS**2)
    with pytest.raises(UserError, match="x: 'x': 2 arrays of the archive have this name"):
        read(tmp_path / "a.npz", "x", "z")
    assert read(tmp_path / "a.npz", "w", "z")[1][0].values.tolist() == (ROWS**2).tolist()


def test_an_array_beside_one_called_like_its_column_is_refused(tmp_path):
    arrays = {"x": np.stack([ROWS, ROWS**2], 1), "x[0]": ROWS, "z": ROWS, "w": ROWS}
    for order in (arrays, dict(reversed(arrays.items()))):
        archive(tmp_path / "a.npz", **order)
        for word in ("x", "x[0]"):
            with pytest.raises(UserError, match=r"array 'x' has a column 'x\[0\]', and an array has that name as well"):
                read(tmp_path / "a.npz", word, "z")
        assert read(tmp_path / "a.npz", "x[1]", "z")[1][0].values.tolist() == (ROWS**2).tolist()
        assert read(tmp_path / "a.npz", "w", "z")[1][0].name == "w"


@pytest.mark.filterwarnings("ignore:.*read_array_header.*")
def test_an_array_that_nobody_names_is_no_fault(tmp_path):
    odd = {
        "cube": np.zeros((2, 2, 2)),
        "objects": np.array([{}, {}], dtype=object),
        "one": np.float64(3.0),
        "raw": np.zeros(3, dtype="V2"),
    }
    np.savez(tmp_path / "a.npz", x=ROWS, z=ROWS[::-1], **odd)
    assert read(tmp_path / "a.npz", "x", "z")[2][0].values.tolist() == ROWS[::-1].tolist()
    for name, message in (
        ("cube", r"has 3 axes, shape \(2, 2, 2\).*array.reshape\(len\(array\), -1\)"),
        ("objects", "holds Python objects"),
        ("one", r"has 0 axes, shape \(\)"),
        ("raw", "holds raw bytes .* such as bfloat16; save it as float32"),
    ):
        with pytest.raises(UserError, match=f"x: '{name}': .*{message}"):
            read(tmp_path / "a.npz", name, "z")


def test_fields_of_a_structured_array_are_columns(tmp_path):
    made = np.array([(1.0, 2, "u"), (2.0, 3, "v")], dtype=[("mass", "f4"), ("count", "i8"), ("kind", "U3")])
    np.save(tmp_path / "a.npy", made)
    _, x, z = read(tmp_path / "a.npy", "mass,count", "kind", "kind")
    assert [each.values.tolist() for each in (*x, *z)] == [[1.0, 2.0], [2.0, 3.0], ["u", "v"]]
    archive(tmp_path / "a.npz", rows=made)
    assert [each.name for each in read(tmp_path / "a.npz", "rows[mass]", "rows[count]")[1]] == ["rows[mass]"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4, dtype="V2"), "holds raw bytes"),
        (np.zeros((4, 1, 2, 2)), r"has 4 axes, shape \(4, 1, 2, 2\).*reshape"),
        (np.float64(1.0), "has 0 axes"),
        (np.array([1j, 2j]), "complex128 is not numeric; give real and imaginary parts"),
        (np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]"), "is not numeric; turn it into numbers first"),
        (np.array([2**63, 2**63 + 1], dtype=np.uint64), r"beyond 2\^53, of which float64 cannot tell some apart"),
    ],
)
def test_arrays_that_are_no_columns(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=message):
        read_sides(tmp_path / "a.npy", {"x": "0"})


def test_a_range_far_beyond_the_columns_is_refused_at_once(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 3)))
    with pytest.raises(UserError, match="x: '0-99999999999' is no column"):
        read(tmp_path / "a.npy", "0-99999999999", "1")


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.npz"])
def test_a_pipe_is_refused_and_never_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="no regular file but a pipe or device; save what comes out of it"):
        read(tmp_path / name, "x", "z")


def test_devices_and_folders_are_refused(tmp_path):
    (tmp_path / "out.csv").symlink_to("/dev/null")
    with pytest.raises(UserError, match="no regular file"):
        read(tmp_path / "out.csv", "x", "z")
    (tmp_path / "folder.parquet").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "folder.parquet", "x", "z")


def test_kinds_of_parquet_columns(tmp_path):
    frame = pd.DataFrame(
        {
            "a.b": [1.0, 2.0, 3.0],
            "kind": pd.Categorical(["u", "v", "u"]),
            "list": [[1, 2], [3, 4], [5, 6]],
            "month": pd.period_range("2020-01", periods=3, freq="M"),
            "day": pd.date_range("2020-01-01", periods=3),
            "word": ["NA", "None", "b"],
            "whole": pd.array([1, None, 3], dtype="Int64"),
        },
        index=[7, 8, 9],
    )
    frame.to_parquet(tmp_path / "a.parquet")
    _, x, z = read(tmp_path / "a.parquet", "a.b", "word,kind", "word,kind")
    assert [each.values.tolist() for each in (*x, *z)] == [[1.0, 2.0, 3.0], ["NA", "None", "b"], ["u", "v", "u"]]
    assert read(tmp_path / "a.parquet", "whole", "a.b")[1][0].missing.tolist() == [False, True, False]
    for name, message in (
        ("list", "each row holds a ndarray, not a number; .*np.stack"),
        ("month", r"period\[M\] is not numeric; turn it into numbers first, .dt.year"),
        ("day", "is not numeric; turn it into numbers first"),
    ):
        with pytest.raises(UserError, match=message):
            read(tmp_path / "a.parquet", name, "a.b")


def test_parquet_columns_of_one_name_are_refused_where_they_are_meant(tmp_path):
    table = pa.Table.from_arrays([pa.array(ROWS), pa.array(ROWS), pa.array(-ROWS)], names=["x", "x", "z"])
    parquet.write_table(
        pa.Table.from_arrays([*table.columns, pa.array(ROWS**2)], names=["x", "x", "z", "w"]), tmp_path / "a.parquet"
    )
    with pytest.raises(UserError, match="x: 'x': 2 columns have this name"):
        read(tmp_path / "a.parquet", "x", "z")
    assert read(tmp_path / "a.parquet", "w", "z")[2][0].values.tolist() == (-ROWS).tolist()
