"""Files: columns by name from each kind, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from mine.errors import UserError
from mine.own.reading import read

FRAME = pd.DataFrame({"a": [1.0, 2.0], "b,c": [3.0, 4.0], "d": ["u", "v"], "e": [5, 6]})


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "data.parquet"
    FRAME.to_parquet(path)
    return path


def names(columns):
    return [each.name for each in columns]


def test_parquet_and_csv_say_the_same(tmp_path, parquet):
    FRAME.to_csv(tmp_path / "data.csv", index=False)
    for path in (parquet, tmp_path / "data.csv"):
        source, x, z = read(path, "a,e", "b,c", "")
        assert (names(x), names(z)) == (["a", "e"], ["b,c"])
        assert x[1].values.tolist() == [5.0, 6.0]
        assert source.name == path.name
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_discrete_columns(parquet):
    _, x, z = read(parquet, "d", "a,e", "d,e")
    assert [each.discrete for each in (*x, *z)] == [True, False, True]


def test_npy_by_place_and_npz_by_array(tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "a.npy", array)
    _, x, z = read(tmp_path / "a.npy", "0-1", "3")
    assert (names(x), names(z)) == (["0", "1"], ["3"])
    assert z[0].values.tolist() == [3.0, 7.0, 11.0]
    np.savez(tmp_path / "a.npz", left=array[:, :2], right=array[:, 3])
    _, x, z = read(tmp_path / "a.npz", "left", "right")
    assert (names(x), names(z)) == (["left[0]", "left[1]"], ["right"])
    assert names(read(tmp_path / "a.npz", "left[1]", "right")[1]) == ["left[1]"]


@pytest.mark.parametrize(
    ("x", "z", "discrete", "message"),
    [
        ("nope", "a", "", r"data.parquet: x: 'nope' is no column; there are a, b,c, d, e"),
        ("a,a", "e", "", "x: column 'a' is named twice"),
        ("a,e", "e", "", "column 'e': in x and in z"),
        ("a", "e", "d", "discrete: 'd' is neither in x nor in z"),
        ("d", "e", "", "column 'd': 'u' in 2 rows .* is not a number"),
        ("", "e", "", "x: '' is no column"),
    ],
)
def test_wrong_columns(parquet, x, z, discrete, message):
    with pytest.raises(UserError, match=message):
        read(parquet, x, z, discrete)


def test_wrong_files(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(No such file"):
        read(tmp_path / "none.csv", "a", "b")
    with pytest.raises(UserError, match=r"\.xlsx is unknown; allowed are \.parquet, \.csv, .*, \.npy, \.npz"):
        read(tmp_path / "a.xlsx", "a", "b")
    for name in ("a.parquet", "a.npy", "a.npz"):
        (tmp_path / name).write_bytes(b"this is none")
        with pytest.raises(UserError, match=f"not readable as {name[2:]}"):
            read(tmp_path / name, "a", "b")
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    with pytest.raises(UserError, match="has 3 axes"):
        read(tmp_path / "cube.npy", "0", "1")
    np.save(tmp_path / "objects.npy", np.array([{}, {}], dtype=object))
    with pytest.raises(UserError, match="not readable as npy"):
        read(tmp_path / "objects.npy", "0", "1")


def test_an_array_of_another_length_is_refused_later_by_its_name(tmp_path):
    from mine.own.columns import without_missing

    np.savez(tmp_path / "a.npz", x=np.zeros(3), z=np.zeros(4))
    with pytest.raises(UserError, match="x has 3 rows and z has 4"):
        without_missing(*read(tmp_path / "a.npz", "x", "z")[1:], drop=True)
