"""The file of critics: what is written is read back, and what is no such file is refused in a line."""

import json

import numpy as np
import pytest
from handmade import SETTINGS, linear_parameters

from mine.errors import UserError
from mine.frozen.critics import CONTRACT, parse_steps, read_critics, write_critics
from mine.settings import Cell

METADATA = {"cell": Cell("ema", 1, 0.5, 3).to_dict(), "settings": SETTINGS.to_dict(), "code": "abc"}


def saved(path, steps=(100, 0), **metadata):
    checkpoints = {step: linear_parameters([step, 1.0]) for step in steps}
    write_critics(path, checkpoints, METADATA | metadata)
    return path


def test_what_is_written_is_read_back(tmp_path):
    critics = read_critics(saved(tmp_path / "a" / "critics.npz"))
    assert critics.steps.tolist() == [0, 100]
    assert np.array_equal(critics.at(100), linear_parameters([100.0, 1.0]))
    assert critics.parameters.dtype == np.float32
    assert critics.cell == Cell("ema", 1, 0.5, 3)
    assert critics.settings == SETTINGS
    assert critics.metadata["code"] == "abc"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["critics.npz"]


def test_the_same_critics_are_the_same_bytes(tmp_path):
    assert saved(tmp_path / "a.npz").read_bytes() == saved(tmp_path / "b.npz").read_bytes()


def test_a_missing_step_is_named_with_what_there_is(tmp_path):
    critics = read_critics(saved(tmp_path / "c.npz", overflow_step=70))
    with pytest.raises(
        UserError, match=r"c\.npz: no critic after 50 updates; the run overflowed at step 70; it has 0, 100"
    ):
        critics.at(50)
    none = read_critics(saved(tmp_path / "n.npz", steps=(), overflow_step=7))
    with pytest.raises(UserError, match="it has none"):
        none.at(50)
    many = read_critics(saved(tmp_path / "m.npz", steps=range(10)))
    with pytest.raises(UserError, match="no critic after 50 updates; it has 10 from 0 to 9"):
        many.at(50)


def write(path, **arrays):
    parts = {"steps": np.array([0]), "parameters": np.zeros((1, 9), dtype=np.float32)}
    parts["metadata"] = np.array(json.dumps({"critics_contract": CONTRACT, **METADATA}))
    np.savez(path, **{name: value for name, value in (parts | arrays).items() if value is not None})


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"steps": None}, "not a file of critics"),
        ({"steps": np.array([1, 1])}, "rising order"),
        ({"steps": np.array([0.5])}, "rising order"),
        ({"steps": np.array([-1])}, "rising order"),
        ({"parameters": np.zeros((1, 9))}, "float32"),
        ({"parameters": np.zeros((2, 9), dtype=np.float32)}, "one row"),
        ({"parameters": np.zeros((1, 8), dtype=np.float32)}, "critics of 8 parameters, its settings say 9"),
        ({"parameters": np.full((1, 9), np.nan, dtype=np.float32)}, "not finite"),
        ({"metadata": np.array("{")}, "not JSON"),
        ({"metadata": np.array("[]")}, "contract None"),
        ({"metadata": np.array(json.dumps({"critics_contract": 0}))}, "contract 0, this version reads 1"),
        ({"metadata": np.array(json.dumps({"critics_contract": CONTRACT}))}, "without a usable cell"),
        ({"metadata": np.array([{"a": object}], dtype=object)}, "not a readable file of critics"),
    ],
)
def test_what_is_no_file_of_critics_is_refused_by_name(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    write(path, **arrays)
    with pytest.raises(UserError, match=rf"bad\.npz: .*{message}") as error:
        read_critics(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 cut short", b"plain text"])
def test_an_unreadable_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "bad.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.npz: not a readable file of critics"):
        read_critics(path)


def test_a_file_cut_short_and_a_single_array_are_refused(tmp_path):
    whole = saved(tmp_path / "w.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name in ("cut.npz", "one.npy"):
        with pytest.raises(UserError, match=rf"{name}: not a readable file of critics"):
            read_critics(tmp_path / name)


def test_lists_of_steps():
    assert parse_steps("checkpoints", "1000, 0,100", 1000) == [0, 100, 1000]
    for text, message in [
        ("100,1001", r"checkpoints: '1001' is not a number of updates from 1 to 1000 \(0: the fresh critic\)"),
        ("-1", "'-1' is not"),
        ("1.5", "'1.5' is not"),
        ("", "'' is not"),
        ("10,,20", "'' is not"),
        ("10,10", "checkpoints: 10 stands twice"),
    ]:
        with pytest.raises(UserError, match=message):
            parse_steps("checkpoints", text, 1000)
