"""Every row read once: who is judged by whom, what is said of it, and its spread."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from known_data import QUICK, columns, gaussian

from mine.cli import main
from mine.errors import UserError
from mine.own import MutualInformation
from mine.own.columns import Warned
from mine.own.crossfit import combined, fit_and_estimate, spread_over_splits, twice_the_median
from mine.own.report import verdict
from mine.own.rows import INDEPENDENT, Groups, Stretches
from mine.own.settings import OwnSettings

FEW = {**QUICK, "initialisations": 1, "max_updates": 50}


@pytest.fixture(scope="module")
def made():
    x, z = gaussian(1000, 1, 0.8)
    settings = OwnSettings(**FEW, cross_fit=4)
    return fit_and_estimate(columns(x), columns(z, "z"), settings)


def test_every_row_is_judged_once_by_critics_that_never_saw_it(made):
    fits, result = made
    assert sorted(np.concatenate([each.rows[2] for each in fits])) == list(range(1000))
    for each in fits:
        assert sorted(np.concatenate(each.rows)) == list(range(1000))
        assert [len(part) for part in each.rows] == [562, 188, 250]
    assert result.test_rows == 1000
    assert len({each.settings.seed for each in fits}) == 4


def test_the_value_is_the_mean_over_splits_and_near_the_truth(made):
    _, result = made
    values = [each.mi for each in result.splits]
    assert result.mi == pytest.approx(np.mean(values), abs=1e-12)
    assert result.mi == pytest.approx(-0.5 * math.log1p(-(0.8**2)), abs=0.08)  # 0.511 nats
    assert result.p_value == 0.02  # twice 1/100
    assert "the critics of 4 splits show" in verdict(result)
    assert "by every row once" in verdict(result)


def test_the_interval_is_that_over_rows_widened_by_the_spread_over_splits(made):
    _, result = made
    of_rows = result.judged.interval(0.95)
    assert result.interval[0] <= of_rows[0] < of_rows[1] <= result.interval[1]
    errors = [each.judged.standard_error for each in result.splits]
    assert result.judged.standard_error == pytest.approx(math.sqrt(np.square(errors).sum()) / 4, rel=0.25)
    # Splits that part by far more than their rows explain: the interval is theirs.
    apart = [replace(each, mi=each.mi + shift) for each, shift in zip(result.splits, (-1, 1, -1, 1), strict=True)]
    wide = combined(apart).interval
    assert (wide[1] - wide[0]) / 2 == pytest.approx(1.96 * math.sqrt(4 / 3) / 2, rel=0.1)


def test_the_spread_over_splits_is_the_component_beyond_their_errors():
    source = np.random.default_rng(0)
    made = source.normal(0.0, 0.3, (2000, 5)) + source.normal(0.0, 0.4, (2000, 5))
    squared = [np.var(each, ddof=1) - 0.3**2 for each in made]
    assert np.mean(squared) == pytest.approx(0.16, rel=0.05)
    assert spread_over_splits([0.0, 1.0], [0.1, 0.1]) == pytest.approx(math.sqrt(0.49))
    assert spread_over_splits([0.0, 0.1], [0.5, 0.5]) == 0.0


def test_twice_the_median_is_a_p_value_whatever_the_dependence():
    assert twice_the_median([0.5, 0.01, 0.02]) == 0.04
    assert twice_the_median([0.4, 0.01, 0.03, 0.5]) == 0.06
    assert twice_the_median([0.9, 0.8, 0.7]) == 1.0
    shared = np.random.default_rng(0).uniform(size=(4000, 1))
    for p_values in (shared.repeat(5, 1), np.random.default_rng(1).uniform(size=(4000, 5))):
        assert np.mean([twice_the_median(each) <= 0.05 for each in p_values]) <= 0.05


def test_a_warning_of_one_split_by_chance_is_none_of_all(made):
    _, result = made

    def codes(*of_splits):
        splits = [
            replace(each, warnings=tuple(Warned(code, code) for code in codes))
            for each, codes in zip(result.splits, of_splits, strict=True)
        ]
        return {each.code: each.text for each in combined(splits).warnings}

    assert codes({"low_ess"}, {}, {}, {}) == {}
    assert codes({"low_ess"}, {"low_ess"}, {}, {}) == {"low_ess": "In 2 of 4 splits: low_ess"}
    assert codes({"not_ended"}, {}, {}, {}) == {"not_ended": "In 1 of 4 splits: not_ended"}
    assert codes(*[{"few_rows", "duplicate_rows"}] * 4) == {"duplicate_rows": "duplicate_rows"}


def test_rows_that_belong_together_stay_together():
    source = np.random.default_rng(0)
    for rows, count in ((INDEPENDENT, 3), (Groups(np.arange(600) % 120), 5), (Stretches(4), 4)):
        counts = (400, 100, 100)
        folds = rows.folds(count, counts, source)
        assert sorted(np.concatenate([test for *_, test in folds])) == list(range(600))
        for training, validation, test in folds:
            assert not set(training) & set(validation)
            assert not (set(training) | set(validation)) & set(test)
    for parts in Groups(np.arange(600) % 120).folds(5, counts, source):
        groups = [set(part % 120) for part in parts]
        assert len(set.union(*groups)) == sum(map(len, groups)) == 120
        assert [len(part) for part in parts] == pytest.approx([380, 100, 120], abs=6)
    for training, validation, test in Stretches(4).folds(4, counts, source):
        for one, other in ((training, test), (validation, test), (training, validation)):
            assert np.abs(one[:, None] - other).min() > 4
        assert len(validation) >= 96
        for stretch in (test, validation):
            assert (np.diff(stretch) == 1).all()
        assert len(training) > 300


def test_too_few_rows_or_groups_for_so_many_splits_are_refused():
    source = np.random.default_rng(0)
    with pytest.raises(UserError, match="must have at least 8"):
        Groups(np.arange(600) % 40).folds(6, (400, 100, 100), source)
    with pytest.raises(UserError, match="at least 100, 5 blocks"):
        Stretches(20).folds(10, (450, 90, 60), source)
    with pytest.raises(UserError, match="at least 20, 10 and 10"):
        OwnSettings(cross_fit=20).parts(100)
    with pytest.raises(UserError, match="cross_fit: 1 is not a whole number of at least 2"):
        OwnSettings(cross_fit=1)


def test_the_command_and_its_record_say_it(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x, z = gaussian(300, 1, 0.9)
    data = {"x": x[:, 0], "z": z[:, 0], "who": np.arange(300) % 60}
    pd.DataFrame(data).to_csv("d.csv", index=False)
    quick = [f"--{name.replace('_', '-')}={FEW[name]}" for name in ("initialisations", "permutations", "max_updates")]
    assert main(["estimate", "d.csv", "--x", "x", "--z", "z", "--group", "who", "--cross-fit", "3", *quick]) == 0
    printed = capsys.readouterr().out
    assert "the critics of 3 splits show" in printed
    assert "splits          values" in printed
    record = json.loads((tmp_path / "mi_d.json").read_text())
    assert record["settings"]["cross_fit"] == 3
    assert record["rows"]["judged"] == 300
    assert "standard deviation of the splits' values" in record["interval"]["is"]
    assert "twice the median" in record["permutation_test"]["is"]
    assert [each["rows"]["test"] for each in record["splits"]] == [100] * 3
    assert record["mi"] == pytest.approx(np.mean([each["mi"] for each in record["splits"]]))
    assert (tmp_path / "mi_d.png").stat().st_size > 10_000


def test_the_library_reads_every_row_once_and_has_no_critic_for_new_rows():
    x, z = gaussian(300, 1, 0.9)
    settings = {name: FEW[name] for name in ("max_updates", "patience")} | {"cross_fit": 2}
    found = MutualInformation(n_init=1, n_permutations=99, settings=settings).fit(x, z)
    assert found.result_.test_rows == 300
    assert sorted(np.concatenate([parts[2] for parts in found.rows_])) == list(range(300))
    with pytest.raises(UserError, match="none for new rows"):
        found.estimate(x, z)


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["--given", "c"], "given: is of one split, and --cross-fit was named"),
        (["--save-model", "m.npz"], "save_model: is of one split's critics, and --cross-fit was named"),
    ],
)
def test_what_is_of_one_split_refuses_several(tmp_path, capsys, monkeypatch, others, said):
    monkeypatch.chdir(tmp_path)
    pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("xzc")).to_csv("d.csv", index=False)
    assert main(["estimate", "d.csv", "--x", "x", "--z", "z", "--cross-fit", "3", *others]) == 2
    assert said in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["d.csv"]
