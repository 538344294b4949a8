"""Fitted models as files: what comes back, and files that are none."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from known_data import gaussian, turned_pairs

from mine.errors import UserError
from mine.own import MutualInformation
from mine.own.rows import Groups
from mine.own.seen import Seen

QUICK = {"n_init": 2, "n_permutations": 99, "settings": {"max_updates": 25, "patience": 4, "resamples": 99}}


@pytest.fixture(scope="module")
def fitted():
    x, z = gaussian(300, 2, 0.7)
    frame = pd.DataFrame(x, columns=["a", "b"])
    frame["kind"] = np.where(z[:, 0] > 0, "up", "down")
    return MutualInformation(discrete_x=["kind"], random_state=4, **QUICK).fit(
        frame, pd.DataFrame(z, columns=["c", "d"])
    )


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def fresh():
    x, z = gaussian(100, 2, 0.7, seed=4)
    frame = pd.DataFrame(x, columns=["a", "b"])
    frame["kind"] = "up"
    return frame, pd.DataFrame(z, columns=["c", "d"])


def test_a_model_that_starts_from_a_turning_copula_comes_back(tmp_path):
    model = MutualInformation(**{**QUICK, "n_init": 1}).fit(*turned_pairs(1500))
    assert model._fit.copula.turning
    model.save(tmp_path / "model.npz")
    back = MutualInformation.load(tmp_path / "model.npz")
    assert back._fit.copula.turning
    new = turned_pairs(100, seed=4)
    np.testing.assert_array_equal(back.score_samples(*new), model.score_samples(*new))


def test_a_model_comes_back_as_it_was(fitted, saved):
    back = MutualInformation.load(saved)
    assert (back.mi_, back.interval_, back.p_value_, back.warnings_) == (
        fitted.mi_, fitted.interval_, fitted.p_value_, fitted.warnings_
    )  # fmt: skip
    assert back.feature_names_in_.tolist() == ["a", "b", "kind"]
    x, z = fresh()
    np.testing.assert_array_equal(back.score_samples(x[["kind", "b", "a"]], z), fitted.score_samples(x, z))
    np.testing.assert_array_equal(back.pointwise(x, z), fitted.pointwise(x, z))
    assert back.estimate(x, z).interval == fitted.estimate(x, z).interval
    for part, wanted in zip(back.rows_, fitted.rows_, strict=True):
        np.testing.assert_array_equal(part, wanted)
    assert back.get_params() | {"discrete_x": ["kind"]} == fitted.get_params() | {
        "critic": "either", "discrete_z": (), "split": (60.0, 20.0, 20.0)
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["infonce", "groups", "choose"])
def test_other_kinds_of_fits(kind, tmp_path):
    x, z = gaussian(300, 1, 0.7)
    settings = {**QUICK["settings"], "combine": "choose" if kind == "choose" else "average"}
    model = MutualInformation("infonce" if kind == "infonce" else "js", **{**QUICK, "settings": settings})
    model.fit(x, z, np.arange(300) // 5 if kind == "groups" else None).save(tmp_path / "m.npz")
    back = MutualInformation.load(tmp_path / "m.npz")
    assert isinstance(back._fit.together, Groups) == (kind == "groups")
    np.testing.assert_array_equal(back.score_samples(x, z), model.score_samples(x, z))


def test_nothing_in_a_file_is_pickled(saved):
    with np.load(saved, allow_pickle=False) as archive:
        assert not any(archive[name].dtype.hasobject for name in archive.files)
        assert json.loads(str(archive["text"]))["format"] == "fitted model of mine"


def test_files_that_are_no_models(saved, tmp_path):
    np.savez(tmp_path / "foreign.npz", a=np.zeros(3))
    np.save(tmp_path / "one.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", text=np.array([{}], dtype=object))
    (tmp_path / "short.npz").write_bytes(saved.read_bytes()[:5000])
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("foreign.npz", "one.npy", "objects.npz", "short.npz", "empty.npz", "gone.npz"):
        with pytest.raises(UserError, match=f"{name}: cannot be read as a fitted model of mine") as caught:
            MutualInformation.load(tmp_path / name)
        assert "\n" not in str(caught.value)


def changed(saved, change):
    """The file with its text changed."""
    with np.load(saved) as archive:
        arrays = {name: archive[name] for name in archive.files}
    text = json.loads(str(arrays.pop("text")))
    change(text, arrays)
    np.savez(saved, text=np.array(json.dumps(text)), **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text, _: text.update(contract=99, version="9.1"), "of version '9.1', whose files this one"),
        (lambda text, _: text.update(format="x"), "no fitted model of mine"),
        (lambda text, _: text.pop("fit"), "damaged"),
        (lambda text, _: text["fit"].update({"is": "Popen"}), "damaged"),
        (lambda text, _: text["fit"]["of"].pop("rows"), "damaged"),
        (lambda text, _: text["fit"]["of"]["settings"]["of"].update(hidden=65), "parameters of other shapes"),
        (lambda text, _: text["fit"]["of"]["settings"]["of"].update(hidden=-1), "damaged .hidden: -1"),
        (lambda text, _: text.update(estimate=3), "a int where a Estimate should be"),
        (lambda _, arrays: arrays.pop("array0"), "damaged"),
    ],
)
def test_a_file_that_somebody_changed(saved, change, message):
    changed(saved, change)
    with pytest.raises(UserError, match=message):
        MutualInformation.load(saved)


def test_a_flipped_byte_is_seen(saved):
    content = bytearray(saved.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        middle = max(archive.infolist(), key=lambda each: each.file_size).header_offset + 5000
    content[middle] ^= 0xFF
    saved.write_bytes(bytes(content))
    with pytest.raises(UserError, match="Bad CRC"):
        MutualInformation.load(saved)


def test_before_fit_and_where_nothing_can_be_written(fitted, tmp_path):
    with pytest.raises(Exception, match="not fitted yet"):
        MutualInformation().save(tmp_path / "m.npz")
    with pytest.raises(UserError, match="cannot be written"):
        fitted.save(tmp_path)


def test_rows_that_the_model_was_made_of_are_told_from_others(saved):
    model = MutualInformation.load(saved)
    x, z = gaussian(300, 2, 0.7)
    frame = pd.DataFrame(x, columns=["a", "b"]).assign(kind=np.where(z[:, 0] > 0, "up", "down"))
    z = pd.DataFrame(z, columns=["c", "d"])
    (said,) = [each for each in model.estimate(frame[:150], z[:150]).warnings if each.code == "rows_seen"]
    assert 90 <= int(said.text.split()[0]) <= 150  # its test rows, a fifth, are none of them
    (said,) = [each for each in model.estimate(frame, z).warnings if each.code == "rows_seen"]
    assert said.text.startswith("300 of these 300 rows")
    assert "rows_seen" not in {each.code for each in model.estimate(*fresh()).warnings}


@pytest.mark.parametrize("rows", [300, 2000])
@pytest.mark.parametrize("decimals", [0, 1, 15])
def test_rounded_rows_that_are_alike_by_chance_are_not_those_that_the_model_has_seen(rows, decimals):
    rng = np.random.default_rng(rows + decimals)
    parts = np.split(rng.permutation(rows), [rows * 6 // 10, rows * 8 // 10])
    first, fresh = (10 * rng.normal(size=(2, rows, 2))).round(decimals)
    seen = Seen.of([first[:, :1], first[:, 1:]], parts)
    assert seen.among([fresh[:, :1], fresh[:, 1:]]) == []
    if decimals:  # of whole numbers too many are alike for a single one to tell
        mixed = np.concatenate([first[parts[0]], fresh])[::-1]
        assert [each.code for each in seen.among([mixed[:, :1], mixed[:, 1:]])] == ["rows_seen"]


def test_rows_of_few_values_are_the_same_by_their_order_only():
    answers = np.random.default_rng(0).integers(1, 6, (300, 2)).astype(float)
    model = MutualInformation(random_state=0, **QUICK).fit(answers[:, 0], answers[:, 1])
    codes = [
        {each.code for each in model.estimate(rows[:, 0], rows[:, 1]).warnings} & {"rows_seen"}
        for rows in (answers, np.random.default_rng(1).permuted(answers, axis=0))
    ]
    assert codes == [{"rows_seen"}, set()]
