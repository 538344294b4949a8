"""Columns: what is refused, what is warned of, and what a critic gets to see."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from known_data import columns, gaussian

from mine.errors import UserError
from mine.own.checks import check
from mine.own.columns import Warned, column, entropy, faults_of, without_missing
from mine.own.encoding import Encoding


def discrete(name, values):
    return column(name, values, discrete=True)


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(["a", "1"]),
        pd.Series([1.0, "b"], dtype=object),
        pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"])),
        pd.Series(["a", "b"], dtype="category"),
        np.array([1j, 2j]),
    ],
)
def test_what_is_no_number_is_refused_by_name(values):
    with pytest.raises(UserError, match=r"^column 'it': .*(not a number|not numeric)"):
        column("it", values, discrete=False)


def test_the_first_wrong_value_and_its_rows_are_named():
    with pytest.raises(UserError, match=r"'lots' in 2 rows \(3, 5\) is not a number"):
        column("it", ["1", "2", "lots", "4", "many"], discrete=False)


@pytest.mark.parametrize("values", [[True, False], [1, 2], ["1", "2.5"], pd.array([1, 2], dtype="Int64")])
def test_what_is_a_number_is_taken(values):
    assert column("it", values, discrete=False).values.dtype == np.float64


def test_infinite_is_refused_with_its_row():
    with pytest.raises(UserError, match=r"infinite in row 2;"):
        column("it", [1.0, np.inf, 2.0], discrete=False)


def test_missing_is_refused_with_count_and_rows_or_dropped():
    x = [column("a", [1.0, None, 3.0, 4.0], discrete=False), discrete("b", ["u", "v", None, "u"])]
    z = [column("c", [1.0, 2.0, 3.0, 5.0], discrete=False)]
    with pytest.raises(UserError, match=r"2 of 4 rows lack one, column 'a' in row 2; 'b' in row 3; .*--drop-missing"):
        without_missing(x, z, drop=False)
    x, z, keep = without_missing(x, z, drop=True)
    assert keep.tolist() == [True, False, False, True]
    assert x[1].values.tolist() == ["u", "u"]
    assert z[0].values.tolist() == [1.0, 5.0]


def test_different_lengths_are_refused():
    with pytest.raises(UserError, match="x has 10 rows and z has 12"):
        without_missing(columns(np.ones((10, 2))), columns(np.ones((12, 1))), drop=True)


def test_a_constant_column_is_refused():
    x, z = gaussian(50, 2, 0.5)
    x[:, 1] = 3.0
    with pytest.raises(UserError, match=r"column 'x1': constant \(3.0\)"):
        check(columns(x), columns(z, "z"))


@pytest.mark.parametrize("made", [lambda x: x, lambda x: 3.0 - 2.0 * x, lambda x: x**3, np.exp])
def test_identical_x_and_z_are_infinite(made):
    x, z = gaussian(50, 2, 0.5)
    z[:, 1] = made(x[:, 0])
    with pytest.raises(UserError, match=r"'x0' of x and 'z1' of z .* is infinite"):
        check(columns(x), columns(z, "z"))


def test_a_discrete_column_on_both_sides_is_warned_of():
    x = [discrete("a", list("uvwuvw"))]
    found = check(x, [discrete("b", [3, 1, 2, 3, 1, 2])])
    assert [each.code for each in found] == ["same_column"]
    assert check(x, [discrete("b", [3, 1, 2, 3, 1, 1])]) == []


def test_duplicate_columns_and_rows_are_warned_of():
    x, z = gaussian(50, 2, 0.5)
    x[:, 1] = x[:, 0]
    assert [each.code for each in check(columns(x), columns(z, "z"))] == ["duplicate_columns"]
    x, z = gaussian(50, 2, 0.5)
    x[40:], z[40:] = x[:10], z[:10]
    found = check(columns(x), columns(z, "z"))
    assert [each.code for each in found] == ["duplicate_rows"]
    assert "10 rows repeat" in found[0].text


def test_rows_that_meet_by_themselves_are_no_duplicates():
    source = np.random.default_rng(0)
    x, z = (source.integers(0, 3, (100, 1)).astype(float) for _ in range(2))
    assert check(columns(x), columns(z, "z")) == []


def test_one_hot_and_standard_scores_of_the_training_rows_only():
    values = np.array([0.0, 2.0, 4.0, 100.0])
    both = [column("a", values, discrete=False), discrete("b", ["u", "v", "u", "w"])]
    encoding = Encoding.of(both, np.array([0, 1, 2]))
    made = encoding(both)
    assert made.dtype == np.float32
    scale = np.std([0.0, 2.0, 4.0])
    np.testing.assert_allclose(made[:, 0], (values - 2.0) / scale, rtol=1e-6)
    np.testing.assert_allclose(made[:3].mean(0), 0.0, atol=1e-6)
    np.testing.assert_allclose(made[:3, :3].std(0), 1.0, atol=1e-6)
    assert encoding.constant.tolist() == [False, False, False, True]  # no training row is w
    assert made[:, 3].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert encoding.amounts.tolist() == [True, False, False, False]
    with pytest.raises(UserError, match="'b': level 'new' was not among"):
        encoding([both[0], discrete("b", ["new", "u", "u", "u"])])


def test_whole_numbers_are_one_level_however_read():
    assert discrete("a", [1.0, np.nan, 2.0]).values[[0, 2]].tolist() == ["1", "2"]
    assert discrete("a", [1, 2]).values.tolist() == ["1", "2"]


def test_too_many_levels_are_refused():
    with pytest.raises(UserError, match="1,001 levels; a discrete column may have 1,000"):
        discrete("a", range(1001))


def test_entropy_of_levels():
    assert entropy([discrete("a", list("uuvv"))]) == pytest.approx(np.log(2))
    assert entropy([discrete("a", list("uuvv")), discrete("b", list("klkl"))]) == pytest.approx(np.log(4))
    assert entropy([discrete("a", list("uv")), column("b", [1.0, 2.0], discrete=False)]) is None


@pytest.mark.parametrize(
    ("values", "cure"),
    [
        (["$106.25", "-$1", "< 3"], "leave off its unit or sign"),
        (["61.8 kg", "12 m2", "1 µg/m3", "none"], "leave off its unit or sign"),
        (["<1.28", "1", "2", "3", "4"], "leave off its unit or sign"),
        (["EUR 1.200,50", "USD 5"], "leave off its unit or sign"),
        (["(150.78)", "0.266-", "1"], "write negative numbers with a minus first"),
        (["1.0D+04", "-9.15d-08"], "write its exponent with E for D"),
        (["2020-01-31", "2020-02-01T12:00", "2020-03-01 01:00:00+01:00"], "days since the first"),
        (["31.12.2020", "1/2/21", "1 Jan 2020", "2020/01/31"], "days since the first"),
        (["06:54", "11:30 pm"], "days since the first"),
        (np.array(["2020-01-31"], dtype="datetime64[s]"), "days since the first"),
        (["10-20", "20-30", "0x38c"], "is not a number; name the column as discrete if its values are levels"),
        (["1.5", "2.5", "1.2.3", "4"], "if it stands for a missing value, say --na '1.2.3'"),
        (["red", "E11.9", "blue"], "is not a number; name the column as discrete if its values are levels"),
    ],
)
def test_what_is_no_number_has_its_own_cure(values, cure):
    with pytest.raises(UserError, match=re.escape(cure)):
        column("x", np.array(values, dtype=None if isinstance(values, np.ndarray) else object), discrete=False)


def test_levels_of_one_row_each_are_refused_and_rare_ones_are_not():
    number_of_row = discrete("id", np.arange(400))
    assert faults_of([number_of_row]) == [
        "column 'id': 400 of its 400 levels are seen in one row only, and nothing can be learned of those: join "
        "levels, or leave it out"
    ]
    assert faults_of([discrete("site", [*range(100), *[7] * 300])]) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("learn more; raise --max-updates.", 'learn more; raise settings["max_updates"].'),
        ("say --blocks 1 says", 'say settings={"blocks": 1} says'),
        ("--estimator js, or a lower --learning-rate", "estimator='js', or a lower settings[\"learning_rate\"]"),
        ("are names, say --discrete a,b.", "are names, say discrete_x or discrete_z a,b."),
        ("say --na=-999 --drop-missing.", "say NaN in place of -999 drop_missing=True."),
        ("scores (--marginals normal-scores) or", "scores (marginals='normal-scores') or"),
        ("another split (--seed) moves it; --group tells", "another split (random_state) moves it; groups tells"),
        ("nothing to say", "nothing to say"),
    ],
)
def test_a_warning_names_parameters_in_python(text, told):
    assert Warned("code", text).in_python == told
