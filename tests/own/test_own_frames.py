"""What the library takes: every kind gives its columns, or one line with the cure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from known_data import gaussian
from scipy import sparse

from mine.errors import UserError
from mine.own import MutualInformation
from mine.own.frames import columns_of
from mine.own.settings import OwnSettings

SETTINGS = {"max_updates": 50, "patience": 2, "eval_every": 25}
QUARTERS = np.arange(12.0).reshape(6, 2) / 4.0


def discrete(values, levels, **names):
    return [each.discrete for each in columns_of(values, "x", levels, **names)]


@pytest.mark.parametrize(
    "levels",
    [
        [False, False, True],
        np.array([False, False, True]),
        np.array([2]),
        [np.int64(2)],
        2,
        np.int8(2),
        "c",
        ["c"],
        ("c",),
        np.array(["c"]),
        pd.Index(["c"]),
    ],
)
def test_levels_by_mask_by_place_and_by_name(levels):
    frame = pd.DataFrame(np.arange(12).reshape(4, 3), columns=list("abc"))
    assert discrete(frame, levels) == [False, False, True]


def test_all_levels_and_none():
    assert discrete(QUARTERS, True) == [True, True]
    for none in (None, False, (), [], np.array([])):
        assert discrete(QUARTERS, none) == [False, False]
    assert discrete(QUARTERS, "x[1]") == [False, True]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([True, False, True], "a mask of 3 for 2 columns of x"),
        ([5], "discrete_x: 5 is no column"),
        ([-1], "discrete_x: -1 is no column"),
        (["u", 7], "2 faults: .*'u' is no column.*7 is no column"),
        ([1.5], "discrete_x: 1.5 is no column"),
        ([True, "x[0]"], "discrete_x: True is no column"),
    ],
)
def test_levels_that_are_not_there(levels, message):
    with pytest.raises(UserError, match=message):
        columns_of(QUARTERS, "x", levels)


def test_masked_entries_miss_their_value():
    for kind in (float, int, bool, object):
        array = np.ma.array(np.arange(6).reshape(3, 2), mask=[[0, 0], [0, 1], [1, 0]]).astype(kind)
        found = columns_of(array, "x")
        assert [each.missing.tolist() for each in found] == [[False, False, True], [False, True, False]]
    words = np.ma.array(["u", "v", "u"], mask=[0, 1, 0])
    assert columns_of(words, "x", [0])[0].missing.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "turned",
    [
        lambda a: torch.from_numpy(a).bfloat16(),
        lambda a: torch.from_numpy(a).half(),
        lambda a: a.astype(np.float16),
        lambda a: a.astype(">f4"),
        np.asfortranarray,
        lambda a: np.ma.array(a),
        lambda a: pa.table({"a": a[:, 0], "b": a[:, 1]}),
        lambda a: np.rec.fromarrays(list(a.T), names="a,b"),
        lambda a: [tuple(row) for row in a],
        lambda a: pd.DataFrame(a).astype(pd.SparseDtype(float, 0.0)),
        lambda a: pd.DataFrame(a.astype(str)),
        lambda a: pd.DataFrame(a).convert_dtypes(),
    ],
)
def test_kinds_that_hold_the_same_numbers(turned):
    found = columns_of(turned(QUARTERS), "x")
    assert [each.values.tolist() for each in found] == QUARTERS.T.tolist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (sparse.csr_array(np.eye(3)), r"x: a sparse matrix of shape \(3, 3\); pass x.toarray\(\)"),
        (torch.eye(3).to_sparse(), r"x: a sparse tensor of shape \(3, 3\); pass x.to_dense\(\)"),
        (np.zeros((5, 1, 4, 4)), r"x: shape \(5, 1, 4, 4\);.*x.reshape\(len\(x\), -1\)"),
        (torch.zeros(5, 1, 4, 4), r"x.reshape\(len\(x\), -1\)"),
        ([[1, 2], [3]], "x: rows of different lengths"),
        (pd.Series([[1, 2], [3, 4]]), "each row holds a list, not a number; .*np.stack"),
        (np.array([[1, 2], [3, 4], None], dtype=object)[:2], r"each row holds a list; pass an array, numpy.stack\(x\)"),
        (np.zeros(3, dtype="V2"), "x: raw bytes"),
        (np.array([2**53, 2**53 + 1, 5], dtype=np.uint64), r"beyond 2\^53, of which float64 cannot tell some apart"),
        (pd.Series(pd.period_range("2020", periods=3, freq="Y")), "is not numeric; turn it into numbers first"),
        (pd.Series(pd.date_range("2020", periods=3)), "is not numeric; turn it into numbers first"),
        ({"a": [1, 2]}, r"x: a dictionary; pass pandas.DataFrame\(x\)"),
        (np.float64(3.0), r"x: shape \(\)"),
        (None, r"x: shape \(\)"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), "x: several columns are named 'a'"),
        (pd.DataFrame({"a": ["u", "v"], "b": [1j, 2]}), "2 faults: .*'u' .* is not a number.*complex128"),
    ],
)
def test_kinds_that_hold_no_columns_say_what_to_do(values, message):
    with pytest.raises(UserError, match=message):
        columns_of(values, "x")


def test_columns_are_matched_by_name_or_refused():
    x, z = gaussian(600, 2, 0.9)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": z[:, 0], "d": z[:, 1]})
    model = MutualInformation(n_init=1, n_permutations=99, settings=SETTINGS)
    model.fit(frame[["a", "b"]], frame[["c", "d"]])
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert model.n_features_in_ == 2
    straight = model.estimate(frame[["a", "b"]], frame[["c", "d"]]).mi
    assert model.estimate(frame[["b", "a"]], frame[["d", "c"]]).mi == straight
    assert model.estimate(x, z).mi == straight
    renamed = frame.rename(columns={"a": "e"})
    with pytest.raises(UserError, match="x: other columns than those of fit: it lacks 'a' and adds 'e'"):
        model.estimate(renamed[["e", "b"]], frame[["c", "d"]])
    model.fit(x, z)
    assert not hasattr(model, "feature_names_in_")


def test_rows_are_paired_by_place_so_labels_in_another_order_are_refused():
    x, z = gaussian(100, 1, 0.9)
    frame = pd.DataFrame({"a": x[:, 0], "b": z[:, 0]})
    with pytest.raises(UserError, match="the same row labels in another order"):
        MutualInformation().fit(frame[["a"]], frame["b"].sample(frac=1.0, random_state=1))


@pytest.mark.parametrize(
    "given",
    [
        {"seed": np.int64(3)},
        {"permutations": np.int32(99)},
        {"learning_rate": np.float32(0.5)},
        {"split": np.array([60, 20, 20])},
        {"split": [np.float64(60), np.int64(20), 20]},
        {"grad_clip": np.float64(1.0)},
    ],
)
def test_numpys_numbers_are_numbers(given):
    name = next(iter(given))
    assert type(getattr(OwnSettings(**given), name)) in (int, float, tuple)
    assert OwnSettings(**given).to_dict()[name] == pytest.approx(given[name])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"permutations": 10**12}, "permutations: 1000000000000 is not a whole number of at most 100,000"),
        ({"resamples": 10**9}, "resamples: .* at most 10,000"),
        ({"initialisations": 100_000}, "initialisations: 100000 is not a whole number of at most 100"),
        ({"max_updates": 10**15}, "max_updates: .* at most"),
        ({"split": (1e308, 1e308, 1e308)}, "is not three positive shares of at most 1,000,000"),
        ({"split": (1e-300, 1, 1)}, "is not three positive shares"),
        ({"split": (np.nan, 1, 1)}, "is not three positive shares"),
        ({"split": (True, 1, 1)}, "is not three positive shares"),
        ({"seed": np.bool_(True)}, "seed: True is not a whole number"),
        ({"seed": 10**30}, "seed: .* at most"),
    ],
)
def test_limits(given, message):
    with pytest.raises(UserError, match=message):
        OwnSettings(**given)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there():
    data = gaussian(60, 1, 0.5)
    with pytest.raises(UserError, match="device: 'cuda' was asked for, and torch finds no such device here"):
        MutualInformation(device="cuda").fit(*data)
    with pytest.raises(UserError, match="device: 'gpu' is unknown; allowed are auto, cpu, cuda"):
        MutualInformation(device="gpu").fit(*data)
    model = MutualInformation(device="auto", n_init=1, n_permutations=99, settings=SETTINGS)
    assert np.isfinite(model.fit(*data).mi_)


def test_unnamed_series_have_their_sides_name_and_categories_are_levels():
    import pandas as pd

    assert columns_of(pd.Series([1.0, 2.0]), "x")[0].name == "x"
    assert columns_of(pd.Series([1.0, 2.0], name="mass"), "x")[0].name == "mass"
    (kind,) = columns_of(pd.Series(["a", "b", "a"], dtype="category"), "z")
    assert kind.discrete
    (amount,) = columns_of(pd.Series([1.0, 2.0], dtype="category"), "z", discrete=False)
    assert not amount.discrete

    class LazyFrame:
        def collect(self): ...

    with pytest.raises(UserError, match=r"x: LazyFrame has no rows yet; pass x.collect\(\)"):
        columns_of(LazyFrame(), "x")


def test_new_rows_are_read_as_the_model_was_fitted_whatever_their_dtype():
    import pandas as pd

    kind = np.random.default_rng(0).integers(0, 3, 100)
    text, z = np.array(["a", "b", "c"])[kind], kind + np.random.default_rng(1).normal(size=100)
    make = {"n_init": 1, "n_permutations": 99, "random_state": 0, "settings": SETTINGS}
    model = MutualInformation(**make).fit(pd.DataFrame({"kind": pd.Categorical(text)}), z)
    new = pd.DataFrame({"kind": pd.Categorical(text)})
    assert model.estimate(pd.DataFrame({"kind": text}), z).mi == model.estimate(new, z).mi
    model = MutualInformation(**make).fit(pd.DataFrame({"kind": kind}), z)
    new = pd.DataFrame({"kind": pd.Categorical(kind)})
    assert model.estimate(new, z).mi == model.estimate(pd.DataFrame({"kind": kind}), z).mi
